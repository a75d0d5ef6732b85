import { addon } from './native.ts'

export { errnoFrom } from './errno.ts'
export * from './posix_constants.ts'
export * from './posix_records.ts'

/**
 * A path or a name: a string that loses no byte (lone surrogates U+DC80 to U+DCFF are the bytes 0x80
 * to 0xff, see `nameOf`), or its bytes without a NUL at the end. A NUL inside is -EINVAL, 4096 bytes
 * are -ENAMETOOLONG.
 */
export type Path = string | Uint8Array

/**
 * System calls that `node:fs` lacks, each one thin function: no copy, no object, no promise unless
 * it says so. Each returns what the system call returns, 0 or more, or -errno. It throws for an
 * argument of the wrong type or size only, a TypeError or RangeError. A call that a signal
 * interrupts is made again. All descriptors are made with O_CLOEXEC. `dirfd` may be AT_FDCWD; ''
 * with AT_EMPTY_PATH is the descriptor itself.
 */
export interface Posix {
  /** openat(2). Returns the descriptor. */
  openat(dirfd: number, path: Path, flags: number, mode: number): number
  /** close(2). The descriptor is closed whatever it returns. */
  close(fd: number): number
  /**
   * name_to_handle_at(2): a name for an inode that outlives renames, for `openByHandleAt`.
   * struct file_handle {u32 handle_bytes; i32 handle_type; bytes} is written to `handle`, which has
   * room for 8 + 128 bytes. Returns the mount id. -EOPNOTSUPP where a file system has no handles.
   */
  nameToHandleAt(dirfd: number, path: Path, handle: Uint8Array, flags: number): number
  /**
   * open_by_handle_at(2); needs CAP_DAC_READ_SEARCH. `mountfd` is any file of the file system, and
   * not one of O_PATH. Returns the descriptor. -ESTALE where the file is no more.
   */
  openByHandleAt(mountfd: number, handle: Uint8Array, flags: number): number
  /** statx(2): the raw 256 bytes of struct statx into `into`, for `readStatx`. Returns 0. */
  statx(dirfd: number, path: Path, flags: number, mask: number, into: Uint8Array): number
  /** fstatfs(2): the raw struct statfs, 120 bytes, into `into`. Returns 0. */
  fstatfs(fd: number, into: Uint8Array): number
  /** mkdirat(2). The process's umask applies, as to all that make a file. Returns 0. */
  mkdirat(dirfd: number, path: Path, mode: number): number
  /** mknodat(2). `rdev` is as the system call takes it: the same 32 bits as FUSE's. Returns 0. */
  mknodat(dirfd: number, path: Path, mode: number, rdev: number): number
  /** symlinkat(2). Returns 0. */
  symlinkat(target: Path, dirfd: number, path: Path): number
  /** linkat(2). AT_EMPTY_PATH with '' links the descriptor's file; needs CAP_DAC_READ_SEARCH. */
  linkat(olddirfd: number, oldpath: Path, newdirfd: number, newpath: Path, flags: number): number
  /** unlinkat(2), or with AT_REMOVEDIR rmdir(2). Returns 0. */
  unlinkat(dirfd: number, path: Path, flags: number): number
  /** renameat2(2) with RENAME_NOREPLACE, RENAME_EXCHANGE, RENAME_WHITEOUT or 0. Returns 0. */
  renameat2(olddirfd: number, oldpath: Path, newdirfd: number, newpath: Path, flags: number): number
  /** readlinkat(2). Returns the count of bytes put into `into`: all of them may mean that more were cut off. */
  readlinkat(dirfd: number, path: Path, into: Uint8Array): number
  /** fchmodat2(2); -ENOSYS before Linux 6.6. Returns 0. */
  fchmodat2(dirfd: number, path: Path, mode: number, flags: number): number
  /** fchownat(2). 0xffffffff, or -1, leaves an id as it is. Returns 0. */
  fchownat(dirfd: number, path: Path, uid: number, gid: number, flags: number): number
  /** utimensat(2): seconds, which may be negative, and nanoseconds, UTIME_NOW or UTIME_OMIT. Returns 0. */
  utimensat(
    dirfd: number,
    path: Path,
    atime: number,
    atimensec: number,
    mtime: number,
    mtimensec: number,
    flags: number,
  ): number
  /** ftruncate(2). Returns 0. */
  ftruncate(fd: number, length: number): number
  /** faccessat2(2): by the real ids, or with AT_EACCESS by the effective ones. Returns 0. */
  faccessat2(dirfd: number, path: Path, mode: number, flags: number): number

  /** fgetxattr(2). `into` of length 0 asks for the size. -ENODATA, -ERANGE. Returns the size. */
  fgetxattr(fd: number, name: Path, into: Uint8Array): number
  /** fsetxattr(2). `flags`: XATTR_CREATE 1, XATTR_REPLACE 2. Returns 0. */
  fsetxattr(fd: number, name: Path, value: Uint8Array, flags: number): number
  /** flistxattr(2): names, each with a NUL behind it. Returns the size. */
  flistxattr(fd: number, into: Uint8Array): number
  /** fremovexattr(2). Returns 0. */
  fremovexattr(fd: number, name: Path): number
  /** getxattr(2) and its siblings follow a symbolic link; `/proc/self/fd/N` is one too. */
  getxattr(path: Path, name: Path, into: Uint8Array): number
  setxattr(path: Path, name: Path, value: Uint8Array, flags: number): number
  listxattr(path: Path, into: Uint8Array): number
  removexattr(path: Path, name: Path): number
  /** lgetxattr(2) and its siblings do not. */
  lgetxattr(path: Path, name: Path, into: Uint8Array): number
  lsetxattr(path: Path, name: Path, value: Uint8Array, flags: number): number
  llistxattr(path: Path, into: Uint8Array): number
  lremovexattr(path: Path, name: Path): number
  /** getxattrat(2) and its siblings; -ENOSYS before Linux 6.13. */
  getxattrat(dirfd: number, path: Path, atFlags: number, name: Path, into: Uint8Array): number
  setxattrat(
    dirfd: number,
    path: Path,
    atFlags: number,
    name: Path,
    value: Uint8Array,
    flags: number,
  ): number
  listxattrat(dirfd: number, path: Path, atFlags: number, into: Uint8Array): number
  removexattrat(dirfd: number, path: Path, atFlags: number, name: Path): number

  /** getdents64(2): raw records, for `readDirents64`. Returns the count of bytes, 0 at the end. */
  getdents64(fd: number, into: Uint8Array): number
  /** lseek(2) to a cookie: the 64 opaque bits of a d_off. Returns 0. */
  seekTo(fd: number, cookie: bigint | number): number
  /** lseek(2). Returns the new position; -ENXIO where SEEK_DATA or SEEK_HOLE find nothing. */
  lseek(fd: number, offset: number, whence: number): number
  /**
   * preadv2(2) with one vector. An offset of -1 is where the file is, and moves it. RWF_NOWAIT:
   * -EAGAIN where it would have to wait. Returns the count, 0 at the end of the file.
   */
  pread(fd: number, into: Uint8Array, offset: number, flags: number): number
  /** pwritev2(2) with one vector. Returns the count. */
  pwrite(fd: number, bytes: Uint8Array, offset: number, flags: number): number
  /** fsync(2). Returns 0. */
  fsync(fd: number): number
  /** fdatasync(2). Returns 0. */
  fdatasync(fd: number): number
  /** fallocate(2). Returns 0. */
  fallocate(fd: number, mode: number, offset: number, length: number): number
  /** copy_file_range(2). Returns the count, which may be less than `length`. */
  copyFileRange(
    fdIn: number,
    offsetIn: number,
    fdOut: number,
    offsetOut: number,
    length: number,
    flags: number,
  ): number
  /** flock(2): waits, unless with LOCK_NB. Returns 0; -EWOULDBLOCK. */
  flock(fd: number, operation: number): number
  /**
   * fcntl(2) with a struct flock, changed in place: `cmd` is F_OFD_GETLK, F_OFD_SETLK or another of
   * that kind. `lock` is the raw struct, 32 bytes. Returns 0; -EAGAIN where another has the lock.
   */
  fcntlLock(fd: number, cmd: number, lock: Uint8Array): number

  /** umask(2), of the whole process. Returns the former mask. */
  umask(mask: number): number
  /**
   * setfsuid(2) and the five below are of the CALLING THREAD only. Set back what you have set
   * before the turn ends, and before one of the calls that return a promise: its thread may be a
   * new one, which has what you have at that time. Returns the former id, whether it has changed or
   * not: call it again with 0xffffffff to see.
   */
  setfsuid(uid: number): number
  setfsgid(gid: number): number
  /** setgroups(2): the supplementary groups. Returns 0. */
  setgroups(groups: Uint32Array): number
  /** getgroups(2). Returns the count; an empty array asks for it. */
  getgroups(into: Uint32Array): number
  /** capget(2), version 3: raw 24 bytes, {effective, permitted, inheritable} as u32, low halves, then high ones. */
  capget(into: Uint8Array): number
  /** capset(2): what `capget` gives. Returns 0; -EPERM for what is not permitted. */
  capset(sets: Uint8Array): number

  /**
   * The same calls where they may take long, each on a thread of its own, at most 64 at once. The
   * descriptors are duplicated before the call returns, and may be closed; the duplicates are closed
   * before the promise settles, which drops the process's own locks on the file (F_SETLK; not those
   * of F_OFD_SETLK or flock). What is wrong with an argument rejects.
   */
  copyFileRangeAsync(
    fdIn: number,
    offsetIn: number,
    fdOut: number,
    offsetOut: number,
    length: number,
    flags: number,
  ): Promise<number>
  fallocateAsync(fd: number, mode: number, offset: number, length: number): Promise<number>
  fsyncAsync(fd: number): Promise<number>
  fdatasyncAsync(fd: number): Promise<number>
  syncfsAsync(fd: number): Promise<number>
  /**
   * pread on a thread: for what RWF_NOWAIT refused. Neither touch `into` nor transfer its memory
   * before it settles. On the main thread nothing is copied; in a worker, which may be terminated
   * meanwhile, the bytes are.
   */
  preadAsync(fd: number, into: Uint8Array, offset: number): Promise<number>
  pwriteAsync(fd: number, bytes: Uint8Array, offset: number): Promise<number>
}

type Done = (result: number) => void
type Asynchronous = Extract<keyof Posix, `${string}Async`>

/** The addon's own object: what is asynchronous has a callback at its end. */
export type NativePosix = Omit<Posix, Asynchronous> & {
  [Name in Asynchronous]: (...args: [...Parameters<Posix[Name]>, Done]) => void
}

function load(): Posix {
  const native = addon().posix
  return {
    ...native,
    copyFileRangeAsync: (...args) =>
      new Promise((done) => native.copyFileRangeAsync(...args, done)),
    fallocateAsync: (...args) => new Promise((done) => native.fallocateAsync(...args, done)),
    fsyncAsync: (fd) => new Promise((done) => native.fsyncAsync(fd, done)),
    fdatasyncAsync: (fd) => new Promise((done) => native.fdatasyncAsync(fd, done)),
    syncfsAsync: (fd) => new Promise((done) => native.syncfsAsync(fd, done)),
    preadAsync: (...args) => new Promise((done) => native.preadAsync(...args, done)),
    pwriteAsync: (...args) => new Promise((done) => native.pwriteAsync(...args, done)),
  }
}

const unloaded = new Proxy(Object.create(null), {
  get(_, name) {
    if (typeof name === 'symbol') return undefined
    const face = load()
    Object.setPrototypeOf(posix, face)
    return face[name as keyof Posix]
  },
})

/**
 * The calls. The addon is loaded at the first use of one, which throws AddonError where it is not
 * there. From then on the addon's own functions are looked up, with nothing in between.
 */
export const posix: Posix = Object.create(unloaded)
