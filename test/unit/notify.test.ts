import t from 'tap'
import { notifyMessage } from '../../protocol/notify.ts'

/** By hand from fuse.h: length, code, unique 0, then the struct. */
const expected: readonly (readonly [string, () => Uint8Array, readonly string[]])[] = [
  [
    'poll',
    () => notifyMessage.poll(0x1_0000_0002),
    ['18000000', '01000000', '0000000000000000', '0200000001000000'],
  ],
  [
    'inval_inode of everything',
    () => notifyMessage.invalInode(5, 0, 0),
    [
      '28000000',
      '02000000',
      '0000000000000000',
      '0500000000000000',
      '0000000000000000',
      '0000000000000000',
    ],
  ],
  [
    'inval_inode of the attributes',
    () => notifyMessage.invalInode(5, -1, 0),
    [
      '28000000',
      '02000000',
      '0000000000000000',
      '0500000000000000',
      'ffffffffffffffff',
      '0000000000000000',
    ],
  ],
  [
    'inval_inode of a range',
    () => notifyMessage.invalInode(2 ** 32, 4096, 2 ** 33),
    [
      '28000000',
      '02000000',
      '0000000000000000',
      '0000000001000000',
      '0010000000000000',
      '0000000002000000',
    ],
  ],
  [
    'inval_entry',
    () => notifyMessage.invalEntry(1, 'abc', 0),
    [
      '24000000',
      '03000000',
      '0000000000000000',
      '0100000000000000',
      '03000000',
      '00000000',
      '61626300',
    ],
  ],
  [
    'inval_entry that only expires',
    () => notifyMessage.invalEntry(1, 'ä', 1),
    [
      '23000000',
      '03000000',
      '0000000000000000',
      '0100000000000000',
      '02000000',
      '01000000',
      'c3a400',
    ],
  ],
  [
    'inval_entry of a name that is no UTF-8',
    () => notifyMessage.invalEntry(1, '\udcff', 0),
    [
      '22000000',
      '03000000',
      '0000000000000000',
      '0100000000000000',
      '01000000',
      '00000000',
      'ff00',
    ],
  ],
  [
    'store',
    () => notifyMessage.store(7, 8192, Buffer.from('hello')),
    [
      '2d000000',
      '04000000',
      '0000000000000000',
      '0700000000000000',
      '0020000000000000',
      '05000000',
      '00000000',
      '68656c6c6f',
    ],
  ],
  [
    'retrieve',
    () => notifyMessage.retrieve(9, 7, 4096, 100),
    [
      '30000000',
      '05000000',
      '0000000000000000',
      '0900000000000000',
      '0700000000000000',
      '0010000000000000',
      '64000000',
      '00000000',
    ],
  ],
  [
    'delete',
    () => notifyMessage.delete(1, 6, 'x'),
    [
      '2a000000',
      '06000000',
      '0000000000000000',
      '0100000000000000',
      '0600000000000000',
      '01000000',
      '00000000',
      '7800',
    ],
  ],
  ['resend', () => notifyMessage.resend(), ['10000000', '07000000', '0000000000000000']],
  ['inc_epoch', () => notifyMessage.incEpoch(), ['10000000', '08000000', '0000000000000000']],
  [
    'prune',
    () => notifyMessage.prune([3, 2 ** 32 + 1]),
    [
      '30000000',
      '09000000',
      '0000000000000000',
      '02000000',
      '00000000',
      '0000000000000000',
      '0300000000000000',
      '0100000001000000',
    ],
  ],
]

t.test('a notification has the bytes that the kernel expects', async (t) => {
  for (const [what, make, hex] of expected) {
    const bytes = Buffer.from(make())
    t.equal(bytes.toString('hex'), hex.join(''), what)
    t.equal(bytes.readUInt32LE(0), bytes.length, `${what}: its length`)
  }
  const codes = new Set(expected.map(([, make]) => Buffer.from(make()).readUInt32LE(4)))
  t.same([...codes].sort(), [1, 2, 3, 4, 5, 6, 7, 8, 9], 'every code of 7.45')
})

t.test('what the kernel would refuse is refused here, by name', async (t) => {
  const cases: Readonly<Record<string, () => unknown>> = {
    'an empty name': () => notifyMessage.invalEntry(1, '', 0),
    "a name with '/'": () => notifyMessage.invalEntry(1, 'a/b', 0),
    'a name with NUL': () => notifyMessage.delete(1, 2, 'a\0'),
    'a negative nodeid': () => notifyMessage.invalInode(-1, 0, 0),
    'a nodeid of 2^53': () => notifyMessage.invalEntry(2 ** 53, 'a', 0),
    'an offset of half a byte': () => notifyMessage.store(1, 0.5, Buffer.alloc(1)),
    'a negative offset': () => notifyMessage.store(1, -1, Buffer.alloc(1)),
    'a size of 2^32': () => notifyMessage.retrieve(1, 1, 0, 2 ** 32),
    'a kh that is none': () => notifyMessage.poll(Number.NaN),
    'no nodeids': () => notifyMessage.prune([]),
    'too many nodeids': () => notifyMessage.prune(Array.from({ length: 5000 }, () => 2)),
    'nodeid 0': () => notifyMessage.prune([1, 0]),
    'a fractional nodeid': () => notifyMessage.prune([1.5]),
  }
  for (const [what, make] of Object.entries(cases)) t.throws(make, { name: 'LayoutError' }, what)
})
