import { LayoutError } from '../../protocol/words.ts'
import { HANDLER_NAMES, type HandlerName } from './handlers.ts'

/** Milliseconds; false: as long as it takes. */
export type Timeout = number | false

/** For all callbacks, or for each by name and `default` for the rest. */
export type Timeouts = Timeout | { readonly [K in HandlerName | 'default']?: Timeout }

const DEFAULT = 15_000
/** Node's timers hold no more. */
const LONGEST = 2 ** 31 - 1

/** Milliseconds; undefined: as long as it takes. 0 says nothing. Throws LayoutError. */
function ms(timeout: unknown, where: string, otherwise: number | undefined): number | undefined {
  if (timeout === undefined || timeout === null || timeout === 0) return otherwise
  if (timeout === false) return undefined
  if (typeof timeout !== 'number' || !(timeout > 0)) {
    throw new LayoutError(where, 'milliseconds above 0, or false', timeout)
  }
  return timeout > LONGEST ? undefined : timeout
}

const isName = (name: string): boolean =>
  name === 'default' || (HANDLER_NAMES as readonly string[]).includes(name)

/** How long each callback may take. Throws LayoutError that names what is wrong. */
export function timeoutsOf(timeout: unknown): ReadonlyMap<HandlerName, number | undefined> {
  const each = typeof timeout === 'object' && timeout !== null ? timeout : { default: timeout }
  const unknown = Object.keys(each).find((name) => !isName(name))
  if (unknown !== undefined) throw new LayoutError('timeout', 'names of callbacks', unknown)
  const said = each as Readonly<Record<string, unknown>>
  const rest = ms(said['default'], 'timeout', DEFAULT)
  return new Map(HANDLER_NAMES.map((name) => [name, ms(said[name], `timeout.${name}`, rest)]))
}
