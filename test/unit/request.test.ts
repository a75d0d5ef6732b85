import t from 'tap'
import {
  bodyEnd,
  frameError,
  inHeader,
  isResent,
  type MessageView,
  nameEnd,
  takePayload,
  takeStruct,
  uniqueOf,
} from '../../protocol/request.ts'
import { fuse_in_header, fuse_read_in } from '../../protocol/structs.ts'

interface Header {
  len?: number
  unique?: bigint
  nodeid?: bigint
  extlen?: number
}

/** A message of `length` bytes in a bigger buffer full of other bytes. */
function message(
  length: number,
  { len = length, unique = 2n, nodeid = 1n, extlen = 0 }: Header = {},
) {
  const memory = new ArrayBuffer(256)
  const bytes = Buffer.from(memory).fill(0xa5)
  bytes.writeUInt32LE(len, 0)
  bytes.writeUInt32LE(15, 4)
  bytes.writeBigUInt64LE(unique, 8)
  bytes.writeBigUInt64LE(nodeid, 16)
  for (const [i, value] of [1000, 1001, 4242].entries()) bytes.writeUInt32LE(value, 24 + 4 * i)
  bytes.writeUInt16LE(extlen, 36)
  bytes.writeUInt16LE(0xffff, 38)
  const view: MessageView = { bytes, words: new Uint32Array(memory), length }
  return view
}

t.test('the header is read from its words', async (t) => {
  const { words } = message(40, {
    unique: 0x8000_0001_0000_0004n,
    nodeid: 2n ** 40n + 7n,
    extlen: 3,
  })
  t.equal(inHeader.len(words), 40)
  t.equal(inHeader.opcode(words), 15)
  t.equal(inHeader.unique(words), 2 ** 32 + 4, 'without bit 63')
  t.equal(isResent(words[2] as number, words[3] as number), true)
  t.equal(uniqueOf(words[2] as number, words[3] as number), 2 ** 32 + 4)
  t.equal(inHeader.nodeid(words), 2 ** 40 + 7)
  t.equal(inHeader.uid(words), 1000)
  t.equal(inHeader.gid(words), 1001)
  t.equal(inHeader.pid(words), 4242)
  t.equal(inHeader.extensions(words), 24, 'not the padding beside it')
  const fresh = message(40).words
  t.equal(isResent(fresh[2] as number, fresh[3] as number), false)
})

t.test('words and struct agree about the header', async (t) => {
  const { words } = message(40, { unique: 6n, nodeid: 9n, extlen: 1 })
  const header = fuse_in_header.decode(words, 0)
  t.same(header, {
    len: 40,
    opcode: 15,
    unique: 6n,
    nodeid: 9,
    uid: 1000,
    gid: 1001,
    pid: 4242,
    total_extlen: 1,
  })
})

t.test('a header and a length that disagree are told', async (t) => {
  const cases: readonly (readonly [MessageView, string | undefined])[] = [
    [message(40), undefined],
    [message(104), undefined],
    [message(0), 'expected a header of 40 bytes, read 0'],
    [message(39), 'expected a header of 40 bytes, read 39'],
    [message(40, { len: 65 }), 'header says 65 bytes, read 40'],
    [message(65, { len: 40 }), 'header says 40 bytes, read 65'],
    [message(40, { len: 0 }), 'header says 0 bytes, read 40'],
    [message(48, { extlen: 1 }), undefined],
    [message(40, { extlen: 1 }), 'header says 8 bytes of extensions in a message of 40'],
    [
      message(104, { extlen: 0xffff }),
      'header says 524280 bytes of extensions in a message of 104',
    ],
  ]
  for (const [view, wrong] of cases) t.equal(frameError(view), wrong, wrong ?? 'well framed')
})

t.test('the body ends before the extensions', async (t) => {
  t.equal(bodyEnd(message(104)), 104)
  t.equal(bodyEnd(message(104, { extlen: 2 })), 88)
})

t.test(
  'a struct that is not all there is a ProtocolError, however much the buffer holds',
  async (t) => {
    t.throws(() => takeStruct(fuse_read_in, message(79), 79), {
      name: 'ProtocolError',
      message: 'fuse_read_in takes 40 bytes, 39 are there',
    })
    t.throws(() => takeStruct(fuse_read_in, message(96), 72), { name: 'ProtocolError' })
    const view = message(80)
    view.bytes.fill(0, 40, 80)
    view.bytes.writeUInt32LE(4096, 56)
    t.equal(takeStruct(fuse_read_in, view, 80).size, 4096)
  },
)

t.test('a name ends with NUL before the end of the body', async (t) => {
  const bytes = Buffer.from('abc\0def\0xyz')
  t.equal(nameEnd(bytes, 0, 11), 3)
  t.equal(nameEnd(bytes, 4, 11), 7)
  t.equal(nameEnd(bytes, 3, 11), 3, 'an empty name')
  for (const [start, end] of [
    [0, 3],
    [8, 11],
    [11, 11],
    [9, 8],
  ] as const) {
    t.throws(() => nameEnd(bytes, start, end), { name: 'ProtocolError' }, `${start} to ${end}`)
  }
})

t.test('a payload is a view, and all there', async (t) => {
  const bytes = Buffer.from('0123456789')
  t.equal(takePayload(bytes, 2, 10, 8).toString(), '23456789')
  t.equal(takePayload(bytes, 2, 10, 8).buffer, bytes.buffer, 'the same memory')
  t.equal(takePayload(bytes, 10, 10, 0).length, 0)
  t.throws(() => takePayload(bytes, 2, 10, 9), {
    name: 'ProtocolError',
    message: 'expected 9 bytes of payload, 8 are there',
  })
  t.throws(() => takePayload(bytes, 2, 10, 0xffff_ffff), { name: 'ProtocolError' })
})
