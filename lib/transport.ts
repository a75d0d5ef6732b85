import type { MessageView } from '../protocol/request.ts'

/** A buffer with one request in it; the transport owns it and lends it. */
export interface Message extends MessageView {}

/** Who receives a transport's messages: a session. */
export interface Receiver {
  /**
   * One message has been read. Returns true to keep it: then `release` gives it back; else it is
   * the transport's again at once.
   */
  receive(message: Message): boolean
  /** No further message will come: 0 for an unmounted file system, else a positive errno. */
  ended(errno: number): void
}

/** How a session's bytes travel. It knows nothing of what is in them. */
export interface Transport {
  /** For reports: `device`, `fake`. */
  readonly name: string
  /** Start to deliver. Once. */
  start(receiver: Receiver): void
  /** The biggest message that may come from now on, in bytes: known once INIT is agreed. */
  expect(bytes: number): void
  /** Write one reply of `length` bytes. Returns 0 or -errno; -ENOENT where nobody waits for it. */
  send(bytes: Uint8Array, length: number): number
  /** The same with pieces behind the head, not copied where the transport can avoid it. */
  sendPieces(head: Uint8Array, length: number, pieces: readonly Uint8Array[]): number
  /** Write one notification that may block, without holding up anything else. Gives 0 or -errno. */
  notify(bytes: Uint8Array): Promise<number>
  /** Give back a message that `receive` kept. */
  release(message: Message): void
  /** Deliver nothing until `resume`. */
  pause(): void
  resume(): void
  /** End: no message is delivered any more. The kernel sees the connection closed. Idempotent. */
  close(): void
}
