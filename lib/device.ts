import { constants } from 'node:os'
import {
  FUSE_DEV_IOC_BACKING_CLOSE,
  FUSE_DEV_IOC_BACKING_OPEN,
  FUSE_DEV_IOC_CLONE,
  FUSE_MIN_READ_BUFFER,
} from '../protocol/constants.ts'
import { fuse_backing_map } from '../protocol/structs.ts'
import { systemError } from './errno.ts'
import type { FdRange } from './fd_range.ts'
import { type Addon, addon, cstring, type FdReplies, type Watcher, WRITE_FAILED } from './native.ts'
import { readRange } from './range_reader.ts'
import { type Agreed, type Message, OUT_SIZE, type Receiver, type Transport } from './transport.ts'

const O_RDWR = 2
const O_NONBLOCK = 0o4000
const { ENOENT, EINTR, EAGAIN, ENODEV, ENOMEM } = constants.errno

/** Header and struct of a WRITE: the data behind them is to start on a page boundary. */
const LEAD = 80
/** Room beyond max_write for headers, names and extensions; libfuse leaves as much. */
const SLACK = 4096
/** Unused buffers that are kept: one is hot, more only while handlers hold some. */
const SPARE = 4
const SPLICE_F_MOVE = 1
/** Requests in a row before microtasks run, and how often that in one turn of the event loop. */
const BURST = 32
const CALLS = 32

const RESOLVED = Promise.resolve()

interface DeviceMessage extends Message {
  readonly capacity: number
}

/**
 * Open the FUSE device, non-blocking. Returns the descriptor; throws a system error.
 */
export function openDevice(path = '/dev/fuse'): number {
  const fd = addon().open(cstring(path), O_RDWR | O_NONBLOCK)
  if (fd < 0) throw systemError('open', fd, path)
  return fd
}

/**
 * A descriptor of a file system that a privileged parent has mounted and passed on, as libfuse takes it
 * for a mount point: `/dev/fd/N`. Undefined for any other path; throws a system error.
 */
export function inheritedDevice(mountpoint: string): number | undefined {
  const match = /^\/dev\/fd\/(\d{1,9})$/.exec(mountpoint)
  if (match === null) return undefined
  const fd = Number(match[1])
  const result = addon().adopt(fd)
  if (result < 0) throw systemError('fcntl', result, mountpoint)
  return fd
}

/** A second descriptor of the same connection (FUSE_DEV_IOC_CLONE). Throws a system error. */
export function cloneDevice(fd: number): number {
  const clone = openDevice()
  const argument = new Uint8Array(Uint32Array.of(fd).buffer)
  const result = addon().ioctl(clone, FUSE_DEV_IOC_CLONE, argument)
  if (result < 0) {
    addon().close(clone)
    throw systemError('ioctl FUSE_DEV_IOC_CLONE', result)
  }
  return clone
}

/**
 * The device as a transport: readiness by uv_poll, one read(2) a request until EAGAIN, one write(2)
 * a reply. One buffer serves all requests as long as no handler keeps a view of it.
 */
export class Device implements Transport {
  readonly name = 'device'
  readonly #addon: Addon = addon()
  readonly #fd: number
  #watcher: Watcher | undefined
  #receiver: Receiver | undefined
  #free: DeviceMessage[] = []
  #capacity = FUSE_MIN_READ_BUFFER + SLACK
  #paused = false
  #closed = false
  /** Bytes of the reply in `out` that goes with the next read. */
  #due = 0
  #receiving = false
  #goOn: () => void = () => {}
  /** `#wake` is about to be called again, in this turn of the event loop. */
  #between = false
  /** Calls of `#wake` in this turn of the event loop. */
  #calls = 0
  /** Where the addon reads into. */
  #target: DeviceMessage | undefined

  #agreed: Agreed = { maxWrite: 0, splice: false, move: false }
  /** Made when first used: most file systems have no descriptors to read from. */
  #ranges: FdReplies | undefined

  readonly out: Buffer
  readonly #exchange: (length: number, into?: Uint8Array) => number

  /** Takes over the descriptor: `close` closes it. It must be non-blocking. */
  constructor(fd: number) {
    this.#fd = fd
    // Mapped, and known to nobody else: the addon keeps its address.
    this.out = Buffer.from(this.#addon.allocate(OUT_SIZE, 0) ?? new ArrayBuffer(OUT_SIZE))
    this.#exchange = this.#addon.exchanger(fd, this.out)
  }

  start(receiver: Receiver): void {
    this.#receiver = receiver
    this.#watcher = this.#addon.watch(this.#fd, () => {
      this.#wake(receiver)
      return false
    })
    this.#goOn = () => {
      // Paused or closed meanwhile: the descriptor may be somebody else's by now.
      if (this.#between) this.#wake(receiver)
      else this.#calls = 0
    }
    this.#watcher.start()
  }

  agreed(agreed: Agreed): void {
    this.#agreed = agreed
    // A buffer smaller than max_write + 80 makes read(2) fail with EINVAL.
    this.#capacity = Math.max(FUSE_MIN_READ_BUFFER, agreed.maxWrite) + SLACK
    this.#free = []
  }

  /**
   * The descriptor is readable. After a request that was not answered in its own turn the reading
   * goes on in a microtask: a handler that awaits nothing has answered by then, and its reply too
   * goes out with the next read. (A call from the event loop for each would cost 5 % of a getattr.)
   */
  #wake(receiver: Receiver): void {
    if (this.#calls === 0) receiver.turn()
    this.#between = false
    const more = this.#drain(receiver)
    if (more && ++this.#calls < CALLS) {
      this.#between = true
      RESOLVED.then(this.#goOn)
      return
    }
    // Others want the event loop too; it calls again if there is more.
    this.#calls = 0
    this.flush()
    receiver.turn()
  }

  /**
   * Requests, as long as each is answered in its own turn: its reply goes out with the read of the
   * next one. Returns whether there may be more.
   */
  #drain(receiver: Receiver): boolean {
    let message = this.#take()
    for (let i = 0; message !== undefined && i < BURST; i++) {
      const count = this.#read(message)
      this.#due = 0
      if (count < 0) {
        this.release(message)
        return this.#failed(-count, receiver)
      }
      message.length = count
      this.#receiving = true
      const kept = receiver.receive(message)
      this.#receiving = false
      if (kept || !this.#usable(message)) message = this.#take()
      if (this.#due === 0 || this.#paused || this.#closed) break
    }
    if (message !== undefined) this.release(message)
    return message !== undefined && !this.#paused && !this.#closed
  }

  /** Send what is due and read the next request. */
  #read(message: DeviceMessage): number {
    if (message === this.#target) return this.#exchange(this.#due)
    this.#target = message
    return this.#exchange(this.#due, message.bytes)
  }

  #take(): DeviceMessage | undefined {
    return this.#free.pop() ?? this.#allocate()
  }

  #failed(number: number, receiver: Receiver): boolean {
    if (number > WRITE_FAILED) {
      receiver.undelivered(WRITE_FAILED - number)
      return true
    }
    // ENOENT: the request vanished while it was read.
    if (number === ENOENT || number === EINTR) return true
    if (number !== EAGAIN) receiver.ended(number)
    return false
  }

  /** Big enough, and not taken away: a handler may have transferred the buffer of its payload. */
  #usable(message: DeviceMessage): boolean {
    return message.capacity === this.#capacity && message.bytes.length === message.capacity
  }

  #allocate(): DeviceMessage | undefined {
    const capacity = this.#capacity
    const memory = this.#addon.allocate(capacity, LEAD)
    if (memory !== null) {
      return { bytes: Buffer.from(memory), words: new Uint32Array(memory), length: 0, capacity }
    }
    // Without a buffer there is nothing to read into, and a poll would spin.
    this.#receiver?.ended(ENOMEM)
    return undefined
  }

  release(message: Message): void {
    if (this.#usable(message as DeviceMessage) && this.#free.length < SPARE) {
      this.#free.push(message as DeviceMessage)
    }
  }

  send(length: number): number {
    if (this.#closed) return -ENODEV
    if (this.#receiving || this.#between) {
      this.#due = length
      return 0
    }
    return Math.min(this.#addon.write(this.#fd, this.out, length), 0)
  }

  flush(): void {
    if (this.#due === 0) return
    const length = this.#due
    this.#due = 0
    if (this.#closed) return
    const count = this.#addon.write(this.#fd, this.out, length)
    if (count < 0) this.#receiver?.undelivered(count)
  }

  sendNow(bytes: Uint8Array): number {
    if (this.#closed) return -ENODEV
    return Math.min(this.#addon.write(this.#fd, bytes, bytes.length), 0)
  }

  sendPieces(length: number, pieces: readonly Uint8Array[]): number {
    if (this.#closed) return -ENODEV
    const count = this.#addon.writev(this.#fd, this.out, length, pieces)
    return Math.min(count, 0)
  }

  sendRange(length: number, { fd, offset, length: count }: FdRange): number {
    if (this.#closed) return -ENODEV
    this.#ranges ??= this.#fdReplies()
    return Math.min(this.#ranges.send(this.out, length, fd, offset, count), 0)
  }

  #fdReplies(): FdReplies {
    const { maxWrite, splice, move } = this.#agreed
    return this.#addon.fdReplies(this.#fd, splice ? maxWrite : 0, move ? SPLICE_F_MOVE : 0)
  }

  async sendRangeLater(length: number, range: FdRange): Promise<number> {
    const message = await readRange(this.out.subarray(0, length), range)
    return typeof message === 'number' ? message : this.sendNow(message)
  }

  openBacking(fd: number): number {
    if (this.#closed) return -ENODEV
    const words = new Uint32Array(fuse_backing_map.size >> 2)
    fuse_backing_map.encode(words, 0, { fd })
    return this.#addon.ioctl(this.#fd, FUSE_DEV_IOC_BACKING_OPEN, new Uint8Array(words.buffer))
  }

  closeBacking(id: number): void {
    // With the connection all of them go.
    if (this.#closed) return
    const argument = new Uint8Array(Uint32Array.of(id).buffer)
    this.#addon.ioctl(this.#fd, FUSE_DEV_IOC_BACKING_CLOSE, argument)
  }

  notify(bytes: Uint8Array): Promise<number> {
    if (this.#closed) return Promise.resolve(-ENODEV)
    return new Promise((resolve) => {
      this.#addon.writeAsync(this.#fd, bytes, bytes.length, (count) => resolve(Math.min(count, 0)))
    })
  }

  pause(): void {
    this.#paused = true
    this.#between = false
    this.flush()
    this.#watcher?.stop()
  }

  resume(): void {
    this.#paused = false
    if (!this.#closed) this.#watcher?.start()
  }

  close(): void {
    if (this.#closed) return
    this.flush()
    this.#closed = true
    this.#between = false
    this.#watcher?.close()
    this.#ranges?.close()
    this.#free = []
    this.#addon.close(this.#fd)
  }
}
