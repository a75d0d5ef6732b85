import { mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { attr, attrOut, entry, makedev, negative, timeout } from '../../lib/attributes.ts'
import { fuse_attr, fuse_attr_out, fuse_entry_out } from '../../protocol/structs.ts'

t.test('a time of seconds becomes seconds and nanoseconds', async (t) => {
  const cases: readonly (readonly [number, readonly [number, number]])[] = [
    [0, [0, 0]],
    [1, [1, 0]],
    [0.5, [0, 500_000_000]],
    [1.000000001, [1, 1]],
    [0.1, [0, 100_000_000]],
    [0.9999999999, [1, 0]],
    [86_400.25, [86_400, 250_000_000]],
    [Number.MAX_SAFE_INTEGER, [Number.MAX_SAFE_INTEGER, 0]],
    [Infinity, [Number.MAX_SAFE_INTEGER, 0]],
  ]
  for (const [seconds, pair] of cases) t.same(timeout(seconds), pair, `${seconds} s`)
  for (const bad of [-1, -0.001, Number.NaN, -Infinity]) {
    t.throws(() => timeout(bad), { name: 'LayoutError' }, `${bad} s`)
  }
})

t.test('makedev puts major and minor where the wire has them', async (t) => {
  const cases: readonly (readonly [number, number, number])[] = [
    [8, 1, 0x801],
    [1, 3, 0x103],
    [0, 0, 0],
    [0xfff, 0xfffff, 0xffff_ffff],
    [259, 0x12345, (0x45 | (259 << 8) | (0x12300 << 12)) >>> 0],
  ]
  for (const [major, minor, rdev] of cases)
    t.equal(makedev(major, minor), rdev, `${major}:${minor}`)
})

t.test("attributes are those of stat(2), from both of Node's forms", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'devfuse-attr-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const file = join(directory, 'file')
  writeFileSync(file, 'hello')
  for (const seconds of [0, 1, 1_700_000_000.25, -1, -1.5, -86_400.125]) {
    // As a Date: Node takes a negative number for now.
    const time = new Date(seconds * 1000)
    utimesSync(file, time, time)
    const big = statSync(file, { bigint: true })
    for (const made of [attr(big), attr(statSync(file))]) {
      const total = (made.mtime ?? 0) + (made.mtimensec ?? 0) / 1e9
      t.equal(total, seconds, `mtime ${seconds}`)
      t.ok((made.mtimensec ?? -1) >= 0 && (made.mtimensec ?? 1e9) < 1e9, 'nanoseconds are in range')
      t.equal(made.size, 5)
      t.equal(made.ino, big.ino)
      t.equal(made.mode, Number(big.mode))
      t.equal(made.nlink, 1)
      t.doesNotThrow(() => fuse_attr.encode(new Uint32Array(22), 0, made), 'the wire holds it')
    }
    t.equal(
      BigInt(attr(big).ctime ?? 0) * 10n ** 9n + BigInt(attr(big).ctimensec ?? 0),
      big.ctimeNs,
    )
  }
})

t.test('a device number is that of the wire', async (t) => {
  const { rdev } = attr(statSync('/dev/null', { bigint: true }))
  t.equal(rdev, makedev(1, 3))
  t.equal(attr(statSync('/dev/null')).rdev, rdev)
})

t.test('an inode number from 2^53 on survives', async (t) => {
  const stats = statSync('/', { bigint: true })
  const made = attr(Object.assign(Object.create(stats), stats, { ino: 2n ** 64n - 1n }))
  t.equal(made.ino, 2n ** 64n - 1n)
})

t.test('an entry has its timeouts, 1 second where nothing is said', async (t) => {
  const made = entry(7, { mode: 0o100644 })
  t.match(made, { nodeid: 7, generation: 0, entry_valid: 1, attr_valid: 1, attr: { ino: 7 } })
  const options = { entryTimeout: 0.5, attrTimeout: 0, generation: 3n }
  t.match(entry(7, { mode: 0o100644, ino: 9 }, options), {
    generation: 3n,
    entry_valid: 0,
    entry_valid_nsec: 500_000_000,
    attr_valid: 0,
    attr_valid_nsec: 0,
    attr: { ino: 9 },
  })
  t.doesNotThrow(() => fuse_entry_out.encode(new Uint32Array(32), 0, made))
  t.match(attrOut({ mode: 0o40755 }), { attr_valid: 1, attr_valid_nsec: 0 })
  t.match(attrOut({ mode: 0o40755 }, 2.5), { attr_valid: 2, attr_valid_nsec: 500_000_000 })
  t.doesNotThrow(() => fuse_attr_out.encode(new Uint32Array(26), 0, attrOut({ mode: 0 })))
  t.match(negative(3), { nodeid: 0, entry_valid: 3 })
  t.doesNotThrow(() => fuse_entry_out.encode(new Uint32Array(32), 0, negative(3)))
})
