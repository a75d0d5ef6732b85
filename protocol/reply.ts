import { LayoutError } from './words.ts'

/** A reply is `fuse_out_header` (16 bytes) and what the operation answers. */
export const OUT_HEADER_SIZE = 16
/** Word index of the payload. */
export const OUT_PAYLOAD = 4

/** The device refuses an errno outside of these. */
const LEAST_ERRNO = 1
const MOST_ERRNO = 511

export const isErrno = (errno: unknown): errno is number =>
  Number.isInteger(errno) && (errno as number) >= LEAST_ERRNO && (errno as number) <= MOST_ERRNO

/** Write `fuse_out_header`: `unique`'s two words go back in the order in which they came. */
export function writeOutHeader(
  w: Uint32Array,
  length: number,
  error: number,
  unique0: number,
  unique1: number,
): void {
  w[0] = length
  w[1] = error
  w[2] = unique0
  w[3] = unique1
}

/** Bytes that a handler answered: one array, or several to be sent one after the other. */
export type Bytes = Uint8Array | readonly Uint8Array[]

const isView = (value: unknown): value is Uint8Array => value instanceof Uint8Array

/** Bytes in a reply's payload. Throws LayoutError where it is no such value or more than `most`. */
export function bytesLength(value: unknown, most: number, where: string): number {
  if (isView(value)) {
    if (value.length > most) throw new LayoutError(where, `at most ${most} bytes`, value)
    return value.length
  }
  if (!Array.isArray(value) || !value.every(isView)) {
    throw new LayoutError(where, 'a Uint8Array or an array of them', value)
  }
  const total = value.reduce((sum: number, piece: Uint8Array) => sum + piece.length, 0)
  if (total > most) {
    throw new LayoutError(
      where,
      `at most ${most} bytes`,
      `${total} bytes in ${value.length} pieces`,
    )
  }
  return total
}
