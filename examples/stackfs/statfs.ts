import type { StatfsOut } from '../../lib/index.ts'
import { posix } from '../../lib/posix.ts'
import { check } from './system.ts'

const SIZE = 120
/** Where what is in struct statfs, in units of 64 bits. */
const AT = { BSIZE: 1, BLOCKS: 2, BFREE: 3, BAVAIL: 4, FILES: 5, FFREE: 6, NAMELEN: 8, FRSIZE: 9 }

/** struct statfs as the kernel fills it. */
export class StatFs {
  readonly #bytes = new Uint8Array(SIZE)
  readonly #quads = new BigUint64Array(this.#bytes.buffer)

  /** Of the file system that an inode is on. Throws a system error. */
  of(fd: number): StatfsOut['st'] {
    check(posix.fstatfs(fd, this.#bytes))
    // Some have no limit, and say 2^64 - 1.
    const at = (index: number) => Math.min(Number(this.#quads[index]), Number.MAX_SAFE_INTEGER)
    return {
      blocks: at(AT.BLOCKS),
      bfree: at(AT.BFREE),
      bavail: at(AT.BAVAIL),
      files: at(AT.FILES),
      ffree: at(AT.FFREE),
      bsize: at(AT.BSIZE),
      namelen: at(AT.NAMELEN),
      frsize: at(AT.FRSIZE),
    }
  }
}
