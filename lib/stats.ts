import { operationName } from './fuse_ll_ops.ts'

/** Counts, errors and latencies by opcode: two array writes a request, cheap enough to leave on. */

/** Opcodes are below this; what is not (CUSE_INIT) is not counted. */
const OPCODES = 64
/** Bucket k holds latencies below 2^k ns, from 1 µs (k = 10) to 17 s (k = 34) and the rest. */
const BUCKETS = 36
const FIRST_BUCKET = 10
/** Of the requests answered in the same turn one in so many is timed: two clock readings cost 1 %. */
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
  /** Requests timed: every asynchronous one, one in 16 of the others. */
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

export class Counters {
  readonly #counts = new Float64Array(OPCODES)
  readonly #errors = new Float64Array(OPCODES)
  readonly #histogram = new Float64Array(OPCODES * BUCKETS)
  #tick = 0

  /** A request came: returns the time where this one is to be timed, else 0. */
  received(opcode: number): number {
    if (opcode < OPCODES) this.#counts[opcode] = (this.#counts[opcode] as number) + 1
    return ++this.#tick % SAMPLE === 0 ? now() : 0
  }

  failed(opcode: number): void {
    if (opcode < OPCODES) this.#errors[opcode] = (this.#errors[opcode] as number) + 1
  }

  /** A request that came at `started` (0: not timed) is answered. */
  answered(opcode: number, started: number): void {
    if (started === 0 || opcode >= OPCODES) return
    const ns = Math.max(1, now() - started)
    const bucket = Math.min(BUCKETS - 1, Math.max(FIRST_BUCKET, Math.ceil(Math.log2(ns))))
    const at = opcode * BUCKETS + bucket
    this.#histogram[at] = (this.#histogram[at] as number) + 1
  }

  snapshot(pending: Iterable<PendingRequest>): SessionStats {
    const waiting = new Map<number, number[]>()
    for (const { opcode, started } of pending) {
      waiting.set(opcode, [...(waiting.get(opcode) ?? []), started])
    }
    const stats: Record<string, OperationStats> = {}
    for (let opcode = 0; opcode < OPCODES; opcode++) {
      if (this.#counts[opcode] === 0) continue
      stats[operationName(opcode)] = this.#of(opcode, waiting.get(opcode) ?? [])
    }
    return stats
  }

  #of(opcode: number, started: readonly number[]): OperationStats {
    const histogram = Array.from(this.#histogram.subarray(opcode * BUCKETS, (opcode + 1) * BUCKETS))
    return {
      count: this.#counts[opcode] as number,
      errors: this.#errors[opcode] as number,
      pending: started.length,
      oldest: started.length === 0 ? 0 : (now() - Math.min(...started)) / 1e6,
      timed: histogram.reduce((sum, n) => sum + n, 0),
      histogram,
      p50: quantile(histogram, 0.5),
      p99: quantile(histogram, 0.99),
    }
  }
}

function quantile(histogram: readonly number[], q: number): number {
  const total = histogram.reduce((sum, n) => sum + n, 0)
  let seen = 0
  for (const [bucket, n] of histogram.entries()) {
    seen += n
    if (n > 0 && seen >= total * q) return 2 ** bucket / 1000
  }
  return 0
}
