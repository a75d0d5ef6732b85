import * as fuse from '../../lib/index.ts'
import type { Inode } from './inode.ts'
import type { MemfsOptions } from './options.ts'

/**
 * What the kernel is told of an inode. Attributes go out as they are kept: an answer of the same
 * turn is sent before anything can change them.
 */
export class Answers {
  /** To `lookup`: there is no such name. */
  readonly negative: fuse.EntryOut | null
  readonly #entryValid: number
  readonly #entryValidNsec: number
  readonly #attrValid: number
  readonly #attrValidNsec: number
  readonly #opened: fuse.OpenOut
  readonly #handles: boolean
  #nextHandle = 0

  constructor(options: Required<MemfsOptions>) {
    const { entryTimeout, attrTimeout, negativeTimeout, directIo, kernelCache, posixLock } = options
    ;[this.#entryValid, this.#entryValidNsec] = fuse.timeout(entryTimeout)
    ;[this.#attrValid, this.#attrValidNsec] = fuse.timeout(attrTimeout)
    this.negative = negativeTimeout > 0 ? fuse.negative(negativeTimeout) : null
    this.#handles = posixLock
    this.#opened = {
      open_flags:
        (directIo ? fuse.FOPEN_DIRECT_IO | fuse.FOPEN_PARALLEL_DIRECT_WRITES : 0) |
        (kernelCache ? fuse.FOPEN_KEEP_CACHE : 0) |
        // FLUSH says whose fcntl locks end with a close(2); there is nothing else to do about one.
        (posixLock ? 0 : fuse.FOPEN_NOFLUSH),
    }
  }

  /** To whatever finds or makes an inode. Counts as a lookup: only where it is really sent. */
  entry(inode: Inode): fuse.EntryOut {
    inode.nlookup++
    return this.listed(inode)
  }

  /** The same without counting. */
  listed({ nodeid, attr }: Inode): fuse.EntryOut {
    return {
      nodeid,
      generation: 0,
      entry_valid: this.#entryValid,
      attr_valid: this.#attrValid,
      entry_valid_nsec: this.#entryValidNsec,
      attr_valid_nsec: this.#attrValidNsec,
      attr,
    }
  }

  /**
   * To `open` and `create`. There is nothing to remember of an open file, so no handle; but locks that
   * end with it are known by that.
   */
  opened(): fuse.OpenOut {
    return this.#handles ? { ...this.#opened, fh: ++this.#nextHandle } : this.#opened
  }

  /** To `create` and `tmpfile`. */
  created(inode: Inode): fuse.CreateOut {
    inode.opens++
    return { entry: this.entry(inode), open: this.opened() }
  }

  attr({ attr }: Inode): fuse.AttrOut {
    return { attr_valid: this.#attrValid, attr_valid_nsec: this.#attrValidNsec, attr }
  }

  statx(stat: fuse.StatxOut['stat']): fuse.StatxOut {
    return { attr_valid: this.#attrValid, attr_valid_nsec: this.#attrValidNsec, stat }
  }
}
