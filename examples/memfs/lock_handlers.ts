import type { LowLevelOps } from '../../lib/index.ts'
import type { LockKeeper } from './lock_keeper.ts'
import type { Volume } from './volume.ts'

/** Handlers of fcntl(2) and flock(2) locks. */
export const lockHandlers = (volume: Volume, locks: LockKeeper) =>
  ({
    getlk: (_req, nodeid, args) => locks.get(volume.inode(nodeid), args),

    setlk(_req, nodeid, args) {
      locks.set(volume.inode(nodeid), args)
    },

    setlkw: (req, nodeid, args) => locks.wait(volume.inode(nodeid), args, req),
  }) satisfies LowLevelOps
