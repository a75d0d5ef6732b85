import {
  errno,
  FATTR_ATIME,
  FATTR_ATIME_NOW,
  FATTR_CTIME,
  FATTR_GID,
  FATTR_KILL_SUIDGID,
  FATTR_MODE,
  FATTR_MTIME,
  FATTR_MTIME_NOW,
  FATTR_SIZE,
  FATTR_UID,
  type fuse_setattr_in,
} from '../../lib/index.ts'
import { chmodAcl } from './acl.ts'
import type { Timestamp } from './clock.ts'
import type { Inode, Owner } from './inode.ts'
import { PERMISSIONS } from './mode.ts'
import { dropPrivileges, dropPrivilegesOnChown } from './permissions.ts'
import { RegularFile } from './regular_file.ts'
import type { Volume } from './volume.ts'

const CHANGES =
  FATTR_MODE | FATTR_UID | FATTR_GID | FATTR_SIZE | FATTR_ATIME | FATTR_MTIME | FATTR_CTIME

/**
 * chmod, chown, truncate and utimes: what `args.valid` names.
 * Throws EFBIG, EINVAL for the size of what has none; then nothing has changed.
 */
export function setAttributes(
  volume: Volume,
  inode: Inode,
  args: fuse_setattr_in,
  caller: Owner,
): void {
  const { valid } = args
  if ((valid & FATTR_SIZE) !== 0) setSize(inode, args.size)
  // Nothing to change: how the kernel says that the file is written to by fallocate(2) or
  // copy_file_range(2), or that chown(2) was called for neither owner nor group.
  if ((valid & FATTR_KILL_SUIDGID) !== 0 || (valid & CHANGES) === 0)
    dropPrivileges(volume.space, inode)
  if ((valid & (FATTR_UID | FATTR_GID)) !== 0) {
    dropPrivilegesOnChown(volume.space, inode, caller)
    if ((valid & FATTR_UID) !== 0) inode.attr.uid = args.uid
    if ((valid & FATTR_GID) !== 0) inode.attr.gid = args.gid
  }
  if ((valid & FATTR_MODE) !== 0) {
    inode.attr.mode = (inode.attr.mode & ~PERMISSIONS) | (args.mode & PERMISSIONS)
    chmodAcl(volume.space, inode)
  }
  setTimes(inode, args, volume.now())
}

function setSize(inode: Inode, size: number): void {
  if (!(inode instanceof RegularFile)) throw errno('EINVAL')
  inode.data.truncate(size)
}

/** `now` for whatever is not said otherwise: a new size changes mtime, everything changes ctime. */
function setTimes(inode: Inode, args: fuse_setattr_in, now: Timestamp): void {
  const { valid } = args
  const { attr } = inode
  if ((valid & FATTR_SIZE) !== 0) inode.modified(now)
  else inode.changed(now)
  if ((valid & FATTR_ATIME) !== 0) {
    const explicit = (valid & FATTR_ATIME_NOW) === 0
    attr.atime = explicit ? args.atime : now.seconds
    attr.atimensec = explicit ? args.atimensec : now.nanoseconds
  }
  if ((valid & FATTR_MTIME) !== 0) {
    const explicit = (valid & FATTR_MTIME_NOW) === 0
    attr.mtime = explicit ? args.mtime : now.seconds
    attr.mtimensec = explicit ? args.mtimensec : now.nanoseconds
  }
  // The kernel knows it where it keeps the times itself (FUSE_CAP_WRITEBACK_CACHE).
  if ((valid & FATTR_CTIME) !== 0) {
    attr.ctime = args.ctime
    attr.ctimensec = args.ctimensec
  }
}
