import { nameBytes } from '../../lib/index.ts'
import type { LockList } from '../locks.ts'
import type { Attributes } from './attributes.ts'
import { CHUNK } from './chunk.ts'
import type { Timestamp } from './clock.ts'
import { isDirectory } from './mode.ts'
import type { Space } from './space.ts'

/** Who makes an inode; a request is one. */
export interface Owner {
  readonly uid: number
  readonly gid: number
}

const DAY = 86_400
const NO_XATTRS: ReadonlyMap<string, Uint8Array> = new Map()
const cost = (name: string, value: Uint8Array): number => name.length + value.length

/** A file of any kind. FIFOs, sockets and devices are no more than this: the kernel does the rest. */
export class Inode {
  /** Never used again, so that no generation is needed. */
  readonly nodeid: number
  readonly attr: Attributes
  readonly birth: Timestamp
  /** References that the kernel holds: what `forget` gives back. */
  nlookup = 0
  /** Open files. */
  opens = 0
  #xattrs: Map<string, Uint8Array> | undefined
  /** fcntl(2)'s and flock(2)'s: they know nothing of each other. */
  posixLocks: LockList | undefined
  flocks: LockList | undefined

  constructor(nodeid: number, mode: number, owner: Owner, now: Timestamp) {
    const { seconds, nanoseconds } = now
    this.nodeid = nodeid
    this.birth = { seconds, nanoseconds }
    this.attr = {
      ino: nodeid,
      size: 0,
      blocks: 0,
      atime: seconds,
      mtime: seconds,
      ctime: seconds,
      atimensec: nanoseconds,
      mtimensec: nanoseconds,
      ctimensec: nanoseconds,
      mode,
      nlink: isDirectory(mode) ? 2 : 1,
      uid: owner.uid,
      gid: owner.gid,
      rdev: 0,
      // The size of request that programs choose by it; one of ours is one array.
      blksize: CHUNK,
      flags: 0,
    }
  }

  /** Extended attributes, ACLs among them. */
  get xattrs(): ReadonlyMap<string, Uint8Array> {
    return this.#xattrs ?? NO_XATTRS
  }

  /** Throws ENOSPC. `value` is kept as it is: not a view of a message. */
  setXattr(space: Space, name: string, value: Uint8Array): void {
    space.take(cost(name, value))
    this.dropXattr(space, name)
    this.#xattrs ??= new Map()
    this.#xattrs.set(name, value)
  }

  dropXattr(space: Space, name: string): void {
    const value = this.#xattrs?.get(name)
    if (value === undefined) return
    space.give(cost(name, value))
    this.#xattrs?.delete(name)
  }

  /** Data or, in a directory, entries changed. */
  modified(now: Timestamp): void {
    this.attr.mtime = now.seconds
    this.attr.mtimensec = now.nanoseconds
    this.changed(now)
  }

  /** Attributes changed. */
  changed(now: Timestamp): void {
    this.attr.ctime = now.seconds
    this.attr.ctimensec = now.nanoseconds
  }

  /** Somebody reads: the time of that counts as with `relatime`, once after a change and once a day. */
  accessed(now: Timestamp): void {
    const { attr } = this
    const seen =
      isAfter(attr.atime, attr.atimensec, attr.mtime, attr.mtimensec) &&
      isAfter(attr.atime, attr.atimensec, attr.ctime, attr.ctimensec) &&
      now.seconds - attr.atime < DAY
    if (seen) return
    attr.atime = now.seconds
    attr.atimensec = now.nanoseconds
  }
}

const isAfter = (seconds: number, nsec: number, since: number, sinceNsec: number): boolean =>
  seconds > since || (seconds === since && nsec > sinceNsec)

/** A symbolic link. */
export class Symlink extends Inode {
  readonly target: string

  constructor(nodeid: number, mode: number, owner: Owner, now: Timestamp, target: string) {
    super(nodeid, mode, owner, now)
    this.target = target
    this.attr.size = nameBytes(target).length
  }
}
