import type { BigIntStats, Dirent, Stats } from 'node:fs'
import type { InferIn } from '../protocol/layout.ts'
import type { Bytes } from '../protocol/reply.ts'
import type { fuse_file_lock, fuse_kstatfs } from '../protocol/structs.ts'
import type { Connection } from './init.ts'
import type { Opened } from './opened.ts'
import type { Answer, IoctlReply, ReadAnswer } from './ops.ts'
import type { PathContext } from './path_context.ts'

/** A point in time: a Date, milliseconds, nanoseconds as a bigint, or seconds and nanoseconds. */
export type Time = Date | number | bigint | { readonly sec: number; readonly nsec?: number }

export type FileType = 'file' | 'directory' | 'symlink' | 'fifo' | 'socket' | 'character' | 'block'

/** Attributes as a literal. Everything may be left out. */
export interface Attributes {
  /** Default: what the type bits of `mode` say, else `file`. */
  readonly type?: FileType
  /** Permission bits, and the type's (`S_IFMT`) if you like. Default 0o755 for directories, 0o777 for links, 0o644. */
  readonly mode?: number
  /** Bytes; default 0. */
  readonly size?: number | bigint
  /** Default 2 for directories, else 1. */
  readonly nlink?: number
  /** Default: who has mounted. */
  readonly uid?: number
  readonly gid?: number
  /** Of a device, as `makedev(major, minor)` gives it. */
  readonly rdev?: number
  /** Default: the number by which the kernel knows the file. */
  readonly ino?: number | bigint
  /** Units of 512 bytes; default: as many as the size takes. */
  readonly blocks?: number | bigint
  /** Bytes; default 4,096. */
  readonly blksize?: number
  /** Default: when it was mounted. */
  readonly mtime?: Time
  /** Default: `mtime`. */
  readonly atime?: Time
  readonly ctime?: Time
  /** For statx(2); default: not known. */
  readonly birthtime?: Time
  /**
   * What makes two names one file (hard links): any value, compared as Map compares keys. Default: names
   * are the same file only where `link` made them so.
   */
  readonly key?: unknown
}

/** What `getattr` answers: a literal, what `fs.lstat` gives, or what looks like it. */
export type StatLike = Attributes | Stats | BigIntStats

/** One entry of a directory. */
export interface DirectoryEntry {
  readonly name: string
  /** With attributes a listing saves the kernel a `getattr` for each entry (READDIRPLUS). */
  readonly stat?: StatLike
  /** Without them: what is known. */
  readonly type?: FileType
  readonly ino?: number | bigint
}

/** What `readdir` gives: names, entries, or `fs.Dirent`s, all at once or one after the other. */
export type Listing =
  | Iterable<string | DirectoryEntry | Dirent>
  | AsyncIterable<string | DirectoryEntry | Dirent>

/** An entry with the place after it: what `readdir_from` is given to go on there. Not 0. */
export interface CookieEntry extends DirectoryEntry {
  readonly cookie: number | bigint
}

/** `start` and `end` (inclusive) are bytes, `type` is F_RDLCK 0, F_WRLCK 1 or F_UNLCK 2. */
export type FileLock = Omit<fuse_file_lock, 'pid'> & { readonly pid?: number }

// biome-ignore lint/suspicious/noConfusingVoidType: what a method without a return statement gives
export type LockAnswer = FileLock | null | void
// biome-ignore lint/suspicious/noConfusingVoidType: the same
export type IoctlAnswer = Bytes | number | IoctlReply | void

export type LockCommand = 'getlk' | 'setlk' | 'setlkw'

/** statfs(2): `blocks`, `bfree` and `bavail` count `frsize` bytes. */
export type StatfsLike = InferIn<typeof fuse_kstatfs>

/**
 * A file system on paths: libfuse's `fuse_operations`. Every method may be absent. The smallest useful
 * file system has `getattr`, `readdir` and `read`.
 *
 * Arguments stand in libfuse's order, with the open file's handle second where there is always one and
 * the context last. A method returns the answer or a promise of it, or throws: `errno('ENOENT')`, an error
 * of `node:fs`, anything with `errno` or `code`. Anything else is reported to `onError` and becomes EIO.
 *
 * Paths begin with `/`, the root is `/`. Names lose no byte (`nameBytes`). `path` is null where an open
 * file has no name any more: then `fh` is what there is. (With `hardRemove: false` it always has one.)
 *
 * `fh` is whatever `open`, `create` or `opendir` returned, undefined where they are absent.
 *
 * @typeParam FH what `open` and `create` return.
 * @typeParam DH what `opendir` returns.
 */
export interface PathOps<FH = unknown, DH = unknown> {
  /** Agreed on and about to be usable. Throwing refuses the mount. */
  init?(connection: Connection): Answer<void>

  /** The session has ended; nothing is called after it. */
  destroy?(): Answer<void>

  /**
   * Attributes of a file; null (or throw ENOENT) where there is none. `fh` is given where the caller asks
   * by an open file, and where the file is open and has no path.
   *
   * Throws ENOENT, EACCES, ENOTDIR, EIO. stat(2), and before that each lookup of a name.
   */
  getattr(path: string | null, fh: FH | undefined, ctx: PathContext): Answer<StatLike | null>

  /** statx(2), for the time of birth. Absent: `getattr` answers it. `mask` is STATX_*. */
  statx?(
    path: string | null,
    mask: number,
    fh: FH | undefined,
    ctx: PathContext,
  ): Answer<StatLike | null>

  /** The target of a symbolic link. Throws EINVAL. */
  readlink?(path: string, ctx: PathContext): Answer<string | Uint8Array>

  /** Make a FIFO, socket, device or regular file: `mode` has the type. Throws EEXIST, ENOSPC, EPERM. */
  mknod?(path: string, mode: number, rdev: number, ctx: PathContext): Answer<unknown>

  /** Make a directory; `mode` are permission bits, umask applied. Throws EEXIST, ENOSPC. */
  mkdir?(path: string, mode: number, ctx: PathContext): Answer<unknown>

  /** Remove a name that is no directory. Throws ENOENT, EPERM. */
  unlink?(path: string, ctx: PathContext): Answer<unknown>

  /** Remove an empty directory. Throws ENOENT, ENOTEMPTY. */
  rmdir?(path: string, ctx: PathContext): Answer<unknown>

  /** Make a symbolic link `path` that points to `target`. Throws EEXIST, ENOSPC. */
  symlink?(target: string, path: string, ctx: PathContext): Answer<unknown>

  /**
   * Rename, over what has the new name. `flags`: RENAME_NOREPLACE 1, RENAME_EXCHANGE 2, RENAME_WHITEOUT
   * 4; throw EINVAL for what is not supported. A method with fewer than three parameters never gets
   * flags: the caller gets EINVAL. Throws ENOENT, EEXIST, ENOTEMPTY, EISDIR, ENOTDIR, EXDEV.
   */
  rename?(from: string, to: string, flags: number, ctx: PathContext): Answer<unknown>

  /** Give a file another name. Throws EEXIST, EMLINK, EPERM. */
  link?(from: string, to: string, ctx: PathContext): Answer<unknown>

  /** Give a file of `tmpfile` its name (linkat(2) with AT_EMPTY_PATH). Absent: ENOENT. */
  link_tmpfile?(fh: FH, to: string, ctx: PathContext): Answer<unknown>

  /** Throws EPERM, EROFS. */
  chmod?(path: string | null, mode: number, fh: FH | undefined, ctx: PathContext): Answer<unknown>

  /** `uid` or `gid` is -1 where it stays as it is. Throws EPERM, EROFS. */
  chown?(
    path: string | null,
    uid: number,
    gid: number,
    fh: FH | undefined,
    ctx: PathContext,
  ): Answer<unknown>

  /** truncate(2) and ftruncate(2). Throws EFBIG, ENOSPC, EROFS. */
  truncate?(
    path: string | null,
    size: number,
    fh: FH | undefined,
    ctx: PathContext,
  ): Answer<unknown>

  /** Times in nanoseconds since 1970, null where one stays as it is. Throws EPERM, EROFS. */
  utimens?(
    path: string | null,
    atime: bigint | null,
    mtime: bigint | null,
    fh: FH | undefined,
    ctx: PathContext,
  ): Answer<unknown>

  /**
   * Open a file: return anything as its handle, or `opened(handle, { directIo: true, … })`. `flags` are
   * open(2)'s without O_CREAT, O_EXCL, O_TRUNC. Each success is followed by one `release`.
   *
   * Throws EACCES, EROFS, ENXIO. Absent, the kernel opens files without asking.
   */
  open?(path: string, flags: number, ctx: PathContext): Answer<FH | Opened<FH>>

  /**
   * Open a file or directory that has lost its name since the kernel found it (replaced by a rename, say),
   * by the `key` of its attributes. Absent: ESTALE. Where it is there, `ctx.key` tells methods that get
   * neither `path` nor `fh` what they are about.
   */
  reopen?(key: unknown, flags: number, ctx: PathContext): Answer<FH | DH | Opened<FH | DH>>

  /** The kernel has forgotten a file without a name, whose attributes had this `key`: nobody asks for it again. */
  forget?(key: unknown): void

  /** Make and open a regular file. Absent: `mknod`, then `open`. Throws EEXIST, ENOSPC, EROFS. */
  create?(path: string, mode: number, flags: number, ctx: PathContext): Answer<FH | Opened<FH>>

  /** Make and open a file without a name in the directory `path` (O_TMPFILE). */
  tmpfile?(path: string, mode: number, flags: number, ctx: PathContext): Answer<FH | Opened<FH>>

  /**
   * Up to `size` bytes from byte `offset` on: bytes, several pieces, or `fdRange` (libfuse's `read_buf`).
   * Fewer mean the end of the file. Throws EIO, EBADF.
   */
  read?(
    path: string | null,
    fh: FH,
    size: number,
    offset: number,
    ctx: PathContext,
  ): Answer<ReadAnswer>

  /**
   * Write `data` at byte `offset`; return how many bytes were written. `data` is a view that is valid
   * until the method settles (libfuse's `write_buf`; `writeTo(data, fd, offset)` passes it on).
   * Throws ENOSPC, EFBIG, EIO.
   */
  write?(
    path: string | null,
    fh: FH,
    data: Uint8Array,
    offset: number,
    ctx: PathContext,
  ): Answer<number>

  /** A descriptor was closed; what it throws is what close(2) answers. */
  flush?(path: string | null, fh: FH, ctx: PathContext): Answer<unknown>

  /** The last descriptor of an open file is gone: once for each `open` and `create`. */
  release?(path: string | null, fh: FH, ctx: PathContext): Answer<unknown>

  /** Put a file on stable storage, `dataOnly`: fdatasync(2). Absent: success. */
  fsync?(path: string | null, dataOnly: boolean, fh: FH, ctx: PathContext): Answer<unknown>

  /** `flags`: XATTR_CREATE 1, XATTR_REPLACE 2. Throws EEXIST, ENODATA, ENOTSUP, ENOSPC. */
  setxattr?(
    path: string,
    name: string,
    value: Uint8Array,
    flags: number,
    ctx: PathContext,
  ): Answer<unknown>

  /** The whole value; null (or throw ENODATA) where there is none. */
  getxattr?(path: string, name: string, ctx: PathContext): Answer<Uint8Array | null>

  /** The names of all extended attributes. */
  listxattr?(path: string, ctx: PathContext): Answer<readonly string[] | Uint8Array>

  /** Throws ENODATA. */
  removexattr?(path: string, name: string, ctx: PathContext): Answer<unknown>

  /** Open a directory: return anything as its handle, or `opened(handle, { cacheReaddir: true })`. */
  opendir?(path: string, flags: number, ctx: PathContext): Answer<DH | Opened<DH>>

  /**
   * List a directory: an array, an iterable or an async iterable of names or entries. The library keeps
   * the place, adds "." and ".." where they are not there, and closes an iterator once nobody reads on.
   * Called again where the reader goes back to the start. Throws ENOTDIR, EACCES.
   */
  readdir?(path: string | null, fh: DH, ctx: PathContext): Answer<Listing>

  /**
   * The exact form, instead of `readdir`: entries that come after `cookie` (0n: from the start), each with
   * a cookie of its own that stays good while the directory is open. "." and ".." are as others.
   */
  readdir_from?(
    path: string | null,
    fh: DH,
    cookie: bigint,
    ctx: PathContext,
  ): Answer<Iterable<CookieEntry> | AsyncIterable<CookieEntry>>

  /** Once for each `opendir`. */
  releasedir?(path: string | null, fh: DH, ctx: PathContext): Answer<unknown>

  /** fsync(2) of a directory. Absent: success. */
  fsyncdir?(path: string | null, dataOnly: boolean, fh: DH, ctx: PathContext): Answer<unknown>

  /** statfs(2). Absent: zeros. */
  statfs?(path: string, ctx: PathContext): Answer<StatfsLike>

  /** access(2): R_OK 4, W_OK 2, X_OK 1. Not asked with `defaultPermissions`. Throws EACCES. */
  access?(path: string, mask: number, ctx: PathContext): Answer<unknown>

  /**
   * fcntl(2) locks of `ctx.lockOwner`. `getlk`: return the first lock in the way, null where none is;
   * `setlk`: throw EAGAIN where one is; `setlkw`: wait, and look at `ctx.signal`. What an owner holds is
   * given back with `setlk` and F_UNLCK when it closes the file. Absent: the kernel keeps them.
   */
  lock?(
    path: string | null,
    fh: FH,
    command: LockCommand,
    lock: FileLock,
    ctx: PathContext,
  ): Answer<LockAnswer>

  /**
   * flock(2) of `ctx.lockOwner`: LOCK_SH 1, LOCK_EX 2, LOCK_UN 8, and LOCK_NB 4 where nobody waits:
   * throw EWOULDBLOCK. LOCK_UN comes with the last close. Absent: the kernel keeps them.
   */
  flock?(path: string | null, fh: FH, operation: number, ctx: PathContext): Answer<unknown>

  /** The device block of a file's block; only with `blkdev`. */
  bmap?(path: string, blocksize: number, block: number, ctx: PathContext): Answer<number>

  /**
   * ioctl(2). `data` is what the caller gives for `cmd`; return at most as many bytes as `cmd` says, a
   * number as the call's result, or both as `{ result, data }`. Throws ENOTTY, EINVAL.
   */
  ioctl?(
    path: string | null,
    fh: FH,
    cmd: number,
    arg: bigint,
    data: Uint8Array,
    ctx: PathContext,
  ): Answer<IoctlAnswer>

  /** poll(2): which of `events` are true now. Call `wake`, where it is given, once when that changes. */
  poll?(
    path: string | null,
    fh: FH,
    events: number,
    wake: (() => void) | undefined,
    ctx: PathContext,
  ): Answer<number>

  /** `mode`: FALLOC_FL_*. Throws EOPNOTSUPP, ENOSPC, EFBIG. */
  fallocate?(
    path: string | null,
    fh: FH,
    mode: number,
    offset: number,
    length: number,
    ctx: PathContext,
  ): Answer<unknown>

  /** Copy between two open files; return the bytes copied. Absent: through the page cache. */
  copy_file_range?(
    fromPath: string | null,
    fromFh: FH,
    fromOffset: number,
    toPath: string | null,
    toFh: FH,
    toOffset: number,
    length: number,
    flags: number,
    ctx: PathContext,
  ): Answer<number>

  /** SEEK_DATA 3, SEEK_HOLE 4. Throws ENXIO. Absent: files have no holes. */
  lseek?(
    path: string | null,
    fh: FH,
    offset: number,
    whence: number,
    ctx: PathContext,
  ): Answer<number>

  /** syncfs(2); only with `blkdev`. */
  syncfs?(path: string, ctx: PathContext): Answer<unknown>
}

const NAMES: Readonly<Record<keyof PathOps, true>> = {
  init: true,
  destroy: true,
  getattr: true,
  statx: true,
  readlink: true,
  mknod: true,
  mkdir: true,
  unlink: true,
  rmdir: true,
  symlink: true,
  rename: true,
  link: true,
  link_tmpfile: true,
  chmod: true,
  chown: true,
  truncate: true,
  utimens: true,
  open: true,
  reopen: true,
  forget: true,
  create: true,
  tmpfile: true,
  read: true,
  write: true,
  flush: true,
  release: true,
  fsync: true,
  setxattr: true,
  getxattr: true,
  listxattr: true,
  removexattr: true,
  opendir: true,
  readdir: true,
  readdir_from: true,
  releasedir: true,
  fsyncdir: true,
  statfs: true,
  access: true,
  lock: true,
  flock: true,
  bmap: true,
  ioctl: true,
  poll: true,
  fallocate: true,
  copy_file_range: true,
  lseek: true,
  syncfs: true,
}

/** The names of all methods. */
export const PATH_OPERATIONS = Object.keys(NAMES) as readonly (keyof PathOps)[]
