/**
 * An error with an errno, prebuilt: no stack is captured, so throwing it costs next to nothing.
 * `lib/errno.ts` makes the rest of them; the codecs need this one.
 */
export class ErrnoError extends Error {
  /** Positive, as in errno(3). */
  readonly errno: number
  /** The symbol: `ENOENT`. */
  readonly code: string
  override readonly name = 'ErrnoError'

  constructor(code: string, errno: number, message: string = code) {
    const limit = Error.stackTraceLimit
    Error.stackTraceLimit = 0
    super(message)
    Error.stackTraceLimit = limit
    this.code = code
    this.errno = errno
  }
}

/** Bytes that are not what the protocol says. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError'
}

/** A 64-bit value from the kernel that a number cannot hold exactly. */
export const EOVERFLOW: ErrnoError = new ErrnoError('EOVERFLOW', 75)
