/**
 * File data is kept in chunks of 32 pages. A page is what counts as allocated and what a hole is
 * made of: one bit each, so that a chunk's pages are one 32-bit number.
 */
export const PAGE = 4096
const PAGE_BITS = 12
export const CHUNK: number = 32 * PAGE

const pageStart = (at: number): number => at & -PAGE
const pageEnd = (at: number): number => (at + PAGE - 1) & -PAGE

/** The pages that bytes [from, to) of a chunk touch; `to` above `from`. */
export function touched(from: number, to: number): number {
  const first = from >>> PAGE_BITS
  const last = (to - 1) >>> PAGE_BITS
  return (-1 >>> (31 - last + first)) << first
}

/** The pages that lie wholly in bytes [from, to) of a chunk. */
function covered(from: number, to: number): number {
  const first = pageEnd(from)
  const end = pageStart(to)
  return first < end ? touched(first, end) : 0
}

/** How many bits are set. */
export function countPages(pages: number): number {
  let n = pages - ((pages >>> 1) & 0x5555_5555)
  n = (n & 0x3333_3333) + ((n >>> 2) & 0x3333_3333)
  return Math.imul((n + (n >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24
}

/** Where in the chunk the first of `pages` begins; CHUNK where there is none. */
const firstPage = (pages: number): number => (31 - Math.clz32(pages & -pages)) * PAGE

/** What holes are read from: never touched, it costs no memory. */
const ZEROS = new Uint8Array(CHUNK)

/** A hole of up to CHUNK bytes, appended to `pieces`. */
export function readHole(length: number, pieces: Uint8Array[]): void {
  pieces.push(ZEROS.subarray(0, length))
}

/** Bytes of a chunk that are in memory, from the start of a page on. */
interface Run {
  readonly from: number
  bytes: Uint8Array
}

const endOf = ({ from, bytes }: Run): number => from + bytes.length

/** One stretch of a file. Bytes that were never written, or were erased, are zeros. */
export class Chunk {
  /** Bit n: page n is allocated. */
  pages = 0
  /** In order; no two have a part of the same page. Mostly there is one. */
  #runs: Run[] = []

  /** Put `data` at byte `from`. It is copied. */
  write(from: number, data: Uint8Array): void {
    const to = from + data.length
    const [first] = this.#runs
    if (first === undefined && from === pageStart(from)) {
      // A copy of an array is not filled with zeros first.
      this.#runs = [{ from, bytes: new Uint8Array(data) }]
      return
    }
    const fits = first !== undefined && from >= first.from && to <= endOf(first)
    const run = fits ? first : this.#runFor(from, to)
    run.bytes.set(data, from - run.from)
  }

  /** Append the bytes [from, to) to `pieces`: views, good until the next change. */
  read(from: number, to: number, pieces: Uint8Array[]): void {
    let at = from
    for (const run of this.#runs) {
      const end = Math.min(endOf(run), to)
      if (end <= at) continue
      if (run.from >= to) break
      if (run.from > at) readHole(run.from - at, pieces)
      at = Math.max(at, run.from)
      pieces.push(run.bytes.subarray(at - run.from, end - run.from))
      at = end
    }
    if (at < to) readHole(to - at, pieces)
  }

  /** Make zeros of the bytes [from, to); returns how many pages are no longer allocated. */
  erase(from: number, to: number): number {
    this.#runs = this.#runs.flatMap((run) => cut(run, from, to))
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

  /** A run that has room for the bytes [from, to): one that ends there made longer, or a new one. */
  #runFor(from: number, to: number): Run {
    const [start, end] = [pageStart(from), pageEnd(to)]
    const met = this.#runs.filter((run) => run.from < end && pageEnd(endOf(run)) >= start)
    const [first] = met
    if (first !== undefined && met.length === 1 && first.from <= start) {
      if (to > endOf(first)) this.#grow(first, to)
      return first
    }
    const run = joined(met, start, to)
    const others = this.#runs.filter((other) => !met.includes(other))
    this.#runs = [...others, run].sort((a, b) => a.from - b.from)
    return run
  }

  /** Twice the size each time: a thousand small appends copy what they append twice, no more. */
  #grow(run: Run, least: number): void {
    const next = this.#runs[this.#runs.indexOf(run) + 1]
    const most = (next?.from ?? CHUNK) - run.from
    const bytes = new Uint8Array(Math.min(most, Math.max(least - run.from, 2 * run.bytes.length)))
    bytes.set(run.bytes)
    run.bytes = bytes
  }
}

/** One run in the place of several, that reaches at least from `start` to `end`. */
function joined(runs: readonly Run[], start: number, end: number): Run {
  const from = Math.min(start, ...runs.map((run) => run.from))
  const bytes = new Uint8Array(Math.max(end, ...runs.map(endOf)) - from)
  for (const run of runs) bytes.set(run.bytes, run.from - from)
  return { from, bytes }
}

/** What stays in memory of a run when its bytes [from, to) become zeros: pages that are whole go. */
function cut(run: Run, from: number, to: number): Run[] {
  const end = endOf(run)
  if (from >= end || to <= run.from) return [run]
  const rest: Run[] = []
  if (from > run.from) rest.push({ from: run.from, bytes: run.bytes.slice(0, from - run.from) })
  if (to >= end) return rest
  run.bytes.fill(0, Math.max(0, from - run.from), to - run.from)
  const last = pageStart(to)
  if (pageEnd(Math.max(from, run.from)) >= last) return [run]
  return [...rest, { from: last, bytes: run.bytes.slice(last - run.from) }]
}
