import { constants } from 'node:os'
import * as c from '../protocol/constants.ts'
import { errno, errnoName } from './errno.ts'
import type { Handler } from './fuse_ll_ops.ts'
import type { Connection } from './init.ts'
import type { CreateOut, OpenOut } from './ops.ts'
import { AT_EMPTY_PATH, AT_STATX_DONT_SYNC, posix, readStatx } from './posix.ts'
import type { Operation } from './table.ts'
import { isThenable } from './thenable.ts'
import type { Transport } from './transport.ts'

/** How the kernel has a file open: by its backing file, through the page cache, by READ and WRITE. */
type Mode = 'through' | 'cached' | 'direct'

/** An inode that is open. */
class Opened {
  /** The id of its backing file, and what file that is; 0 for none. */
  backing = 0
  file = ''
  readonly count: Record<Mode, number> = { through: 0, cached: 0, direct: 0 }
  /** By handle, for RELEASE does not say how it was opened. Several opens may share one. */
  readonly handles = new Map<unknown, Mode[]>()

  add(fh: unknown, mode: Mode): void {
    this.count[mode]++
    const modes = this.handles.get(fh)
    if (modes === undefined) this.handles.set(fh, [mode])
    else modes.push(mode)
  }

  /** False for a handle that is not known. */
  remove(fh: unknown): boolean {
    const modes = this.handles.get(fh)
    if (modes === undefined) return false
    // Where it may be any of several: to believe for too long in the others breaks nothing.
    const at = Math.max(0, modes.indexOf('direct'))
    for (const mode of modes.splice(at, 1)) this.count[mode]--
    if (modes.length === 0) this.handles.delete(fh)
    return true
  }
}

/**
 * What the kernel bears beside FOPEN_PASSTHROUGH; with anything else the open is EIO. With
 * FOPEN_DIRECT_IO it asks for READ and WRITE, and maps the backing file.
 */
const BESIDE = c.FOPEN_DIRECT_IO | c.FOPEN_PARALLEL_DIRECT_WRITES | c.FOPEN_NOFLUSH
/** What says nothing where there is no cache. */
const CACHE = c.FOPEN_KEEP_CACHE | c.FOPEN_CACHE_DIR

const { EBADF, EINVAL, EISDIR, ELOOP, EPERM } = constants.errno

const WHY: ReadonlyMap<number, string> = new Map([
  [EPERM, 'the process lacks CAP_SYS_ADMIN'],
  [ELOOP, 'the backing file is on a file system that is itself stacked too deep (maxStackDepth)'],
  [EINVAL, 'the backing file is not a regular file'],
  [EISDIR, 'the backing file is not a regular file'],
  [EBADF, 'the backing file is not open, or with O_PATH'],
])

const STATX_INO = 0x100
const MOST_FD = 0x7fff_ffff
const STATX_SIZE = 256
const statx = new Uint8Array(STATX_SIZE)

/**
 * Which file a descriptor is; undefined where it is none. Asks no file system for it: that may be one
 * of this process, which could not answer.
 */
function identity(fd: number): string | undefined {
  if (!Number.isInteger(fd) || fd < 0 || fd > MOST_FD) return undefined
  const flags = AT_EMPTY_PATH | AT_STATX_DONT_SYNC
  if (posix.statx(fd, '', flags, STATX_INO, statx) < 0) return undefined
  const { dev_major, dev_minor, ino } = readStatx(statx)
  return `${dev_major}:${dev_minor}:${ino}`
}

/**
 * The backing files of a session (FUSE_PASSTHROUGH). The kernel refuses, with EIO for the caller, an
 * open that does not fit those that are there (fs/fuse/iomode.c): beside one through the page cache
 * none with a backing file; beside one with a backing file none without that very one. So every open
 * and release of the session goes through here.
 */
export class Backings {
  readonly #transport: Transport
  readonly #connection: { passthrough: string }
  /** A shared mapping of a file with FOPEN_DIRECT_IO is cached, and nobody tells us. */
  readonly #directMaps: boolean
  readonly #inodes = new Map<number, Opened>()
  #refused = false

  constructor(transport: Transport, connection: Connection) {
    this.#transport = transport
    // The border: readonly for others.
    this.#connection = connection as { passthrough: string }
    this.#directMaps = connection.capabilities.has('FUSE_CAP_DIRECT_IO_ALLOW_MMAP')
  }

  /** An open is about to be answered with `out`: returns what to answer. */
  opened(nodeid: number, out: OpenOut): OpenOut {
    const inode = this.#inodes.get(nodeid) ?? new Opened()
    this.#inodes.set(nodeid, inode)
    const { fh = 0, open_flags = 0, backing } = out
    const backs =
      backing !== undefined && (open_flags & ~(BESIDE | CACHE)) === 0 && this.#backs(inode, backing)
    if (inode.backing !== 0) {
      inode.add(fh, 'through')
      // One that the file system serves: the kernel still wants the inode's backing file, and maps that.
      const flags = (open_flags & BESIDE) | (backs ? 0 : c.FOPEN_DIRECT_IO) | c.FOPEN_PASSTHROUGH
      return { fh, open_flags: flags, backing_id: inode.backing }
    }
    inode.add(fh, (open_flags & c.FOPEN_DIRECT_IO) !== 0 ? 'direct' : 'cached')
    return out
  }

  /** One open of it is gone. */
  released(nodeid: number, fh: unknown): void {
    const inode = this.#inodes.get(nodeid)
    if (inode === undefined || !inode.remove(fh)) return
    if (inode.handles.size === 0) this.#inodes.delete(nodeid)
    if (inode.backing === 0 || inode.count.through > 0) return
    this.#transport.closeBacking(inode.backing)
    inode.backing = 0
  }

  /** The session ends: an aborted connection keeps its backing files until it is unmounted. */
  end(): void {
    for (const { backing } of this.#inodes.values()) {
      if (backing !== 0) this.#transport.closeBacking(backing)
    }
    this.#inodes.clear()
  }

  /** Whether the inode has this file as its backing file, now at the latest. */
  #backs(inode: Opened, fd: number): boolean {
    const file = identity(fd)
    // Another file, e.g. after a copy-up: what is written through the first one would be lost.
    if (inode.backing !== 0) return inode.file === file
    const { cached, direct } = inode.count
    if (this.#refused || cached > 0 || (this.#directMaps && direct > 0)) return false
    const id = file === undefined ? -EBADF : this.#transport.openBacking(fd)
    this.#connection.passthrough = id > 0 ? 'active' : this.#why(-id)
    if (id <= 0) return false
    inode.backing = id
    inode.file = file as string
    return true
  }

  #why(number: number): string {
    // It is not about this file: no other will fare better.
    this.#refused = number === EPERM
    return `${errnoName(number)}: ${WHY.get(number) ?? 'the kernel refused the backing file'}`
  }
}

/** How the opens in the answers of an operation are told to the backing files. */
interface Tell {
  /** Returns what to answer. What is no answer at all is left to whoever encodes it. */
  opened(backings: Backings, nodeid: number, value: unknown): unknown
  undone(backings: Backings, nodeid: number, value: unknown): void
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

const tellOpen: Tell = {
  opened: (backings, nodeid, value) =>
    isObject(value) ? backings.opened(nodeid, value as OpenOut) : value,
  undone(backings, nodeid, value) {
    if (isObject(value)) backings.released(nodeid, (value as OpenOut).fh ?? 0)
  },
}

const isCreate = (value: unknown): value is CreateOut =>
  isObject(value) && isObject((value as CreateOut).entry) && isObject((value as CreateOut).open)

const tellCreate: Tell = {
  opened: (backings, _parent, value) =>
    isCreate(value) ? { ...value, open: backings.opened(value.entry.nodeid, value.open) } : value,
  undone(backings, _parent, value) {
    if (isCreate(value)) backings.released(value.entry.nodeid, value.open.fh ?? 0)
  },
}

function opening(operation: Operation, tell: Tell, backings: Backings): Operation {
  const { handler, out } = operation
  if (handler === undefined) return operation
  return {
    ...operation,
    handler(this: unknown, req, nodeid, ...rest) {
      const value = handler.call(this, req, nodeid, ...rest)
      return isThenable(value)
        ? Promise.resolve(value).then((settled) => tell.opened(backings, nodeid, settled))
        : tell.opened(backings, nodeid, value)
    },
    out: {
      ...out,
      undo(value, nodeid, undo) {
        tell.undone(backings, nodeid, value)
        out.undo?.(value, nodeid, undo)
      },
    },
  }
}

function releasing(operation: Operation, backings: Backings): Operation {
  const { handler } = operation
  const release: Handler = function (this: unknown, req, nodeid, args) {
    backings.released(nodeid, (args as { readonly fh: number }).fh)
    if (handler === undefined) throw errno('ENOSYS')
    return handler.call(this, req, nodeid, args)
  }
  return { ...operation, handler: release }
}

/** The operations of a session with passthrough: those that open and release tell `backings`. */
export function passThrough(
  table: readonly (Operation | undefined)[],
  backings: Backings,
): readonly (Operation | undefined)[] {
  return table.map((operation) => {
    switch (operation?.row.name) {
      case 'open':
        return opening(operation, tellOpen, backings)
      case 'create':
      case 'tmpfile':
        return opening(operation, tellCreate, backings)
      case 'release':
        return releasing(operation, backings)
      default:
        return operation
    }
  })
}
