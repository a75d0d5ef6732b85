import { isUtf8 } from 'node:buffer'
import t from 'tap'
import { decodeName, nameBytes, nameOf, writeName } from '../../protocol/names.ts'
import { random, seed } from './random.ts'

/** The first of these byte sequences that does not come back as it was, for a message. */
function firstLost(sequences: Iterable<Uint8Array>): string | undefined {
  const room = Buffer.alloc(8192)
  for (const bytes of sequences) {
    const name = nameOf(bytes)
    const back = nameBytes(name)
    if (!back.equals(bytes))
      return `${Buffer.from(bytes).toString('hex')} as ${back.toString('hex')}`
    room.fill(0xee)
    const length = writeName(room, 3, name)
    const written = room.subarray(3, 3 + length)
    if (!written.equals(bytes)) return `written: ${Buffer.from(bytes).toString('hex')}`
    if (room[2] !== 0xee || room[3 + length] !== 0xee) return `wrote outside: ${name}`
    if (isUtf8(bytes) && name !== Buffer.from(bytes).toString('utf8')) {
      return `valid UTF-8 read as something else: ${Buffer.from(bytes).toString('hex')}`
    }
    if (isUtf8(bytes) !== name.isWellFormed()) {
      return `escaped where nothing is to escape, or the reverse: ${Buffer.from(bytes).toString('hex')}`
    }
  }
  return undefined
}

function* sequencesOf(length: 1 | 2): Generator<Uint8Array> {
  for (let i = 0; i < 256 ** length; i++) yield Uint8Array.from([i & 0xff, i >> 8].slice(0, length))
}

/** Bytes in which sequences of UTF-8 begin, break off and go on wrongly. */
function* randomNames(count: number): Generator<Uint8Array> {
  const r = random()
  const leads = [
    0x41, 0x7f, 0x80, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xed, 0xef, 0xf0, 0xf4, 0xf5, 0xff,
  ]
  for (let i = 0; i < count; i++) {
    const bytes = new Uint8Array(1 + r.below(12))
    for (let k = 0; k < bytes.length; k++) {
      bytes[k] = r.oneIn(3) ? r.pick(leads) : r.oneIn(2) ? 0x80 + r.below(64) : 1 + r.below(255)
    }
    yield bytes
  }
}

t.test('every sequence of one and of two bytes comes back', async (t) => {
  t.equal(firstLost(sequencesOf(1)), undefined)
  t.equal(firstLost(sequencesOf(2)), undefined)
})

t.test('100,000 longer names, mostly broken UTF-8, come back', async (t) => {
  t.equal(firstLost(randomNames(100_000)), undefined, 'none is lost', { seed })
})

t.test('what is nearly UTF-8 comes back', async (t) => {
  const cases: Readonly<Record<string, readonly number[]>> = {
    'overlong NUL': [0xc0, 0x80],
    'overlong slash in 2': [0xc0, 0xaf],
    'overlong slash in 3': [0xe0, 0x80, 0xaf],
    'overlong slash in 4': [0xf0, 0x80, 0x80, 0xaf],
    'a high surrogate in UTF-8': [0xed, 0xa0, 0x80],
    'a low surrogate in UTF-8': [0xed, 0xb0, 0x80],
    'an escape in UTF-8': [0xed, 0xb2, 0x80],
    'a pair of surrogates in UTF-8': [0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80],
    'beyond U+10FFFF': [0xf4, 0x90, 0x80, 0x80],
    'five bytes': [0xf8, 0x88, 0x80, 0x80, 0x80],
    'a sequence broken off after 1': [0x61, 0xf0],
    'a sequence broken off after 3': [0x61, 0xf0, 0x9f, 0x98],
    'a broken sequence before a whole one': [0xf0, 0x9f, 0xf0, 0x9f, 0x98, 0x80],
    'U+FFFD that is really there': [0x61, 0xef, 0xbf, 0xbd],
    'U+FFFD and a bad byte': [0xef, 0xbf, 0xbd, 0xff, 0xef, 0xbf, 0xbd],
    'a byte order mark': [0xef, 0xbb, 0xbf, 0x61],
    'an emoji between bad bytes': [0x80, 0xf0, 0x9f, 0x98, 0x80, 0xb0],
    nothing: [],
  }
  for (const [what, bytes] of Object.entries(cases)) {
    t.equal(firstLost([Uint8Array.from(bytes)]), undefined, what)
  }
})

t.test('127 bytes from 0x80 to 0xfe are one name', async (t) => {
  const bytes = Uint8Array.from({ length: 127 }, (_, i) => 0x80 + i)
  const name = nameOf(bytes)
  t.equal(firstLost([bytes]), undefined)
  t.equal(name.charCodeAt(0), 0xdc80, 'a lone continuation byte becomes its escape')
})

t.test('a bad byte is one lone surrogate, U+DC80 to U+DCFF', async (t) => {
  t.equal(nameOf(Uint8Array.of(0x61, 0xff, 0x62)), 'a\udcffb')
  t.equal(nameOf(Uint8Array.of(0xc3)), '\udcc3')
  t.same([...nameBytes('a\udcffb')], [0x61, 0xff, 0x62])
})

t.test('a name is read from the middle of a message', async (t) => {
  const message = Buffer.from('xxhällo\0\xff', 'utf8')
  t.equal(decodeName(message, 2, 8), 'hällo')
  t.equal(decodeName(message, 2, 2), '')
  const view = new Uint8Array(message.buffer, message.byteOffset + 2, 6)
  t.equal(nameOf(view), 'hällo', 'from a view with an offset')
})

t.test('a surrogate that stands for no byte becomes U+FFFD', async (t) => {
  for (const unit of ['\ud800', '\udc00', '\udc7f', '\udd00', '\udfff', 'a\udbff']) {
    const bytes = nameBytes(unit)
    t.ok(bytes.toString('utf8').endsWith('\ufffd'), escape(unit))
  }
  t.equal(nameBytes('😀').toString('hex'), 'f09f9880', 'a pair is a character')
  t.equal(nameBytes('😀\udc80').toString('hex'), 'f09f988080', 'and an escape behind it stays one')
  t.equal(
    nameBytes('\ud83d\udc80').toString('hex'),
    'f09f9280',
    'an escape after a high surrogate pairs',
  )
})
