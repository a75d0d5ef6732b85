import { errno } from '../../lib/index.ts'
import type { Timestamp } from './clock.ts'
import { Inode, type Owner } from './inode.ts'

/** A name in a directory. */
export interface Entry {
  readonly name: string
  /** Where a listing goes on behind it. */
  readonly cookie: number
  inode: Inode
  removed: boolean
}

/** Cookies of "." and "..". */
export const DOT = 1
export const DOT_DOT = 2

/** So many removed entries are not worth tidying up. */
const FEW = 32

/**
 * A directory. Its entries stand in the order in which they were made, each with a cookie that is
 * never given twice: whatever is added and removed during a listing, an entry that stays is listed
 * exactly once.
 */
export class Directory extends Inode {
  /** What ".." is; the root is its own. */
  parent: Directory
  readonly #names = new Map<string, Entry>()
  /** By cookie, ascending. Removed entries stay until they are the half of it. */
  #order: Entry[] = []
  #nextCookie = DOT_DOT + 1

  constructor(nodeid: number, mode: number, owner: Owner, now: Timestamp, parent?: Directory) {
    super(nodeid, mode, owner, now)
    this.parent = parent ?? this
  }

  get empty(): boolean {
    return this.#names.size === 0
  }

  /** Nothing can be made in a directory that was removed. */
  get removed(): boolean {
    return this.attr.nlink === 0
  }

  get(name: string): Entry | undefined {
    return this.#names.get(name)
  }

  /** Throws ENOENT. */
  entry(name: string): Entry {
    const entry = this.#names.get(name)
    if (entry === undefined) throw errno('ENOENT')
    return entry
  }

  add(name: string, inode: Inode): void {
    const entry = { name, cookie: this.#nextCookie++, inode, removed: false }
    this.#names.set(name, entry)
    this.#order.push(entry)
    this.#arrive(inode)
  }

  remove(entry: Entry): void {
    this.#names.delete(entry.name)
    this.#leave(entry.inode)
    entry.removed = true
    if (this.#order.length > 2 * this.#names.size + FEW) {
      this.#order = this.#order.filter(({ removed }) => !removed)
    }
  }

  /** Let a name mean another inode. */
  replace(entry: Entry, inode: Inode): void {
    this.#leave(entry.inode)
    entry.inode = inode
    this.#arrive(inode)
  }

  /** Offer the entries behind a cookie, whether or not its own is still there, until one is not taken. */
  offer(cookie: number, take: (entry: Entry) => boolean): void {
    const order = this.#order
    for (let i = indexAfter(order, cookie); i < order.length; i++) {
      const entry = order[i] as Entry
      if (!entry.removed && !take(entry)) return
    }
  }

  /** Whether `other` is this directory, or lies below it. */
  holds(other: Directory): boolean {
    let at = other
    while (at !== this && at.parent !== at) at = at.parent
    return at === this
  }

  /** The ".." of a directory is a link to its parent. */
  #arrive(inode: Inode): void {
    if (!(inode instanceof Directory)) return
    inode.parent = this
    this.attr.nlink++
  }

  #leave(inode: Inode): void {
    if (inode instanceof Directory) this.attr.nlink--
  }
}

function indexAfter(order: readonly Entry[], cookie: number): number {
  let low = 0
  let high = order.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((order[middle] as Entry).cookie <= cookie) low = middle + 1
    else high = middle
  }
  return low
}
