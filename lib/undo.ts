import type { Undo } from './answers.ts'
import type { FuseRequest } from './context.ts'
import type { LowLevelOps } from './ops.ts'
import type { Operation } from './table.ts'

/**
 * Give back what an undelivered reply took: the kernel has dropped the request and will neither
 * forget nor release it. Whatever `forget` and `release` throw or reject goes to `report`.
 */
export function undo(
  ops: LowLevelOps,
  operation: Operation,
  req: FuseRequest,
  value: unknown,
  report: (error: unknown, req: FuseRequest) => void,
): void {
  const close = operation.row.name === 'opendir' ? ops.releasedir : ops.release
  // Each by itself: one that fails keeps no other from being given back.
  const attempt = (step: () => unknown) => {
    try {
      Promise.resolve(step()).catch((error) => report(error, req))
    } catch (error) {
      report(error, req)
    }
  }
  const steps: Undo = {
    lookup(nodeid) {
      attempt(() =>
        ops.forget !== undefined
          ? ops.forget(req, nodeid, { nlookup: 1 })
          : ops.batch_forget?.(req, 0, { count: 1 }, [{ nodeid, nlookup: 1 }]),
      )
    },
    release(nodeid, fh) {
      const args = { fh, flags: 0, release_flags: 0, lock_owner: 0n }
      attempt(() => close?.call(ops, req, nodeid, args))
    },
  }
  try {
    operation.out.undo?.(value, req.nodeid, steps)
  } catch (error) {
    report(error, req)
  }
}
