import { errno } from '../lib/index.ts'

export const F_RDLCK = 0
export const F_WRLCK = 1
export const F_UNLCK = 2

/** A lock on the bytes `start` to `end`, both included. */
export interface Lock {
  readonly type: number
  readonly start: bigint
  readonly end: bigint
  /** Opaque: a process for fcntl(2), an open file for flock(2) and F_OFD_SETLK. */
  readonly owner: bigint
  /** The open file that it was set by. */
  readonly fh: number
  readonly pid: number
}

interface Wish {
  readonly list: LockList
  readonly lock: Lock
}

interface Waiter extends Wish {
  readonly grant: () => void
}

const overlap = (a: Lock, b: Lock): boolean => a.start <= b.end && b.start <= a.end
/** Overlapping, or neighbours: of the same type they become one. */
const adjoin = (a: Lock, b: Lock): boolean => a.start <= b.end + 1n && b.start <= a.end + 1n

const conflicting = (a: Lock, b: Lock): boolean =>
  a.owner !== b.owner && (a.type === F_WRLCK || b.type === F_WRLCK) && overlap(a, b)

/** Those who wait for a lock, on whichever file: what a deadlock is found in. */
export class Waiters {
  readonly #all = new Set<Wish>()

  add(waiter: Wish): void {
    this.#all.add(waiter)
  }

  delete(waiter: Wish): void {
    this.#all.delete(waiter)
  }

  /** Whether an owner who waited for `lock` would wait, over others who wait, for himself. */
  closesCycle(list: LockList, lock: Lock): boolean {
    const seen = new Set<bigint>()
    const pending: Wish[] = [{ list, lock }]
    for (let wanted = pending.pop(); wanted !== undefined; wanted = pending.pop()) {
      for (const { owner } of wanted.list.conflicts(wanted.lock)) {
        if (owner === lock.owner) return true
        if (seen.has(owner)) continue
        seen.add(owner)
        for (const waiter of this.#all) if (waiter.lock.owner === owner) pending.push(waiter)
      }
    }
    return false
  }
}

/**
 * The locks of one kind on one file. Advisory: nothing but other locks looks at them.
 * flock(2)'s cover the whole file, so that the rules for ranges hold for both kinds.
 */
export class LockList {
  #held: Lock[] = []
  #queue: Waiter[] = []

  get idle(): boolean {
    return this.#held.length === 0 && this.#queue.length === 0
  }

  /** The locks that stand against this one. */
  conflicts(lock: Lock): Lock[] {
    return this.#held.filter((held) => conflicting(held, lock))
  }

  /** Whether the owner has a lock of that type already. */
  has({ owner, type }: Lock): boolean {
    return this.#held.some((held) => held.owner === owner && held.type === type)
  }

  /** Whether the owner has any. */
  hasAny(owner: bigint): boolean {
    return this.#held.some((held) => held.owner === owner)
  }

  /** Set a lock, or drop one (F_UNLCK), if nothing stands against it; returns whether it did. */
  set(lock: Lock): boolean {
    if (lock.type !== F_UNLCK && this.#held.some((held) => conflicting(held, lock))) return false
    this.#apply(lock)
    this.#wake()
    return true
  }

  /**
   * The owners of what was set by an open file. When that is released they are open files themselves
   * (F_OFD_SETLK), and have no locks any more: a process has lost its own at close(2).
   */
  ownersBy(fh: number): bigint[] {
    return this.#held.filter((held) => held.fh === fh).map(({ owner }) => owner)
  }

  /** Drop all that an owner has. */
  release(owner: bigint): void {
    if (!this.hasAny(owner)) return
    this.#held = this.#held.filter((held) => held.owner !== owner)
    this.#wake()
  }

  /**
   * Set a lock when nothing stands against it any more, first come, first served. Throws EINTR.
   *
   * @param waiters where deadlocks are looked for.
   */
  wait(lock: Lock, signal: AbortSignal, waiters?: Waiters): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#queue = this.#queue.filter((other) => other !== waiter)
        waiters?.delete(waiter)
        signal.removeEventListener('abort', interrupted)
      }
      const interrupted = () => {
        leave()
        reject(errno('EINTR'))
      }
      const grant = () => {
        leave()
        resolve()
      }
      const waiter: Waiter = { list: this, lock, grant }
      // An interrupt may have come before the request.
      if (signal.aborted) return reject(errno('EINTR'))
      signal.addEventListener('abort', interrupted)
      this.#queue.push(waiter)
      waiters?.add(waiter)
    })
  }

  /** Within the range the owner now has this lock, and what he had there is cut or split. */
  #apply(lock: Lock): void {
    const rest: Lock[] = []
    let { start, end } = lock
    for (const held of this.#held) {
      const same = held.owner === lock.owner
      if (same && held.type === lock.type && adjoin(held, lock)) {
        if (held.start < start) start = held.start
        if (held.end > end) end = held.end
      } else if (same && overlap(held, lock)) {
        if (held.start < lock.start) rest.push({ ...held, end: lock.start - 1n })
        if (held.end > lock.end) rest.push({ ...held, start: lock.end + 1n })
      } else rest.push(held)
    }
    if (lock.type !== F_UNLCK) rest.push({ ...lock, start, end })
    this.#held = rest
  }

  #wake(): void {
    // A lock that is granted may take the place of a stronger one, and free one who came earlier.
    for (let i = 0; i < this.#queue.length; ) {
      const waiter = this.#queue[i] as Waiter
      if (this.#held.some((held) => conflicting(held, waiter.lock))) i++
      else {
        this.#apply(waiter.lock)
        waiter.grant()
        i = 0
      }
    }
  }
}
