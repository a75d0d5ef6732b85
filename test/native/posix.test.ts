import { constants, readdirSync, readlinkSync, statSync } from 'node:fs'
import { constants as os } from 'node:os'
import t, { type Test } from 'tap'
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_REMOVEDIR,
  AT_SYMLINK_FOLLOW,
  AT_SYMLINK_NOFOLLOW,
  O_PATH,
  O_TMPFILE,
  posix,
  RENAME_EXCHANGE,
  RENAME_NOREPLACE,
  readStatx,
  STATX_BASIC_STATS,
  STATX_BTIME,
  UTIME_NOW,
  UTIME_OMIT,
} from '../../lib/posix.ts'
import { closed, EBADF, EINVAL, ENOENT, openDirectory } from './addon.ts'

const { O_CREAT, O_EXCL, O_RDONLY, O_RDWR, O_WRONLY, O_NOFOLLOW, O_TRUNC } = constants
const { EEXIST, ENOTDIR, ELOOP, EISDIR, ENOTEMPTY } = os.errno
const root = process.getuid?.() === 0 ? false : 'not root'
const into = Buffer.alloc(256)

function create(t: Test, dir: number, name: string): number {
  return closed(t, posix.openat(dir, name, O_CREAT | O_EXCL | O_RDWR, 0o600))
}

/** Without AT_STATX_SYNC_TYPE bits. */
function stat(dir: number, path: string, flags = AT_SYMLINK_NOFOLLOW) {
  const result = posix.statx(dir, path, flags, STATX_BASIC_STATS | STATX_BTIME, into)
  if (result !== 0) throw new Error(`statx ${path}: ${result}`)
  return readStatx(into)
}

t.test('openat makes and opens, and closes on exec', async (t) => {
  const dir = openDirectory(t)
  const fd = create(t, dir, 'file')
  t.equal(posix.openat(dir, 'file', O_CREAT | O_EXCL | O_WRONLY, 0o600), -EEXIST)
  t.equal(posix.openat(dir, 'none', O_RDONLY, 0), ENOENT)
  t.equal(posix.openat(fd, 'file', O_RDONLY, 0), -ENOTDIR)
  t.equal(posix.openat(2 ** 31 - 1, 'file', O_RDONLY, 0), EBADF)
  t.equal(posix.openat(-1, 'file', O_RDONLY, 0), EBADF)
  t.equal(stat(dir, 'file').mode, 0o100600)
  const { flags } = descriptor(fd)
  t.equal(flags & 0o2000000, 0o2000000, 'O_CLOEXEC')
  t.equal(posix.symlinkat('file', dir, 'link'), 0)
  t.equal(posix.openat(dir, 'link', O_NOFOLLOW | O_RDONLY, 0), -ELOOP)
  t.ok(closed(t, posix.openat(AT_FDCWD, '.', O_PATH, 0)) >= 0)
})

function descriptor(fd: number): { flags: number } {
  const room = Buffer.alloc(4096)
  const info = posix.openat(AT_FDCWD, `/proc/self/fdinfo/${fd}`, O_RDONLY, 0)
  const text = room.toString('latin1', 0, posix.pread(info, room, 0, 0))
  posix.close(info)
  return { flags: Number.parseInt(/^flags:\t(\d+)$/m.exec(text)?.[1] ?? '', 8) }
}

t.test('close closes once', async (t) => {
  const fd = posix.openat(AT_FDCWD, '/', O_RDONLY, 0)
  t.equal(posix.close(fd), 0)
  t.equal(posix.close(fd), EBADF)
  t.equal(posix.close(-1), EBADF)
})

t.test('mkdirat, unlinkat and AT_REMOVEDIR', async (t) => {
  const dir = openDirectory(t)
  t.equal(posix.mkdirat(dir, 'sub', 0o750), 0)
  t.equal(posix.mkdirat(dir, 'sub', 0o750), -EEXIST)
  t.equal(stat(dir, 'sub').mode, 0o040750)
  create(t, dir, 'sub/file')
  t.equal(posix.unlinkat(dir, 'sub', 0), -EISDIR)
  t.equal(posix.unlinkat(dir, 'sub', AT_REMOVEDIR), -ENOTEMPTY)
  t.equal(posix.unlinkat(dir, 'sub/file', AT_REMOVEDIR), -ENOTDIR)
  t.equal(posix.unlinkat(dir, 'sub/file', 0), 0)
  t.equal(posix.unlinkat(dir, 'sub', AT_REMOVEDIR), 0)
  t.equal(posix.unlinkat(dir, 'sub', 0), ENOENT)
})

t.test('mknodat: rdev is the 32 bits of the system call', { skip: root }, async (t) => {
  const dir = openDirectory(t)
  t.equal(posix.mknodat(dir, 'fifo', 0o010600, 0), 0)
  t.equal(stat(dir, 'fifo').mode, 0o010600)
  // major 0x123, minor 0x45678: minor's low 8 bits, major, the rest of minor
  t.equal(posix.mknodat(dir, 'device', 0o020600, 0x45612378), 0)
  const { rdev_major, rdev_minor } = stat(dir, 'device')
  t.same([rdev_major, rdev_minor], [0x123, 0x45678])
  t.equal(posix.mknodat(dir, 'wide', 0o020600, 0xfff00000), 0, 'with the highest bit')
})

t.test('symlinkat and readlinkat', async (t) => {
  const dir = openDirectory(t)
  t.equal(posix.symlinkat('some/target', dir, 'link'), 0)
  t.equal(posix.readlinkat(dir, 'link', into), 11)
  t.equal(into.toString('latin1', 0, 11), 'some/target')
  t.equal(posix.readlinkat(dir, 'link', into.subarray(0, 4)), 4)
  t.equal(posix.readlinkat(dir, 'link', into.subarray(0, 0)), EINVAL)
  t.equal(posix.readlinkat(dir, 'none', into), ENOENT)
  t.equal(posix.symlinkat('', dir, 'empty'), ENOENT)
  const place = closed(t, posix.openat(dir, 'link', O_PATH | O_NOFOLLOW, 0))
  t.equal(posix.readlinkat(place, '', into), 11, 'an O_PATH descriptor of the link itself')
})

t.test('linkat: a name, a link, a descriptor', { skip: root }, async (t) => {
  const dir = openDirectory(t)
  const fd = create(t, dir, 'file')
  t.equal(posix.linkat(dir, 'file', dir, 'hard', 0), 0)
  t.equal(posix.linkat(dir, 'file', dir, 'hard', 0), -EEXIST)
  t.equal(posix.symlinkat('file', dir, 'link'), 0)
  t.equal(posix.linkat(dir, 'link', dir, 'followed', AT_SYMLINK_FOLLOW), 0)
  t.equal(stat(dir, 'followed').ino, stat(dir, 'file').ino)
  t.equal(posix.linkat(fd, '', dir, 'by descriptor', AT_EMPTY_PATH), 0)
  t.equal(stat(dir, 'file').nlink, 4)
  const nameless = closed(t, posix.openat(dir, '.', O_TMPFILE | O_RDWR, 0o600))
  t.equal(stat(nameless, '', AT_EMPTY_PATH).nlink, 0)
  t.equal(posix.linkat(nameless, '', dir, 'named', AT_EMPTY_PATH), 0)
  t.equal(stat(dir, 'named').nlink, 1)
})

t.test('renameat2 and its flags', async (t) => {
  const [from, to] = [openDirectory(t), openDirectory(t)]
  create(t, from, 'a')
  create(t, to, 'b')
  const [a, b] = [stat(from, 'a').ino, stat(to, 'b').ino]
  t.equal(posix.renameat2(from, 'a', to, 'b', RENAME_NOREPLACE), -EEXIST)
  t.equal(posix.renameat2(from, 'a', to, 'b', RENAME_EXCHANGE), 0)
  t.same([stat(from, 'a').ino, stat(to, 'b').ino], [b, a])
  t.equal(posix.renameat2(from, 'a', to, 'b', 0), 0)
  t.equal(stat(to, 'b').ino, b)
  t.equal(posix.renameat2(from, 'a', to, 'b', 0), ENOENT)
  t.equal(posix.renameat2(to, 'b', to, 'b', 0xff), EINVAL)
})

t.test('statx: of a name, of a link, of a descriptor; what node:fs says', async (t) => {
  const dir = openDirectory(t)
  const fd = create(t, dir, 'file')
  posix.symlinkat('file', dir, 'link')
  const expected = statSync(readlinkSync(`/proc/self/fd/${fd}`), { bigint: true })
  for (const found of [stat(dir, 'file'), stat(fd, '', AT_EMPTY_PATH), stat(dir, 'link', 0)]) {
    t.equal(found.ino, expected.ino)
    t.equal(BigInt(found.dev_major * 256 + found.dev_minor), expected.dev)
    t.equal(BigInt(found.mtime.tv_sec) * 10n ** 9n + BigInt(found.mtime.tv_nsec), expected.mtimeNs)
    t.equal(found.mask & STATX_BASIC_STATS, STATX_BASIC_STATS)
  }
  t.equal(stat(dir, 'link').mode, 0o120777)
  t.equal(posix.statx(dir, 'none', 0, STATX_BASIC_STATS, into), ENOENT)
  t.equal(posix.statx(dir, '', 0, STATX_BASIC_STATS, into), ENOENT)
  t.equal(posix.statx(dir, 'file', 0, 0x80000000, into), EINVAL, 'STATX__RESERVED')
})

t.test('fstatfs gives the raw struct', async (t) => {
  const dir = openDirectory(t)
  t.equal(posix.fstatfs(dir, into), 0)
  t.ok(into.readBigUInt64LE(8) > 0n, 'f_bsize')
  t.equal(into.readBigUInt64LE(64), 255n, 'f_namelen')
  t.equal(posix.fstatfs(-1, into), EBADF)
})

t.test('fchmodat2, also of a descriptor without a name', async (t) => {
  const dir = openDirectory(t)
  create(t, dir, 'file')
  const place = closed(t, posix.openat(dir, 'file', O_PATH, 0))
  t.equal(posix.fchmodat2(dir, 'file', 0o4755, 0), 0)
  t.equal(stat(dir, 'file').mode, 0o104755)
  t.equal(posix.fchmodat2(place, '', 0o640, AT_EMPTY_PATH), 0)
  t.equal(stat(dir, 'file').mode, 0o100640)
  t.equal(posix.fchmodat2(dir, 'file', 0o640, 0x80), EINVAL)
})

t.test('fchownat: 0xffffffff and -1 leave an id', { skip: root }, async (t) => {
  const dir = openDirectory(t)
  const fd = create(t, dir, 'file')
  const owner = () => [stat(dir, 'file').uid, stat(dir, 'file').gid]
  t.equal(posix.fchownat(dir, 'file', 0xfffffffe, 7, 0), 0)
  t.same(owner(), [0xfffffffe, 7])
  t.equal(posix.fchownat(fd, '', 5, 0xffffffff, AT_EMPTY_PATH), 0)
  t.equal(posix.fchownat(dir, 'file', -1, 6, AT_SYMLINK_NOFOLLOW), 0)
  t.same(owner(), [5, 6])
})

t.test('utimensat: before 1970, now, and omitted', async (t) => {
  const dir = openDirectory(t)
  create(t, dir, 'file')
  t.equal(posix.utimensat(dir, 'file', -2, 999_999_999, 2 ** 33, 1, 0), 0)
  const { atime, mtime } = stat(dir, 'file')
  t.same([atime, mtime].map(Object.values), [
    [-2, 999_999_999],
    [2 ** 33, 1],
  ])
  const before = Math.floor(Date.now() / 1000) - 1
  t.equal(posix.utimensat(dir, 'file', 0, UTIME_NOW, 0, UTIME_OMIT, AT_SYMLINK_NOFOLLOW), 0)
  const after = stat(dir, 'file')
  t.ok(after.atime.tv_sec >= before)
  t.equal(after.mtime.tv_sec, 2 ** 33)
  t.equal(posix.utimensat(dir, 'file', 0, 1_000_000_000, 0, 0, 0), EINVAL)
})

t.test('ftruncate up to where the file system ends', async (t) => {
  const dir = openDirectory(t)
  const fd = create(t, dir, 'file')
  t.equal(posix.ftruncate(fd, 2 ** 33 + 1), 0)
  t.equal(stat(dir, 'file').size, 2 ** 33 + 1)
  t.equal(posix.ftruncate(fd, 2 ** 53 - 1), -os.errno.EFBIG)
  t.equal(posix.ftruncate(dir, 0), EINVAL)
})

t.test('faccessat2', async (t) => {
  const dir = openDirectory(t)
  create(t, dir, 'file')
  t.equal(posix.faccessat2(dir, 'file', constants.R_OK, 0), 0)
  t.equal(posix.faccessat2(dir, 'file', constants.X_OK, 0), -os.errno.EACCES)
  t.equal(posix.faccessat2(dir, 'none', 0, 0), ENOENT)
  t.equal(posix.faccessat2(dir, 'file', 8, 0), EINVAL)
})

t.test('a file is truncated by O_TRUNC, and nothing else is left', async (t) => {
  const dir = openDirectory(t)
  const fd = create(t, dir, 'file')
  posix.pwrite(fd, Buffer.from('content'), 0, 0)
  closed(t, posix.openat(dir, 'file', O_TRUNC | O_WRONLY, 0))
  t.equal(stat(dir, 'file').size, 0)
  t.same(readdirSync(`/proc/self/fd/${dir}`), ['file'])
})
