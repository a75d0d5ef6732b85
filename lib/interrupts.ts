import type { FuseRequest } from './context.ts'

/** Interrupts kept for requests that have not come yet: a kernel that sent more is asked again. */
const MOST = 256

/**
 * INTERRUPTs that overtook their requests, which happens where several readers share a
 * connection. A request that is unknown was answered meanwhile, or is still on its way.
 */
export class Interrupts {
  readonly #early = new Map<number, FuseRequest>()
  /** Answer EAGAIN: the kernel sends the INTERRUPT again if the request is still there. */
  readonly #again: (interrupt: FuseRequest) => void

  constructor(again: (interrupt: FuseRequest) => void) {
    this.#again = again
  }

  get waiting(): boolean {
    return this.#early.size > 0
  }

  /** An INTERRUPT came for `unique`, and no such request is known. */
  early(unique: number, interrupt: FuseRequest): void {
    this.#early.set(unique, interrupt)
    if (this.#early.size > MOST) this.#giveBack()
  }

  /**
   * A request came: it is the one, or an INTERRUPT that waited for another one goes back.
   * So none waits for longer than the next few requests take (libfuse does the same).
   */
  arrived(req: FuseRequest): void {
    if (this.#early.size === 0) return
    if (this.#early.delete(req.unique)) req.interrupt('the caller was interrupted')
    else this.#giveBack()
  }

  #giveBack(): void {
    for (const [unique, interrupt] of this.#early) {
      this.#early.delete(unique)
      this.#again(interrupt)
      return
    }
  }
}
