import { LayoutError } from '../protocol/words.ts'
import { errnoFrom } from './errno.ts'
import { posix } from './posix.ts'

/** See `fdRange`. */
export class FdRange {
  readonly fd: number
  readonly offset: number
  readonly length: number

  constructor(fd: number, offset: number, length: number) {
    if (!Number.isInteger(fd) || fd < 0 || fd > MOST)
      throw new LayoutError('fdRange', 'a descriptor', fd)
    if (!Number.isSafeInteger(offset) || offset < 0) {
      throw new LayoutError('fdRange', 'an offset in bytes', offset)
    }
    if (!Number.isInteger(length) || length < 0 || length > MOST) {
      throw new LayoutError('fdRange', `0 to ${MOST} bytes`, length)
    }
    this.fd = fd
    this.offset = offset
    this.length = length
  }
}

const MOST = 0x7fff_ffff

/**
 * What `read` answers instead of bytes: `length` bytes of an open file from byte `offset`, fewer at
 * its end. They go from that file to the kernel without passing through JavaScript, long ones by
 * splice(2) without a copy of ours.
 *
 * The descriptor must stay open until the reply is sent: close it in `release`, which the kernel
 * sends after the last READ, and it does. Where a disk has to be waited for, a thread does, and other
 * requests go on. What the file system answers to the read (EIO, EBADF, EISDIR) is the caller's answer.
 *
 * Throws LayoutError for what is no range.
 */
export const fdRange = (fd: number, offset: number, length: number): FdRange =>
  new FdRange(fd, offset, length)

/**
 * What `write` does with its payload where that goes to a file: one pwrite(2), straight from the
 * message, in which the payload is page-aligned. Returns the bytes written, fewer where the file
 * system is full; throws the errno. A file that was opened with O_APPEND ignores `offset`.
 *
 * ```ts
 * write: (req, nodeid, { fh, offset }, data) => ({ size: writeTo(data, fds.get(fh), offset) })
 * ```
 */
export function writeTo(data: Uint8Array, fd: number, offset: number): number {
  const count = posix.pwrite(fd, data, offset, 0)
  if (count < 0) throw errnoFrom(count)
  return count
}
