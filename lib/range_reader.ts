import { constants } from 'node:os'
import type { FdRange } from './fd_range.ts'
import { addon } from './native.ts'
import { posix } from './posix.ts'
import { READ_FAILED } from './transport.ts'

const { EINVAL, ENOMEM } = constants.errno

/** Fills `into` from a thread. Returns the count, fewer at the end of the file only, or -errno. */
async function fill(into: Uint8Array, { fd, offset }: FdRange): Promise<number> {
  let done = 0
  while (done < into.length) {
    const count = await posix.preadAsync(fd, into.subarray(done), offset + done)
    // With O_DIRECT no read begins at the end of a file, where that is not at the end of a block.
    if (count === 0 || (count === -EINVAL && done > 0)) break
    if (count < 0) return count
    done += count
  }
  return done
}

/**
 * The message `head` and behind it a range of a file, read on a thread. Its first word is its length.
 * Gives -(READ_FAILED + errno) where the file cannot be read.
 */
export async function readRange(head: Uint8Array, range: FdRange): Promise<Uint8Array | number> {
  // The payload at a page boundary: O_DIRECT asks for that.
  const memory = addon().allocate(head.length + Math.max(range.length, 1), head.length)
  if (memory === null) return -(READ_FAILED + ENOMEM)
  const message = new Uint8Array(memory, 0, head.length + range.length)
  message.set(head)
  const count = await fill(message.subarray(head.length), range)
  if (count < 0) return count - READ_FAILED
  new Uint32Array(memory, 0, 1)[0] = head.length + count
  return message.subarray(0, head.length + count)
}
