import { inHeader } from '../protocol/request.ts'
import { FuseRequest } from './context.ts'
import type { Message, Transport } from './transport.ts'

const DEFAULT_MOST = 64 * 1024 * 1024

/**
 * Back-pressure, in bytes: messages whose payload a handler still looks at. From the limit on
 * further ones are parked, not dispatched; as much again parked, and nothing is read any more.
 * What has no payload (FORGET, INTERRUPT, a lookup) passes as long as anything is read.
 */
export class InFlight {
  readonly #transport: Transport
  readonly #most: number
  readonly #dispatch: (message: Message) => boolean
  #bytes = 0
  #parked: Message[] = []
  #parkedBytes = 0
  #paused = false

  /** @param dispatch as `Receiver.receive`: true where it keeps the message. */
  constructor(
    transport: Transport,
    most: number | undefined,
    dispatch: (message: Message) => boolean,
  ) {
    this.#transport = transport
    this.#most = most ?? DEFAULT_MOST
    this.#dispatch = dispatch
  }

  get mustWait(): boolean {
    return this.#bytes >= this.#most || this.#parked.length > 0
  }

  /** A message that waits here holds the kernel's lock on one of these inodes. */
  busy(nodeids: readonly number[]): boolean {
    return this.#parked.some(({ words }) => nodeids.includes(inHeader.nodeid(words)))
  }

  add(message: Message): void {
    this.take(message.length)
  }

  remove(message: Message): void {
    this.#transport.release(message)
    this.give(message.length)
  }

  /** Memory that waits for something else than a handler. */
  take(bytes: number): void {
    this.#bytes += bytes
  }

  give(bytes: number): void {
    this.#bytes -= bytes
    this.#next()
  }

  /** Keep a message for later. */
  park(message: Message): true {
    this.#parked.push(message)
    this.#parkedBytes += message.length
    if (this.#parkedBytes >= this.#most && !this.#paused) {
      this.#paused = true
      this.#transport.pause()
    }
    return true
  }

  /** Give up a parked request: its caller was interrupted. */
  unpark(unique: number): FuseRequest | undefined {
    const message = this.#parked.find(({ words }) => inHeader.unique(words) === unique)
    if (message === undefined) return undefined
    this.#parked = this.#parked.filter((other) => other !== message)
    const req = new FuseRequest(message.words, inHeader.nodeid(message.words))
    const { length } = message
    this.#transport.release(message)
    this.#unparked(length)
    return req
  }

  end(): void {
    for (const message of this.#parked) this.#transport.release(message)
    this.#parked = []
    this.#parkedBytes = 0
  }

  #next(): void {
    while (this.#bytes < this.#most) {
      const message = this.#parked.shift()
      if (message === undefined) return
      const { length } = message
      if (!this.#dispatch(message)) this.#transport.release(message)
      // Only now: what is read next must not overtake it.
      this.#unparked(length)
    }
  }

  #unparked(length: number): void {
    this.#parkedBytes -= length
    if (!this.#paused || this.#parkedBytes >= this.#most) return
    this.#paused = false
    this.#transport.resume()
  }
}
