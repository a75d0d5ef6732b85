import { LayoutError } from '../protocol/words.ts'
import { PATH_OPERATIONS, type PathOps } from './path_ops.ts'

/**
 * The methods of a file system as an object of its own: an instance of a class will do, too. Throws LayoutError
 * for one that is no function, and where there is no `getattr`.
 */
export function methodsOf<FH, DH>(ops: PathOps<FH, DH>): PathOps<FH, DH> {
  const methods: Record<string, unknown> = {}
  for (const name of PATH_OPERATIONS) {
    const method: unknown = ops[name]
    if (method === undefined) continue
    if (typeof method !== 'function') throw new LayoutError(name, 'a function', method)
    methods[name] = method.bind(ops)
  }
  if (methods['getattr'] === undefined) throw new LayoutError('getattr', 'a function', undefined)
  // The border: each is what the object had by that name.
  return methods as unknown as PathOps<FH, DH>
}
