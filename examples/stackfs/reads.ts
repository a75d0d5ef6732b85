import { constants } from 'node:os'
import { addon } from '../../lib/native.ts'
import { posix, RWF_NOWAIT } from '../../lib/posix.ts'
import { check } from './system.ts'

const { EAGAIN, EOPNOTSUPP } = constants.errno

/** Page-aligned, as O_DIRECT wants it. */
function allocate(size: number): Uint8Array {
  return new Uint8Array(addon().allocate(size, 0) ?? new ArrayBuffer(size))
}

/**
 * Reading at once what the lower file system has in memory, and on a thread what it has not: others
 * want to be served meanwhile.
 */
export class Reads {
  /** Of reads that are answered in their own turn. */
  #buffer = allocate(0x10_0000)
  /** Whether the lower file system says where it would have to wait. */
  #says = true

  /** Up to `size` bytes, fewer at the end of the file. Throws a system error. */
  read(fd: number, offset: number, size: number): Uint8Array | Promise<Uint8Array> {
    if (!this.#says) return this.#later(fd, offset, size)
    if (size > this.#buffer.length) this.#buffer = allocate(size)
    const into = this.#buffer.subarray(0, size)
    const count = posix.pread(fd, into, offset, RWF_NOWAIT)
    if (count === size || count === 0) return into.subarray(0, count)
    if (count < 0) return this.#refused(count, fd, offset, size)
    // The end of the file, or of what is in memory.
    const more = posix.pread(fd, into.subarray(count), offset + count, RWF_NOWAIT)
    return more === 0 ? into.subarray(0, count) : this.#later(fd, offset, size)
  }

  #refused(result: number, fd: number, offset: number, size: number): Promise<Uint8Array> {
    if (result === -EOPNOTSUPP) this.#says = false
    else if (result !== -EAGAIN) check(result)
    return this.#later(fd, offset, size)
  }

  async #later(fd: number, offset: number, size: number): Promise<Uint8Array> {
    const into = allocate(size)
    return into.subarray(0, check(await posix.preadAsync(fd, into, offset)))
  }
}
