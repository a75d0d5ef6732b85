import { constants } from 'node:os'
import { FUSE_SETXATTR_ACL_KILL_SGID, type LowLevelOps, nameOf } from '../../lib/index.ts'
import type { Credentials } from './credentials.ts'
import type { Inodes } from './inodes.ts'
import { check } from './system.ts'
import { Xattrs } from './xattrs.ts'

const { ENODATA } = constants.errno
/** XATTR_SIZE_MAX and XATTR_LIST_MAX. */
const MOST = 65_536
/** Only shown to whoever may use it. */
const TRUSTED = 'trusted.'

/** Names, each with a NUL behind it, without those that only root sees. */
function visible(names: Buffer, uid: number): Buffer | string[] {
  if (uid === 0 || !names.includes(TRUSTED)) return names
  const all = names.toString('latin1').split('\0').slice(0, -1)
  const shown = all.filter((name) => !name.startsWith(TRUSTED))
  return shown.map((name) => nameOf(Buffer.from(name, 'latin1')))
}

/** Handlers of extended attributes. */
export function xattrHandlers(inodes: Inodes, credentials: Credentials) {
  const xattrs = new Xattrs(inodes.lower)
  // One is enough where each answer is sent in the turn in which it is made.
  const buffer = Buffer.alloc(MOST)

  return {
    getxattr(_req, nodeid, _args, name) {
      const length = xattrs.get(inodes.fd(inodes.get(nodeid)), name, buffer)
      return length === -ENODATA ? null : buffer.subarray(0, check(length))
    },

    listxattr(req, nodeid) {
      const length = check(xattrs.list(inodes.fd(inodes.get(nodeid)), buffer))
      return visible(buffer.subarray(0, length), req.uid)
    },

    setxattr(req, nodeid, { flags, setxattr_flags }, name, value) {
      const fd = inodes.fd(inodes.get(nodeid))
      const call = () => xattrs.set(fd, name, value, flags)
      const kill = (setxattr_flags & FUSE_SETXATTR_ACL_KILL_SGID) !== 0
      check(kill ? credentials.as(req, call) : call())
    },

    removexattr(_req, nodeid, name) {
      check(xattrs.remove(inodes.fd(inodes.get(nodeid)), name))
    },
  } satisfies LowLevelOps
}
