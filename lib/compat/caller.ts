import { isErrno } from '../../protocol/reply.ts'
import { LayoutError, show } from '../../protocol/words.ts'
import { errno, errnoFrom, errnoName, errnoOf } from '../errno.ts'
import type { Answer } from '../ops.ts'
import type { OnError } from '../report.ts'
import { isThenable } from '../thenable.ts'
import type { HandlerName, Handlers } from './handlers.ts'

/** Throws what a code stands for, if it is not 0. */
export function check(code: unknown, name: HandlerName): void {
  if (code === 0 || code === null || code === undefined) return
  if (typeof code === 'number' && isErrno(-code)) throw errnoFrom(code)
  if (code instanceof Error || errnoOf(code) !== undefined) throw code
  throw new LayoutError(`${name}: callback`, '0 or an error from -1 to -511', code)
}

/** Makes the answer of what a callback is told. Throws what is to be answered instead. */
type Take<T> = (code: unknown, ...values: readonly unknown[]) => T

type Outcome<T> = { readonly value: T } | { readonly error: unknown }

function get<T>(outcome: Outcome<T>): T {
  if ('error' in outcome) throw outcome.error
  return outcome.value
}

/** What a callback is told: the first word counts. */
class Waiting<T> {
  readonly #take: Take<T>
  #outcome: Outcome<T> | undefined
  #settle: ((outcome: Outcome<T>) => void) | undefined

  constructor(take: Take<T>) {
    this.#take = take
  }

  tell(said: readonly unknown[]): void {
    if (this.#outcome !== undefined) return
    const [code, ...values] = said
    try {
      this.#end({ value: this.#take(code, ...values) })
    } catch (error) {
      this.#end({ error })
    }
  }

  /** False where it has been answered before. */
  fail(error: unknown): boolean {
    if (this.#outcome !== undefined) return false
    this.#end({ error })
    return true
  }

  #end(outcome: Outcome<T>): void {
    this.#outcome = outcome
    this.#settle?.(outcome)
  }

  answer(ms: number | undefined): Answer<T> {
    if (this.#outcome !== undefined) return get(this.#outcome)
    return new Promise<Outcome<T>>((resolve) => {
      const late = () => this.fail(errno('ETIMEDOUT'))
      const timer = ms === undefined ? undefined : setTimeout(late, ms)
      this.#settle = (outcome) => {
        clearTimeout(timer)
        resolve(outcome)
      }
    }).then(get)
  }
}

/** Says what was called and what came of it. */
export type Trace = (line: string) => void

/** Calls handlers, and makes answers of what they tell their callbacks. */
export class Caller {
  readonly #handlers: Handlers
  readonly #timeouts: ReadonlyMap<HandlerName, number | undefined>
  readonly #report: OnError
  readonly #trace: Trace | undefined

  /** @param report hears of what is thrown after the callback has been called. */
  constructor(
    handlers: Handlers,
    timeouts: ReadonlyMap<HandlerName, number | undefined>,
    report: OnError,
    trace: Trace | undefined,
  ) {
    this.#handlers = handlers
    this.#timeouts = timeouts
    this.#report = report
    this.#trace = trace
  }

  has(name: HandlerName): boolean {
    return Boolean(this.#handlers[name])
  }

  /**
   * Call a handler that is there. The answer comes in the same turn where the callback is called in it;
   * ETIMEDOUT where it takes too long. What it throws, or rejects with, is answered where nothing was yet.
   */
  call<T>(name: HandlerName, args: readonly unknown[], take: Take<T>): Answer<T> {
    const traced = this.#trace === undefined ? take : this.#traced(name, args, take, this.#trace)
    const waiting = new Waiting(traced)
    const failed = (error: unknown) => {
      if (!waiting.fail(error)) this.#report(error, undefined)
    }
    // The border: each handler has its own parameters, which the table of methods knows.
    const handlers = this.#handlers as Readonly<Record<string, (...args: unknown[]) => unknown>>
    try {
      const result = handlers[name]?.(...args, (...said: unknown[]) => waiting.tell(said))
      // Of an async function: it has its callback all the same.
      if (isThenable(result)) Promise.resolve(result).catch(failed)
    } catch (error) {
      failed(error)
    }
    return waiting.answer(this.#timeouts.get(name))
  }

  #traced<T>(name: HandlerName, args: readonly unknown[], take: Take<T>, trace: Trace): Take<T> {
    const call = `${name}(${args.map(show).join(', ')})`
    trace(call)
    return (code, ...values) => {
      const said = typeof code === 'number' && isErrno(-code) ? errnoName(-code) : String(code)
      trace(`${call}: ${[said, ...values.map(show)].join(', ')}`)
      return take(code, ...values)
    }
  }
}
