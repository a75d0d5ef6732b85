import { readSync } from 'node:fs'
import { constants } from 'node:os'
import * as c from '../protocol/constants.ts'
import type { Encodable, Members, Struct } from '../protocol/layout.ts'
import { nameBytes } from '../protocol/names.ts'
import { isErrno, OUT_HEADER_SIZE } from '../protocol/reply.ts'
import { IN_HEADER_SIZE } from '../protocol/request.ts'
import * as s from '../protocol/structs.ts'
import type { FdRange } from './fd_range.ts'
import {
  type Agreed,
  type Message,
  OUT_SIZE,
  READ_FAILED,
  type Receiver,
  type Transport,
} from './transport.ts'

/** A reply as the kernel would see it. */
export interface FakeReply {
  /** 0, or -errno. */
  readonly error: number
  /** A copy. */
  readonly payload: Buffer
}

/** Who asks, and about what. */
export interface FakeHeader {
  readonly nodeid?: number | bigint
  readonly uid?: number
  readonly gid?: number
  readonly pid?: number
  /** Default: the next even number. */
  readonly unique?: number | bigint
  /** The extension area, a multiple of 8 bytes. */
  readonly extensions?: Uint8Array
}

const { EAGAIN, EINVAL, EIO, ENODEV, ENOENT } = constants.errno
/** What Linux 6.18 offers, without io_uring. */
const OFFER = { major: 7, minor: 45, max_readahead: 131_072, flags: 0x73ff_fffb, flags2: 0x5fd }

type Part = string | Uint8Array

/**
 * A kernel in memory: the transport for tests of a session, or of a file system without a mount.
 * It checks replies as fs/fuse/dev.c does, and lends one buffer again and again, so that a handler
 * that keeps a view of it is found out.
 */
export class FakeKernel implements Transport {
  readonly name = 'fake'
  readonly out: Buffer = Buffer.allocUnsafeSlow(OUT_SIZE)
  /** Notifications as they were written. */
  readonly notifications: Buffer[] = []
  /** Replies that were refused, and why. */
  readonly refused: string[] = []
  /** Messages that the session keeps. */
  held = 0
  paused = false
  closed = false
  /** The bytes that the session expects at most, as it said after INIT. */
  expected = 0
  /** Files seem to be on a slow disk: ranges are read in a later turn of the event loop. */
  slow = false
  /** What opening a backing file fails with: a positive errno. */
  backingError = 0
  /** The ids of backing files that are open, with their descriptors. */
  readonly backing: Map<number, number> = new Map()
  /** What `notify` answers; a promise to keep it waiting. */
  onNotify: (bytes: Buffer) => number | Promise<number> = () => 0

  readonly #waiting = new Map<bigint, (reply: FakeReply) => void>()
  readonly #queue: Buffer[] = []
  #receiver: Receiver | undefined
  #hot: Message | undefined
  #nextUnique = 2n
  #backings = 0

  start(receiver: Receiver): void {
    this.#receiver = receiver
  }

  agreed({ maxWrite }: Agreed): void {
    this.expected = maxWrite
  }

  /** Negotiate; `init` overrides what Linux 6.18 offers. */
  init(init: Partial<Encodable<(typeof s.fuse_init_in)['members']>> = {}): Promise<FakeReply> {
    return this.request(c.FUSE_INIT, [this.struct(s.fuse_init_in, { ...OFFER, ...init })])
  }

  /** The bytes of a struct: a part of a request. */
  struct<M extends Members>(layout: Struct<M>, value: Encodable<M>): Buffer {
    const bytes = Buffer.alloc((layout.size + 7) & ~7)
    layout.encode(new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2), 0, value)
    return bytes.subarray(0, layout.size)
  }

  /** A request's bytes: structs and data as they are, a string as a name with its NUL. */
  message(opcode: number, parts: readonly Part[] = [], header: FakeHeader = {}): Buffer {
    const body = parts.map((part) =>
      typeof part === 'string' ? Buffer.concat([nameBytes(part), Buffer.of(0)]) : part,
    )
    const extensions = header.extensions ?? new Uint8Array(0)
    const tail = Buffer.concat([...body, extensions])
    const head = Buffer.alloc(IN_HEADER_SIZE)
    const words = new Uint32Array(head.buffer, head.byteOffset, IN_HEADER_SIZE >> 2)
    s.fuse_in_header.encode(words, 0, {
      len: IN_HEADER_SIZE + tail.length,
      opcode,
      unique: BigInt(header.unique ?? this.#unique()),
      nodeid: 0,
      uid: header.uid ?? 0,
      gid: header.gid ?? 0,
      pid: header.pid ?? 1,
      total_extlen: extensions.length >> 3,
    })
    head.writeBigUInt64LE(BigInt.asUintN(64, BigInt(header.nodeid ?? 1)), 16)
    return Buffer.concat([head, tail])
  }

  #unique(): bigint {
    const unique = this.#nextUnique
    this.#nextUnique += 2n
    return unique
  }

  /** Send a request and wait for its reply. */
  request(
    opcode: number,
    parts: readonly Part[] = [],
    header: FakeHeader = {},
  ): Promise<FakeReply> {
    const bytes = this.message(opcode, parts, header)
    const reply = this.expectReply(bytes)
    this.deliver(bytes)
    return reply
  }

  /** The reply to a message that is delivered later. */
  expectReply(message: Buffer): Promise<FakeReply> {
    return new Promise((resolve) => this.#waiting.set(message.readBigUInt64LE(8), resolve))
  }

  /** Send what is not answered. */
  post(opcode: number, parts: readonly Part[] = [], header: FakeHeader = {}): void {
    this.deliver(this.message(opcode, parts, header))
  }

  /** The caller of `unique` gives up waiting: a reply now gets ENOENT. */
  drop(unique: number | bigint): void {
    this.#waiting.delete(BigInt(unique))
  }

  /** Requests without a reply. */
  get unanswered(): number {
    return this.#waiting.size
  }

  /** Deliver any bytes. */
  deliver(bytes: Uint8Array): void {
    if (this.closed) return
    if (this.paused) {
      this.#queue.push(Buffer.from(bytes))
      return
    }
    const message = this.#lend(bytes)
    this.#receiver?.turn()
    if (this.#receiver?.receive(message)) this.held++
    else this.#hot = message
    this.#receiver?.turn()
  }

  #lend(bytes: Uint8Array): Message {
    const capacity = Math.max(bytes.length, 8192)
    let message = this.#hot
    this.#hot = undefined
    if (message === undefined || message.bytes.length < capacity) {
      const memory = new ArrayBuffer((capacity + 7) & ~7)
      message = { bytes: Buffer.from(memory), words: new Uint32Array(memory), length: 0 }
    }
    message.bytes.fill(0xa5)
    message.bytes.set(bytes)
    message.length = bytes.length
    return message
  }

  send(length: number): number {
    return this.#write(Buffer.from(this.out.subarray(0, length)))
  }

  flush(): void {
    // Nothing is put off.
  }

  sendNow(bytes: Uint8Array): number {
    return this.#write(Buffer.from(bytes))
  }

  sendPieces(length: number, pieces: readonly Uint8Array[]): number {
    return this.#write(Buffer.concat([this.out.subarray(0, length), ...pieces]))
  }

  sendRange(length: number, range: FdRange): number {
    if (this.closed) return -ENODEV
    return this.slow ? -(READ_FAILED + EAGAIN) : this.#sendRange(this.out, length, range)
  }

  async sendRangeLater(length: number, range: FdRange): Promise<number> {
    const head = Buffer.from(this.out.subarray(0, length))
    await new Promise((resolve) => setImmediate(resolve))
    return this.#sendRange(head, length, range)
  }

  #sendRange(head: Buffer, length: number, range: FdRange): number {
    const payload = Buffer.alloc(range.length)
    try {
      const count = readSync(range.fd, payload, 0, range.length, range.offset)
      const message = Buffer.concat([head.subarray(0, length), payload.subarray(0, count)])
      new Uint32Array(message.buffer, message.byteOffset, 1)[0] = message.length
      return this.#write(message)
    } catch (error) {
      return ((error as NodeJS.ErrnoException).errno ?? -EIO) - READ_FAILED
    }
  }

  openBacking(fd: number): number {
    if (this.closed) return -ENODEV
    if (this.backingError !== 0) return -this.backingError
    const id = ++this.#backings
    this.backing.set(id, fd)
    return id
  }

  closeBacking(id: number): void {
    if (!this.backing.delete(id)) throw new Error(`backing file ${id} is not open`)
  }

  async notify(bytes: Uint8Array): Promise<number> {
    const copy = Buffer.from(bytes)
    this.notifications.push(copy)
    return await this.onNotify(copy)
  }

  #refuse(why: string): number {
    this.refused.push(why)
    return -EINVAL
  }

  #write(bytes: Buffer): number {
    if (this.closed) return -ENODEV
    if (bytes.length < OUT_HEADER_SIZE) return this.#refuse(`${bytes.length} bytes`)
    const { len, error, unique } = s.fuse_out_header.decode(copyWords(bytes), 0)
    if (len !== bytes.length) return this.#refuse(`header says ${len} bytes, got ${bytes.length}`)
    if (unique === 0n) {
      this.notifications.push(bytes)
      return 0
    }
    if (error !== 0 && !isErrno(-error)) return this.#refuse(`error ${error}`)
    if (error !== 0 && len !== OUT_HEADER_SIZE) return this.#refuse(`error ${error} with a payload`)
    const resolve = this.#waiting.get(unique)
    if (resolve === undefined) return -ENOENT
    this.#waiting.delete(unique)
    resolve({ error, payload: bytes.subarray(OUT_HEADER_SIZE) })
    return 0
  }

  release(message: Message): void {
    this.held--
    this.#hot = message
  }

  pause(): void {
    this.paused = true
  }

  resume(): void {
    this.paused = false
    while (!this.paused) {
      const bytes = this.#queue.shift()
      if (bytes === undefined) return
      this.deliver(bytes)
    }
  }

  close(): void {
    this.closed = true
  }

  /** What umount(8) does to the daemon: its next read(2) gives ENODEV. */
  unmount(errno = ENODEV): void {
    this.#receiver?.ended(errno)
  }
}

/** Aligned words of bytes that need not be. */
const copyWords = (bytes: Uint8Array): Uint32Array =>
  new Uint32Array(Uint8Array.prototype.slice.call(bytes, 0, bytes.length & ~3).buffer)
