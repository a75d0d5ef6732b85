import { constants } from 'node:os'
import { OUT_HEADER_SIZE, OUT_PAYLOAD, writeOutHeader } from '../protocol/reply.ts'
import type { Outgoing } from './answers.ts'
import type { FuseRequest } from './context.ts'
import { FdRange } from './fd_range.ts'
import type { Negotiated } from './init.ts'
import type { Counters } from './stats.ts'
import type { Operation } from './table.ts'
import type { Trace } from './trace.ts'
import { READ_FAILED, type Transport } from './transport.ts'

const { EAGAIN } = constants.errno

/** See `Replier.value`. Not an errno: those are negative here. */
export const WAITS = 1

/**
 * Puts replies together and sends them. One buffer serves all: a reply is written in the turn in
 * which it is made. Results are the transport's: 0 or -errno.
 */
export class Replier {
  readonly #transport: Transport
  readonly #counters: Counters
  readonly #trace: Trace | undefined
  readonly #out: Outgoing

  constructor(transport: Transport, counters: Counters, trace: Trace | undefined) {
    this.#transport = transport
    this.#counters = counters
    this.#trace = trace
    const bytes = transport.out
    const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2)
    this.#out = { bytes, words, head: OUT_HEADER_SIZE, rest: undefined }
  }

  /**
   * Throws LayoutError where the wire cannot hold the value. WAITS: a file must be waited for; then
   * `later` sends the reply.
   */
  value(operation: Operation, req: FuseRequest, value: unknown): number {
    const out = this.#out
    this.#transport.flush()
    out.rest = undefined
    const payload = operation.out.encode(out, value, req.args)
    if (payload < 0) return this.error(req, -payload, operation.tally)
    const length = OUT_HEADER_SIZE + payload
    writeOutHeader(out.words, length, 0, req.unique0, req.unique1)
    // `encode` has set it: what the compiler thinks that it knows from above is old.
    const rest = out.rest as Outgoing['rest']
    if (rest instanceof FdRange) return this.#range(operation, req, rest)
    const result =
      rest === undefined ? this.#transport.send(length) : this.#transport.sendPieces(out.head, rest)
    this.#trace?.reply(req, 0, length, value, result)
    return result
  }

  #range(operation: Operation, req: FuseRequest, range: FdRange): number {
    const result = this.#transport.sendRange(this.#out.head, range)
    if (result === -(READ_FAILED + EAGAIN)) return WAITS
    return this.#ranged(operation, req, range, result)
  }

  /** Right after `value` gave WAITS: the reply, once the file was read. Gives 0 or -errno. */
  async later(operation: Operation, req: FuseRequest, range: FdRange): Promise<number> {
    const result = await this.#transport.sendRangeLater(this.#out.head, range)
    return this.#ranged(operation, req, range, result)
  }

  /** What became of a reply with a range; where the file could not be read that is the answer. */
  #ranged(operation: Operation, req: FuseRequest, range: FdRange, result: number): number {
    if (result <= -READ_FAILED) return this.error(req, -result - READ_FAILED, operation.tally)
    const length = this.#out.head + range.length
    this.#trace?.reply(req, 0, length, range, result)
    return result
  }

  /** @param number positive errno, or 0 for success without a payload. */
  error(req: FuseRequest, number: number, tally = this.#counters.of(req.opcode)): number {
    if (number !== 0) tally.errors++
    const result = this.errorTo(req.unique0, req.unique1, number)
    this.#trace?.reply(req, -number, OUT_HEADER_SIZE, undefined, result)
    return result
  }

  /** The same where the header's words are all that is known. */
  errorTo(unique0: number, unique1: number, number: number): number {
    const { words } = this.#out
    this.#transport.flush()
    writeOutHeader(words, OUT_HEADER_SIZE, -number, unique0, unique1)
    return this.#transport.send(OUT_HEADER_SIZE)
  }

  init(req: FuseRequest, { layout, reply }: Negotiated): number {
    const { words } = this.#out
    this.#transport.flush()
    layout.encode(words, OUT_PAYLOAD, reply)
    const length = OUT_HEADER_SIZE + layout.size
    writeOutHeader(words, length, 0, req.unique0, req.unique1)
    const result = this.#transport.send(length)
    this.#trace?.reply(req, 0, length, reply, result)
    return result
  }
}
