// Attributes of the path API in all their forms.
import { constants, lstatSync } from 'node:fs'
import t from 'tap'
import { makedev } from '../../lib/index.ts'
import { attrOf, birthOf } from '../../lib/stat_like.ts'

const { S_IFDIR, S_IFREG, S_IFLNK, S_IFCHR } = constants
const defaults = { uid: 7, gid: 8, time: [100, 5] as const }
const of = (stat: unknown) => attrOf(stat as Parameters<typeof attrOf>[0], defaults)

t.test('an empty literal is an empty regular file of who has mounted', (t) => {
  t.same(of({}), {
    ino: 0,
    size: 0,
    blocks: 0,
    atime: 100,
    mtime: 100,
    ctime: 100,
    atimensec: 5,
    mtimensec: 5,
    ctimensec: 5,
    mode: S_IFREG | 0o644,
    nlink: 1,
    uid: 7,
    gid: 8,
    rdev: 0,
    blksize: 4096,
  })
  t.end()
})

const modes: readonly (readonly [object, number])[] = [
  [{ type: 'directory' }, S_IFDIR | 0o755],
  [{ type: 'symlink' }, S_IFLNK | 0o777],
  [{ mode: 0o600 }, S_IFREG | 0o600],
  [{ mode: S_IFDIR | 0o700 }, S_IFDIR | 0o700],
  [{ type: 'directory', mode: 0o1777 }, S_IFDIR | 0o1777],
  [{ type: 'directory', mode: S_IFREG | 0o711 }, S_IFDIR | 0o711],
]
for (const [stat, mode] of modes) {
  t.test(`mode of ${JSON.stringify(stat)}`, (t) => {
    t.equal(of(stat).mode, mode)
    t.end()
  })
}

const times: readonly (readonly [string, unknown, number, number])[] = [
  ['a Date', new Date(1500), 1, 500_000_000],
  ['milliseconds', 1500.25, 1, 500_250_000],
  ['milliseconds before 1970', -1, -1, 999_000_000],
  ['nanoseconds', 1_000_000_007n, 1, 7],
  ['nanoseconds before 1970', -1n, -1, 999_999_999],
  ['seconds and nanoseconds', { sec: 3, nsec: 4 }, 3, 4],
  ['seconds', { sec: 3 }, 3, 0],
]
for (const [what, time, sec, nsec] of times) {
  t.test(`a time as ${what}`, (t) => {
    const { mtime, mtimensec, atime, ctime } = of({ mtime: time })
    t.same([mtime, mtimensec, atime, ctime], [sec, nsec, sec, sec], 'also for the others')
    t.end()
  })
}

t.test('what lstat gives, in both forms', (t) => {
  const exact = lstatSync(import.meta.filename, { bigint: true })
  const big = of(exact)
  const small = of(lstatSync(import.meta.filename))
  t.equal(BigInt(big.mtime ?? 0) * 1_000_000_000n + BigInt(big.mtimensec ?? 0), exact.mtimeNs)
  t.equal(big.ino, exact.ino)
  t.equal(small.size, Number(exact.size))
  t.equal(small.mtime, big.mtime)
  t.equal(big.blocks, Number(exact.blocks))
  t.same(birthOf(exact)?.[0], Number(exact.birthtimeNs / 1_000_000_000n))
  t.end()
})

t.test("devices: a literal has the wire's form, lstat the system's", (t) => {
  const rdev = makedev(1, 3)
  t.equal(of({ type: 'character', rdev }).rdev, rdev)
  const zero = lstatSync('/dev/null')
  t.equal(of(zero).rdev, makedev(1, 3))
  t.equal(of(zero).mode & constants.S_IFMT, S_IFCHR)
  t.end()
})

const wrong: readonly (readonly [unknown, string | RegExp])[] = [
  [{ size: -1 }, 'size: expected an integer from 0 to 2^53-1, got -1'],
  [{ size: 1.5 }, 'size: expected an integer from 0 to 2^53-1, got 1.5'],
  [{ size: '5 bytes' }, 'size: expected an integer from 0 to 2^53-1, got "5 bytes"'],
  [{ mode: 'rw' }, 'mode: expected 0 to 0o177777, got "rw"'],
  [{ mode: -1 }, 'mode: expected 0 to 0o177777, got -1'],
  [{ type: 'door' }, /^type: expected file, directory, .*, got "door"$/],
  [{ uid: -2 }, 'uid: expected an integer from 0 to 2^32-1, got -2'],
  [{ nlink: 2 ** 40 }, /^nlink: expected/],
  [{ mtime: 'yesterday' }, /^mtime: expected a Date/],
  [{ mtime: new Date(Number.NaN) }, /^mtime: expected a Date/],
  [{ mtime: { sec: 1.5 } }, /^mtime: expected/],
  [{ mtime: { sec: 1, nsec: -1 } }, /^mtime: expected/],
  [5, 'attributes: expected an object, or null, got 5'],
]
for (const [stat, message] of wrong) {
  t.test(`refused: ${message}`, (t) => {
    t.throws(() => of(stat), { name: 'LayoutError', message })
    t.end()
  })
}
