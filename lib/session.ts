import { constants } from 'node:os'
import * as c from '../protocol/constants.ts'
import { EOVERFLOW, ErrnoError, ProtocolError } from '../protocol/error.ts'
import { parseExtensions } from '../protocol/extensions.ts'
import { bodyEnd, frameError, IN_HEADER_SIZE, inHeader } from '../protocol/request.ts'
import { FuseRequest } from './context.ts'
import { errno, errnoOf, systemError } from './errno.ts'
import type { FdRange } from './fd_range.ts'
import { handshake } from './handshake.ts'
import { InFlight } from './in_flight.ts'
import { type Connection, checkInitOptions, type Negotiated, NegotiationError } from './init.ts'
import { Interrupts } from './interrupts.ts'
import { Notifier, type NotifierHost } from './notify.ts'
import type { LowLevelOps } from './ops.ts'
import { ownerOnly } from './owner_only.ts'
import { Backings, passThrough } from './passthrough.ts'
import { Pending } from './pending.ts'
import { Replier, WAITS } from './replier.ts'
import { type OnError, reporter } from './report.ts'
import type { SessionEnd, SessionOptions } from './session_options.ts'
import { Counters, now, type SessionStats } from './stats.ts'
import { type Operation, operations } from './table.ts'
import { isThenable } from './thenable.ts'
import { type Trace, trace } from './trace.ts'
import type { Message, Receiver, Transport } from './transport.ts'
import { isUnanswered, type Realm, unanswered } from './unanswered.ts'
import { undo } from './undo.ts'

const { EAGAIN, ECONNABORTED, EINTR, EINVAL, EIO, ENODEV, ENOSYS, EPROTO } = constants.errno

const POISON = 0xdb

/**
 * One connection with a kernel: takes messages from a transport, calls the methods, answers.
 * Every request is answered exactly once, whatever its handler does.
 */
export class Session implements Receiver, NotifierHost {
  /** Resolves with what was agreed, once FUSE_INIT is answered. Rejects with NegotiationError. */
  readonly ready: Promise<Connection>
  /** Resolves when the session is over, `destroy` included. Never rejects. */
  readonly closed: Promise<SessionEnd>
  readonly notify: Notifier = new Notifier(this)

  readonly #transport: Transport
  readonly #ops: LowLevelOps
  readonly #options: SessionOptions
  readonly #trace: Trace | undefined = trace()
  readonly #counters = new Counters()
  readonly #reply: Replier
  readonly #report: OnError
  readonly #pending = new Pending()
  readonly #interrupts: Interrupts
  readonly #inFlight: InFlight
  readonly #realm: Realm
  #table: readonly (Operation | undefined)[] = []
  #connection: Connection | undefined
  #backings: Backings | undefined
  /** The request whose handler runs right now. */
  #current: FuseRequest | undefined
  /** An early interrupt or a held notification waits for what comes next. */
  #attention = false
  /** Nanoseconds, 0 where it was not read in this wake. */
  #time = 0
  /** The answer given last in this turn: the transport may find out later that nobody took it. */
  #given: Operation | undefined
  #givenTo: FuseRequest | undefined
  #givenValue: unknown
  /** A request that was answered at once and may be another. */
  #spare: FuseRequest | undefined
  #over = false
  #initialised = false
  #destroyed = false

  #agreed!: (connection: Connection) => void
  #refused!: (error: unknown) => void
  #finish!: (end: SessionEnd) => void

  /** Throws NegotiationError for options that exclude each other or are out of range. */
  constructor(transport: Transport, ops: LowLevelOps, options: SessionOptions = {}) {
    checkInitOptions(options, ops, options.defaultPermissions ?? false)
    this.#transport = transport
    this.#ops = ops
    this.#options = options
    this.#reply = new Replier(transport, this.#counters, this.#trace)
    this.#report = reporter(options.onError)
    this.#interrupts = new Interrupts((req) =>
      this.#reply.errorTo(req.unique0, req.unique1, EAGAIN),
    )
    this.#inFlight = new InFlight(transport, options.maxInFlight, (message) =>
      this.#dispatch(message),
    )
    this.#realm = {
      ops,
      pending: this.#pending,
      inFlight: this.#inFlight,
      interrupts: this.#interrupts,
      notify: this.notify,
      report: this.#report,
      deaf:
        options.interrupts === false
          ? (req) => this.#reply.errorTo(req.unique0, req.unique1, ENOSYS)
          : undefined,
      attention: () => this.attention(),
      giveUp: (req) => this.#fail(req, errno('EINTR')),
    }
    this.ready = new Promise((resolve, reject) => {
      this.#agreed = resolve
      this.#refused = reject
    })
    // Whoever never looks at `ready` still sees `closed`.
    this.ready.catch(() => {})
    this.closed = new Promise((resolve) => {
      this.#finish = resolve
    })
  }

  /** Begin to serve. Once. */
  start(): void {
    this.#transport.start(this)
  }

  /** What was agreed; undefined before FUSE_INIT. */
  get connection(): Connection | undefined {
    return this.#connection
  }

  /** Counts, errors, latencies and what waits, by operation. */
  stats(): SessionStats {
    return this.#counters.snapshot(this.#pending.values())
  }

  /** End the session from this side: whoever still uses the file system gets ENOTCONN. */
  close(): void {
    void this.#end({ reason: 'unmounted' })
  }

  /** @internal */
  receive(message: Message): boolean {
    const { words, length } = message
    const end = length - inHeader.extensions(words)
    this.#given = undefined
    if (inHeader.len(words) !== length || end < IN_HEADER_SIZE) return this.#malformed(message)
    const operation = this.#table[inHeader.opcode(words)]
    if (operation === undefined) {
      this.#special(message)
      return false
    }
    if (operation.holds && this.#inFlight.mustWait) return this.#inFlight.park(message)
    return this.#run(operation, message, end)
  }

  #dispatch(message: Message): boolean {
    const operation = this.#table[inHeader.opcode(message.words)]
    return operation !== undefined && this.#run(operation, message, bodyEnd(message))
  }

  #run(operation: Operation, message: Message, end: number): boolean {
    const req = this.#request(operation, message, end)
    if (req === undefined) return false
    const { handler } = operation
    if (handler === undefined) {
      this.#trace?.call(req, [])
      this.#fail(req, errno('ENOSYS'))
      return false
    }
    let value: unknown
    let later: boolean
    this.#current = req
    try {
      value = operation.invoke(handler, this.#ops, req, message, end)
      later = isThenable(value)
    } catch (error) {
      this.#current = undefined
      this.#fail(req, error)
      if (operation.holds) this.#poison(message)
      return false
    }
    this.#current = undefined
    // A native promise settles once; what merely looks like one might do it twice.
    if (later) return this.#wait(operation, req, message, Promise.resolve(value))
    if (this.#answer(operation, req, value) && req.reusable) this.#spare = req
    if (operation.holds) this.#poison(message)
    return false
  }

  /** @internal */
  get waiting(): boolean {
    return this.#pending.some
  }

  /** @internal */
  undelivered(result: number): void {
    const given = this.#given
    this.#given = undefined
    if (given !== undefined) this.#undelivered(given, this.#givenTo, this.#givenValue, result)
  }

  /** Undefined where the header itself is out of range; that is answered. */
  #request(operation: Operation, message: Message, end: number): FuseRequest | undefined {
    const { words } = message
    const nodeid = inHeader.nodeid(words)
    const req = this.#spare ?? new FuseRequest(words, nodeid)
    if (req === this.#spare) req.assign(words, nodeid)
    this.#spare = undefined
    req.timed = operation.tally.received()
    if (req.timed) req.started = now()
    if (this.#attention) this.#interrupts.arrived(req)
    if (end === message.length && nodeid <= Number.MAX_SAFE_INTEGER) return req
    try {
      if (!Number.isSafeInteger(nodeid)) throw EOVERFLOW
      req.extend(parseExtensions(message.bytes, end, message.length))
      return req
    } catch (error) {
      this.#fail(req, error)
      return undefined
    }
  }

  /** The handler has not settled: the answer follows, from wherever it does. */
  #wait(
    operation: Operation,
    req: FuseRequest,
    message: Message,
    value: Promise<unknown>,
  ): boolean {
    if (!req.timed) req.started = this.#clock()
    this.#pending.add(req, value)
    const { holds } = operation
    if (holds) this.#inFlight.add(message)
    const after = () => {
      if (!holds) return
      this.#poison(message)
      this.#inFlight.remove(message)
    }
    value.then(
      (result) => {
        this.#pending.settled(req)
        if (this.#answer(operation, req, result)) this.#took(operation, req)
        after()
      },
      (error: unknown) => {
        this.#pending.settled(req)
        this.#took(operation, req)
        this.#fail(req, error)
        after()
      },
    )
    return holds
  }

  #took(operation: Operation, req: FuseRequest): void {
    if (req.timed) return
    // By the wake's clock: one that settled in the wake in which it came took no time.
    const ns = this.#clock() - req.started
    if (ns > 0) operation.tally.answered(ns)
  }

  /** The time, read once a wake: good enough for what takes longer. */
  #clock(): number {
    if (this.#time === 0) this.#time = now()
    return this.#time
  }

  /** @internal */
  turn(): void {
    this.#time = 0
  }

  /** False where the answer waits for a file and follows later. */
  #answer(operation: Operation, req: FuseRequest, value: unknown): boolean {
    let result: number
    try {
      result = this.#reply.value(operation, req, value)
    } catch (error) {
      // An answer such as ENOENT or ERANGE; anything else is a reply that the wire cannot hold.
      if (!(error instanceof ErrnoError)) this.#undo(operation, req, value)
      this.#fail(req, error)
      return true
    }
    if (result === WAITS) {
      this.#follow(operation, req, value as FdRange)
      return false
    }
    if (req.timed) operation.tally.answered(now() - req.started)
    if (result !== 0) this.#undelivered(operation, req, value, result)
    else {
      this.#given = operation
      this.#givenTo = req
      this.#givenValue = value
    }
    if (this.#attention) this.#attend()
    return true
  }

  /**
   * The answer's bytes have to be waited for. The request waits like one whose handler has not
   * settled, and the memory for them counts as what handlers hold.
   */
  #follow(operation: Operation, req: FuseRequest, range: FdRange): void {
    // One that comes from an async handler was waiting before.
    if (!req.timed && req.handler === undefined) req.started = this.#clock()
    const room = this.#inFlight.take(range.length)
    const go = () => this.#reply.later(operation, req, range)
    const sent = room === undefined ? go() : room.then(go)
    this.#pending.add(req, sent)
    void sent.then((result) => {
      this.#pending.settled(req)
      this.#took(operation, req)
      if (req.timed) operation.tally.answered(now() - req.started)
      if (result !== 0) this.#undelivered(operation, req, range, result)
      if (this.#attention) this.#attend()
      this.#inFlight.give(range.length)
    })
  }

  /** The kernel did not take the reply: nobody waits for it (ENOENT), or it found it wrong (EINVAL). */
  #undelivered(
    operation: Operation,
    req: FuseRequest | undefined,
    value: unknown,
    result: number,
  ): void {
    if (req === undefined) return
    this.#undo(operation, req, value)
    if (result !== -EINVAL) return
    // The request stays pending after EINVAL: without another answer its caller hangs for ever.
    this.#report(new ProtocolError(`the kernel refused the reply to ${operation.row.name}`), req)
    this.#reply.error(req, EIO)
  }

  #undo(operation: Operation, req: FuseRequest, value: unknown): void {
    // A handler that settles after `destroy` is too late for everything.
    if (!this.#destroyed) undo(this.#ops, operation, req, value, this.#report)
  }

  /** A request was answered: send the notifications that waited for it. */
  #attend(): void {
    this.notify.flush()
    this.#attention = this.notify.waiting || this.#interrupts.waiting
  }

  /** @internal */
  attention(): void {
    this.#attention = true
  }

  #fail(req: FuseRequest, error: unknown): void {
    if (req.timed) this.#counters.of(req.opcode).answered(now() - req.started)
    let number = errnoOf(error)
    // What `fetch` and friends throw when they get our signal.
    if (number === undefined && req.interrupted && isAbort(error)) number = EINTR
    if (number === undefined) this.#report(error, req)
    // The answer before this one first learns its fate; then there is none to be undone.
    this.#transport.flush()
    this.#given = undefined
    this.#reply.error(req, number ?? EIO)
    if (this.#attention) this.#attend()
  }

  /** A message that is no request. Its sender is answered where it can be told who that is. */
  #malformed(message: Message): boolean {
    this.#report(new ProtocolError(frameError(message)), undefined)
    if (message.length < IN_HEADER_SIZE) return false
    const { words } = message
    if (!isUnanswered(inHeader.opcode(words))) {
      this.#reply.errorTo(words[2] as number, words[3] as number, EIO)
    }
    return false
  }

  /** Opcodes that no method answers. */
  #special(message: Message): void {
    const { words } = message
    const opcode = inHeader.opcode(words)
    const req = new FuseRequest(words, inHeader.nodeid(words))
    this.#trace?.call(req, [])
    this.#counters.of(opcode).received()
    if (isUnanswered(opcode)) unanswered(this.#realm, message)
    else if (opcode === c.FUSE_INIT) this.#init(req, message)
    // Only fuseblk sends DESTROY; the end of the session follows by itself.
    else if (opcode === c.FUSE_DESTROY) this.#reply.error(req, 0)
    else this.#reply.error(req, this.#connection === undefined ? EIO : ENOSYS)
  }

  #init(req: FuseRequest, message: Message): void {
    if (this.#connection !== undefined) {
      this.#fail(req, new ProtocolError('FUSE_INIT came a second time'))
      return
    }
    try {
      const pageSize = this.#options.pageSize ?? 4096
      const agreed = handshake(message, this.#options, this.#ops, pageSize)
      if (agreed.connection === undefined) {
        this.#reply.init(req, agreed)
        return
      }
      this.#connection = agreed.connection
      const initialised = this.#ops.init?.(agreed.connection)
      const go = () => this.#open(req, agreed, this.#connection)
      if (isThenable(initialised))
        initialised.then(go, (error: unknown) => this.#refuse(req, error))
      else go()
    } catch (error) {
      this.#refuse(req, error)
    }
  }

  #open(req: FuseRequest, agreed: Negotiated, connection: Connection | undefined): void {
    if (connection === undefined) return
    this.#initialised = true
    if (this.#over) {
      void this.#destroy()
      return
    }
    const { capabilities, maxWrite } = connection
    let table = operations(this.#ops, connection, this.#counters, this.#trace)
    if (capabilities.has('FUSE_CAP_PASSTHROUGH')) {
      this.#backings = new Backings(this.#transport, connection)
      table = passThrough(table, this.#backings)
    }
    const { onlyFor } = this.#options
    this.#table = onlyFor === undefined ? table : ownerOnly(table, onlyFor)
    // Before the reply: the next message may already be as big as that.
    this.#transport.agreed({
      maxWrite,
      splice: capabilities.has('FUSE_CAP_SPLICE_WRITE'),
      move: capabilities.has('FUSE_CAP_SPLICE_MOVE'),
    })
    const result = this.#reply.init(req, agreed)
    if (result === 0) this.#agreed(connection)
    else this.ended(-result)
  }

  /** The kernel answers ECONNREFUSED to everybody from now on. */
  #refuse(req: FuseRequest, error: unknown): void {
    this.#connection = undefined
    const number = error instanceof NegotiationError ? EPROTO : errnoOf(error)
    this.#reply.error(req, number ?? EPROTO)
    this.#refused(error)
    void this.#end({ reason: 'error', error })
  }

  #poison(message: Message): void {
    if (this.#options.poison) message.bytes.fill(POISON, IN_HEADER_SIZE, message.length)
  }

  // What the notifier needs.

  /** @internal */
  busy(nodeids: readonly number[]): boolean {
    return this.#pending.busy(nodeids, this.#current) || this.#inFlight.busy(nodeids)
  }

  /** @internal */
  write(bytes: Uint8Array): Promise<number> {
    return this.#over ? Promise.resolve(-ENODEV) : this.#transport.notify(bytes)
  }

  /** @internal */
  writeNow(bytes: Uint8Array): number {
    return this.#over ? -ENODEV : this.#transport.sendNow(bytes)
  }

  /** @internal */
  traced(code: string, args: readonly unknown[]): void {
    this.#trace?.notify(code, args)
  }

  /** @internal The transport has no more messages: unmounted, aborted, or broken. */
  ended(number: number): void {
    if (number === ENODEV || number === 0) void this.#end({ reason: 'unmounted' })
    else if (number === ECONNABORTED) void this.#end({ reason: 'aborted' })
    else void this.#end({ reason: 'error', error: systemError('read', -number, '/dev/fuse') })
  }

  /** Only where `init` has succeeded, and once. */
  async #destroy(): Promise<void> {
    this.#destroyed = true
    try {
      await this.#ops.destroy?.()
    } catch (error) {
      this.#report(error, undefined)
    }
  }

  async #end(end: SessionEnd): Promise<void> {
    if (this.#over) return
    this.#over = true
    this.#refused(end.error ?? systemError('mount', -ENODEV))
    this.#backings?.end()
    this.#transport.close()
    this.notify.end()
    this.#inFlight.end()
    await this.#pending.end()
    if (this.#initialised) await this.#destroy()
    this.#finish(end)
  }
}

const isAbort = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && (error as Error).name === 'AbortError'
