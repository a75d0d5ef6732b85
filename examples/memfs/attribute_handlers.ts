import { FUSE_SETXATTR_ACL_KILL_SGID, type LowLevelOps } from '../../lib/index.ts'
import type { Answers } from './answers.ts'
import { PAGE } from './chunk.ts'
import { S_ISGID } from './mode.ts'
import { NAME_MAX } from './name_handlers.ts'
import { setAttributes } from './setattr.ts'
import { statxOf } from './statx.ts'
import type { Volume } from './volume.ts'
import { getXattr, listXattrs, removeXattr, setXattr } from './xattr.ts'

/** Handlers about what is known of an inode, and of the file system. */
export const attributeHandlers = (volume: Volume, answers: Answers) =>
  ({
    getattr: (_req, nodeid) => answers.attr(volume.inode(nodeid)),

    statx: (_req, nodeid) => answers.statx(statxOf(volume.inode(nodeid))),

    setattr(req, nodeid, args) {
      const inode = volume.inode(nodeid)
      setAttributes(volume, inode, args, req)
      return answers.attr(inode)
    },

    getxattr: (_req, nodeid, _args, name) => getXattr(volume.inode(nodeid), name),

    listxattr: (req, nodeid) => listXattrs(volume.inode(nodeid), req.uid),

    setxattr(_req, nodeid, { flags, setxattr_flags }, name, value) {
      const inode = volume.inode(nodeid)
      setXattr(volume.space, inode, name, value, flags)
      if ((setxattr_flags & FUSE_SETXATTR_ACL_KILL_SGID) !== 0) inode.attr.mode &= ~S_ISGID
      inode.changed(volume.now())
    },

    removexattr(_req, nodeid, name) {
      const inode = volume.inode(nodeid)
      removeXattr(volume.space, inode, name)
      inode.changed(volume.now())
    },

    statfs() {
      const { bytes, freeBytes, inodes, usedInodes } = volume.space
      const blocks = Math.floor(bytes / PAGE)
      const free = Math.floor(freeBytes / PAGE)
      const files = { files: inodes, ffree: inodes - usedInodes }
      const sizes = { bsize: PAGE, frsize: PAGE, namelen: NAME_MAX }
      return { st: { blocks, bfree: free, bavail: free, ...files, ...sizes } }
    },
  }) satisfies LowLevelOps
