import { chmodSync } from 'node:fs'
import { constants } from 'node:os'
import {
  errno,
  FATTR_ATIME,
  FATTR_ATIME_NOW,
  FATTR_FH,
  FATTR_GID,
  FATTR_KILL_SUIDGID,
  FATTR_MODE,
  FATTR_MTIME,
  FATTR_MTIME_NOW,
  FATTR_SIZE,
  FATTR_UID,
  type FuseRequest,
  type fuse_setattr_in,
} from '../../lib/index.ts'
import { AT_EMPTY_PATH, posix, UTIME_NOW, UTIME_OMIT } from '../../lib/posix.ts'
import type { Credentials } from './credentials.ts'
import type { Inodes } from './inodes.ts'
import { PERMISSIONS, S_IFLNK } from './mode.ts'
import type { Node } from './node.ts'
import { check, O_NONBLOCK, O_WRONLY } from './system.ts'

const { ENOSYS } = constants.errno
const SAME = 0xffff_ffff
const CHANGES = FATTR_MODE | FATTR_UID | FATTR_GID | FATTR_SIZE | FATTR_ATIME | FATTR_MTIME

/** chmod, chown, truncate and utimes: what `args.valid` names. Throws what the first of them says. */
export function setAttributes(
  inodes: Inodes,
  credentials: Credentials,
  node: Node,
  args: fuse_setattr_in,
  req: FuseRequest,
): void {
  const { valid } = args
  if ((valid & FATTR_SIZE) !== 0) truncate(inodes, credentials, node, args, req)
  // Nothing to change: how the kernel says that the file is written to by fallocate(2) or
  // copy_file_range(2), or that chown(2) was called for neither owner nor group.
  if ((valid & (FATTR_UID | FATTR_GID)) !== 0 || (valid & CHANGES) === 0)
    chown(inodes.fd(node), credentials, args, req)
  if ((valid & FATTR_MODE) !== 0) chmod(inodes.fd(node), node, args.mode & PERMISSIONS)
  if ((valid & (FATTR_ATIME | FATTR_MTIME)) !== 0) setTimes(inodes.fd(node), args)
}

function truncate(
  inodes: Inodes,
  credentials: Credentials,
  node: Node,
  { valid, fh, size }: fuse_setattr_in,
  req: FuseRequest,
): void {
  const open = (valid & FATTR_FH) !== 0
  const fd = open ? fh : inodes.open(node, O_WRONLY | O_NONBLOCK)
  const kill = (valid & FATTR_KILL_SUIDGID) !== 0
  try {
    const call = () => posix.ftruncate(fd, size)
    check(kill ? credentials.as(req, call) : call())
  } finally {
    if (!open) posix.close(fd)
  }
}

/** It takes set-user-id and set-group-id away, and for the latter it matters who does it. */
function chown(
  fd: number,
  credentials: Credentials,
  { valid, uid, gid }: fuse_setattr_in,
  req: FuseRequest,
): void {
  const owner = (valid & FATTR_UID) !== 0 ? uid : SAME
  const group = (valid & FATTR_GID) !== 0 ? gid : SAME
  check(credentials.as(req, () => posix.fchownat(fd, '', owner, group, AT_EMPTY_PATH)))
}

function chmod(fd: number, node: Node, mode: number): void {
  const result = posix.fchmodat2(fd, '', mode, AT_EMPTY_PATH)
  if (result !== -ENOSYS) {
    check(result)
    return
  }
  if (node.type === S_IFLNK) throw errno('EOPNOTSUPP')
  chmodSync(`/proc/self/fd/${fd}`, mode)
}

/** Times that the caller names, or the lower file system's own now. */
function setTimes(fd: number, args: fuse_setattr_in): void {
  const { valid, atime, atimensec, mtime, mtimensec } = args
  const nanoseconds = (set: number, now: number, nsec: number): number => {
    if ((valid & set) === 0) return UTIME_OMIT
    return (valid & now) === 0 ? nsec : UTIME_NOW
  }
  const atimeNsec = nanoseconds(FATTR_ATIME, FATTR_ATIME_NOW, atimensec)
  const mtimeNsec = nanoseconds(FATTR_MTIME, FATTR_MTIME_NOW, mtimensec)
  check(posix.utimensat(fd, '', atime, atimeNsec, mtime, mtimeNsec, AT_EMPTY_PATH))
}
