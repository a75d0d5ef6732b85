import { FUSE_LK_FLOCK, FUSE_RELEASE_FLOCK_UNLOCK } from '../../protocol/constants.ts'
import type { fuse_lk_in } from '../../protocol/structs.ts'
import type { FuseRequest } from '../context.ts'
import { errno } from '../errno.ts'
import type { Answer, LowLevelOps } from '../ops.ts'
import type { FileLock, LockAnswer, LockCommand } from '../path_ops.ts'
import { F_RDLCK, F_UNLCK, LOCK_EX, LOCK_NB, LOCK_SH, LOCK_UN } from '../posix_constants.ts'
import { then } from '../then.ts'
import type { Handle } from './handles.ts'
import type { PathLayer } from './layer.ts'

/** Every byte there may be. */
const WHOLE: FileLock = { start: 0n, end: 0x7fff_ffff_ffff_ffffn, type: F_UNLCK }

/** Locks that the file system keeps, and what ends them. They take no part in path locks: who waits may wait for hours. */
export class Locks {
  readonly #layer: PathLayer

  constructor(layer: PathLayer) {
    this.#layer = layer
  }

  /** Whether the file system keeps fcntl(2)'s. */
  get asked(): boolean {
    return this.#layer.ops.lock !== undefined
  }

  handlers(): LowLevelOps {
    const { lock, flock } = this.#layer.ops
    if (lock === undefined && flock === undefined) return {}
    return {
      getlk: (req, nodeid, args) =>
        then(this.#posix(req, nodeid, args, 'getlk'), (found) => ({
          lk: found ?? { ...args.lk, type: F_UNLCK, pid: 0 },
        })),
      setlk: (req, nodeid, args) => then(this.#set(req, nodeid, args, 'setlk'), () => {}),
      setlkw: (req, nodeid, args) => then(this.#set(req, nodeid, args, 'setlkw'), () => {}),
    }
  }

  #set(
    req: FuseRequest,
    nodeid: number,
    args: fuse_lk_in,
    command: 'setlk' | 'setlkw',
  ): Answer<unknown> {
    if ((args.lk_flags & FUSE_LK_FLOCK) === 0) return this.#posix(req, nodeid, args, command)
    const { flock } = this.#layer.ops
    if (flock === undefined) throw errno('ENOSYS')
    const { type } = args.lk
    const kind = type === F_RDLCK ? LOCK_SH : type === F_UNLCK ? LOCK_UN : LOCK_EX
    const operation = command === 'setlk' ? kind | LOCK_NB : kind
    const handle = this.#layer.handles.get(args.fh)
    const node = this.#layer.nodes.get(nodeid)
    const path = this.#layer.openPath(node, handle)
    return flock(path, handle?.value, operation, this.#layer.context(req, node, args.owner))
  }

  #posix(
    req: FuseRequest,
    nodeid: number,
    args: fuse_lk_in,
    command: LockCommand,
  ): Answer<LockAnswer> {
    const handle = this.#layer.handles.get(args.fh)
    if (command !== 'getlk' && handle !== undefined && args.lk.type !== F_UNLCK) {
      handle.owners ??= new Set()
      handle.owners.add(args.owner)
    }
    return this.#call(req, nodeid, handle, command, args.lk, args.owner)
  }

  #call(
    req: FuseRequest,
    nodeid: number,
    handle: Handle | undefined,
    command: LockCommand,
    asked: FileLock,
    owner: bigint,
  ): Answer<LockAnswer> {
    const { lock } = this.#layer.ops
    if (lock === undefined) throw errno('ENOSYS')
    const node = this.#layer.nodes.get(nodeid)
    const path = this.#layer.openPath(node, handle)
    const ctx = this.#layer.context(req, node, owner)
    return lock(path, handle?.value, command, asked, ctx)
  }

  /** close(2): the owner's locks on the file end, whatever descriptor they were made by. */
  flushed(req: FuseRequest, nodeid: number, fh: number, owner: bigint): Answer<unknown> {
    if (!this.asked) return undefined
    const handle = this.#layer.handles.get(fh)
    handle?.owners?.delete(owner)
    return this.#call(req, nodeid, handle, 'setlk', WHOLE, owner)
  }

  /** The last close(2): what belongs to the open file ends, of locks that no FLUSH has named. */
  released(req: FuseRequest, handle: Handle, flags: number, owner: bigint): Answer<unknown> {
    const { nodeid } = handle.node
    const [next] = handle.owners ?? []
    if (next !== undefined && this.asked) {
      handle.owners?.delete(next)
      return then(this.#call(req, nodeid, handle, 'setlk', WHOLE, next), () =>
        this.released(req, handle, flags, owner),
      )
    }
    const { flock } = this.#layer.ops
    if (flock === undefined || (flags & FUSE_RELEASE_FLOCK_UNLOCK) === 0) return undefined
    const path = this.#layer.openPath(handle.node, handle)
    return flock(path, handle.value, LOCK_UN, this.#layer.context(req, handle.node, owner))
  }
}
