/** 0, null or nothing: done. Else a negative number of errno(3), or an error that carries one. */
export type Code = number | null | undefined | Error

export type Done = (code?: Code) => void
export type Give<T> = (code: Code, value?: T) => void
/** How many bytes, from 0 on; or a negative number of errno(3). */
export type Count = (bytes?: Code) => void

/** What `fs.lstat` gives, or a literal. Times are Dates or milliseconds; without one it is now. */
export interface Stat {
  /** With the type: 0o100644 is a file. */
  readonly mode: number | bigint
  /** Bytes. */
  readonly size?: number | bigint
  readonly nlink?: number | bigint
  /** Default 0. */
  readonly uid?: number | bigint
  readonly gid?: number | bigint
  readonly ino?: number | bigint
  readonly rdev?: number | bigint
  readonly blksize?: number | bigint
  /** Units of 512 bytes; default: as many as the size takes. */
  readonly blocks?: number | bigint
  readonly mtime?: Date | number | null
  readonly atime?: Date | number | null
  readonly ctime?: Date | number | null
}

/** statvfs(3). `favail`, `fsid` and `flag` are taken and not sent: the protocol has no place for them. */
export interface Statfs {
  readonly bsize?: number
  readonly frsize?: number
  readonly blocks?: number
  readonly bfree?: number
  readonly bavail?: number
  readonly files?: number
  readonly ffree?: number
  readonly favail?: number
  readonly fsid?: number
  readonly flag?: number
  readonly namemax?: number
}

/**
 * The callbacks of fuse-native. Each may be absent, is called with the object as `this`, and calls its
 * own last argument once: what is said a second time, or after the timeout, is not heard.
 *
 * `fd` is what `open`, `create` or `opendir` gave, 0 where they gave nothing. A file that is removed while
 * it is open is renamed to `.fuse_hidden…` before, where there is `rename`, and has a path until it is closed.
 */
export interface Handlers {
  /** Before anything else; a code other than 0 refuses the mount. */
  init?(cb: Done): unknown
  /** The session has ended, and not because it was unmounted. */
  error?(cb: Done): unknown
  /** access(2): R_OK 4, W_OK 2, X_OK 1. Not asked where the kernel checks (`defaultPermissions`). */
  access?(path: string, mode: number, cb: Done): unknown
  statfs?(path: string, cb: Give<Statfs>): unknown
  /** Without it there is the root and nothing else. */
  getattr?(path: string, cb: Give<Stat>): unknown
  /** The same where the caller has the file open. Without it `getattr` is asked. */
  fgetattr?(path: string, fd: number, cb: Give<Stat>): unknown
  flush?(path: string, fd: number, cb: Done): unknown
  /** `datasync`: 1 for fdatasync(2), 0 for fsync(2). */
  fsync?(path: string, datasync: number, fd: number, cb: Done): unknown
  fsyncdir?(path: string, datasync: number, fd: number, cb: Done): unknown
  /** Names, and where they are known the attributes of each, in the same order. */
  readdir?(
    path: string,
    cb: (
      code: Code,
      names?: readonly string[],
      stats?: readonly (Stat | null | undefined)[],
    ) => void,
  ): unknown
  truncate?(path: string, size: number, cb: Done): unknown
  /** The same where the caller has the file open. Without it `truncate` is asked. */
  ftruncate?(path: string, fd: number, size: number, cb: Done): unknown
  readlink?(path: string, cb: Give<string>): unknown
  /** An id that stays as it is is 4294967295. */
  chown?(path: string, uid: number, gid: number, cb: Done): unknown
  /** `mode` has the type, too. */
  chmod?(path: string, mode: number, cb: Done): unknown
  /** `mode` has the type, too. */
  mknod?(path: string, mode: number, dev: number, cb: Done): unknown
  /** `position` is 0. `flags`: XATTR_CREATE 1, XATTR_REPLACE 2. */
  setxattr?(
    path: string,
    name: string,
    value: Buffer,
    position: number,
    flags: number,
    cb: Done,
  ): unknown
  /** No value: ENODATA. `position` is 0. */
  getxattr?(path: string, name: string, position: number, cb: Give<Uint8Array | null>): unknown
  listxattr?(path: string, cb: Give<readonly string[]>): unknown
  removexattr?(path: string, name: string, cb: Done): unknown
  /** open(2)'s flags without O_CREAT, O_EXCL and O_TRUNC. */
  open?(path: string, flags: number, cb: Give<number>): unknown
  opendir?(path: string, flags: number, cb: Give<number>): unknown
  /** Fill `buffer`, `length` zeros, with the bytes from `position` on, and say how many they are. */
  read?(
    path: string,
    fd: number,
    buffer: Buffer,
    length: number,
    position: number,
    cb: Count,
  ): unknown
  /** Take the `length` bytes of `buffer`, and say how many of them were written. */
  write?(
    path: string,
    fd: number,
    buffer: Buffer,
    length: number,
    position: number,
    cb: Count,
  ): unknown
  release?(path: string, fd: number, cb: Done): unknown
  releasedir?(path: string, fd: number, cb: Done): unknown
  /** `mode` has the type, too. */
  create?(path: string, mode: number, cb: Give<number>): unknown
  /** Milliseconds since 1970. A time that stays as it is is that of `getattr`. */
  utimens?(path: string, atime: number, mtime: number, cb: Done): unknown
  unlink?(path: string, cb: Done): unknown
  rename?(src: string, dest: string, cb: Done): unknown
  link?(src: string, dest: string, cb: Done): unknown
  /** `src` is what the link says, `dest` its path. */
  symlink?(src: string, dest: string, cb: Done): unknown
  mkdir?(path: string, mode: number, cb: Done): unknown
  rmdir?(path: string, cb: Done): unknown
}

export type HandlerName = keyof Handlers

const NAMES: Readonly<Record<HandlerName, true>> = {
  init: true,
  error: true,
  access: true,
  statfs: true,
  getattr: true,
  fgetattr: true,
  flush: true,
  fsync: true,
  fsyncdir: true,
  readdir: true,
  truncate: true,
  ftruncate: true,
  utimens: true,
  readlink: true,
  chown: true,
  chmod: true,
  mknod: true,
  setxattr: true,
  getxattr: true,
  listxattr: true,
  removexattr: true,
  open: true,
  opendir: true,
  read: true,
  write: true,
  release: true,
  releasedir: true,
  create: true,
  unlink: true,
  rename: true,
  link: true,
  symlink: true,
  mkdir: true,
  rmdir: true,
}

/** The names of all callbacks. */
export const HANDLER_NAMES = Object.keys(NAMES) as readonly HandlerName[]
