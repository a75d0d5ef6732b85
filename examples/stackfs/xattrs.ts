import { constants } from 'node:os'
import { posix } from '../../lib/posix.ts'
import type { Lower } from './lower.ts'

const { ENOSYS } = constants.errno

/**
 * Extended attributes of an inode that is open for its name: what its number in /proc/self/fd leads
 * to, a symbolic link too. (The descriptor itself, with AT_EMPTY_PATH, is refused: O_PATH.) Before
 * Linux 6.13 the way there is from the root.
 *
 * Each returns what the system call does, -errno too.
 */
export class Xattrs {
  readonly #dirfd: number
  #at = true

  constructor({ descriptors }: Lower) {
    this.#dirfd = descriptors
  }

  get(fd: number, name: string, into: Uint8Array): number {
    const result = this.#at ? posix.getxattrat(this.#dirfd, String(fd), 0, name, into) : -ENOSYS
    return this.#lacks(result) ? posix.getxattr(pathOf(fd), name, into) : result
  }

  list(fd: number, into: Uint8Array): number {
    const result = this.#at ? posix.listxattrat(this.#dirfd, String(fd), 0, into) : -ENOSYS
    return this.#lacks(result) ? posix.listxattr(pathOf(fd), into) : result
  }

  set(fd: number, name: string, value: Uint8Array, flags: number): number {
    const result = this.#at
      ? posix.setxattrat(this.#dirfd, String(fd), 0, name, value, flags)
      : -ENOSYS
    return this.#lacks(result) ? posix.setxattr(pathOf(fd), name, value, flags) : result
  }

  remove(fd: number, name: string): number {
    const result = this.#at ? posix.removexattrat(this.#dirfd, String(fd), 0, name) : -ENOSYS
    return this.#lacks(result) ? posix.removexattr(pathOf(fd), name) : result
  }

  #lacks(result: number): boolean {
    if (result === -ENOSYS) this.#at = false
    return result === -ENOSYS
  }
}

const pathOf = (fd: number): string => `/proc/self/fd/${fd}`
