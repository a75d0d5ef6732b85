import type { Answer } from './ops.ts'
import { isThenable } from './thenable.ts'

/** Go on with an answer: in the same turn where it is there, else when it comes. */
export function then<T, U>(value: Answer<T>, next: (value: T) => Answer<U>): Answer<U> {
  return isThenable(value) ? Promise.resolve(value as Promise<T>).then(next) : next(value as T)
}

/** The same, and with what was thrown or rejected. `call` makes the answer. */
export function attempt<T, U>(
  call: () => Answer<T>,
  next: (value: T) => Answer<U>,
  failed: (error: unknown) => Answer<U>,
): Answer<U> {
  let value: Answer<T>
  try {
    value = call()
  } catch (error) {
    return failed(error)
  }
  return isThenable(value)
    ? Promise.resolve(value as Promise<T>).then(next, failed)
    : next(value as T)
}
