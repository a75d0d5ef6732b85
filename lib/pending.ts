import type { FuseRequest } from './context.ts'

/** Milliseconds that the end of a session waits for handlers whose signals were aborted. */
const GRACE = 1000

/** The requests whose handlers have not settled. */
export class Pending {
  readonly #requests = new Map<number, FuseRequest>()
  readonly #handlers = new Set<PromiseLike<unknown>>()
  /** The request whose handler runs right now. */
  current: FuseRequest | undefined

  add(req: FuseRequest, handler: PromiseLike<unknown>): void {
    this.#requests.set(req.unique, req)
    this.#handlers.add(handler)
  }

  settled(req: FuseRequest, handler: PromiseLike<unknown>): void {
    this.#handlers.delete(handler)
    if (this.#requests.get(req.unique) === req) this.#requests.delete(req.unique)
  }

  get(unique: number): FuseRequest | undefined {
    return this.#requests.get(unique)
  }

  values(): Iterable<FuseRequest> {
    return this.#requests.values()
  }

  /** Whether an unanswered request may hold the kernel's lock on one of these inodes. */
  busy(nodeids: readonly number[]): boolean {
    if (this.current !== undefined && concerns(this.current, nodeids)) return true
    for (const req of this.#requests.values()) if (concerns(req, nodeids)) return true
    return false
  }

  /**
   * The session is over: abort all signals and wait until all have settled, but no longer than
   * the grace period, since a handler may never settle.
   */
  async end(): Promise<void> {
    for (const req of this.#requests.values()) req.interrupt('the session ended')
    if (this.#handlers.size === 0) return
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, GRACE)
    })
    await Promise.race([Promise.allSettled([...this.#handlers]), late])
    clearTimeout(timer)
  }
}

function concerns(req: FuseRequest, nodeids: readonly number[]): boolean {
  if (nodeids.includes(req.nodeid)) return true
  const { newdir, oldnodeid, nodeid_out } = (req.args ?? {}) as Readonly<Record<string, number>>
  return [newdir, oldnodeid, nodeid_out].some((id) => id !== undefined && nodeids.includes(id))
}
