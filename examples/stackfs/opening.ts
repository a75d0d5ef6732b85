import { constants } from 'node:fs'
import {
  FOPEN_DIRECT_IO,
  FOPEN_KEEP_CACHE,
  FOPEN_NOFLUSH,
  FOPEN_PARALLEL_DIRECT_WRITES,
  type OpenOut,
} from '../../lib/index.ts'
import type { Lower } from './lower.ts'
import type { Node } from './node.ts'
import type { Settings } from './options.ts'
import { O_ACCMODE, O_NOATIME, O_RDWR, O_TRUNC, O_WRONLY } from './system.ts'

const { O_DSYNC, O_SYNC, O_DIRECT = 0 } = constants
/**
 * What matters to an open lower file. O_APPEND is said with each write: what is written back from a
 * mapping of the same file belongs where it is, whoever's descriptor it comes by.
 */
const KEPT = O_ACCMODE | O_TRUNC | O_DSYNC | O_SYNC | O_DIRECT | O_NOATIME

/** open(2)'s flags here and below, and what is answered. */
export class Opening {
  readonly #settings: Settings
  readonly #always: number
  /** Nothing is to be done about a close(2). */
  readonly #noflush: boolean

  constructor(settings: Settings, { remote }: Lower) {
    this.#settings = settings
    const { cache, directIo, posixLock } = settings
    this.#noflush = !remote && !posixLock
    this.#always =
      (directIo ? FOPEN_DIRECT_IO | FOPEN_PARALLEL_DIRECT_WRITES : 0) |
      (cache === 'always' ? FOPEN_KEEP_CACHE : 0)
  }

  /** Flags for the lower file. */
  lower(flags: number): number {
    const { noatime, writebackCache } = this.#settings
    const kept = (flags & KEPT) | (noatime ? O_NOATIME : 0)
    // The page cache reads the rest of a page of which a part is written.
    const readToo = writebackCache && (kept & O_ACCMODE) === O_WRONLY
    return readToo ? (kept & ~O_ACCMODE) | O_RDWR : kept
  }

  /** The descriptor of the lower file is the handle. */
  answer({ foreign }: Node, fh: number, flags: number): OpenOut {
    const { passthrough } = this.#settings
    // With it the kernel would ask us for the data, backing file or not.
    const direct = (flags & O_DIRECT) !== 0 && !passthrough ? FOPEN_DIRECT_IO : 0
    const noflush = this.#noflush && foreign === undefined ? FOPEN_NOFLUSH : 0
    const open_flags = this.#always | direct | noflush
    return passthrough ? { fh, open_flags, backing: fh } : { fh, open_flags }
  }
}
