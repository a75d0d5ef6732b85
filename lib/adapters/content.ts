import { LayoutError } from '../../protocol/words.ts'
import type { Answer } from '../ops.ts'
import { then } from '../then.ts'

/** Bytes, or what gives them. */
export type Content =
  | string
  | Uint8Array
  | Blob
  | AsyncIterable<string | Uint8Array>
  | Iterable<string | Uint8Array>

/** What can be read at a place. */
export interface Readable {
  /** Bytes; undefined where only reading to the end tells. */
  readonly size: number | undefined
  read(offset: number, size: number): Answer<Uint8Array>
}

const bytesOf = (piece: unknown): Uint8Array => {
  if (typeof piece === 'string') return Buffer.from(piece)
  if (piece instanceof Uint8Array) return piece
  throw new LayoutError('content', 'strings or bytes', piece)
}

const ofBytes = (bytes: Uint8Array): Readable => ({
  size: bytes.length,
  read: (offset, size) => bytes.subarray(offset, offset + size),
})

const ofBlob = (blob: Blob): Readable => ({
  size: blob.size,
  read: async (offset, size) =>
    new Uint8Array(await blob.slice(offset, offset + size).arrayBuffer()),
})

type Pieces = AsyncIterable<unknown> | Iterable<unknown>

/** What comes once, piece by piece, is kept as far as somebody has read. */
class Stream implements Readable {
  readonly size = undefined
  readonly #pieces: AsyncIterator<unknown> | Iterator<unknown>
  #bytes = Buffer.alloc(0)
  #length = 0
  #ended = false
  #turn: Promise<unknown> = Promise.resolve()

  constructor(pieces: Pieces) {
    this.#pieces =
      Symbol.asyncIterator in pieces ? pieces[Symbol.asyncIterator]() : pieces[Symbol.iterator]()
  }

  async read(offset: number, size: number): Promise<Uint8Array> {
    const end = offset + size
    // One reader pulls at a time, and what he pulled is there for the next.
    const pulled = this.#turn.then(() => this.#until(end))
    this.#turn = pulled.catch(() => {})
    await pulled
    return this.#bytes.subarray(offset, Math.min(end, this.#length))
  }

  async #until(end: number): Promise<void> {
    while (!this.#ended && this.#length < end) {
      const { done, value } = await this.#pieces.next()
      if (done) this.#ended = true
      else this.#append(bytesOf(value))
    }
  }

  #append(piece: Uint8Array): void {
    const length = this.#length + piece.length
    if (length > this.#bytes.length) {
      const more = Buffer.alloc(Math.max(length, this.#bytes.length * 2))
      more.set(this.#bytes.subarray(0, this.#length))
      this.#bytes = more
    }
    this.#bytes.set(piece, this.#length)
    this.#length = length
  }
}

const isPieces = (content: unknown): content is Pieces =>
  typeof content === 'object' &&
  content !== null &&
  (Symbol.asyncIterator in content || Symbol.iterator in content)

/** Whether it is content; a directory is not. */
export const isContent = (value: unknown): value is Content =>
  typeof value === 'string' ||
  value instanceof Uint8Array ||
  value instanceof Blob ||
  isPieces(value)

/** Throws LayoutError for what has no bytes. */
export function readableOf(content: Answer<Content>): Answer<Readable> {
  return then<Content, Readable>(content, (content) => {
    if (typeof content === 'string' || content instanceof Uint8Array)
      return ofBytes(bytesOf(content))
    if (content instanceof Blob) return ofBlob(content)
    if (isPieces(content)) return new Stream(content)
    throw new LayoutError('content', 'a string, bytes, a Blob or an iterable of them', content)
  })
}
