import { operationName } from './fuse_ll_ops.ts'

/** Counts, errors and latencies by opcode: one addition a request, cheap enough to leave on. */

/** Bucket k holds latencies below 2^k ns, from 1 µs (k = 10) to 17 s (k = 34) and the rest. */
const BUCKETS = 36
const FIRST_BUCKET = 10
/** One request in so many is timed whatever becomes of it: two clock readings cost 1 % of one. */
const SAMPLE = 16

/** What is known of one operation. */
export interface OperationStats {
  /** Requests received. */
  readonly count: number
  /** Requests answered with an errno, ENOENT included. */
  readonly errors: number
  /** Requests that wait for their handler now. */
  readonly pending: number
  /** Milliseconds that the oldest of them has waited. */
  readonly oldest: number
  /** Requests timed: one in 16, and every one that took longer than the wake in which it came. */
  readonly timed: number
  /** `histogram[k]`: how many took less than 2^k ns and not less than 2^(k-1). */
  readonly histogram: readonly number[]
  /** Upper bounds of the latency in microseconds, exact to a factor of 2. */
  readonly p50: number
  readonly p99: number
}

/** By operation; those never seen are left out. */
export type SessionStats = Readonly<Record<string, OperationStats>>

export interface PendingRequest {
  readonly opcode: number
  /** Nanoseconds. */
  readonly started: number
}

/** Nanoseconds of the monotonic clock. */
export const now = (): number => performance.now() * 1e6

/** The figures of one opcode, kept beside what serves it. */
export class Tally {
  count = 0
  errors = 0
  #histogram: number[] | undefined

  /** A request came: returns whether this one is to be timed. */
  received(): boolean {
    return ++this.count % SAMPLE === 0
  }

  /** A request was answered after so many nanoseconds. */
  answered(ns: number): void {
    const bucket = Math.ceil(Math.log2(Math.max(1, ns)))
    const within = Math.min(BUCKETS - 1, Math.max(FIRST_BUCKET, bucket))
    this.#histogram ??= new Array<number>(BUCKETS).fill(0)
    this.#histogram[within] = (this.#histogram[within] ?? 0) + 1
  }

  /** @param started when those came that still wait. */
  snapshot(started: readonly number[]): OperationStats {
    const histogram = [...(this.#histogram ?? new Array<number>(BUCKETS).fill(0))]
    return {
      count: this.count,
      errors: this.errors,
      pending: started.length,
      oldest: started.length === 0 ? 0 : (now() - Math.min(...started)) / 1e6,
      timed: histogram.reduce((sum, n) => sum + n, 0),
      histogram,
      p50: quantile(histogram, 0.5),
      p99: quantile(histogram, 0.99),
    }
  }
}

/** The tallies of a session. */
export class Counters {
  readonly #tallies = new Map<number, Tally>()

  of(opcode: number): Tally {
    const known = this.#tallies.get(opcode)
    if (known !== undefined) return known
    const tally = new Tally()
    // A kernel has few opcodes; whatever else sends messages may not fill memory with them.
    if (this.#tallies.size < MOST_OPCODES) this.#tallies.set(opcode, tally)
    return tally
  }

  snapshot(pending: Iterable<PendingRequest>): SessionStats {
    const waiting = new Map<number, number[]>()
    for (const { opcode, started } of pending) {
      waiting.set(opcode, [...(waiting.get(opcode) ?? []), started])
    }
    const stats: Record<string, OperationStats> = {}
    for (const [opcode, tally] of this.#tallies) {
      if (tally.count > 0) stats[operationName(opcode)] = tally.snapshot(waiting.get(opcode) ?? [])
    }
    return stats
  }
}

const MOST_OPCODES = 128

function quantile(histogram: readonly number[], q: number): number {
  const total = histogram.reduce((sum, n) => sum + n, 0)
  let seen = 0
  for (const [bucket, n] of histogram.entries()) {
    seen += n
    if (n > 0 && seen >= total * q) return 2 ** bucket / 1000
  }
  return 0
}
