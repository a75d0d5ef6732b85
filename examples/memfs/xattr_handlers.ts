import { FUSE_SETXATTR_ACL_KILL_SGID, type LowLevelOps } from '../../lib/index.ts'
import { S_ISGID } from './mode.ts'
import type { Volume } from './volume.ts'
import { getXattr, listXattrs, removeXattr, setXattr } from './xattr.ts'

/** Handlers of extended attributes. */
export const xattrHandlers = (volume: Volume) =>
  ({
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
  }) satisfies LowLevelOps
