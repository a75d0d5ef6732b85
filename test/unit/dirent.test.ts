import t from 'tap'
import { DirentPlusWriter, DirentWriter, readDirents } from '../../protocol/dirent.ts'
import { nameBytes } from '../../protocol/names.ts'
import { random, seed } from './random.ts'

const S_IFDIR = 0o040000
const S_IFREG = 0o100000
const S_IFLNK = 0o120000
const [DT_UNKNOWN, DT_DIR, DT_REG, DT_LNK] = [0, 4, 8, 10]

const entry = (nodeid: number, mode = S_IFREG) => ({
  nodeid,
  generation: 1,
  entry_valid: 2,
  attr_valid: 3,
  attr: { mode, ino: nodeid },
})

const names = ['a', 'häß', '日本語のファイル', '😀😀', 'b\udcff\udc80', 'x'.repeat(255), '..']

/** Add names in turn until one does not fit. */
function fillPlain(size: number, from: readonly string[]): { bytes: Uint8Array; added: number } {
  const writer = new DirentWriter(size)
  let added = 0
  while (writer.add(from[added % from.length] as string, added + 1, added + 2, S_IFREG)) added++
  return { bytes: writer.bytes, added }
}

const align8 = (n: number): number => (n + 7) & ~7

t.test('every size from 0 to 1,200 is filled as far as it goes, never over', async (t) => {
  for (const plus of [false, true]) {
    const head = plus ? 152 : 24
    const wrong: string[] = []
    for (let size = 0; size <= 1200; size++) {
      for (const name of names) {
        const writer = plus ? new DirentPlusWriter(size) : new DirentWriter(size)
        const add = (i: number) =>
          writer instanceof DirentPlusWriter
            ? writer.add(name, entry(i + 10), i + 1)
            : writer.add(name, i + 10, i + 1, S_IFREG)
        let added = 0
        while (add(added)) added++
        const record = align8(head + nameBytes(name).length)
        const { bytes } = writer
        const read = [...readDirents(bytes, plus)]
        const good =
          added === Math.floor(size / record) &&
          bytes.length === added * record &&
          read.length === added &&
          writer.empty === (added === 0) &&
          read.every(
            (d, i) =>
              d.name.equals(nameBytes(name)) && d.ino === BigInt(i + 10) && d.off === BigInt(i + 1),
          )
        if (!good) wrong.push(`${name} in ${size}: ${added} entries, ${bytes.length} bytes`)
      }
    }
    t.same(wrong, [], plus ? 'with attributes' : 'plain')
  }
})

t.test('random names come back with what belongs to them', async (t) => {
  const r = random()
  for (let round = 0; round < 300; round++) {
    const size = r.below(4096)
    const plain = new DirentWriter(size)
    const plus = new DirentPlusWriter(size)
    const wanted: string[] = []
    const wantedPlus: string[] = []
    for (let i = 0; i < 50; i++) {
      const units = Array.from({ length: 1 + r.below(40) }, () => 0x30 + r.below(0xcf))
      const name = String.fromCharCode(...units)
      if (plain.add(name, 2n ** 64n - 1n, 2n ** 63n, S_IFDIR)) wanted.push(name)
      if (plus.add(name, entry(2 ** 40 + i), i)) wantedPlus.push(name)
    }
    const readPlain = [...readDirents(plain.bytes, false)]
    const readPlus = [...readDirents(plus.bytes, true)]
    const texts = (entries: typeof readPlain) => entries.map(({ name }) => name.toString('utf8'))
    if (round % 50 === 0) t.ok(readPlain.length > 0 || size < 70, 'entries fit')
    t.same([texts(readPlain), texts(readPlus)], [wanted, wantedPlus], `size ${size}`, { seed })
    t.ok(plain.bytes.length <= size && plus.bytes.length <= size)
    for (const { ino, off, type } of readPlain.slice(0, 1)) {
      t.same([ino, off, type], [2n ** 64n - 1n, 2n ** 63n, DT_DIR])
    }
    for (const { nodeid } of readPlus.slice(0, 1)) t.ok(nodeid >= 2 ** 40, 'a nodeid above 2^32')
  }
})

t.test('padding is zero, whatever the memory held', async (t) => {
  const { bytes } = fillPlain(4096, ['abc'])
  t.equal(bytes.length % 32, 0)
  for (let at = 0; at < bytes.length; at += 32) {
    t.same([...bytes.subarray(at + 24 + 3, at + 32)], [0, 0, 0, 0, 0], `entry at ${at}`)
  }
})

t.test('an entry has the bytes of fuse_dirent', async (t) => {
  const writer = new DirentWriter(64)
  t.ok(writer.add('ab', 0x1122334455667788n, 3, S_IFLNK))
  t.equal(
    Buffer.from(writer.bytes).toString('hex'),
    ['8877665544332211', '0300000000000000', '02000000', '0a000000', '6162000000000000'].join(''),
  )
})

t.test('an entry with attributes has the bytes of fuse_direntplus', async (t) => {
  const writer = new DirentPlusWriter(256)
  t.ok(writer.add('a', { nodeid: 7, attr: { mode: S_IFDIR | 0o755, ino: 9 } }, 5))
  const bytes = Buffer.from(writer.bytes)
  t.equal(bytes.length, 160)
  t.equal(bytes.readBigUInt64LE(0), 7n, 'nodeid')
  t.equal(bytes.readBigUInt64LE(40), 9n, 'attr.ino')
  t.equal(bytes.readUInt32LE(100), S_IFDIR | 0o755, 'attr.mode')
  t.equal(
    bytes.subarray(128).toString('hex'),
    '09000000000000000500000000000000' + '0100000004000000' + '6100000000000000',
  )
})

t.test('the type follows from the mode', async (t) => {
  const types = [
    [0, DT_UNKNOWN],
    [S_IFDIR | 0o755, DT_DIR],
    [S_IFREG | 0o644, DT_REG],
    [S_IFLNK | 0o777, DT_LNK],
  ] as const
  for (const [mode, type] of types) {
    const writer = new DirentWriter(64)
    writer.add('a', 1, 1, mode)
    t.equal([...readDirents(writer.bytes, false)][0]?.type, type)
  }
})

t.test('a name that no directory holds is refused, and nothing is added', async (t) => {
  const writer = new DirentWriter(4096)
  const plus = new DirentPlusWriter(4096)
  for (const name of ['', 'a/b', '/', 'a\0b']) {
    t.throws(() => writer.add(name, 1, 1, S_IFREG), { name: 'LayoutError' })
    t.throws(() => plus.add(name, entry(1), 1), { name: 'LayoutError' })
  }
  t.ok(writer.empty)
  t.ok(plus.empty)
})

t.test('numbers that the wire cannot hold are refused, and nothing is added', async (t) => {
  const writer = new DirentWriter(4096)
  for (const bad of [-1, 1.5, Number.NaN, 2 ** 53, 2n ** 64n, -1n]) {
    t.throws(() => writer.add('a', bad, 1, S_IFREG), { name: 'LayoutError' }, `ino ${bad}`)
    t.throws(() => writer.add('a', 1, bad, S_IFREG), { name: 'LayoutError' }, `off ${bad}`)
  }
  t.ok(writer.empty)
  const plus = new DirentPlusWriter(4096)
  t.throws(() => plus.add('a', { nodeid: -1, attr: { mode: 0 } }, 1), { name: 'LayoutError' })
  t.ok(plus.empty)
})

t.test('reading stops before an entry that is cut off', async (t) => {
  const { bytes, added } = fillPlain(256, ['abcdefgh'])
  t.ok(added > 2)
  for (let length = 0; length < bytes.length; length++) {
    const read = [...readDirents(bytes.subarray(0, length), false)]
    const whole = Math.floor(length / 32)
    t.ok(read.length === whole || (read.length === whole + 1 && length % 32 === 0), `${length}`)
  }
  t.equal([...readDirents(Buffer.from([1, 2, 3]), false)].length, 0)
  const shifted = Buffer.concat([Buffer.of(0), bytes]).subarray(1)
  t.equal([...readDirents(shifted, false)].length, added, 'bytes need not be aligned')
})
