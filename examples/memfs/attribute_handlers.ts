import { constants } from 'node:fs'
import { errno, type LowLevelOps } from '../../lib/index.ts'
import type { Answers } from './answers.ts'
import { PAGE } from './chunk.ts'
import { isRegular } from './mode.ts'
import { NAME_MAX } from './name_handlers.ts'
import { setAttributes } from './setattr.ts'
import { statxOf } from './statx.ts'
import type { Volume } from './volume.ts'

const { X_OK } = constants
const ANY_EXECUTE = 0o111

/** Handlers about what stat(2) and statfs(2) show. */
export const attributeHandlers = (volume: Volume, answers: Answers) =>
  ({
    getattr: (_req, nodeid) => answers.attr(volume.inode(nodeid)),

    statx: (_req, nodeid) => answers.statx(statxOf(volume.inode(nodeid))),

    setattr(req, nodeid, args) {
      const inode = volume.inode(nodeid)
      setAttributes(volume, inode, args, req)
      return answers.attr(inode)
    },

    // Asked where the kernel does not check modes itself. Then only root gets in, whom they stop
    // from nothing but this.
    access(_req, nodeid, { mask }) {
      const { mode } = volume.inode(nodeid).attr
      const execute = (mask & X_OK) !== 0 && isRegular(mode)
      if (execute && (mode & ANY_EXECUTE) === 0) throw errno('EACCES')
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
