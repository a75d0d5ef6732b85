import type { Device } from './device.ts'

/** What tells an inode from all others that there are now: a number alone on LOWER's own device. */
export type Key = number | string

/** Where an inode was last seen: to be found there again. */
export interface Place {
  readonly parent: Node
  readonly name: string
}

/** A file handle of the lower file system: it has the generation, so that it outlives its inode. */
export interface Handle {
  /** The mount that it came from. */
  readonly mount: number
  /** struct file_handle, one character a byte: a tenth of what an array takes. */
  readonly bytes: string
}

/** An inode that the kernel knows. */
export class Node {
  readonly nodeid: number
  readonly key: Key
  /** S_IFMT bits. */
  readonly type: number
  /** Undefined for LOWER's own. */
  readonly foreign: Device | undefined
  nlookup = 0
  /**
   * Open for the name only (O_PATH), -1 where it was closed to make room for others. As long as it is
   * open the inode lives, and nobody else has its number.
   */
  fd = -1
  /** Since the last time that somebody looked for one to close. */
  used = false
  /** Nobody tells us when it changes, so that the kernel must not believe for long what it knows. */
  brief = false
  handle: Handle | undefined
  place: Place | undefined

  constructor(nodeid: number, key: Key, type: number, foreign: Device | undefined) {
    this.nodeid = nodeid
    this.key = key
    this.type = type
    this.foreign = foreign
  }
}
