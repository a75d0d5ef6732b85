import type { LowLevelOps } from '../../lib/index.ts'
import type { Inodes } from './inodes.ts'
import type { LowerLocks } from './lower_locks.ts'

/** Handlers of fcntl(2) and flock(2) locks: asked for those kinds only that are not the kernel's own. */
export const lockHandlers = (inodes: Inodes, locks: LowerLocks) =>
  ({
    getlk: (_req, nodeid, args) => locks.get(inodes.get(nodeid), args),

    setlk(_req, nodeid, args) {
      locks.set(inodes.get(nodeid), args)
    },

    setlkw: (req, nodeid, args) => locks.wait(inodes.get(nodeid), args, () => req.signal),
  }) satisfies LowLevelOps
