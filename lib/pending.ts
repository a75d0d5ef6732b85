import { FUSE_SETLKW } from '../protocol/constants.ts'
import type { FuseRequest } from './context.ts'

/** Milliseconds that the end of a session waits for handlers whose signals were aborted. */
const GRACE = 1000

/**
 * The requests whose handlers have not settled: an array in no order, each request knowing its place
 * (a Map's set and delete cost 100 ns a request). Only an interrupt looks for one by its number.
 */
export class Pending {
  readonly #requests: FuseRequest[] = []

  get some(): boolean {
    return this.#requests.length > 0
  }

  add(req: FuseRequest, handler: PromiseLike<unknown>): void {
    req.handler = handler
    req.place = this.#requests.length
    this.#requests.push(req)
  }

  settled(req: FuseRequest): void {
    const last = this.#requests.pop()
    if (last === undefined || last === req) return
    this.#requests[req.place] = last
    last.place = req.place
  }

  get(unique: number): FuseRequest | undefined {
    return this.#requests.find((req) => req.unique === unique)
  }

  values(): readonly FuseRequest[] {
    return this.#requests
  }

  /**
   * Whether an unanswered request may hold the kernel's lock on one of these inodes.
   *
   * @param current the request whose handler runs right now.
   */
  busy(nodeids: readonly number[], current: FuseRequest | undefined): boolean {
    if (current !== undefined && concerns(current, nodeids)) return true
    return this.#requests.some((req) => concerns(req, nodeids))
  }

  /**
   * The session is over: abort all signals and wait until all have settled, but no longer than
   * the grace period, since a handler may never settle.
   */
  async end(): Promise<void> {
    // A copy: a handler whose signal aborts may settle at once.
    const waiting = [...this.#requests]
    for (const req of waiting) req.interrupt('the session ended')
    if (waiting.length === 0) return
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, GRACE)
    })
    await Promise.race([Promise.allSettled(waiting.map((req) => req.handler)), late])
    clearTimeout(timer)
  }
}

function concerns(req: FuseRequest, nodeids: readonly number[]): boolean {
  // Whoever waits for a file lock, for hours perhaps, holds none of the kernel's.
  if (req.opcode === FUSE_SETLKW) return false
  if (nodeids.includes(req.nodeid)) return true
  const { newdir, oldnodeid, nodeid_out } = (req.args ?? {}) as Readonly<Record<string, number>>
  return [newdir, oldnodeid, nodeid_out].some((id) => id !== undefined && nodeids.includes(id))
}
