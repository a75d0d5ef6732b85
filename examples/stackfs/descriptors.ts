import { constants } from 'node:os'
import { posix } from '../../lib/posix.ts'
import type { Handles } from './handles.ts'
import { keyOf } from './keys.ts'
import type { Lower } from './lower.ts'
import type { Node, Place } from './node.ts'
import { Stat } from './stat.ts'
import { check, PATH_ONLY } from './system.ts'

const { EMFILE, ENOENT, ESTALE } = constants.errno
/** Most inodes that are looked at to find one to close: a descriptor too many is not worth more. */
const LOOKS = 32
/** Closed together where the process has no descriptor left. */
const MANY = 64
/** A power of two, more than one request asks for: their descriptors stay open. */
const RECENT = 8

/**
 * The inodes that are open for their names, no more than some thousands: whichever was not used since
 * the hand came round last is closed, and opened again when it is asked for.
 */
export class Descriptors {
  readonly #lower: Lower
  readonly #handles: Handles
  readonly #most: number
  /** Its own: others are in the middle of using what they have read. */
  readonly #stat = new Stat()
  readonly #open = new Set<Node>()
  readonly #recent: (Node | undefined)[] = Array.from({ length: RECENT }, () => undefined)
  #asked = 0
  #hand: Iterator<Node>
  #closed = 0

  /** @param most that are open; those that could not be found again are not counted. */
  constructor(lower: Lower, handles: Handles, most: number) {
    this.#lower = lower
    this.#handles = handles
    this.#most = most
    this.#hand = this.#open.values()
  }

  /** Whether there are inodes that are not open. */
  get someClosed(): boolean {
    return this.#closed > 0
  }

  /** The descriptor of an inode. Throws ESTALE where it is gone, EMFILE. */
  of(node: Node): number {
    node.used = true
    this.#recent[this.#asked++ & (RECENT - 1)] = node
    if (node.fd >= 0) return node.fd
    const fd = check(this.opening(() => this.#reopen(node)))
    this.found(node, fd)
    return fd
  }

  /** Call what opens a descriptor; where there is none left, make room and call it again. */
  opening(open: () => number): number {
    const fd = open()
    return fd === -EMFILE && this.#scarce() ? open() : fd
  }

  /** It is open from now on. */
  hold(node: Node, fd: number): void {
    node.fd = fd
    this.#open.add(node)
    for (let looks = 0; this.#open.size > this.#most && looks < LOOKS; looks++) this.#look()
  }

  /** One that was closed is open again. */
  found(node: Node, fd: number): void {
    this.#closed--
    this.hold(node, fd)
  }

  /** Nobody asks for it any more. */
  drop(node: Node): void {
    node.place = undefined
    if (node.fd < 0) this.#closed--
    else {
      this.#open.delete(node)
      posix.close(node.fd)
      node.fd = -1
    }
  }

  /** Returns whether there is room now. */
  #scarce(): boolean {
    const { size } = this.#open
    // Twice round: the first time only shows which of them are used.
    for (let looks = 0; looks < 2 * size && this.#open.size > size - MANY; looks++) this.#look()
    return this.#open.size < size
  }

  #look(): void {
    const { value, done } = this.#hand.next()
    if (done) this.#hand = this.#open.values()
    else if (value.used) value.used = false
    else if (!this.#recent.includes(value) && this.#canReopen(value)) this.#close(value)
  }

  #close(node: Node): void {
    this.#open.delete(node)
    posix.close(node.fd)
    node.fd = -1
    this.#closed++
  }

  /** What has lost its last name could not be found again. */
  #canReopen(node: Node): boolean {
    if (this.#stat.of(node.fd) < 0 || this.#stat.nlink === 0) return false
    node.handle ??= this.#handles.of(node)
    return node.handle !== undefined || node.place !== undefined
  }

  /** Returns the descriptor or -errno. */
  #reopen(node: Node): number {
    if (node.handle !== undefined) return this.#handles.open(node.handle)
    return node.place === undefined ? -ESTALE : this.#walk(node, node.place)
  }

  /** By the name that it had last. -ESTALE where that is no longer its own. */
  #walk(node: Node, { parent, name }: Place): number {
    const fd = posix.openat(this.of(parent), name, PATH_ONLY, 0)
    if (fd < 0) return fd === -ENOENT ? -ESTALE : fd
    if (this.#stat.of(fd) >= 0 && keyOf(this.#stat, this.#lower.device) === node.key) return fd
    posix.close(fd)
    return -ESTALE
  }
}
