import { OUT_HEADER_SIZE, OUT_PAYLOAD, writeOutHeader } from '../protocol/reply.ts'
import { OUTGOING_SIZE, type Outgoing } from './answers.ts'
import type { FuseRequest } from './context.ts'
import type { Negotiated } from './init.ts'
import type { Operation } from './table.ts'
import type { Trace } from './trace.ts'
import type { Transport } from './transport.ts'

function newOutgoing(): Outgoing {
  const bytes = Buffer.allocUnsafeSlow(OUTGOING_SIZE)
  return { bytes, words: new Uint32Array(bytes.buffer), head: OUT_HEADER_SIZE, pieces: undefined }
}

/**
 * Puts replies together and sends them. One buffer serves all: a reply is written in the turn in
 * which it is made. Results are the transport's: 0 or -errno.
 */
export class Replier {
  readonly #transport: Transport
  readonly #trace: Trace | undefined
  readonly #out = newOutgoing()

  constructor(transport: Transport, trace: Trace | undefined) {
    this.#transport = transport
    this.#trace = trace
  }

  /** Throws what the value's encoding throws: LayoutError, or an errno that is the answer. */
  value(operation: Operation, req: FuseRequest, value: unknown): number {
    const out = this.#out
    out.pieces = undefined
    const length = OUT_HEADER_SIZE + operation.out.encode(out, value, req.args)
    writeOutHeader(out.words, length, 0, req.unique0, req.unique1)
    const result =
      out.pieces === undefined
        ? this.#transport.send(out.bytes, length)
        : this.#transport.sendPieces(out.bytes, out.head, out.pieces)
    this.#trace?.reply(req, 0, length, value, result)
    return result
  }

  /** @param number positive errno, or 0 for success without a payload. */
  error(req: FuseRequest, number: number): number {
    const result = this.errorTo(req.unique0, req.unique1, number)
    this.#trace?.reply(req, -number, OUT_HEADER_SIZE, undefined, result)
    return result
  }

  /** The same where the header's words are all that is known. */
  errorTo(unique0: number, unique1: number, number: number): number {
    const { bytes, words } = this.#out
    writeOutHeader(words, OUT_HEADER_SIZE, -number, unique0, unique1)
    return this.#transport.send(bytes, OUT_HEADER_SIZE)
  }

  init(req: FuseRequest, { layout, reply }: Negotiated): number {
    const { bytes, words } = this.#out
    layout.encode(words, OUT_PAYLOAD, reply)
    const length = OUT_HEADER_SIZE + layout.size
    writeOutHeader(words, length, 0, req.unique0, req.unique1)
    const result = this.#transport.send(bytes, length)
    this.#trace?.reply(req, 0, length, reply, result)
    return result
  }
}
