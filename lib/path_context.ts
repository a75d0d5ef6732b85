import { readFileSync } from 'node:fs'
import type { FuseRequest } from './context.ts'

/**
 * Who asks, as a handler of the path API sees it. Valid until the handler has settled.
 */
export class PathContext {
  readonly #req: FuseRequest
  /** The `key` of the file's attributes, where it has no path and `reopen` is there. */
  readonly key: unknown
  /** Whose locks and whose close(2) it is: 64 opaque bits, 0n where it does not matter. */
  readonly lockOwner: bigint

  constructor(req: FuseRequest, key: unknown, lockOwner: bigint) {
    this.#req = req
    this.key = key
    this.lockOwner = lockOwner
  }

  get uid(): number {
    return this.#req.uid
  }

  get gid(): number {
    return this.#req.gid
  }

  /** The caller's thread, 0 where the kernel itself asks or it is not visible from here. */
  get pid(): number {
    return this.#req.pid
  }

  /** The caller's umask in `mknod`, `mkdir`, `create` and `tmpfile`, else 0. It has been applied. */
  get umask(): number {
    return this.#req.umask
  }

  /** Aborted when the caller is interrupted or the session ends. */
  get signal(): AbortSignal {
    return this.#req.signal
  }

  /**
   * The caller's supplementary groups, from /proc, where they can be read; else those that the kernel
   * has sent (FUSE_CREATE_SUPP_GROUP).
   */
  groups(): readonly number[] {
    try {
      const status = readFileSync(`/proc/${this.pid}/status`, 'latin1')
      const line = /^Groups:\s*(.*)$/m.exec(status)?.[1]?.trim()
      return line === undefined || line === '' ? [] : line.split(' ').map(Number)
    } catch {
      // The caller is gone, or lives in another pid namespace.
      return this.#req.groups
    }
  }
}
