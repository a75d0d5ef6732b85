/**
 * File data is kept in chunks of 32 pages. A page is what counts as allocated and what a hole is
 * made of: one bit each, so that a chunk's pages are one 32-bit number.
 */
export const PAGE = 4096
const PAGE_BITS = 12
export const CHUNK: number = 32 * PAGE

/** The pages that bytes [from, to) of a chunk touch; `to` above `from`. */
export function touched(from: number, to: number): number {
  const first = from >>> PAGE_BITS
  const last = (to - 1) >>> PAGE_BITS
  return (-1 >>> (31 - last + first)) << first
}

/** The pages that lie wholly in bytes [from, to) of a chunk. */
function covered(from: number, to: number): number {
  const first = (from + PAGE - 1) >>> PAGE_BITS
  const end = to >>> PAGE_BITS
  return first < end ? touched(first * PAGE, end * PAGE) : 0
}

/** How many bits are set. */
export function countPages(pages: number): number {
  let n = pages - ((pages >>> 1) & 0x5555_5555)
  n = (n & 0x3333_3333) + ((n >>> 2) & 0x3333_3333)
  return Math.imul((n + (n >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24
}

/** Where in the chunk the first of `pages` begins; CHUNK where there is none. */
const firstPage = (pages: number): number => (31 - Math.clz32(pages & -pages)) * PAGE

const NOTHING = new Uint8Array(0)
/** What holes are read from: never touched, it costs no memory. */
const ZEROS = new Uint8Array(CHUNK)

/** One stretch of a file. Bytes that were never written, or were erased, are zeros. */
export class Chunk {
  /** Bit n: page n is allocated. */
  pages = 0
  /** As far as anything was written: a small file takes what it needs. */
  #bytes: Uint8Array = NOTHING

  /** Put `data` at byte `from`. It is copied. */
  write(from: number, data: Uint8Array): void {
    if (from === 0 && data.length > this.#bytes.length) {
      this.#bytes = new Uint8Array(data)
      return
    }
    if (from + data.length > this.#bytes.length) this.#grow(from + data.length)
    this.#bytes.set(data, from)
  }

  /** Append the bytes [from, to) to `pieces`: views, good until the next write. */
  read(from: number, to: number, pieces: Uint8Array[]): void {
    const end = Math.min(to, this.#bytes.length)
    if (from < end) pieces.push(this.#bytes.subarray(from, end))
    if (end < to) pieces.push(ZEROS.subarray(0, to - Math.max(from, end)))
  }

  /** Make zeros of the bytes [from, to); returns how many pages are no longer allocated. */
  erase(from: number, to: number): number {
    if (from < this.#bytes.length) {
      if (to < this.#bytes.length) this.#bytes.fill(0, from, to)
      else this.#bytes = this.#bytes.slice(0, from)
    }
    const pages = this.pages & covered(from, to)
    this.pages &= ~pages
    return countPages(pages)
  }

  /** The first allocated byte from `from` on; CHUNK where there is none. */
  data(from: number): number {
    const pages = this.pages & touched(from, CHUNK)
    return pages === 0 ? CHUNK : Math.max(from, firstPage(pages))
  }

  /** The first byte from `from` on that is not allocated; CHUNK where there is none. */
  hole(from: number): number {
    const pages = ~this.pages & touched(from, CHUNK)
    return pages === 0 ? CHUNK : Math.max(from, firstPage(pages))
  }

  /** Twice the size each time: a thousand small appends copy what they append twice, no more. */
  #grow(least: number): void {
    const larger = new Uint8Array(Math.min(CHUNK, Math.max(least, 2 * this.#bytes.length)))
    larger.set(this.#bytes)
    this.#bytes = larger
  }
}

/** A hole of `length` bytes, appended to `pieces`. */
export function readHole(length: number, pieces: Uint8Array[]): void {
  pieces.push(ZEROS.subarray(0, length))
}
