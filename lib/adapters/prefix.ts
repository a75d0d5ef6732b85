import { methodsOf } from '../path_methods.ts'
import { PATH_OPERATIONS, type PathOps } from '../path_ops.ts'

/** Where each method has its paths. */
const PLACES: Readonly<Partial<Record<keyof PathOps, readonly number[]>>> = {
  init: [],
  destroy: [],
  reopen: [],
  forget: [],
  symlink: [1],
  link: [0, 1],
  link_tmpfile: [1],
  rename: [0, 1],
  copy_file_range: [0, 3],
}
const FIRST = [0]

/** A directory of a file system as one of its own: `/x` is `path/x` there. */
export function prefix<FH, DH>(ops: PathOps<FH, DH>, path: string): PathOps<FH, DH> {
  const under = path.replace(/\/+$/, '')
  const at = (given: unknown): unknown => {
    if (typeof given !== 'string') return given
    return given === '/' ? under || '/' : `${under}${given}`
  }
  return mapArguments(ops, (name, args) => {
    const places = PLACES[name] ?? FIRST
    return args.map((given, i) => (places.includes(i) ? at(given) : given))
  })
}

/** The same methods, each called with other arguments. */
function mapArguments<FH, DH>(
  ops: PathOps<FH, DH>,
  map: (name: keyof PathOps, args: readonly unknown[]) => readonly unknown[],
): PathOps<FH, DH> {
  const methods = methodsOf(ops) as unknown as Record<
    string,
    (...args: readonly unknown[]) => unknown
  >
  const mapped: Record<string, unknown> = {}
  for (const name of PATH_OPERATIONS) {
    const method = methods[name]
    if (method === undefined) continue
    const call = (...args: readonly unknown[]) => method(...map(name, args))
    // `rename` says by its parameters whether it knows of flags.
    mapped[name] = Object.defineProperty(call, 'length', { value: method.length })
  }
  // The border: each method of `ops` by its name, with arguments of the same kinds.
  return mapped as unknown as PathOps<FH, DH>
}
