import { show } from '../../protocol/words.ts'
import { errnoName, errnoOf } from '../errno.ts'
import type { Answer } from '../ops.ts'
import { PathContext } from '../path_context.ts'
import { methodsOf } from '../path_methods.ts'
import { PATH_OPERATIONS, type PathOps } from '../path_ops.ts'
import { attempt } from '../then.ts'

/** One call and what became of it. */
export interface TraceLine {
  readonly operation: keyof PathOps
  /** As they came, without the context. */
  readonly args: readonly unknown[]
  /** Undefined where it failed. */
  readonly result: unknown
  /** What was thrown or rejected. */
  readonly error: unknown
  /** Milliseconds from the call to the answer. */
  readonly ms: number
}

/** `read /a [fh] 4096 0 -> 12 bytes (0.1 ms)`. */
export function traceText({ operation, args, result, error, ms }: TraceLine): string {
  const number = error === undefined ? undefined : errnoOf(error)
  const outcome =
    error === undefined ? show(result) : number === undefined ? error : errnoName(number)
  const words = args.map((arg) => (typeof arg === 'string' ? arg : show(arg)))
  return `${[operation, ...words].join(' ')} -> ${outcome} (${ms.toFixed(1)} ms)`
}

/** The same file system; each call is told to `log` when it is answered. Default: a line on stderr. */
export function traced<FH, DH>(
  ops: PathOps<FH, DH>,
  log: (line: TraceLine) => void = (line) => void process.stderr.write(`${traceText(line)}\n`),
): PathOps<FH, DH> {
  const methods = methodsOf(ops) as unknown as Record<
    string,
    (...args: readonly unknown[]) => Answer<unknown>
  >
  const wrapped: Record<string, unknown> = {}
  for (const operation of PATH_OPERATIONS) {
    const method = methods[operation]
    if (method === undefined) continue
    const call = (...all: readonly unknown[]) => {
      const start = performance.now()
      const args = all.filter((arg) => !(arg instanceof PathContext))
      const tell = (result: unknown, error: unknown) =>
        log({ operation, args, result, error, ms: performance.now() - start })
      return attempt(
        () => method(...all),
        (result) => {
          tell(result, undefined)
          return result
        },
        (error) => {
          tell(undefined, error)
          throw error
        },
      )
    }
    wrapped[operation] = Object.defineProperty(call, 'length', { value: method.length })
  }
  // The border: each method of `ops` by its name.
  return wrapped as unknown as PathOps<FH, DH>
}
