import { errno, FUSE_LK_FLOCK, type fuse_lk_in, type LkOut } from '../../lib/index.ts'
import { F_UNLCK, type Lock, LockList, Waiters } from '../locks.ts'
import type { Inode } from './inode.ts'

const lockOf = ({ lk, owner, fh }: fuse_lk_in): Lock => ({ ...lk, owner, fh })
const isFlock = (args: fuse_lk_in): boolean => (args.lk_flags & FUSE_LK_FLOCK) !== 0

/** Locks of both kinds on all files, in the wire's words. */
export class LockKeeper {
  readonly #waiters = new Waiters()

  /** The first lock that stands against the asked one; F_UNLCK where none does. */
  get(inode: Inode, args: fuse_lk_in): LkOut {
    const [conflict] = inode.posixLocks?.conflicts(lockOf(args)) ?? []
    return { lk: conflict ?? { ...args.lk, type: F_UNLCK, pid: 0 } }
  }

  /** Throws EAGAIN. */
  set(inode: Inode, args: fuse_lk_in): void {
    if (!this.#try(inode, args)) throw errno('EAGAIN')
  }

  /** Throws EDEADLK, EINTR. */
  wait(
    inode: Inode,
    args: fuse_lk_in,
    caller: { readonly signal: AbortSignal },
  ): Promise<void> | void {
    if (this.#try(inode, args)) return undefined
    const lock = lockOf(args)
    if (isFlock(args)) return flocksOf(inode).wait(lock, caller.signal)
    const list = posixLocksOf(inode)
    if (this.#waiters.closesCycle(list, lock)) throw errno('EDEADLK')
    return list.wait(lock, caller.signal, this.#waiters)
  }

  /** A descriptor was closed: the process loses all its fcntl locks on the file, POSIX wants it so. */
  flushed(inode: Inode, owner: bigint): void {
    inode.posixLocks?.release(owner)
    if (inode.posixLocks?.idle) inode.posixLocks = undefined
  }

  /**
   * The last descriptor of an open file was closed: its locks are gone.
   *
   * @param owner of its flock, where it has one.
   */
  released(inode: Inode, fh: number, owner: bigint | undefined): void {
    for (const own of inode.posixLocks?.ownersBy(fh) ?? []) this.flushed(inode, own)
    if (owner !== undefined) inode.flocks?.release(owner)
    if (inode.flocks?.idle) inode.flocks = undefined
  }

  #try(inode: Inode, args: fuse_lk_in): boolean {
    const lock = lockOf(args)
    if (!isFlock(args)) return posixLocksOf(inode).set(lock)
    const list = flocksOf(inode)
    if (list.has(lock)) return true
    // flock(2) converts in two steps: whoever cannot get the other lock has lost the one he had.
    list.release(lock.owner)
    return list.set(lock)
  }
}

function posixLocksOf(inode: Inode): LockList {
  inode.posixLocks ??= new LockList()
  return inode.posixLocks
}

function flocksOf(inode: Inode): LockList {
  inode.flocks ??= new LockList()
  return inode.flocks
}
