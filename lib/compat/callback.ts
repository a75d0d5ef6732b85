import { LayoutError } from '../../protocol/words.ts'

export type Callback<T = void> = (error: Error | null, value?: T) => void

/**
 * Do something and call back outside of its promise: what the callback throws is an uncaught exception.
 * Throws LayoutError for what is no callback.
 */
export function tell<T>(work: () => Promise<T>, cb: Callback<T>): void {
  if (typeof cb !== 'function') throw new LayoutError('callback', 'a function', cb)
  work().then(
    (value) => process.nextTick(cb, null, value),
    (error: Error) => process.nextTick(cb, error),
  )
}
