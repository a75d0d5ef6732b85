import type { CapabilityName, LowLevelOps, MountedSession, Wish } from '../../lib/index.ts'
import { Answers } from './answers.ts'
import { attributeHandlers } from './attribute_handlers.ts'
import { Credentials } from './credentials.ts'
import { directoryHandlers } from './directory_handlers.ts'
import { fileHandlers } from './file_handlers.ts'
import { InodeNumbers } from './inode_numbers.ts'
import { Inodes } from './inodes.ts'
import { lockHandlers } from './lock_handlers.ts'
import type { Lower } from './lower.ts'
import { LowerLocks } from './lower_locks.ts'
import { nameHandlers } from './name_handlers.ts'
import { Opening } from './opening.ts'
import type { Settings } from './options.ts'
import { xattrHandlers } from './xattr_handlers.ts'

export interface Stackfs {
  readonly ops: LowLevelOps
  /** To be called once it is mounted. */
  readonly mounted: (session: Pick<MountedSession, 'notify'>) => void
}

/**
 * A directory shown once more: every request becomes system calls on it.
 *
 * Nothing is reached by a path. Each inode that the kernel knows is open for its name (O_PATH), and all
 * goes by that descriptor and single names in it, so that no symbolic link and no ".." leads out,
 * whoever renames what meanwhile.
 *
 * Access is not checked here: mount it with `defaultPermissions`.
 */
export function stackfs(lower: Lower, mountpoint: string, settings: Settings): Stackfs {
  const numbers = new InodeNumbers(lower.device)
  const inodes = new Inodes(lower, settings.descriptors, settings.watch)
  const credentials = new Credentials()
  const answers = new Answers(lower.stat, numbers, settings)
  const opening = new Opening(settings, lower)
  const locks = new LowerLocks(inodes)
  const ops: LowLevelOps = {
    init: () => lower.mountedOn(mountpoint),
    destroy: () => inodes.watch?.close(),
    ...nameHandlers(inodes, answers, credentials),
    ...directoryHandlers(inodes, answers, numbers, settings),
    ...fileHandlers(inodes, answers, credentials, opening, locks),
    ...attributeHandlers(inodes, answers, credentials),
    ...lockHandlers(inodes, locks),
    ...(settings.xattr ? xattrHandlers(inodes, credentials) : {}),
  }
  return { ops, mounted: ({ notify }) => inodes.watch?.start(notify) }
}

/**
 * What the kernel is asked for beyond the defaults; each needs what the handlers do about it.
 *
 * @param checked the kernel checks access. FUSE_CAP_POSIX_ACL makes it do so.
 */
export const stackfsCapabilities = (
  settings: Settings,
  checked: boolean,
): Partial<Record<CapabilityName, Wish>> => ({
  // One request for open(O_TRUNC), and no moment in between.
  FUSE_CAP_ATOMIC_O_TRUNC: true,
  // Set-user-id and set-group-id go with a write, not in a request of their own before it.
  FUSE_CAP_HANDLE_KILLPRIV_V2: true,
  // The lower directory's default ACL takes the place of the umask, so that it is applied there.
  FUSE_CAP_POSIX_ACL: checked && settings.xattr,
  FUSE_CAP_DONT_MASK: true,
  // Without it, what somebody makes by right of a supplementary group would lose set-group-id.
  FUSE_CAP_CREATE_SUPP_GROUP: true,
  FUSE_CAP_POSIX_LOCKS: settings.posixLock,
  FUSE_CAP_FLOCK_LOCKS: settings.flock,
  // The target of a symbolic link never changes: another one is another inode.
  FUSE_CAP_CACHE_SYMLINKS: settings.cache !== 'never',
  FUSE_CAP_READDIRPLUS_AUTO: false,
  FUSE_CAP_DIRECT_IO_ALLOW_MMAP: true,
  FUSE_CAP_WRITEBACK_CACHE: settings.writebackCache,
  FUSE_CAP_PASSTHROUGH: settings.passthrough,
  FUSE_CAP_SPLICE_WRITE: settings.splice,
})
