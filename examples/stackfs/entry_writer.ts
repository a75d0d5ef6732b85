import { FUSE_NAME_OFFSET, FUSE_NAME_OFFSET_DIRENTPLUS } from '../../lib/index.ts'
import type { Answers } from './answers.ts'
import type { Device } from './device.ts'
import type { InodeNumbers } from './inode_numbers.ts'
import type { Listing } from './listing.ts'
import type { Node } from './node.ts'
import { HI, LO, STATX, type Stat } from './stat.ts'

const TWO32 = 2 ** 32
/** The high word of 2^52: below, a number of LOWER's own is shown as it is. */
const OURS = 2 ** 20
const TYPE_SHIFT = 12
/** Words of fuse_entry_out before and with its fuse_attr. */
const ATTR = 10
const ENTRY = 32

const align8 = (n: number): number => (n + 7) & ~7

/**
 * Entries of a listing in the wire's words, straight from the lower file system's: nothing is made for
 * one. One writer serves all listings, which are sent in the turn in which they are written.
 */
export class EntryWriter {
  readonly #stat: Stat
  readonly #numbers: InodeNumbers
  readonly #answers: Answers
  #bytes = Buffer.alloc(0)
  #words = new Uint32Array(0)
  #size = 0
  #length = 0

  constructor(stat: Stat, numbers: InodeNumbers, answers: Answers) {
    this.#stat = stat
    this.#numbers = numbers
    this.#answers = answers
  }

  /** @param size most bytes. */
  begin(size: number): void {
    this.#size = size
    this.#length = 0
    if (size <= this.#bytes.length) return
    this.#bytes = Buffer.allocUnsafeSlow(align8(size))
    this.#words = new Uint32Array(this.#bytes.buffer)
  }

  get empty(): boolean {
    return this.#length === 0
  }

  get written(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }

  /** Whether the record that a listing stands on fits, with attributes or without. */
  fits(listing: Listing, plus: boolean): boolean {
    const head = plus ? FUSE_NAME_OFFSET_DIRENTPLUS : FUSE_NAME_OFFSET
    return this.#length + align8(head + listing.nameEnd - listing.nameStart) <= this.#size
  }

  /** The record alone. @param foreign the directory's device where it is not LOWER's own. */
  plain(listing: Listing, foreign: Device | undefined): void {
    const at = this.#length >> 2
    const { words, word } = listing
    const high = words[word + HI] as number
    if (foreign === undefined && high < OURS) {
      this.#words[at + LO] = words[word + LO] as number
      this.#words[at + HI] = high
    } else this.#number(at, this.#numbers.listed(foreign, listing.ino))
    this.#finish(listing, this.#length, listing.type)
  }

  /** With the attributes of an inode, which have been read; without one it is not looked up. */
  plus(listing: Listing, node: Node | undefined, foreign: Device | undefined): void {
    const at = this.#length >> 2
    if (node === undefined) {
      this.#words.fill(0, at, at + ENTRY)
      this.#length += ENTRY << 2
      this.plain(listing, foreign)
      return
    }
    const ino = this.#numbers.shown(this.#stat)
    this.#entry(at, node)
    this.#attributes(at + ATTR, ino)
    this.#length += ENTRY << 2
    this.#number(at + ENTRY, ino)
    this.#finish(listing, this.#length, this.#stat.mode >>> TYPE_SHIFT)
  }

  /** Cookie, name and type of a dirent whose number stands there already. */
  #finish(listing: Listing, start: number, type: number): void {
    const w = this.#words
    const at = start >> 2
    const { words, word, bytes, nameStart, nameEnd } = listing
    const namelen = nameEnd - nameStart
    const end = start + align8(FUSE_NAME_OFFSET + namelen)
    w[at + 2] = words[word + 2] as number
    w[at + 3] = words[word + 3] as number
    w[at + 4] = namelen
    w[at + 5] = type
    // The padding is in here, or nowhere.
    w[(end >> 2) - 2] = 0
    w[(end >> 2) - 1] = 0
    const to = start + FUSE_NAME_OFFSET
    for (let i = 0; i < namelen; i++) this.#bytes[to + i] = bytes[nameStart + i] as number
    this.#length = end
  }

  /** fuse_entry_out before its fuse_attr. */
  #entry(at: number, node: Node): void {
    const w = this.#words
    const { entry_valid, entry_valid_nsec, attr_valid, attr_valid_nsec } =
      this.#answers.validity(node)
    this.#number(at, node.nodeid)
    this.#number(at + 2, 0)
    this.#number(at + 4, entry_valid)
    this.#number(at + 6, attr_valid)
    w[at + 8] = entry_valid_nsec
    w[at + 9] = attr_valid_nsec
  }

  /** fuse_attr from struct statx. */
  #attributes(at: number, ino: number | bigint): void {
    const w = this.#words
    const s = this.#stat.words
    this.#number(at, ino)
    this.#copy(at + 2, STATX.SIZE)
    this.#copy(at + 4, STATX.BLOCKS)
    this.#copy(at + 6, STATX.ATIME)
    this.#copy(at + 8, STATX.MTIME)
    this.#copy(at + 10, STATX.CTIME)
    w[at + 12] = s[STATX.ATIME + 2] as number
    w[at + 13] = s[STATX.MTIME + 2] as number
    w[at + 14] = s[STATX.CTIME + 2] as number
    w[at + 15] = this.#stat.mode
    w[at + 16] = s[STATX.NLINK] as number
    w[at + 17] = s[STATX.UID] as number
    w[at + 18] = s[STATX.GID] as number
    w[at + 19] = this.#stat.rdev
    w[at + 20] = s[STATX.BLKSIZE] as number
    w[at + 21] = 0
  }

  #copy(at: number, from: number): void {
    this.#words[at] = this.#stat.words[from] as number
    this.#words[at + 1] = this.#stat.words[from + 1] as number
  }

  #number(at: number, value: number | bigint): void {
    const big = typeof value === 'bigint'
    this.#words[at + LO] = big ? Number(value & 0xffff_ffffn) : value % TWO32
    this.#words[at + HI] = big ? Number(value >> 32n) : value / TWO32
  }
}
