import type { Test } from 'tap'
import { FakeKernel, type FakeReply } from '../../lib/fake_kernel.ts'
import type { FdRange } from '../../lib/fd_range.ts'
import { fuse_ll_ops, type Row } from '../../lib/fuse_ll_ops.ts'
import type { LowLevelOps, OperationName } from '../../lib/ops.ts'
import { Session } from '../../lib/session.ts'
import type { SessionOptions } from '../../lib/session_options.ts'
import type { Receiver } from '../../lib/transport.ts'
import type { Encodable, Members, Struct } from '../../protocol/layout.ts'
import { OUT_HEADER_SIZE } from '../../protocol/reply.ts'

const ENOENT = 2

/** IOV_MAX less the head. */
const MOST_PIECES = 1023

/**
 * The fake kernel as the device behaves: no more pieces than writev(2) takes and, with `putsOff`,
 * a reply that is sent only with the next read, so that ENOENT comes late.
 */
export class Kernel extends FakeKernel {
  /** Replies that found nobody waiting. */
  unwanted = 0
  /** The pieces of each gathered reply, behind its head. */
  readonly gathered: number[] = []
  #receiver: Receiver | undefined
  #due = 0
  #receiving = false
  readonly #putsOff: boolean

  constructor(putsOff = false) {
    super()
    this.#putsOff = putsOff
  }

  override start(receiver: Receiver): void {
    this.#receiver = receiver
    super.start({
      receive: (message) => {
        this.#receiving = true
        const kept = receiver.receive(message)
        this.#receiving = false
        this.flush()
        return kept
      },
      turn: () => receiver.turn(),
      undelivered: (result) => receiver.undelivered(result),
      ended: (errno) => receiver.ended(errno),
    })
  }

  override send(length: number): number {
    if (this.#putsOff && this.#receiving) {
      this.#due = length
      return 0
    }
    return this.#sent(super.send(length))
  }

  override flush(): void {
    if (this.#due === 0) return
    const length = this.#due
    this.#due = 0
    const result = this.#sent(super.send(length))
    if (result < 0) this.#receiver?.undelivered(result)
  }

  override sendPieces(length: number, pieces: readonly Uint8Array[]): number {
    if (pieces.length > MOST_PIECES) throw new RangeError(`${pieces.length} pieces`)
    this.gathered.push(pieces.length)
    return this.#sent(super.sendPieces(length, pieces))
  }

  /** Ranges that were to be sent later. */
  later = 0

  override sendRange(length: number, range: FdRange): number {
    return this.#sent(super.sendRange(length, range))
  }

  override async sendRangeLater(length: number, range: FdRange): Promise<number> {
    this.later++
    return this.#sent(await super.sendRangeLater(length, range))
  }

  #sent(result: number): number {
    if (result === -ENOENT) this.unwanted++
    return result
  }
}

export interface Served {
  readonly kernel: Kernel
  readonly session: Session
  /** What was reported. */
  readonly errors: unknown[]
}

export interface ServeOptions extends SessionOptions {
  /** What the kernel offers. */
  readonly init?: Parameters<FakeKernel['init']>[0]
  readonly putsOff?: boolean
}

/** A session without a negotiation. After the test it ends, and holds no message any more. */
export function start(t: Test, ops: LowLevelOps, options: ServeOptions = {}): Served {
  const { init: _, putsOff, ...rest } = options
  const kernel = new Kernel(putsOff)
  const errors: unknown[] = []
  const session = new Session(kernel, ops, {
    onError: (error) => errors.push(error),
    poison: true,
    ...rest,
  })
  session.start()
  t.teardown(() => session.close())
  return { kernel, session, errors }
}

/** A session that has agreed with the kernel. */
export async function serve(
  t: Test,
  ops: LowLevelOps,
  options: ServeOptions = {},
): Promise<Served> {
  const served = start(t, ops, options)
  await served.kernel.init(options.init)
  await served.session.ready
  return served
}

/** Every microtask and every callback that is due has run. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Whether a promise has settled by now, without waiting for it. */
export async function settled(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol('pending')
  const outcome = await Promise.race([promise.catch(() => {}), turn().then(() => pending)])
  return outcome !== pending
}

export interface Deferred<T> {
  readonly promise: Promise<T>
  resolve(value: T): void
  reject(error: unknown): void
}

export function deferred<T = void>(): Deferred<T> {
  let resolve!: (value: T) => void
  let reject!: (error: unknown) => void
  const promise = new Promise<T>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}

/** The bytes of a struct; what is not named is 0. */
export function bytesOf<M extends Members>(
  layout: Struct<M>,
  value: Partial<Encodable<M>> = {},
): Buffer {
  const words = new Uint32Array((layout.size + 3) >> 2)
  layout.encode(words, 0, { ...layout.decode(words, 0), ...value } as Encodable<M>)
  return Buffer.from(words.buffer, 0, layout.size)
}

/** A reply's payload as a struct. */
export function decoded<M extends Members>(layout: Struct<M>, { payload }: FakeReply, at = 0) {
  const words = new Uint32Array(new Uint8Array(payload.subarray(at, at + layout.size)).buffer)
  return layout.decode(words, 0)
}

export const rows: readonly (readonly [number, Row])[] = Object.entries(fuse_ll_ops)
  .map(([opcode, row]) => [Number(opcode), row] as const)
  .filter(([, { name }]) => name !== 'forget' && name !== 'batch_forget')

export const opcodeOf = (name: OperationName): number => {
  const found = Object.entries(fuse_ll_ops).find(([, row]) => row.name === name)
  if (found === undefined) throw new Error(`no row ${name}`)
  return Number(found[0])
}

/** What a well-formed request of a row carries: its struct, names, and no payload. */
export function partsOf(name: OperationName, args: Readonly<Record<string, unknown>> = {}) {
  const row = fuse_ll_ops[opcodeOf(name)] as Row
  const parts: (string | Buffer)[] = []
  if (row.in !== null) parts.push(bytesOf(row.in, args as never))
  for (let i = 0; i < row.names; i++) parts.push(`name${i}`)
  return parts
}

const attr = { mode: 0o100644, ino: 7n, size: 5 }
const entry = { nodeid: 7, attr }

/** For each method an answer that its row takes. */
export const goodAnswers: Readonly<Record<OperationName, unknown>> = {
  lookup: entry,
  forget: undefined,
  batch_forget: undefined,
  getattr: { attr },
  setattr: { attr },
  readlink: 'target',
  symlink: entry,
  mknod: entry,
  mkdir: entry,
  unlink: undefined,
  rmdir: undefined,
  rename: undefined,
  rename2: undefined,
  link: entry,
  open: { fh: 3 },
  read: new Uint8Array(0),
  write: { size: 0 },
  flush: undefined,
  release: undefined,
  fsync: undefined,
  opendir: { fh: 4 },
  readdir: new Uint8Array(0),
  readdirplus: new Uint8Array(0),
  releasedir: undefined,
  fsyncdir: undefined,
  statfs: { st: { blocks: 1 } },
  setxattr: undefined,
  getxattr: Buffer.from('value'),
  listxattr: ['user.a'],
  removexattr: undefined,
  access: undefined,
  create: { entry, open: { fh: 3 } },
  tmpfile: { entry, open: { fh: 3 } },
  getlk: { lk: { start: 0n, end: 0n, type: 2 } },
  setlk: undefined,
  setlkw: undefined,
  bmap: { block: 1 },
  ioctl: { result: 0 },
  poll: { revents: 1 },
  fallocate: undefined,
  lseek: { offset: 0 },
  copy_file_range: { size: 0 },
  copy_file_range_64: { bytes_copied: 0 },
  setupmapping: undefined,
  removemapping: undefined,
  syncfs: undefined,
  statx: { stat: { mask: 0x7ff, mode: 0o100644, atime: {}, btime: {}, ctime: {}, mtime: {} } },
}

/** A file system whose methods all answer what `answer` gives for them. */
export function methods(answer: (name: OperationName) => unknown): LowLevelOps {
  const names = Object.values(fuse_ll_ops).map(({ name }) => name)
  return Object.fromEntries(names.map((name) => [name, () => answer(name)])) as LowLevelOps
}

export { OUT_HEADER_SIZE }
