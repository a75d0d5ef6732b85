import type { DirentPlusWriter, DirentWriter } from '../protocol/dirent.ts'
import type { InferIn, NodeId } from '../protocol/layout.ts'
import type { Bytes } from '../protocol/reply.ts'
import type * as s from '../protocol/structs.ts'
import type { FuseRequest } from './context.ts'
import type { FdRange } from './fd_range.ts'
import type { Connection } from './init.ts'

/** What a handler may return: the answer, or a promise of it. */
export type Answer<T> = T | Promise<T>

export type EntryOut = InferIn<typeof s.fuse_entry_out>
export type AttrOut = InferIn<typeof s.fuse_attr_out>
export type OpendirOut = InferIn<typeof s.fuse_open_out>
/** READ: bytes, several pieces of them, or a range of an open file (`fdRange`). */
export type ReadAnswer = Bytes | FdRange

/** OPEN, and as a part CREATE and TMPFILE. */
export interface OpenOut extends OpendirOut {
  /**
   * With FUSE_CAP_PASSTHROUGH: an open descriptor of the file that the data is in. The kernel then
   * reads, writes and maps that file, and asks for neither READ nor WRITE. It may be closed once the
   * answer was given. See the README for when it is not: `read` and `write` must work too.
   */
  readonly backing?: number | undefined
}
export type StatfsOut = InferIn<typeof s.fuse_statfs_out>
export type StatxOut = InferIn<typeof s.fuse_statx_out>
export type LkOut = InferIn<typeof s.fuse_lk_out>
export type IoctlOut = InferIn<typeof s.fuse_ioctl_out>

/** CREATE and TMPFILE answer an entry and an open file. */
export interface CreateOut {
  readonly entry: EntryOut
  readonly open: OpenOut
}

/** IOCTL: the result of ioctl(2) and the bytes for the caller. */
export interface IoctlResult {
  readonly result: number
  readonly data?: Bytes
}

/** IOCTL: call again with this memory of the caller mapped in (FUSE_IOCTL_RETRY; unrestricted only). */
export interface IoctlRetry {
  readonly retry: {
    readonly in: readonly s.fuse_ioctl_iovec[]
    readonly out: readonly s.fuse_ioctl_iovec[]
  }
}

export type IoctlReply = IoctlResult | IoctlRetry

/**
 * A file system on inodes: libfuse's `fuse_lowlevel_ops`. Every method may be absent: then the
 * kernel gets ENOSYS, and the capability that depends on it is not asked for.
 *
 * A method gets the request, the nodeid it is about, then the wire struct, names and payload in
 * wire order. It returns the answer or a promise of it, or throws: `errno('ENOENT')`, an error of
 * `node:fs`, anything with an `errno` or `code`. Anything else is reported and becomes EIO.
 *
 * Names are strings that lose no byte (`nameBytes`). Payloads (`data`) are views of the message and
 * valid until the handler settles.
 *
 * Lookup counts: a successful lookup, mknod, mkdir, symlink, link, create, tmpfile and each
 * readdirplus entry with a nodeid takes one reference on the inode; `forget` gives back. Where a
 * reply does not reach the kernel any more, the session calls `forget` and `release` itself.
 */
export interface LowLevelOps {
  /** The mount is agreed on and about to be usable. Throwing refuses it: the mount rejects. */
  init?(connection: Connection): Answer<void>

  /** The session has ended; nothing is called after it. Not called where `init` failed. */
  destroy?(): Answer<void>

  /**
   * Find a name in a directory.
   *
   * Return the entry; null (or throw ENOENT) where there is none, `negative(seconds)` to let the
   * kernel remember that. With FUSE_EXPORT_SUPPORT, "." and ".." are asked for too.
   *
   * Throws ENOENT, EACCES, ENOTDIR, EIO. Wire: FUSE_LOOKUP, a name; fuse_entry_out.
   */
  lookup?(req: FuseRequest, parent: NodeId, name: string): Answer<EntryOut | null>

  /**
   * The kernel gives back `args.nlookup` references on an inode; at 0 its nodeid may be reused
   * (with another generation). Not answered; what it returns or throws changes nothing.
   * The root is never forgotten to 0, and at unmount nothing need be forgotten.
   *
   * Wire: FUSE_FORGET, fuse_forget_in.
   */
  forget?(req: FuseRequest, nodeid: NodeId, args: s.fuse_forget_in): void

  /**
   * Several `forget` at once. Absent: `forget` is called for each.
   *
   * Wire: FUSE_BATCH_FORGET, fuse_batch_forget_in and `count` of fuse_forget_one. Since 7.16.
   */
  batch_forget?(
    req: FuseRequest,
    nodeid: NodeId,
    args: s.fuse_batch_forget_in,
    forgets: readonly s.fuse_forget_one[],
  ): void

  /**
   * Attributes of an inode. `args.fh` counts where `args.getattr_flags` has FUSE_GETATTR_FH.
   *
   * Throws ENOENT, ESTALE, EIO. Wire: FUSE_GETATTR, fuse_getattr_in (7.9); fuse_attr_out.
   */
  getattr?(req: FuseRequest, nodeid: NodeId, args: s.fuse_getattr_in): Answer<AttrOut>

  /**
   * Change those attributes that `args.valid` names (FATTR_*): chmod, chown, truncate, utimes.
   * FATTR_KILL_SUIDGID asks to drop set-user-id and set-group-id.
   *
   * Throws EPERM, EROFS, ENOSPC, EFBIG, EIO. Wire: FUSE_SETATTR, fuse_setattr_in; fuse_attr_out.
   */
  setattr?(req: FuseRequest, nodeid: NodeId, args: s.fuse_setattr_in): Answer<AttrOut>

  /**
   * The target of a symbolic link: a name, or its bytes; shorter than a page.
   *
   * Throws EINVAL, EIO. Wire: FUSE_READLINK; the bytes, without NUL.
   */
  readlink?(req: FuseRequest, nodeid: NodeId): Answer<string | Uint8Array>

  /**
   * Make a symbolic link `name` that points to `target`.
   *
   * Throws EEXIST, ENOSPC, EROFS. Wire: FUSE_SYMLINK, two names; fuse_entry_out.
   */
  symlink?(req: FuseRequest, parent: NodeId, name: string, target: string): Answer<EntryOut>

  /**
   * Make a file that is not a directory: regular, FIFO, socket or device (`args.rdev`, see
   * `makedev`). `args.mode` has the umask applied unless FUSE_DONT_MASK was agreed.
   *
   * Throws EEXIST, ENOSPC, EPERM, EROFS. Wire: FUSE_MKNOD, fuse_mknod_in, a name; fuse_entry_out.
   */
  mknod?(req: FuseRequest, parent: NodeId, args: s.fuse_mknod_in, name: string): Answer<EntryOut>

  /**
   * Make a directory. `args.mode` has no type bits.
   *
   * Throws EEXIST, ENOSPC, EMLINK, EROFS. Wire: FUSE_MKDIR, fuse_mkdir_in, a name; fuse_entry_out.
   */
  mkdir?(req: FuseRequest, parent: NodeId, args: s.fuse_mkdir_in, name: string): Answer<EntryOut>

  /**
   * Remove a name that is not a directory. The inode lives on while it is looked up or open.
   *
   * Throws ENOENT, EPERM, EBUSY, EROFS. Wire: FUSE_UNLINK, a name.
   */
  unlink?(req: FuseRequest, parent: NodeId, name: string): Answer<void>

  /**
   * Remove an empty directory.
   *
   * Throws ENOENT, ENOTEMPTY, ENOTDIR, EBUSY, EROFS. Wire: FUSE_RMDIR, a name.
   */
  rmdir?(req: FuseRequest, parent: NodeId, name: string): Answer<void>

  /**
   * Rename without flags. Absent: `rename2` is called with flags 0.
   *
   * Throws ENOENT, EEXIST, ENOTEMPTY, EISDIR, ENOTDIR, EXDEV. Wire: FUSE_RENAME, fuse_rename_in, two names.
   */
  rename?(
    req: FuseRequest,
    parent: NodeId,
    args: s.fuse_rename_in,
    name: string,
    newname: string,
  ): Answer<void>

  /**
   * Rename with flags: RENAME_NOREPLACE 1, RENAME_EXCHANGE 2, RENAME_WHITEOUT 4.
   *
   * Throws as `rename`, EINVAL for a flag that is not supported. The kernel remembers ENOSYS as EINVAL.
   * Wire: FUSE_RENAME2, fuse_rename2_in, two names. Since 7.23.
   */
  rename2?(
    req: FuseRequest,
    parent: NodeId,
    args: s.fuse_rename2_in,
    name: string,
    newname: string,
  ): Answer<void>

  /**
   * Give inode `args.oldnodeid` the name `name` in `parent`.
   *
   * Throws EEXIST, EMLINK, EPERM, ENOSPC. The kernel remembers ENOSYS as EPERM.
   * Wire: FUSE_LINK, fuse_link_in, a name; fuse_entry_out.
   */
  link?(req: FuseRequest, parent: NodeId, args: s.fuse_link_in, name: string): Answer<EntryOut>

  /**
   * Open a file. `args.flags` are open(2)'s without O_CREAT, O_EXCL and O_NOCTTY; O_TRUNC comes only
   * with FUSE_ATOMIC_O_TRUNC, and with FUSE_OPEN_KILL_SUIDGID in `args.open_flags` the set-id bits go.
   * Return a handle and FOPEN_* flags, and where the kernel is to read and write a file itself, `backing`.
   * Every answer gets one `release`.
   *
   * Throws EACCES, EROFS, ENXIO, ENFILE. ENOSYS: with FUSE_NO_OPEN_SUPPORT the kernel never asks again
   * and uses handle 0. Wire: FUSE_OPEN, fuse_open_in; fuse_open_out.
   */
  open?(req: FuseRequest, nodeid: NodeId, args: s.fuse_open_in): Answer<OpenOut>

  /**
   * Read from an open file.
   *
   * Return up to `args.size` bytes starting at byte `args.offset`; fewer means end of file
   * (with FOPEN_DIRECT_IO: a short read). The arrays are sent as they are: do not reuse them
   * before the returned promise settles. `fdRange(fd, offset, length)` sends from an open file,
   * without the detour through JavaScript.
   *
   * Throws EIO, EBADF, EISDIR. The kernel does not remember ENOSYS for READ.
   * Wire: FUSE_READ, fuse_read_in. lock_owner since 7.9.
   */
  read?(req: FuseRequest, nodeid: NodeId, args: s.fuse_read_in): Answer<ReadAnswer>

  /**
   * Write `data` (`args.size` bytes) at byte `args.offset`; answer how many were written.
   * FUSE_WRITE_CACHE: from the page cache, `fh` is any writable handle of the inode and `pid` 0.
   * FUSE_WRITE_KILL_SUIDGID asks to drop the set-id bits. `writeTo(data, fd, offset)` writes it to a
   * file.
   *
   * Throws ENOSPC, EFBIG, EIO. Wire: FUSE_WRITE, fuse_write_in, data; fuse_write_out.
   */
  write?(
    req: FuseRequest,
    nodeid: NodeId,
    args: s.fuse_write_in,
    data: Uint8Array,
  ): Answer<InferIn<typeof s.fuse_write_out>>

  /**
   * A descriptor of the file was closed: once for each close(2), also of duplicates. What it throws
   * is what close(2) answers. POSIX locks of `args.lock_owner` go.
   *
   * The kernel remembers ENOSYS as success. Wire: FUSE_FLUSH, fuse_flush_in.
   */
  flush?(req: FuseRequest, nodeid: NodeId, args: s.fuse_flush_in): Answer<void>

  /**
   * The last descriptor of an open file is gone: once for each `open` or `create`. The caller does
   * not wait for it and sees no error. FUSE_RELEASE_FLOCK_UNLOCK: flock locks of `lock_owner` go.
   *
   * Wire: FUSE_RELEASE, fuse_release_in.
   */
  release?(req: FuseRequest, nodeid: NodeId, args: s.fuse_release_in): Answer<void>

  /**
   * Put a file on stable storage; only its data with FUSE_FSYNC_FDATASYNC in `args.fsync_flags`.
   *
   * The kernel remembers ENOSYS as success. Wire: FUSE_FSYNC, fuse_fsync_in.
   */
  fsync?(req: FuseRequest, nodeid: NodeId, args: s.fuse_fsync_in): Answer<void>

  /**
   * Open a directory. FOPEN_CACHE_DIR lets the kernel keep the listing, FOPEN_KEEP_CACHE what it has.
   *
   * ENOSYS: with FUSE_NO_OPENDIR_SUPPORT the kernel never asks again. Wire: FUSE_OPENDIR, fuse_open_in.
   */
  opendir?(req: FuseRequest, nodeid: NodeId, args: s.fuse_open_in): Answer<OpendirOut>

  /**
   * List a directory: entries after the cookie `args.offset` (0n: from the start), packed by a
   * `DirentWriter(args.size)`; an empty one is the end. "." and ".." are entries like others.
   *
   * Throws EBADF, ENOTDIR, EIO. Wire: FUSE_READDIR, fuse_read_in; fuse_dirent records.
   */
  readdir?(
    req: FuseRequest,
    nodeid: NodeId,
    args: s.fuse_readdir_in,
  ): Answer<DirentWriter | Uint8Array>

  /**
   * List a directory with attributes: each entry with a nodeid counts as a lookup. An entry that
   * vanished meanwhile must be left out: ENOENT would end the listing.
   *
   * Wire: FUSE_READDIRPLUS, fuse_read_in; fuse_direntplus records. Since 7.21.
   */
  readdirplus?(
    req: FuseRequest,
    nodeid: NodeId,
    args: s.fuse_readdir_in,
  ): Answer<DirentPlusWriter | Uint8Array>

  /** Close a directory: once for each `opendir`. Wire: FUSE_RELEASEDIR, fuse_release_in. */
  releasedir?(req: FuseRequest, nodeid: NodeId, args: s.fuse_release_in): Answer<void>

  /** fsync(2) of a directory. ENOSYS is remembered as success. Wire: FUSE_FSYNCDIR, fuse_fsync_in. */
  fsyncdir?(req: FuseRequest, nodeid: NodeId, args: s.fuse_fsync_in): Answer<void>

  /** Figures of the file system for statfs(2). Wire: FUSE_STATFS; fuse_statfs_out. */
  statfs?(req: FuseRequest, nodeid: NodeId): Answer<StatfsOut>

  /**
   * Set an extended attribute. `args.flags`: XATTR_CREATE 1, XATTR_REPLACE 2.
   * FUSE_SETXATTR_ACL_KILL_SGID in `args.setxattr_flags` (with FUSE_SETXATTR_EXT) drops set-group-id.
   *
   * Throws EEXIST, ENODATA, ENOSPC, ENOTSUP. The kernel remembers ENOSYS as EOPNOTSUPP.
   * Wire: FUSE_SETXATTR, fuse_setxattr_in, a name, the value.
   */
  setxattr?(
    req: FuseRequest,
    nodeid: NodeId,
    args: s.fuse_setxattr_in,
    name: string,
    value: Uint8Array,
  ): Answer<void>

  /**
   * The value of an extended attribute, whole: the session answers the size where the caller asks
   * for it (`args.size` 0) and ERANGE where it does not fit.
   *
   * null means ENODATA, as throwing it does, but costs nothing: the kernel asks for
   * security.capability before the first write to each file.
   *
   * Throws ENODATA, ENOTSUP. The kernel remembers ENOSYS as EOPNOTSUPP.
   * Wire: FUSE_GETXATTR, fuse_getxattr_in, a name; the value or fuse_getxattr_out.
   */
  getxattr?(
    req: FuseRequest,
    nodeid: NodeId,
    args: s.fuse_getxattr_in,
    name: string,
  ): Answer<Uint8Array | null>

  /**
   * The names of all extended attributes, as names or as bytes that each end with NUL.
   * Size and ERANGE as in `getxattr`.
   *
   * Wire: FUSE_LISTXATTR, fuse_getxattr_in; the names or fuse_getxattr_out.
   */
  listxattr?(
    req: FuseRequest,
    nodeid: NodeId,
    args: s.fuse_getxattr_in,
  ): Answer<readonly string[] | Uint8Array>

  /** Remove an extended attribute. Throws ENODATA. Wire: FUSE_REMOVEXATTR, a name. */
  removexattr?(req: FuseRequest, nodeid: NodeId, name: string): Answer<void>

  /**
   * access(2) and chdir(2): may the caller `args.mask` (R_OK 4, W_OK 2, X_OK 1, F_OK 0)?
   * Not asked with default_permissions. The kernel remembers ENOSYS as success.
   *
   * Throws EACCES. Wire: FUSE_ACCESS, fuse_access_in.
   */
  access?(req: FuseRequest, nodeid: NodeId, args: s.fuse_access_in): Answer<void>

  /**
   * Make and open a file in one. The kernel remembers ENOSYS and uses `mknod` and `open`.
   *
   * Throws EEXIST, ENOSPC, EROFS. Wire: FUSE_CREATE, fuse_create_in, a name; fuse_entry_out and fuse_open_out.
   */
  create?(req: FuseRequest, parent: NodeId, args: s.fuse_create_in, name: string): Answer<CreateOut>

  /**
   * Make and open a file without a name (O_TMPFILE); the name that comes with it means nothing.
   *
   * The kernel remembers ENOSYS as EOPNOTSUPP. Wire: FUSE_TMPFILE, fuse_create_in, a name. Since 7.37.
   */
  tmpfile?(
    req: FuseRequest,
    parent: NodeId,
    args: s.fuse_create_in,
    name: string,
  ): Answer<CreateOut>

  /**
   * The first lock that stands against `args.lk`; type F_UNLCK where there is none.
   * Asked with FUSE_POSIX_LOCKS. Wire: FUSE_GETLK, fuse_lk_in; fuse_lk_out.
   */
  getlk?(req: FuseRequest, nodeid: NodeId, args: s.fuse_lk_in): Answer<LkOut>

  /**
   * Set or drop a lock without waiting: POSIX, or flock(2) with FUSE_LK_FLOCK in `args.lk_flags`.
   *
   * Throws EAGAIN, ENOLCK. Wire: FUSE_SETLK, fuse_lk_in.
   */
  setlk?(req: FuseRequest, nodeid: NodeId, args: s.fuse_lk_in): Answer<void>

  /**
   * Set a lock, wait for it. Watch `req.signal`: an interrupted caller is to get EINTR.
   *
   * Throws EINTR, EDEADLK, ENOLCK. The kernel does not remember ENOSYS. Wire: FUSE_SETLKW, fuse_lk_in.
   */
  setlkw?(req: FuseRequest, nodeid: NodeId, args: s.fuse_lk_in): Answer<void>

  /** The device block of a file's block; fuseblk only. Wire: FUSE_BMAP, fuse_bmap_in; fuse_bmap_out. */
  bmap?(
    req: FuseRequest,
    nodeid: NodeId,
    args: s.fuse_bmap_in,
  ): Answer<InferIn<typeof s.fuse_bmap_out>>

  /**
   * ioctl(2). `data` is the caller's memory as `args.cmd` describes it (`args.in_size` bytes); answer
   * at most `args.out_size` bytes. FUSE_IOCTL_DIR: on a directory.
   *
   * Throws ENOTTY, EINVAL. ENOSYS reads as ENOTTY. Wire: FUSE_IOCTL, fuse_ioctl_in, data; fuse_ioctl_out, data.
   */
  ioctl?(
    req: FuseRequest,
    nodeid: NodeId,
    args: s.fuse_ioctl_in,
    data: Uint8Array,
  ): Answer<IoctlReply>

  /**
   * poll(2): which of `args.events` are true now. With FUSE_POLL_SCHEDULE_NOTIFY in `args.flags`, keep
   * `args.kh` and call `session.notify.poll(kh)` once when that changes.
   *
   * The kernel remembers ENOSYS as "always ready". Wire: FUSE_POLL, fuse_poll_in; fuse_poll_out.
   */
  poll?(
    req: FuseRequest,
    nodeid: NodeId,
    args: s.fuse_poll_in,
  ): Answer<InferIn<typeof s.fuse_poll_out>>

  /**
   * Allocate, punch, zero or collapse (`args.mode`: FALLOC_FL_*).
   *
   * Throws EOPNOTSUPP, ENOSPC, EFBIG. The kernel remembers ENOSYS as EOPNOTSUPP.
   * Wire: FUSE_FALLOCATE, fuse_fallocate_in. Since 7.19.
   */
  fallocate?(req: FuseRequest, nodeid: NodeId, args: s.fuse_fallocate_in): Answer<void>

  /**
   * Find data (SEEK_DATA 3) or a hole (SEEK_HOLE 4) from `args.offset` on.
   *
   * Throws ENXIO. The kernel remembers ENOSYS. Wire: FUSE_LSEEK, fuse_lseek_in; fuse_lseek_out. Since 7.24.
   */
  lseek?(
    req: FuseRequest,
    nodeid: NodeId,
    args: s.fuse_lseek_in,
  ): Answer<InferIn<typeof s.fuse_lseek_out>>

  /**
   * Copy between two files of this file system; answer the bytes copied (32 bits).
   *
   * The kernel remembers ENOSYS as EOPNOTSUPP and copies through the page cache.
   * Wire: FUSE_COPY_FILE_RANGE, fuse_copy_file_range_in; fuse_write_out. Since 7.28.
   */
  copy_file_range?(
    req: FuseRequest,
    nodeid: NodeId,
    args: s.fuse_copy_file_range_in,
  ): Answer<InferIn<typeof s.fuse_write_out>>

  /**
   * The same with a 64-bit answer. The kernel remembers ENOSYS and uses `copy_file_range`.
   *
   * Wire: FUSE_COPY_FILE_RANGE_64, fuse_copy_file_range_in; fuse_copy_file_range_out. Since 7.45.
   */
  copy_file_range_64?(
    req: FuseRequest,
    nodeid: NodeId,
    args: s.fuse_copy_file_range_in,
  ): Answer<InferIn<typeof s.fuse_copy_file_range_out>>

  /** Map a range for DAX; virtiofs only. Wire: FUSE_SETUPMAPPING, fuse_setupmapping_in. Since 7.31. */
  setupmapping?(req: FuseRequest, nodeid: NodeId, args: s.fuse_setupmapping_in): Answer<void>

  /** Undo mappings; virtiofs only. Wire: FUSE_REMOVEMAPPING, fuse_removemapping_in, records. Since 7.31. */
  removemapping?(
    req: FuseRequest,
    nodeid: NodeId,
    args: s.fuse_removemapping_in,
    ranges: readonly s.fuse_removemapping_one[],
  ): Answer<void>

  /** syncfs(2); fuseblk and virtiofs only. ENOSYS is remembered as success. Wire: FUSE_SYNCFS. Since 7.34. */
  syncfs?(req: FuseRequest, nodeid: NodeId, args: s.fuse_syncfs_in): Answer<void>

  /**
   * statx(2), for the time of birth. The kernel remembers ENOSYS and uses `getattr`.
   *
   * Wire: FUSE_STATX, fuse_statx_in; fuse_statx_out. Since 7.39.
   */
  statx?(req: FuseRequest, nodeid: NodeId, args: s.fuse_statx_in): Answer<StatxOut>
}

/** The name of a method that answers requests. */
export type OperationName = Exclude<keyof LowLevelOps, 'init' | 'destroy'>
