import type { MessageView } from '../protocol/request.ts'
import type { FdRange } from './fd_range.ts'

/** A buffer with one request in it; the transport owns it and lends it. */
export interface Message extends MessageView {}

/** Who receives a transport's messages: a session. */
export interface Receiver {
  /**
   * One message has been read. Returns true to keep it: then `release` gives it back; else it is
   * the transport's again at once.
   */
  receive(message: Message): boolean
  /** A batch of messages begins or has ended: time has passed. */
  turn(): void
  /** The reply that `send` took last was not delivered: -errno. */
  undelivered(result: number): void
  /** No further message will come: 0 for an unmounted file system, else a positive errno. */
  ended(errno: number): void
}

/** Bytes of a transport's `out`: header, every struct, and what is cheaper copied than gathered. */
export const OUT_SIZE = 16 + 4096 + 512

/** What `sendRange` adds to the errno of the file, to tell it from the transport's. */
export const READ_FAILED = 4096

/** What was agreed that a transport has to know. */
export interface Agreed {
  /** The most data of one request, in bytes. */
  readonly maxWrite: number
  /** Replies may be spliced, and pages be moved rather than copied. */
  readonly splice: boolean
  readonly move: boolean
}

/** How a session's bytes travel. It knows nothing of what is in them. */
export interface Transport {
  /** For reports: `device`, `fake`. */
  readonly name: string
  /** Where replies are put together. Call `flush` before writing into it. */
  readonly out: Buffer
  /** Start to deliver. Once. */
  start(receiver: Receiver): void
  /** INIT is agreed: from now on this holds. */
  agreed(agreed: Agreed): void
  /**
   * Send `out[0, length)`. Returns 0 or -errno; -ENOENT where nobody waits for it. A transport that
   * is about to read may put it off until then: it says 0, and `undelivered` if it was wrong.
   */
  send(length: number): number
  /** Send what `send` has put off: `out` is needed again. */
  flush(): void
  /** Send other bytes, at once: a notification that never blocks. Returns 0 or -errno. */
  sendNow(bytes: Uint8Array): number
  /** Send `out[0, length)` and the pieces behind it, not copied where that can be avoided; at once. */
  sendPieces(length: number, pieces: readonly Uint8Array[]): number
  /**
   * Send `out[0, length)` and behind it a range of a file, fewer bytes where the file ends; at once.
   * The first word of `out` becomes the length of the whole. Returns 0, -errno, or where the file could not
   * be read, and nothing was sent, -(READ_FAILED + errno): EAGAIN where a disk has to be waited for.
   */
  sendRange(length: number, range: FdRange): number
  /** The same for one that has to be waited for: `out` and the descriptor are free once it returns. */
  sendRangeLater(length: number, range: FdRange): Promise<number>
  /**
   * Make an open file a backing file of this connection (FUSE_DEV_IOC_BACKING_OPEN). Returns its id,
   * above 0, or -errno.
   */
  openBacking(fd: number): number
  /** Give an id back; the kernel keeps the file for those who have it open. */
  closeBacking(id: number): void
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
