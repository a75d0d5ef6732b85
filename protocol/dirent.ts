import { FUSE_NAME_OFFSET, FUSE_NAME_OFFSET_DIRENTPLUS } from './constants.ts'
import type { InferIn } from './layout.ts'
import { nameBytes, writeName } from './names.ts'
import { fuse_dirent, fuse_entry_out } from './structs.ts'
import { LayoutError, LO } from './words.ts'

/** Packing of directory entries into the bytes that READDIR and READDIRPLUS asked for. */

const align8 = (n: number): number => (n + 7) & ~7
const S_IFMT_SHIFT = 12

/** The kernel answers EIO to an entry with an empty name, a '/' or a NUL. */
function checkName(name: string): void {
  if (name === '' || name.includes('/') || name.includes('\0')) {
    throw new LayoutError('dirent name', "a name without '/' and NUL", name)
  }
}

const NO_BYTES = Buffer.alloc(0)
const NO_WORDS = new Uint32Array(0)

/** More than any kernel asks for. */
const MOST = 16 * 1024 * 1024

abstract class Packer {
  #bytes: Buffer = NO_BYTES
  protected words: Uint32Array = NO_WORDS
  #size = 0
  #length = 0

  /** @param asked bytes that were asked for, `args.size`; no more than 16 MiB of them are used. */
  constructor(asked: number) {
    this.reset(asked)
  }

  /**
   * Begin anew, in the same memory where it is enough: for a handler that keeps one writer because it
   * answers at once, so that the bytes of the reply before have been sent. Returns this.
   */
  reset(asked: number): this {
    this.#size = Math.min(asked, MOST)
    this.#length = 0
    const capacity = align8(this.#size)
    if (capacity <= this.#bytes.length) return this
    // Slow: of its own memory, so that it starts at a multiple of 8.
    this.#bytes = Buffer.allocUnsafeSlow(capacity)
    this.words = new Uint32Array(this.#bytes.buffer, 0, capacity >> 2)
    return this
  }

  /** Bytes that were asked for. */
  get size(): number {
    return this.#size
  }

  /** What has been added: the reply. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }

  /** Nothing has been added: as a reply, the end of the directory. */
  get empty(): boolean {
    return this.#length === 0
  }

  /** Whether an entry with this name, of the head's `offset` bytes, still fits. */
  protected room(head: number, name: string): boolean {
    // A UTF-16 unit is at most 3 bytes; only where that might not fit, count exactly.
    const left = this.size - this.#length - head
    return name.length * 3 <= left - 8 || align8(head + nameBytes(name).length) <= left + head
  }

  /** Name and padding behind a head whose `fuse_dirent` starts at byte `dirent`. */
  protected finish(
    head: number,
    dirent: number,
    name: string,
    ino: number | bigint,
    off: number | bigint,
    mode: number,
  ): void {
    const start = this.#length
    const namelen = writeName(this.#bytes, start + head, name)
    const end = start + align8(head + namelen)
    this.#bytes.fill(0, start + head + namelen, end)
    writeDirent(this.words, (start + dirent) >> 2, ino, off, namelen, (mode >>> S_IFMT_SHIFT) & 0xf)
    this.#length = end
  }

  protected get at(): number {
    return this.#length >> 2
  }
}

/** `fuse_dirent` without an object: a listing of 100,000 entries makes none. */
function writeDirent(
  w: Uint32Array,
  o: number,
  ino: number | bigint,
  off: number | bigint,
  namelen: number,
  type: number,
): void {
  if (
    typeof ino === 'number' &&
    ino >>> 0 === ino &&
    typeof off === 'number' &&
    off >>> 0 === off
  ) {
    w[o + LO] = ino
    w[o + 1 - LO] = 0
    w[o + 2 + LO] = off
    w[o + 3 - LO] = 0
    w[o + 4] = namelen
    w[o + 5] = type
  } else fuse_dirent.encode(w, o, { ino, off, namelen, type })
}

/** Entries for READDIR. */
export class DirentWriter extends Packer {
  /**
   * Append an entry. `off` is the cookie from which the next call goes on after it, `mode` gives
   * the type (`S_IFMT` bits, 0 for unknown). Returns false, and adds nothing, where it does not fit.
   * Throws LayoutError for a name that a directory cannot hold.
   */
  add(name: string, ino: number | bigint, off: number | bigint, mode: number): boolean {
    checkName(name)
    if (!this.room(FUSE_NAME_OFFSET, name)) return false
    this.finish(FUSE_NAME_OFFSET, 0, name, ino, off, mode)
    return true
  }
}

const DIRENT_IN_PLUS = 128

/** Entries with attributes for READDIRPLUS: each with a nodeid counts as a lookup, "." and ".." do not. */
export class DirentPlusWriter extends Packer {
  /**
   * Append an entry. `nodeid` 0 gives the name without attributes ("." and "..", or unknown).
   * Returns false, and adds nothing, where it does not fit: then do not count a lookup.
   */
  add(name: string, entry: InferIn<typeof fuse_entry_out>, off: number | bigint): boolean {
    checkName(name)
    if (!this.room(FUSE_NAME_OFFSET_DIRENTPLUS, name)) return false
    fuse_entry_out.encode(this.words, this.at, entry)
    const { ino = entry.nodeid, mode } = entry.attr
    this.finish(FUSE_NAME_OFFSET_DIRENTPLUS, DIRENT_IN_PLUS, name, ino, off, mode)
    return true
  }
}

/** An entry as it stands in a reply. */
export interface Dirent {
  readonly name: Buffer
  readonly ino: bigint
  readonly off: bigint
  readonly type: number
  /** READDIRPLUS only: 0 where the kernel counts no lookup. */
  readonly nodeid: number
}

/** Read packed entries back: for undoing lookups, for traces and tests. A truncated last one ends it. */
export function* readDirents(bytes: Uint8Array, plus: boolean): Generator<Dirent> {
  // A copy: the bytes of a handler need not be aligned.
  const words = new Uint32Array(Uint8Array.prototype.slice.call(bytes, 0, bytes.length & ~3).buffer)
  const head = plus ? FUSE_NAME_OFFSET_DIRENTPLUS : FUSE_NAME_OFFSET
  for (let at = 0; at + head <= bytes.length; ) {
    const dirent = fuse_dirent.decode(words, (at + head - FUSE_NAME_OFFSET) >> 2)
    const end = at + head + dirent.namelen
    if (end > bytes.length) return
    const nodeid = plus
      ? Number(words[(at >> 2) + LO]) + Number(words[(at >> 2) + 1 - LO]) * 2 ** 32
      : 0
    yield {
      name: Buffer.from(bytes.subarray(at + head, end)),
      ino: dirent.ino,
      off: dirent.off,
      type: dirent.type,
      nodeid,
    }
    at += align8(head + dirent.namelen)
  }
}

/** What a listing needs to know of an entry; `mode` gives the type, 0 for unknown. */
export interface DirentLike {
  readonly name: string
  readonly ino: number | bigint
  readonly mode: number
}

/**
 * A READDIR answered from a list: the cookie of an entry is its place, so the list must stay the same
 * while a directory is open.
 */
export function dirents(
  args: { readonly offset: bigint; readonly size: number },
  entries: readonly DirentLike[],
): DirentWriter {
  const writer = new DirentWriter(args.size)
  for (let i = Number(args.offset); i < entries.length; i++) {
    const { name, ino, mode } = entries[i] as DirentLike
    if (!writer.add(name, ino, i + 1, mode)) break
  }
  return writer
}
