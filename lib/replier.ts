import { OUT_HEADER_SIZE, OUT_PAYLOAD, writeOutHeader } from '../protocol/reply.ts'
import type { Outgoing } from './answers.ts'
import type { FuseRequest } from './context.ts'
import type { Negotiated } from './init.ts'
import type { Counters } from './stats.ts'
import type { Operation } from './table.ts'
import type { Trace } from './trace.ts'
import type { Transport } from './transport.ts'

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
    this.#out = { bytes, words, head: OUT_HEADER_SIZE, pieces: undefined }
  }

  /** Throws LayoutError where the wire cannot hold the value. */
  value(operation: Operation, req: FuseRequest, value: unknown): number {
    const out = this.#out
    this.#transport.flush()
    out.pieces = undefined
    const payload = operation.out.encode(out, value, req.args)
    if (payload < 0) return this.error(req, -payload, operation.tally)
    const length = OUT_HEADER_SIZE + payload
    writeOutHeader(out.words, length, 0, req.unique0, req.unique1)
    const result =
      out.pieces === undefined
        ? this.#transport.send(length)
        : this.#transport.sendPieces(out.head, out.pieces)
    this.#trace?.reply(req, 0, length, value, result)
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
