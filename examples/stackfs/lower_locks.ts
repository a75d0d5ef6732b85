import { constants } from 'node:os'
import { errno, FUSE_LK_FLOCK, type fuse_lk_in, type LkOut } from '../../lib/index.ts'
import { F_UNLCK, F_WRLCK, LOCK_EX, LOCK_NB, LOCK_SH, LOCK_UN, posix } from '../../lib/posix.ts'
import { type Lock, LockList, Waiters } from '../locks.ts'
import { getLock, setLock } from './flock_struct.ts'
import type { Inodes } from './inodes.ts'
import type { Node } from './node.ts'
import { check, O_NONBLOCK, O_RDONLY, O_RDWR } from './system.ts'

const { EAGAIN, EROFS } = constants.errno
/** Milliseconds until a lock that somebody else holds is tried again: at first, and at most. */
const SOON = 5
const LATE = 500

/** The locks of one kind on one inode. */
interface Locked {
  readonly node: Node
  /** By owner: a file of his own, so that his locks are held against others'. */
  readonly files: Map<bigint, number>
  /** What is held through us: who holds it, and whether to wait for it would be for ever. */
  readonly list: LockList
  /** Who waits, in the order of their coming. */
  readonly waiting: Set<() => void>
}

const lockOf = ({ lk, owner, fh }: fuse_lk_in): Lock => ({ ...lk, owner, fh })
const isFlock = ({ lk_flags }: fuse_lk_in): boolean => (lk_flags & FUSE_LK_FLOCK) !== 0

function operation(type: number): number {
  if (type === F_UNLCK) return LOCK_UN
  return LOCK_NB | (type === F_WRLCK ? LOCK_EX : LOCK_SH)
}

/**
 * Locks set on the lower files, where whoever uses those meets them. The lower file system decides;
 * for each owner there is an open file description that his locks belong to.
 */
export class LowerLocks {
  readonly #inodes: Inodes
  readonly #waiters = new Waiters()
  readonly #posix = new Map<Node, Locked>()
  readonly #flock = new Map<Node, Locked>()

  constructor(inodes: Inodes) {
    this.#inodes = inodes
  }

  /** The first lock that stands against the asked one; F_UNLCK where none does. */
  get(node: Node, args: fuse_lk_in): LkOut {
    const lock = lockOf(args)
    const locked = this.#locked(node, args)
    const [conflict] = locked.list.conflicts(lock)
    const found = conflict ?? getLock(this.#file(locked, lock.owner), lock)
    this.#tidy(locked, lock.owner)
    this.#drop(locked)
    return { lk: found ?? { ...args.lk, type: F_UNLCK, pid: 0 } }
  }

  /** Throws EAGAIN. */
  set(node: Node, args: fuse_lk_in): void {
    const locked = this.#locked(node, args)
    const done = this.#try(locked, args)
    this.#drop(locked)
    if (!done) throw errno('EAGAIN')
  }

  /** Throws EDEADLK, EINTR. */
  wait(node: Node, args: fuse_lk_in, signal: () => AbortSignal): Promise<void> | void {
    const locked = this.#locked(node, args)
    if (this.#try(locked, args)) return undefined
    if (!isFlock(args) && this.#waiters.closesCycle(locked.list, lockOf(args)))
      throw errno('EDEADLK')
    return this.#wait(locked, args, signal())
  }

  /** A descriptor was closed: the process loses all its fcntl locks on the file, POSIX wants it so. */
  flushed(node: Node, owner: bigint): void {
    this.#release(this.#posix.get(node), owner)
  }

  /**
   * The last descriptor of an open file was closed: its locks are gone.
   *
   * @param owner of its flock, where it has one.
   */
  released(node: Node, fh: number, owner: bigint | undefined): void {
    const locked = this.#posix.get(node)
    for (const own of locked?.list.ownersBy(fh) ?? []) this.#release(locked, own)
    if (owner !== undefined) this.#release(this.#flock.get(node), owner)
  }

  #locked(node: Node, args: fuse_lk_in): Locked {
    const kind = isFlock(args) ? this.#flock : this.#posix
    const known = kind.get(node)
    if (known !== undefined) return known
    const locked = { node, files: new Map(), list: new LockList(), waiting: new Set<() => void>() }
    kind.set(node, locked)
    return locked
  }

  #file({ node, files }: Locked, owner: bigint): number {
    const known = files.get(owner)
    if (known !== undefined) return known
    const fd = this.#open(node)
    files.set(owner, fd)
    return fd
  }

  /** To lock for writing it must be open for writing, if that can be. */
  #open(node: Node): number {
    try {
      return this.#inodes.open(node, O_RDWR | O_NONBLOCK)
    } catch (error) {
      if ((error as { readonly errno?: number }).errno !== EROFS) throw error
      return this.#inodes.open(node, O_RDONLY | O_NONBLOCK)
    }
  }

  /** Set or drop a lock, if nothing stands against it; returns whether it did. Throws others' errors. */
  #try(locked: Locked, args: fuse_lk_in): boolean {
    const done = this.#attempt(locked, args)
    // Whatever it was that he had before, somebody may have waited for it.
    for (const retry of [...locked.waiting]) retry()
    return done
  }

  #attempt(locked: Locked, args: fuse_lk_in): boolean {
    const lock = lockOf(args)
    const fd = this.#file(locked, lock.owner)
    const flock = isFlock(args)
    const result = flock ? posix.flock(fd, operation(lock.type)) : setLock(fd, lock)
    if (result === 0) locked.list.set(lock)
    // flock(2) converts in two steps: whoever cannot get the other lock has lost the one he had.
    else if (flock) locked.list.release(lock.owner)
    this.#tidy(locked, lock.owner)
    if (result !== -EAGAIN) check(result)
    return result === 0
  }

  /** Try again whenever one of ours is released, and now and then for those that are not ours. */
  #wait(locked: Locked, args: fuse_lk_in, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const wish = { list: locked.list, lock: lockOf(args) }
      let delay = SOON
      let timer: NodeJS.Timeout | undefined
      const leave = () => {
        clearTimeout(timer)
        locked.waiting.delete(retry)
        this.#waiters.delete(wish)
        signal.removeEventListener('abort', interrupted)
        this.#drop(locked)
      }
      const interrupted = () => {
        leave()
        reject(errno('EINTR'))
      }
      const retry = () => {
        try {
          if (!this.#attempt(locked, args)) return
          leave()
          resolve()
        } catch (error) {
          leave()
          reject(error)
        }
      }
      const later = () => {
        timer = setTimeout(() => {
          delay = Math.min(2 * delay, LATE)
          later()
          retry()
        }, delay)
      }
      // An interrupt may have come before the request.
      if (signal.aborted) return reject(errno('EINTR'))
      signal.addEventListener('abort', interrupted)
      locked.waiting.add(retry)
      this.#waiters.add(wish)
      later()
    })
  }

  #release(locked: Locked | undefined, owner: bigint): void {
    if (locked === undefined) return
    locked.list.release(owner)
    this.#tidy(locked, owner)
    for (const retry of [...locked.waiting]) retry()
    this.#drop(locked)
  }

  /** Close what holds no lock any more. */
  #tidy({ files, list }: Locked, owner: bigint): void {
    const fd = files.get(owner)
    if (fd !== undefined && !list.hasAny(owner)) {
      posix.close(fd)
      files.delete(owner)
    }
  }

  /** Forget an inode that nobody has locked or waits for. */
  #drop(locked: Locked): void {
    const { node, files, waiting } = locked
    if (files.size > 0 || waiting.size > 0) return
    for (const kind of [this.#posix, this.#flock]) if (kind.get(node) === locked) kind.delete(node)
  }
}
