import type { CapabilityName } from '../protocol/init_flags.ts'
import { attributeHandlers } from './highlevel/attribute_handlers.ts'
import { directoryHandlers } from './highlevel/directory_handlers.ts'
import { fileHandlers } from './highlevel/file_handlers.ts'
import { Hiding } from './highlevel/hiding.ts'
import { PathLayer } from './highlevel/layer.ts'
import { Locks } from './highlevel/lock_handlers.ts'
import { nameHandlers } from './highlevel/name_handlers.ts'
import { xattrHandlers } from './highlevel/xattr_handlers.ts'
import type { Wish } from './init.ts'
import type { LowLevelOps } from './ops.ts'
import type { PathOps } from './path_ops.ts'
import { type PathOptions, pathConfig } from './path_options.ts'

/** A file system on paths as one on inodes. */
export interface HighLevel {
  readonly ops: LowLevelOps
  /** What is to be negotiated because of the methods that are there. */
  readonly capabilities: Readonly<Partial<Record<CapabilityName, Wish>>>
  /** @internal */
  readonly layer: PathLayer
}

/**
 * Make the low-level operations of a file system on paths: they know the numbers, count lookups, put
 * paths together, and keep handles and listings. `mount` does this.
 *
 * Throws LayoutError for an option that is out of range and for a method that is no function.
 */
export function highLevel<FH, DH>(ops: PathOps<FH, DH>, options: PathOptions = {}): HighLevel {
  // The border: what goes into a method of `ops` as a handle is what another one of its methods gave.
  const layer = new PathLayer(ops as PathOps, pathConfig(options))
  const hiding = new Hiding(layer)
  const locks = new Locks(layer)
  const { init, destroy, flock } = layer.ops
  return {
    ops: {
      ...(init && { init }),
      destroy() {
        layer.end()
        return destroy?.()
      },
      ...nameHandlers(layer, hiding),
      ...attributeHandlers(layer),
      ...xattrHandlers(layer),
      ...fileHandlers(layer, hiding, locks),
      ...directoryHandlers(layer),
      ...locks.handlers(),
    },
    capabilities: {
      ...(flock && { FUSE_CAP_FLOCK_LOCKS: true }),
      FUSE_CAP_POSIX_LOCKS: locks.asked,
    },
    layer,
  }
}
