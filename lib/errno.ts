import { constants } from 'node:os'
import { ErrnoError } from '../protocol/error.ts'
import { isErrno } from '../protocol/reply.ts'

/** A symbol of errno(3) that this machine knows: `ENOENT`. */
export type ErrnoCode = keyof typeof constants.errno | 'ENOATTR' | 'EUCLEAN' | 'ESTALE'

/** Those of node:os, and those that Linux has and it does not list. */
const numbers: ReadonlyMap<string, number> = new Map(
  Object.entries({ ...constants.errno, ENOATTR: 61, EUCLEAN: 117, ESTALE: 116 }),
)

const built = new Map<string, ErrnoError>()

function make(code: string, number = numbers.get(code)): ErrnoError {
  if (number === undefined) throw new TypeError(`errno: no error is called ${JSON.stringify(code)}`)
  const error = new ErrnoError(code, number)
  built.set(code, error)
  return error
}

/**
 * The error to throw for a symbol of errno(3): `throw errno('ENOENT')`. One object a symbol,
 * without a stack: it costs nothing to throw. Throws TypeError for a symbol that does not exist.
 */
export function errno(code: ErrnoCode): ErrnoError {
  return built.get(code) ?? make(code)
}

const codes = new Map<number, string>()
for (const [code, number] of numbers) {
  if (!codes.has(number)) codes.set(number, code)
}

/** The symbol of a number of errno(3), for messages. */
export const errnoName = (number: number): string => codes.get(number) ?? `errno ${number}`

/**
 * The error to throw for what a system call answered: `if (fd < 0) throw errnoFrom(fd)`. Like that of
 * `errno`, it costs nothing.
 */
export function errnoFrom(result: number): ErrnoError {
  const code = errnoName(-result)
  return built.get(code) ?? make(code, -result)
}

/** An error for a system call that answered `-errno`, in the form of Node's own. */
export function systemError(call: string, result: number, about?: string): NodeJS.ErrnoException {
  const code = errnoName(-result)
  const error: NodeJS.ErrnoException = new Error(
    `${code}: ${call}${about === undefined ? '' : ` '${about}'`}`,
  )
  error.errno = result
  error.code = code
  error.syscall = call
  if (about !== undefined) error.path = about
  return error
}

/**
 * The positive errno that something thrown stands for; undefined where it has none and is a
 * mistake rather than an answer. `node:fs` errors carry theirs negative.
 */
export function errnoOf(thrown: unknown): number | undefined {
  try {
    return numberOf(thrown)
  } catch {
    // A getter that throws, a revoked proxy.
    return undefined
  }
}

function numberOf(thrown: unknown): number | undefined {
  if (thrown instanceof ErrnoError) return thrown.errno
  if (typeof thrown !== 'object' || thrown === null) return undefined
  const { errno: number, code } = thrown as { errno?: unknown; code?: unknown }
  if (typeof number === 'number' && isErrno(Math.abs(number))) return Math.abs(number)
  return typeof code === 'string' ? numbers.get(code) : undefined
}

export { ErrnoError }
