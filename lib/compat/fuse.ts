import { resolve } from 'node:path'
import debug from 'debug'
import { LayoutError } from '../../protocol/words.ts'
import { errnoOf } from '../errno.ts'
import { mountAt } from '../mountinfo.ts'
import { mount, type PathSession } from '../path_mount.ts'
import { type OnError, reporter } from '../report.ts'
import { type Callback, tell } from './callback.ts'
import { Caller, type Trace } from './caller.ts'
import { ERRORS } from './errors.ts'
import { HANDLER_NAMES, type Handlers } from './handlers.ts'
import { preparePlace } from './mount_point.ts'
import { type FuseOptions, mountOptionsOf } from './options.ts'
import { pathOps } from './path_ops.ts'
import { obstacle, unmountAt } from './setup.ts'
import { type Timeouts, timeoutsOf } from './timeouts.ts'

/** Milliseconds that unmounting waits for the end; whoever has files open then is served on. */
const PATIENCE = 1000

/**
 * A file system of callbacks, mounted once. `mnt` is a directory; `ops` are the callbacks, each optional.
 *
 * Throws LayoutError for a callback that is no function and for a timeout that is none; every other option
 * that is wrong, or cannot be done, is what `mount` calls back with.
 */
export class Fuse {
  /** Absolute. */
  readonly mnt: string
  readonly ops: Handlers
  readonly opts: FuseOptions
  /** Milliseconds, 0 for as long as it takes, or those of each callback. */
  readonly timeout: Exclude<Timeouts, false>
  opening = false
  opened = false
  closing = false
  closed = false
  readonly #caller: Caller
  readonly #report: OnError
  #session: PathSession | undefined
  #mounting: Promise<void> | undefined
  #unmounting: Promise<void> | undefined

  constructor(mnt: string, ops: Handlers = {}, opts: FuseOptions = {}) {
    this.mnt = resolve(mnt)
    this.ops = ops ?? {}
    this.opts = opts ?? {}
    const { timeout, debug = false, onError } = this.opts
    this.timeout = timeout === false ? 0 : timeout || 15_000
    for (const name of HANDLER_NAMES) {
      const handler: unknown = this.ops[name]
      if (!handler || typeof handler === 'function') continue
      throw new LayoutError(name, 'a function', handler)
    }
    this.#report = reporter(onError)
    this.#caller = new Caller(this.ops, timeoutsOf(timeout), this.#report, traceOf(debug))
  }

  /** Calls back when it is usable, or with the reason why it is not: then nothing is mounted. */
  mount(cb?: Callback): void {
    tell(() => this.#mount(), this.#heard(cb))
  }

  /**
   * Take it out of the tree at once, also where files are open: those are served until they are closed, as
   * long as this process lives. Calls back with an error that has `unmountFailure` where that fails.
   */
  unmount(cb?: Callback): void {
    tell(() => (this.#unmounting ??= this.#close()), this.#heard(cb))
  }

  /** The number of a symbol of errno(3), in any case; -1 where there is none. */
  errno(code?: string): number {
    const number = (ERRORS as Readonly<Record<string, number>>)[String(code).toUpperCase()]
    return number ?? ERRORS.EPERM
  }

  /** Detach the FUSE mount at `mnt`, whoever serves it, also a dead one. */
  static unmount(mnt: string, cb: Callback): void {
    tell(() => unmountAt(mnt), cb)
  }

  /** Whether this user can mount here, found out by doing it. */
  static isConfigured(cb: Callback<boolean>): void {
    tell(async () => (await obstacle()) === undefined, cb)
  }

  /** Linux needs nothing to be installed: calls back with what is missing and what to do, if anything is. */
  static configure(cb: Callback = () => {}): void {
    tell(async () => {
      const found = await obstacle()
      if (found !== undefined) throw found
    }, cb)
  }

  /** Nothing to undo. */
  static unconfigure(cb: Callback = () => {}): void {
    process.nextTick(cb, null)
  }

  /** Nothing to do before mounting. */
  static beforeMount(cb: Callback = () => {}): void {
    process.nextTick(cb, null)
  }

  /** Nor before unmounting. */
  static beforeUnmount(cb: Callback = () => {}): void {
    process.nextTick(cb, null)
  }

  #mount(): Promise<void> {
    if (this.#unmounting !== undefined || this.closed) {
      const why = `'${this.mnt}' has been unmounted: a Fuse is mounted once, make another one`
      return Promise.reject(new Error(why))
    }
    this.#mounting ??= this.#open()
    return this.#mounting
  }

  async #open(): Promise<void> {
    this.opening = true
    try {
      this.#session = await this.#start()
      this.opened = true
    } catch (error) {
      this.#mounting = undefined
      throw error
    } finally {
      this.opening = false
    }
  }

  async #start(): Promise<PathSession> {
    const options = mountOptionsOf(this.opts)
    const { mkdir = false, force = false } = this.opts
    await preparePlace(this.mnt, { mkdir, force })
    const session = await mount(this.mnt, pathOps(this.#caller), options)
    void session.closed.then(({ reason }) => {
      if (reason !== 'unmounted') this.#failed()
    })
    return session
  }

  async #close(): Promise<void> {
    // One that is under way comes first, whatever becomes of it.
    await this.#mounting?.catch(() => {})
    this.closing = true
    try {
      if (this.#session !== undefined) await detach(this.#session)
      this.closed = true
    } catch (error) {
      this.#unmounting = undefined
      throw Object.assign(error as Error, { unmountFailure: true })
    } finally {
      this.closing = false
    }
  }

  #failed(): void {
    if (!this.#caller.has('error')) return
    const said = async () => this.#caller.call('error', [], () => {})
    said().catch((error) => this.#report(error, undefined))
  }

  /** An error that nobody listens for is reported. */
  #heard(cb: Callback | undefined): Callback {
    const report = (error: Error | null) => {
      if (error) this.#report(error, undefined)
    }
    return cb ?? report
  }
}

async function detach(session: PathSession): Promise<void> {
  try {
    await session.unmount({ lazy: true, timeout: PATIENCE })
  } catch (error) {
    // Out of the tree, and somebody has files open.
    const inUse = errnoOf(error) === -ERRORS.ETIMEDOUT
    const gone = mountAt(session.mountpoint)?.device !== session.device
    if (!inUse || !gone) throw error
  }
}

function traceOf(wanted: boolean): Trace | undefined {
  const log = debug('devfuse:compat')
  if (wanted) log.enabled = true
  return log.enabled ? (line) => log('%s', line) : undefined
}
