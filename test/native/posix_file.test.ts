import { constants, readFileSync } from 'node:fs'
import { constants as os, tmpdir } from 'node:os'
import t, { type Test } from 'tap'
import {
  AT_FDCWD,
  F_OFD_GETLK,
  F_OFD_SETLK,
  F_RDLCK,
  F_UNLCK,
  F_WRLCK,
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  LOCK_EX,
  LOCK_NB,
  LOCK_SH,
  LOCK_UN,
  posix,
  RWF_APPEND,
  RWF_NOWAIT,
  readDirents64,
  SEEK_CUR,
  SEEK_DATA,
  SEEK_END,
  SEEK_HOLE,
  SEEK_SET,
} from '../../lib/posix.ts'
import { nameOf } from '../../protocol/names.ts'
import { closed, EAGAIN, EBADF, EINVAL, openDirectory } from './addon.ts'

const { O_CREAT, O_RDONLY, O_RDWR } = constants
const { ENODATA, ERANGE, EEXIST, ENOSYS, ENXIO, EOPNOTSUPP } = os.errno
const ESTALE = 116
const room = Buffer.alloc(256)
const none = new Uint8Array(0)

/** Two open files of one inode, with `content`. */
function open(t: Test, content = ''): [number, number] {
  const dir = openDirectory(t)
  const files = [1, 2].map(() => closed(t, posix.openat(dir, 'file', O_CREAT | O_RDWR, 0o600)))
  posix.pwrite(files[0] as number, Buffer.from(content), 0, 0)
  return files as [number, number]
}

const content = (fd: number) => readFileSync(`/proc/self/fd/${fd}`, 'latin1')

t.test('pread and pwrite at an offset, leave the position', async (t) => {
  const [fd] = open(t, '0123456789')
  t.equal(posix.pread(fd, room.subarray(0, 4), 3, 0), 4)
  t.equal(room.toString('latin1', 0, 4), '3456')
  t.equal(posix.pread(fd, room, 8, 0), 2)
  t.equal(posix.pread(fd, room, 10, 0), 0)
  t.equal(posix.pwrite(fd, Buffer.from('xy'), 1, 0), 2)
  t.equal(content(fd), '0xy3456789')
  t.equal(posix.lseek(fd, 0, SEEK_CUR), 0)
  t.equal(posix.pread(fd, room, 2 ** 53 - 1, 0), 0)
  t.equal(posix.pwrite(fd, Buffer.from('x'), 2 ** 53 - 1, 0), -os.errno.EFBIG)
  t.equal(posix.pread(-1, room, 0, 0), EBADF)
  t.equal(posix.pread(fd, new Uint8Array(0), 0, 0), 0)
})

t.test('an offset of -1 is the position, and moves it', async (t) => {
  const [fd] = open(t, '0123456789')
  t.equal(posix.pread(fd, room.subarray(0, 3), -1, 0), 3)
  t.equal(posix.pwrite(fd, Buffer.from('ab'), -1, 0), 2)
  t.equal(posix.lseek(fd, 0, SEEK_CUR), 5)
  t.equal(content(fd), '012ab56789')
})

t.test('RWF_NOWAIT and RWF_APPEND', async (t) => {
  const [fd] = open(t, '0123')
  t.equal(posix.pread(fd, room, 0, RWF_NOWAIT), 4, 'it is in the page cache')
  t.equal(posix.pwrite(fd, Buffer.from('45'), 0, RWF_APPEND), 2)
  t.equal(content(fd), '012345')
  t.equal(posix.pread(fd, room, 0, 0x40000000), -EOPNOTSUPP)
})

t.test('lseek knows holes, and positions beyond 2 GiB', async (t) => {
  const [fd] = open(t)
  posix.pwrite(fd, Buffer.from('x'), 2 ** 33, 0)
  t.equal(posix.lseek(fd, 0, SEEK_DATA), 2 ** 33)
  t.equal(posix.lseek(fd, 2 ** 33, SEEK_HOLE), 2 ** 33 + 1)
  t.equal(posix.lseek(fd, 2 ** 33 + 1, SEEK_DATA), -ENXIO)
  t.equal(posix.lseek(fd, -1, SEEK_END), 2 ** 33)
  t.equal(posix.lseek(fd, -1, SEEK_SET), EINVAL)
})

t.test('fallocate, fsync and fdatasync', async (t) => {
  const [fd] = open(t, '0123456789')
  t.equal(posix.fallocate(fd, 0, 0, 20), 0)
  t.equal(posix.lseek(fd, 0, SEEK_END), 20)
  t.equal(posix.fallocate(fd, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, 2, 3), 0)
  t.equal(content(fd).slice(0, 10), '01\0\0\x0056789')
  t.equal(posix.fallocate(fd, 0, 0, 0), EINVAL)
  t.same([posix.fsync(fd), posix.fdatasync(fd)], [0, 0])
  t.same([posix.fsync(-1), posix.fdatasync(-1)], [EBADF, EBADF])
})

t.test('copyFileRange', async (t) => {
  const [from] = open(t, '0123456789')
  const [to] = open(t, 'abc')
  t.equal(posix.copyFileRange(from, 2, to, 1, 4, 0), 4)
  t.equal(content(to), 'a2345')
  t.equal(posix.copyFileRange(from, 8, to, 0, 100, 0), 2)
  t.equal(posix.copyFileRange(from, 0, to, 0, 1, 1), EINVAL)
  t.equal(posix.lseek(from, 0, SEEK_CUR), 0, 'positions stay')
})

t.test('flock', async (t) => {
  const [one, other] = open(t)
  t.equal(posix.flock(one, LOCK_SH), 0)
  t.equal(posix.flock(other, LOCK_SH), 0)
  t.equal(posix.flock(other, LOCK_EX | LOCK_NB), EAGAIN)
  t.equal(posix.flock(one, LOCK_UN), 0)
  t.equal(posix.flock(other, LOCK_EX | LOCK_NB), 0)
  t.equal(posix.flock(other, 77), EINVAL)
})

/** struct flock on 64 bits. */
function lock(type: number, start: number, length: number): Buffer {
  const bytes = Buffer.alloc(32)
  bytes.writeInt16LE(type, 0)
  bytes.writeBigInt64LE(BigInt(start), 8)
  bytes.writeBigInt64LE(BigInt(length), 16)
  return bytes
}

t.test('fcntlLock locks, refuses and tells of a lock, in place', async (t) => {
  const [one, other] = open(t)
  t.equal(posix.fcntlLock(one, F_OFD_SETLK, lock(F_WRLCK, 10, 5)), 0)
  t.equal(posix.fcntlLock(other, F_OFD_SETLK, lock(F_RDLCK, 14, 1)), EAGAIN)
  t.equal(posix.fcntlLock(other, F_OFD_SETLK, lock(F_RDLCK, 15, 1)), 0)
  const asked = lock(F_RDLCK, 0, 0)
  t.equal(posix.fcntlLock(other, F_OFD_GETLK, asked), 0)
  t.same(asked.readInt16LE(0), F_WRLCK)
  t.same([asked.readBigInt64LE(8), asked.readBigInt64LE(16), asked.readInt32LE(24)], [10n, 5n, -1])
  t.equal(posix.fcntlLock(one, F_OFD_SETLK, lock(F_UNLCK, 0, 0)), 0)
  t.equal(posix.fcntlLock(other, F_OFD_SETLK, lock(F_WRLCK, 0, 0)), 0)
})

t.test('fcntlLock does nothing else: no F_DUPFD, no F_SETFD', async (t) => {
  const [fd] = open(t)
  for (const command of [0, 1, 2, 3, 4, 8, 9, 1024, 1030])
    t.equal(posix.fcntlLock(fd, command, lock(F_RDLCK, 0, 0)), EINVAL, String(command))
})

/** All entries, `step` bytes a call. */
function list(dir: number, step: number) {
  const bytes = Buffer.alloc(step)
  const entries = []
  for (let count = posix.getdents64(dir, bytes); count !== 0; ) {
    if (count < 0) throw new Error(`getdents64: ${count}`)
    entries.push(...readDirents64(bytes, count))
    count = posix.getdents64(dir, bytes)
  }
  return entries
}

t.test('getdents64 lists, and seekTo goes on after any entry', async (t) => {
  const dir = openDirectory(t)
  const names = Array.from({ length: 200 }, (_, k) => `${nameOf(Buffer.of(0xff, 0x80))}${k}`)
  for (const name of names) posix.mknodat(dir, name, 0o100600, 0)
  const whole = list(dir, 1 << 16)
  t.same(whole.map(({ name }) => name).sort(), ['.', '..', ...names].sort())
  t.same(new Set(whole.map(({ type }) => type)), new Set([4, 8]))
  t.equal(posix.seekTo(dir, 0), 0)
  t.same(list(dir, 100), whole, 'a few at a time')
  for (const at of [0, 1, 77, 200]) {
    t.equal(posix.seekTo(dir, whole[at]?.off ?? 0n), 0)
    t.same(list(dir, 300), whole.slice(at + 1), `after ${at}`)
  }
  t.equal(posix.getdents64(dir, new Uint8Array(8)), 0, 'at its end')
  t.equal(posix.seekTo(dir, 0n), 0)
  t.equal(posix.getdents64(dir, new Uint8Array(8)), EINVAL, 'too small for one')
})

t.test('a cookie is 64 bits, signed or not', async (t) => {
  const dir = openDirectory(t)
  t.equal(posix.seekTo(dir, 2n ** 63n), EINVAL, 'ext4 knows none of that kind')
  t.equal(posix.seekTo(dir, -(2n ** 63n)), EINVAL)
  t.equal(posix.seekTo(-1, 0n), EBADF)
  const memory = closed(t, posix.openat(AT_FDCWD, '/proc/self/mem', O_RDONLY, 0))
  t.equal(posix.seekTo(memory, 0xffff_8000_0000_0000n), 0, 'a negative position is no error')
  t.equal(posix.seekTo(memory, -(2n ** 47n)), 0)
})

const NAME = 'user.devfuse'

type Xattr = [
  get: (name: string, into: Uint8Array) => number,
  set: (name: string, value: Uint8Array, flags: number) => number,
  list: (into: Uint8Array) => number,
  remove: (name: string) => number,
]

function checkXattr(t: Test, [get, set, list, remove]: Xattr) {
  const name = `${NAME}.\udc80`
  t.equal(get(name, room), -ENODATA)
  t.equal(set(name, Buffer.from('value'), 1), 0)
  t.equal(set(name, Buffer.from('value'), 1), -EEXIST)
  t.equal(get(name, none), 5)
  t.equal(get(name, room.subarray(0, 4)), -ERANGE)
  t.equal(get(name, room), 5)
  t.equal(room.toString('latin1', 0, 5), 'value')
  const listed = Buffer.from(`${NAME}.\x80\0`, 'latin1')
  t.equal(list(none), listed.length)
  t.equal(list(room), listed.length)
  t.same(room.subarray(0, listed.length), listed)
  t.equal(set(name, none, 2), 0)
  t.equal(get(name, room), 0)
  t.equal(remove(name), 0)
  t.equal(remove(name), -ENODATA)
}

t.test('xattr of a descriptor and of a path', async (t) => {
  const dir = openDirectory(t)
  const fd = closed(t, posix.openat(dir, 'file', O_CREAT | O_RDWR, 0o600))
  const path = `/proc/self/fd/${fd}`
  const real = `/proc/self/fd/${dir}/file`
  checkXattr(t, [
    (name, into) => posix.fgetxattr(fd, name, into),
    (name, value, flags) => posix.fsetxattr(fd, name, value, flags),
    (into) => posix.flistxattr(fd, into),
    (name) => posix.fremovexattr(fd, name),
  ])
  checkXattr(t, [
    (name, into) => posix.getxattr(path, name, into),
    (name, value, flags) => posix.setxattr(path, name, value, flags),
    (into) => posix.listxattr(path, into),
    (name) => posix.removexattr(path, name),
  ])
  checkXattr(t, [
    (name, into) => posix.lgetxattr(real, name, into),
    (name, value, flags) => posix.lsetxattr(real, name, value, flags),
    (into) => posix.llistxattr(real, into),
    (name) => posix.lremovexattr(real, name),
  ])
})

const xattrat = posix.listxattrat(AT_FDCWD, '/', 0, none) === -ENOSYS && 'before Linux 6.13'

t.test('xattr of a name in a directory', { skip: xattrat }, async (t) => {
  const dir = openDirectory(t)
  closed(t, posix.openat(dir, 'file', O_CREAT | O_RDWR, 0o600))
  checkXattr(t, [
    (name, into) => posix.getxattrat(dir, 'file', 0, name, into),
    (name, value, flags) => posix.setxattrat(dir, 'file', 0, name, value, flags),
    (into) => posix.listxattrat(dir, 'file', 0, into),
    (name) => posix.removexattrat(dir, 'file', 0, name),
  ])
})

t.test('getxattr follows a link, lgetxattr does not', async (t) => {
  const dir = openDirectory(t)
  closed(t, posix.openat(dir, 'file', O_CREAT | O_RDWR, 0o600))
  posix.symlinkat('file', dir, 'link')
  const link = `/proc/self/fd/${dir}/link`
  t.equal(posix.setxattr(link, NAME, Buffer.from('v'), 0), 0)
  t.equal(posix.getxattr(link, NAME, none), 1)
  t.equal(posix.llistxattr(link, none), 0)
  t.equal(posix.lsetxattr(link, NAME, none, 0), -os.errno.EPERM, 'no user.* on a link')
})

/** Why there are no handles in the folder for temporary files, or with these flags; or false. */
function noHandles(flags: number): string | false {
  if (process.getuid?.() !== 0) return 'not root'
  const result = posix.nameToHandleAt(AT_FDCWD, tmpdir(), Buffer.alloc(136), flags)
  return result < 0 && `name_to_handle_at: ${result}`
}

t.test(
  'a handle opens its inode after a rename, ESTALE after its end',
  { skip: noHandles(0) },
  async (t) => {
    const dir = openDirectory(t)
    const fd = posix.openat(dir, 'file', O_CREAT | O_RDWR, 0o600)
    posix.pwrite(fd, Buffer.from('content'), 0, 0)
    const handle = Buffer.alloc(8 + 128, 0xff)
    const mount = posix.nameToHandleAt(dir, 'file', handle, 0)
    const info = readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1')
    t.equal(mount, Number(/^mnt_id:\t(\d+)$/m.exec(info)?.[1]))
    const used = handle.subarray(0, 8 + handle.readUInt32LE(0))
    t.ok(used.length > 8 && used.length < handle.length)
    posix.renameat2(dir, 'file', dir, 'moved', 0)
    const again = posix.openByHandleAt(dir, used, O_RDONLY)
    t.equal(content(again), 'content')
    t.equal(posix.pwrite(again, room, 0, 0), EBADF, 'opened as asked')
    posix.close(again)
    posix.unlinkat(dir, 'moved', 0)
    posix.close(fd)
    t.equal(posix.openByHandleAt(dir, used, O_RDONLY), -ESTALE)
    t.equal(posix.openByHandleAt(-1, used, O_RDONLY), EBADF)
  },
)

t.test('the id of a mount as it is never used again', { skip: noHandles(1) }, async (t) => {
  const dir = openDirectory(t)
  const unique = posix.nameToHandleAt(dir, '.', Buffer.alloc(136), 1)
  t.ok(unique > 2 ** 31 && Number.isSafeInteger(unique), String(unique))
})
