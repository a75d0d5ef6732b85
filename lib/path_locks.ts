import type { FuseRequest } from './context.ts'
import { errno } from './errno.ts'
import type { NodeTable, PathNode } from './nodes.ts'
import type { Answer } from './ops.ts'
import { isThenable } from './thenable.ts'

interface Waiter {
  readonly writes: readonly PathNode[]
  ready(): boolean
  go(): void
}

/**
 * What keeps paths true while handlers work with them: a file is not renamed or removed while a request
 * on it, or on anything below, has been given its path and is not settled. Handlers that answer at once
 * take no lock and are asked for none, as long as no other handler is under way.
 */
export class PathLocks {
  readonly #nodes: NodeTable
  readonly #enabled: boolean
  /** Handlers that are under way. */
  #held = 0
  #waiters: Waiter[] = []

  constructor(nodes: NodeTable, enabled: boolean) {
    this.#nodes = nodes
    this.#enabled = enabled
  }

  /**
   * Call a handler that is given the path of `node`.
   *
   * @param open on an open file, by its handle: it does not wait for who waits to rename or remove the file,
   * since whoever is to answer the request that is in the way may need it.
   */
  read<T>(req: FuseRequest, node: PathNode, open: boolean, call: () => Answer<T>): Answer<T> {
    if (!this.#enabled) return call()
    if (this.#held === 0 || this.#readable(node, open)) return this.#reading(node, call)
    const ready = () => this.#readable(node, open)
    return this.#wait(req, [], ready, () => this.#reading(node, call))
  }

  /**
   * Call a handler that takes names away from `writes`, or gives them others, in the directories `reads`.
   */
  write<T>(
    req: FuseRequest,
    reads: readonly PathNode[],
    writes: readonly PathNode[],
    call: () => Answer<T>,
  ): Answer<T> {
    if (!this.#enabled) return call()
    const go = () => this.#writing(reads, writes, call)
    if (this.#held === 0 || this.#writable(reads, writes)) return go()
    return this.#wait(req, writes, () => this.#writable(reads, writes), go)
  }

  /** Nobody works with what is to be changed, or changes where it is. */
  #writable(reads: readonly PathNode[], writes: readonly PathNode[]): boolean {
    return (
      writes.every((node) => node.readers === 0 && !node.writing) &&
      reads.every((node) => this.#readable(node, true))
    )
  }

  /** Nobody changes, or waits to change, where the file is. */
  #readable(node: PathNode, open: boolean): boolean {
    for (let at: PathNode | undefined = node; at !== undefined; at = at.places[0]?.parent) {
      if (at.writing) return false
      if (!open && this.#waiters.some(({ writes }) => writes.includes(at as PathNode))) return false
    }
    return true
  }

  #reading<T>(node: PathNode, call: () => Answer<T>): Answer<T> {
    const value = call()
    if (!isThenable(value)) return value
    const chain: PathNode[] = []
    for (let at: PathNode | undefined = node; at !== undefined; at = at.places[0]?.parent) {
      at.readers++
      chain.push(at)
    }
    return this.#until(value as PromiseLike<T>, () => {
      for (const at of chain) at.readers--
      this.#nodes.settle(node)
    })
  }

  #writing<T>(
    reads: readonly PathNode[],
    writes: readonly PathNode[],
    call: () => Answer<T>,
  ): Answer<T> {
    const value = call()
    if (!isThenable(value)) return value
    for (const node of writes) node.writing = true
    const [one, other] = reads
    const chain = (node: PathNode | undefined, by: number) => {
      for (let at = node; at !== undefined; at = at.places[0]?.parent) at.readers += by
    }
    chain(one, 1)
    chain(other, 1)
    return this.#until(value as PromiseLike<T>, () => {
      for (const node of writes) node.writing = false
      chain(one, -1)
      chain(other, -1)
      for (const node of writes) this.#nodes.settle(node)
    })
  }

  #until<T>(value: PromiseLike<T>, release: () => void): Promise<T> {
    this.#held++
    const end = () => {
      this.#held--
      release()
      this.#next()
    }
    return Promise.resolve(value).then(
      (result) => {
        end()
        return result
      },
      (error: unknown) => {
        end()
        throw error
      },
    )
  }

  #wait<T>(
    req: FuseRequest,
    writes: readonly PathNode[],
    ready: () => boolean,
    call: () => Answer<T>,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      const { signal } = req
      const leave = () => {
        signal.removeEventListener('abort', interrupted)
        this.#waiters = this.#waiters.filter((other) => other !== waiter)
      }
      const go = () => {
        leave()
        // A handler that throws at once rejects.
        new Promise<T>((settle) => settle(call())).then(resolve, reject)
      }
      const interrupted = () => {
        leave()
        reject(errno('EINTR'))
        this.#next()
      }
      const waiter = { writes, ready, go }
      this.#waiters.push(waiter)
      signal.addEventListener('abort', interrupted)
      if (signal.aborted) interrupted()
    })
  }

  /** Something was released: let those go on, in order, who can. */
  #next(): void {
    for (const waiter of this.#waiters) {
      if (this.#waiters.includes(waiter) && waiter.ready()) waiter.go()
    }
  }
}
