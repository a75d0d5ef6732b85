import { constants } from 'node:fs'
import { errno } from '../errno.ts'
import { methodsOf } from '../path_methods.ts'
import type { PathOps } from '../path_ops.ts'
import { O_ACCMODE } from '../posix_constants.ts'

const { O_RDONLY } = constants

/** What changes something. */
const CHANGES = [
  'mknod',
  'mkdir',
  'unlink',
  'rmdir',
  'symlink',
  'rename',
  'link',
  'link_tmpfile',
  'chmod',
  'chown',
  'truncate',
  'utimens',
  'create',
  'tmpfile',
  'write',
  'setxattr',
  'removexattr',
  'fallocate',
  'copy_file_range',
] as const satisfies readonly (keyof PathOps)[]

// With every parameter that `rename` has: else flags would be EINVAL before.
const refuse = (_a: unknown, _b: unknown, _c: unknown): never => {
  throw errno('EROFS')
}

/** The same file system, where everything that would change something is EROFS. */
export function readonly<FH, DH>(ops: PathOps<FH, DH>): PathOps<FH, DH> {
  const refusing = Object.fromEntries(CHANGES.map((name) => [name, refuse]))
  const methods = methodsOf(ops)
  const { open } = methods
  return {
    ...methods,
    ...refusing,
    ...(open && {
      open: (path, flags, ctx) => {
        if ((flags & O_ACCMODE) !== O_RDONLY) throw errno('EROFS')
        return open(path, flags, ctx)
      },
    }),
  }
}
