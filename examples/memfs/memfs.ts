import type { CapabilityName, LowLevelOps, Wish } from '../../lib/index.ts'
import { Answers } from './answers.ts'
import { attributeHandlers } from './attribute_handlers.ts'
import { directoryHandlers } from './directory_handlers.ts'
import { fileHandlers } from './file_handlers.ts'
import type { Owner } from './inode.ts'
import { lockHandlers } from './lock_handlers.ts'
import { LockKeeper } from './lock_keeper.ts'
import { nameHandlers } from './name_handlers.ts'
import { DEFAULTS, inodesFor, type MemfsOptions } from './options.ts'
import { Space } from './space.ts'
import { Volume } from './volume.ts'
import { xattrHandlers } from './xattr_handlers.ts'

/**
 * A file system in memory, by POSIX and as Linux has it.
 *
 * Every handler answers in the turn in which it is called, except one that waits for a lock: so
 * nothing runs in between, attributes can be sent as they are kept, and data as views.
 *
 * Access is not checked here: mount it with `defaultPermissions`.
 *
 * @param owner of the root directory.
 */
export function memfs(options: MemfsOptions, owner: Owner): LowLevelOps {
  const all = { ...DEFAULTS, ...options }
  const volume = new Volume(new Space(all.size, inodesFor(all.size)), owner)
  const answers = new Answers(all)
  const locks = new LockKeeper()
  return {
    ...nameHandlers(volume, answers),
    ...directoryHandlers(volume, answers),
    ...fileHandlers(volume, answers, locks),
    ...attributeHandlers(volume, answers),
    ...(all.xattr ? xattrHandlers(volume) : {}),
    ...lockHandlers(volume, locks),
  }
}

/**
 * What the kernel is asked for beyond the defaults; each needs what the handlers do about it.
 *
 * @param checked the kernel checks access. FUSE_CAP_POSIX_ACL makes it do so.
 */
export const memfsCapabilities = (
  options: MemfsOptions,
  checked: boolean,
): Partial<Record<CapabilityName, Wish>> => ({
  // One request for open(O_TRUNC), and no moment in between.
  FUSE_CAP_ATOMIC_O_TRUNC: true,
  // Set-user-id and set-group-id go with a write, not in a request of their own before it.
  FUSE_CAP_HANDLE_KILLPRIV_V2: true,
  // Default ACLs take the place of the umask, so the umask has to be applied here.
  FUSE_CAP_POSIX_ACL: checked,
  FUSE_CAP_DONT_MASK: true,
  FUSE_CAP_POSIX_LOCKS: options.posixLock ?? false,
  FUSE_CAP_FLOCK_LOCKS: options.flock ?? false,
  FUSE_CAP_CACHE_SYMLINKS: true,
  // Listings always with attributes. With AUTO the kernel walks the path to each entry twice when it
  // is first used, to learn whether attributes are wanted: `ls -l` of 10,000 takes a sixth longer.
  FUSE_CAP_READDIRPLUS_AUTO: false,
  FUSE_CAP_EXPORT_SUPPORT: true,
  // All changes come through the kernel: it need not look at mtime to know what its cache is worth.
  FUSE_CAP_EXPLICIT_INVAL_DATA: true,
  FUSE_CAP_DIRECT_IO_ALLOW_MMAP: options.directIo ?? false,
  FUSE_CAP_WRITEBACK_CACHE: options.writebackCache ?? false,
})
