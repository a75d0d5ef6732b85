import { errno } from '../../lib/index.ts'
import type { Attributes } from './attributes.ts'
import { CHUNK, Chunk, countPages, PAGE, readHole, touched } from './chunk.ts'
import type { Space } from './space.ts'

/** The most bytes of a file: what a number counts exactly. */
export const MAX_SIZE: number = Number.MAX_SAFE_INTEGER

/** st_blocks counts 512 bytes. */
const PAGE_BLOCKS = PAGE / 512

/**
 * The bytes of a regular file, sparse: what was never written takes no memory.
 * It keeps `size` and `blocks` of the attributes, and takes its pages from the file system's space.
 */
export class FileData {
  readonly #attr: Pick<Attributes, 'size' | 'blocks'>
  readonly #space: Space
  /** By offset / CHUNK. */
  readonly #chunks = new Map<number, Chunk>()

  constructor(attr: Pick<Attributes, 'size' | 'blocks'>, space: Space) {
    this.#attr = attr
    this.#space = space
  }

  /** Up to `length` bytes, fewer at the end of the file; views, good until the next change. */
  read(offset: number, length: number): Uint8Array[] {
    const pieces: Uint8Array[] = []
    const end = Math.min(offset + length, this.#attr.size)
    for (let at = offset; at < end; ) {
      const from = at % CHUNK
      const to = Math.min(CHUNK, from + end - at)
      const chunk = this.#chunks.get((at - from) / CHUNK)
      if (chunk === undefined) readHole(to - from, pieces)
      else chunk.read(from, to, pieces)
      at += to - from
    }
    return pieces
  }

  /** Write, and return how many bytes there was space for. Throws EFBIG, and ENOSPC where none fits. */
  write(offset: number, data: Uint8Array): number {
    if (offset + data.length > MAX_SIZE) throw errno('EFBIG')
    const written = this.#put(offset, data)
    if (written === 0 && data.length > 0) throw errno('ENOSPC')
    return written
  }

  /** Cut, or make longer with zeros. Throws EFBIG. */
  truncate(size: number): void {
    if (size > MAX_SIZE) throw errno('EFBIG')
    if (size === 0) this.free()
    else if (size < this.#attr.size) this.#erase(size, Infinity)
    this.#attr.size = size
  }

  /** Give everything back. */
  free(): void {
    this.#space.give(this.#pages * PAGE)
    this.#chunks.clear()
    this.#attr.blocks = 0
  }

  /** Allocate the pages of a range: writing there cannot fail any more. Throws ENOSPC, taking nothing. */
  allocate(offset: number, length: number): void {
    const first = Math.floor(offset / PAGE)
    const last = Math.floor((offset + length - 1) / PAGE)
    // Before looking at each chunk: the range may be petabytes.
    const least = last - first + 1 - this.#pages
    if (least * PAGE > this.#space.freeBytes) throw errno('ENOSPC')
    const missing = this.#missing(offset, offset + length)
    this.#space.take(missing * PAGE)
    this.#mark(offset, offset + length)
    this.#attr.blocks += missing * PAGE_BLOCKS
  }

  /** Make a hole: zeros without memory where whole pages are covered. The size stays. */
  punch(offset: number, length: number): void {
    this.#erase(offset, offset + length)
  }

  /** At least as long as `size`, with zeros. */
  extend(size: number): void {
    if (size > this.#attr.size) this.#attr.size = size
  }

  /** SEEK_DATA: the first byte from `offset` on that is no hole; undefined where only holes follow. */
  nextData(offset: number): number | undefined {
    let from = offset % CHUNK
    let index: number | undefined = (offset - from) / CHUNK
    while (index !== undefined) {
      const at: number = index * CHUNK + (this.#chunks.get(index)?.data(from) ?? CHUNK)
      if (at < (index + 1) * CHUNK) return at < this.#attr.size ? at : undefined
      index = this.#chunkAfter(index)
      from = 0
    }
    return undefined
  }

  /** SEEK_HOLE: the first byte from `offset` on that is one; the end of the file counts. */
  nextHole(offset: number): number {
    let from = offset % CHUNK
    for (let index = (offset - from) / CHUNK; index * CHUNK < this.#attr.size; index++) {
      const at = this.#chunks.get(index)?.hole(from) ?? from
      if (at < CHUNK) return Math.min(index * CHUNK + at, this.#attr.size)
      from = 0
    }
    return this.#attr.size
  }

  /**
   * Copy `length` bytes of `source` from `from` on to `offset`, holes as holes; the ranges must not
   * overlap. Returns how many bytes there were and fitted; throws EFBIG, and ENOSPC where none did.
   */
  copyFrom(source: FileData, from: number, offset: number, length: number): number {
    const end = Math.min(from + length, source.#attr.size)
    if (offset + length > MAX_SIZE) throw errno('EFBIG')
    let at = from
    while (at < end) {
      const data = Math.min(source.nextData(at) ?? end, end)
      if (data > at) this.#copyHole(offset + at - from, data - at)
      const stop = Math.min(source.nextHole(data), end)
      at = data + this.#putAll(offset + data - from, source.read(data, stop - data))
      if (at < stop) break
    }
    if (at === from && at < end) throw errno('ENOSPC')
    return Math.max(0, at - from)
  }

  get #pages(): number {
    return this.#attr.blocks / PAGE_BLOCKS
  }

  /** `write` that returns 0 where nothing fits. */
  #put(offset: number, data: Uint8Array): number {
    let done = 0
    while (done < data.length) {
      const from = (offset + done) % CHUNK
      const to = Math.min(CHUNK, from + data.length - done)
      const end = this.#claim((offset + done - from) / CHUNK, from, to)
      if (end > from) {
        const whole = done === 0 && end - from === data.length
        const part = whole ? data : data.subarray(done, done + end - from)
        this.#chunk((offset + done - from) / CHUNK).write(from, part)
        done += end - from
      }
      if (end < to) break
    }
    if (done > 0) this.extend(offset + done)
    return done
  }

  #putAll(offset: number, pieces: readonly Uint8Array[]): number {
    let done = 0
    for (const piece of pieces) {
      const written = this.#put(offset + done, piece)
      done += written
      if (written < piece.length) break
    }
    return done
  }

  #copyHole(offset: number, length: number): void {
    this.punch(offset, length)
    this.extend(offset + length)
  }

  /** Take pages for the bytes [from, to) of a chunk; returns up to where there was space for them. */
  #claim(index: number, from: number, to: number): number {
    const wanted = touched(from, to)
    const missing = wanted & ~(this.#chunks.get(index)?.pages ?? 0)
    if (missing === 0 || this.#take(index, missing)) return to
    let end = from
    while (end < to) {
      const page = touched(end, end + 1)
      if ((missing & page) !== 0 && !this.#take(index, page)) break
      end = Math.min(to, end - (end % PAGE) + PAGE)
    }
    return end
  }

  #take(index: number, pages: number): boolean {
    const count = countPages(pages)
    if (!this.#space.tryTake(count * PAGE)) return false
    this.#chunk(index).pages |= pages
    this.#attr.blocks += count * PAGE_BLOCKS
    return true
  }

  /** How many of the pages that bytes [start, end) touch are not allocated. */
  #missing(start: number, end: number): number {
    let count = 0
    for (const { index, pages } of parts(start, end)) {
      count += countPages(pages & ~(this.#chunks.get(index)?.pages ?? 0))
    }
    return count
  }

  #mark(start: number, end: number): void {
    for (const { index, pages } of parts(start, end)) this.#chunk(index).pages |= pages
  }

  #erase(start: number, end: number): void {
    const first = Math.floor(start / CHUNK)
    const last = Math.floor((end - 1) / CHUNK)
    for (const index of this.#indexes(first, last)) {
      const chunk = this.#chunks.get(index)
      if (chunk === undefined) continue
      const base = index * CHUNK
      const freed = chunk.erase(Math.max(0, start - base), Math.min(CHUNK, end - base))
      this.#space.give(freed * PAGE)
      this.#attr.blocks -= freed * PAGE_BLOCKS
      if (chunk.pages === 0) this.#chunks.delete(index)
    }
  }

  /** The numbers from `first` to `last`, or those chunks among them where that is less to look at. */
  #indexes(first: number, last: number): number[] {
    const count = last - first + 1
    if (count <= this.#chunks.size) return Array.from({ length: count }, (_, i) => first + i)
    return [...this.#chunks.keys()].filter((index) => index >= first && index <= last)
  }

  #chunk(index: number): Chunk {
    let chunk = this.#chunks.get(index)
    if (chunk === undefined) {
      chunk = new Chunk()
      this.#chunks.set(index, chunk)
    }
    return chunk
  }

  /** The chunk that follows in the file. Neighbours are found at once, distant ones by looking at all. */
  #chunkAfter(index: number): number | undefined {
    if (this.#chunks.has(index + 1)) return index + 1
    let next: number | undefined
    for (const other of this.#chunks.keys()) {
      if (other > index && (next === undefined || other < next)) next = other
    }
    return next
  }
}

/** The chunks of a range and which of their pages it touches. */
function* parts(start: number, end: number): Generator<{ index: number; pages: number }> {
  for (let at = start; at < end; at += CHUNK - (at % CHUNK)) {
    const from = at % CHUNK
    yield { index: (at - from) / CHUNK, pages: touched(from, Math.min(CHUNK, from + end - at)) }
  }
}
