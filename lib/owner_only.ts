import { errno } from './errno.ts'
import type { Handler } from './fuse_ll_ops.ts'
import type { Operation } from './table.ts'

/**
 * What comes with an open file, or from nobody in particular: whoever has it has passed the check
 * when it was opened, and may have handed it on.
 */
const UNCHECKED: ReadonlySet<string> = new Set([
  'read',
  'write',
  'flush',
  'release',
  'fsync',
  'readdir',
  'readdirplus',
  'releasedir',
  'fsyncdir',
])

/** Where these are answered ENOSYS the kernel opens for everybody from then on, and asks nobody. */
const opened: Handler = () => ({})
const INSTEAD: Readonly<Record<string, Handler>> = { open: opened, opendir: opened }

/**
 * The operations of a session with `allowRoot`: EACCES for everybody but root and `owner`. The kernel
 * lets all in or one; what it remembers of names and attributes it tells them all.
 */
export const ownerOnly = (
  table: readonly (Operation | undefined)[],
  owner: number,
): readonly (Operation | undefined)[] =>
  table.map((operation) => {
    if (operation === undefined || UNCHECKED.has(operation.row.name)) return operation
    const handler = operation.handler ?? INSTEAD[operation.row.name]
    if (handler === undefined) return operation
    const checked: Handler = function (this: unknown, req, nodeid, ...rest) {
      if (req.uid !== owner && req.uid !== 0) throw errno('EACCES')
      return handler.call(this, req, nodeid, ...rest)
    }
    return { ...operation, handler: checked }
  })
