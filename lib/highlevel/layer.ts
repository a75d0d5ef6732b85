import { constants } from 'node:fs'
import { type Attr, timeout } from '../attributes.ts'
import type { FuseRequest } from '../context.ts'
import { errno, errnoOf } from '../errno.ts'
import { join, NodeTable, type PathNode } from '../nodes.ts'
import type { Notifier } from '../notify.ts'
import type { Answer, AttrOut, EntryOut } from '../ops.ts'
import { PathContext } from '../path_context.ts'
import { PathLocks } from '../path_locks.ts'
import { methodsOf } from '../path_methods.ts'
import type { PathOps, StatLike } from '../path_ops.ts'
import type { PathConfig } from '../path_options.ts'
import { attrOf, keyOf, type MutableAttr, type StatDefaults } from '../stat_like.ts'
import { then } from '../then.ts'
import { type Handle, Handles } from './handles.ts'
import { Remember } from './remember.ts'

const { S_IFMT, S_IFDIR, S_IFREG } = constants
const ENOENT = 2

/** What the handlers of the path API have in common: numbers on one side, paths on the other. */
export class PathLayer {
  readonly ops: PathOps
  readonly config: PathConfig
  readonly nodes: NodeTable
  readonly locks: PathLocks
  readonly handles = new Handles()
  /** To `lookup`: there is no such name. */
  readonly negative: EntryOut | null
  /** Once it is mounted. */
  notify: Notifier | undefined
  readonly #remember: Remember
  readonly #defaults: StatDefaults
  readonly #entryValid: readonly [sec: number, nsec: number]
  readonly #attrValid: readonly [sec: number, nsec: number]

  constructor(ops: PathOps, config: PathConfig) {
    this.ops = methodsOf(ops)
    this.config = config
    this.#remember = new Remember(config.remember)
    this.nodes = new NodeTable(
      S_IFDIR,
      (node) => this.#remember.keep(node, () => this.nodes),
      (key) => this.ops.forget?.(key),
    )
    this.locks = new PathLocks(this.nodes, config.pathLocks)
    this.#entryValid = timeout(config.entryTimeout)
    this.#attrValid = timeout(config.attrTimeout)
    const [entry_valid, entry_valid_nsec] = timeout(config.negativeTimeout)
    const never = config.negativeTimeout === 0
    this.negative = never ? null : { nodeid: 0, entry_valid, entry_valid_nsec, attr: { mode: 0 } }
    const now = Date.now()
    const time = [Math.floor(now / 1000), (now % 1000) * 1e6] as const
    this.#defaults = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0, time }
  }

  end(): void {
    this.#remember.end()
  }

  context(req: FuseRequest, node?: PathNode, lockOwner = 0n): PathContext {
    const keyed = node !== undefined && node.places.length === 0 && this.ops.reopen !== undefined
    return new PathContext(req, keyed ? node.key : undefined, lockOwner)
  }

  /** The path of a name. Throws ESTALE where the directory has none any more. */
  pathIn(parent: PathNode, name: string): string {
    const path = this.nodes.path(parent)
    if (path === null) throw errno('ESTALE')
    return join(path, name)
  }

  /** Throws ESTALE where it has none any more. */
  pathOf(node: PathNode): string {
    const path = this.nodes.path(node)
    if (path === null) throw errno('ESTALE')
    return path
  }

  /** Of a file that is open or may be: null where it has none, or nobody asks for it. Throws ESTALE. */
  openPath(node: PathNode, handle: Handle | undefined): string | null {
    if (this.config.nullpathOk && handle !== undefined) return null
    const path = this.nodes.path(node)
    if (path === null && handle === undefined && !this.#keyed(node)) throw errno('ESTALE')
    return path
  }

  /** The file system finds it without a name. */
  #keyed(node: PathNode): boolean {
    return node.key !== undefined && this.ops.reopen !== undefined
  }

  /** Open what may have lost its name by now. Throws ESTALE. */
  open(
    req: FuseRequest,
    node: PathNode,
    flags: number,
    open: ((path: string, flags: number, ctx: PathContext) => Answer<unknown>) | undefined,
  ): Answer<unknown> {
    const path = this.nodes.path(node)
    const ctx = this.context(req, node)
    if (path !== null) return open?.(path, flags, ctx)
    if (this.ops.reopen === undefined || node.key === undefined) throw errno('ESTALE')
    return this.ops.reopen(node.key, flags, ctx)
  }

  /**
   * The handle that comes with a request, or that of who has the file open where it has no path: a
   * file without either cannot be told to the file system.
   */
  handleFor(node: PathNode, fh: number | undefined): Handle | undefined {
    const handle = fh === undefined ? undefined : this.handles.get(fh)
    if (handle !== undefined || this.nodes.path(node) !== null) return handle
    return this.handles.of(node)
  }

  /** Call what works on a path. Throws ESTALE. */
  onPath<T>(
    req: FuseRequest,
    nodeid: number,
    call: (path: string, ctx: PathContext) => Answer<T>,
  ): Answer<T> {
    const node = this.nodes.get(nodeid)
    return this.locks.read(req, node, false, () => call(this.pathOf(node), this.context(req, node)))
  }

  /** Call what works on an open file. Throws EBADF, ESTALE. */
  onOpen<T>(
    req: FuseRequest,
    nodeid: number,
    fh: number,
    lockOwner: bigint,
    call: (path: string | null, value: unknown, ctx: PathContext) => Answer<T>,
  ): Answer<T> {
    const node = this.nodes.get(nodeid)
    const handle = this.handles.get(fh)
    return this.locks.read(req, node, true, () =>
      call(this.openPath(node, handle), handle?.value, this.context(req, node, lockOwner)),
    )
  }

  /** `getattr` of a node. Throws ENOENT, ESTALE. */
  stat(req: FuseRequest, node: PathNode, fh: number | undefined): Answer<Attr> {
    const handle = this.handleFor(node, fh)
    const path = this.openPath(node, handle)
    const stat = this.ops.getattr(path, handle?.value, this.context(req, node))
    return then(stat, (stat) => this.attrOfNode(node, there(stat)))
  }

  /** Throws LayoutError, and ESTALE where it is not the same file any more. */
  attrOfNode(node: PathNode, stat: StatLike): Attr {
    const attr = this.attr(stat)
    // The kernel would give up an inode that changes its type; this way it looks the name up again.
    if ((attr.mode & S_IFMT) !== node.type) throw errno('ESTALE')
    return this.shown(node, attr)
  }

  /** As the mount's options show it, apart from its number. Throws LayoutError. */
  attr(stat: StatLike): MutableAttr {
    const attr = attrOf(stat, this.#defaults)
    const { setUid, setGid, umask } = this.config
    if (setUid !== undefined) attr.uid = setUid
    if (setGid !== undefined) attr.gid = setGid
    if (umask !== undefined) attr.mode = (attr.mode & S_IFMT) | (0o777 & ~umask)
    return attr
  }

  /** With its number; what it shows is remembered for listings and `autoCache`. */
  shown(node: PathNode, attr: MutableAttr): Attr {
    if (!this.config.useIno || attr.ino === 0) attr.ino = node.nodeid
    node.ino = attr.ino ?? node.nodeid
    if (this.config.autoCache && node.type === S_IFREG) see(node, attr)
    return attr
  }

  /** The answer to whatever finds or makes a file. It counts: only where it is really sent. */
  entry(node: PathNode, attr: Attr): EntryOut {
    node.nlookup++
    return this.listed(node, attr)
  }

  /** The same without counting. */
  listed(node: PathNode, attr: Attr): EntryOut {
    const [entry_valid, entry_valid_nsec] = this.#entryValid
    const [attr_valid, attr_valid_nsec] = this.#attrValid
    const { nodeid } = node
    return { nodeid, entry_valid, attr_valid, entry_valid_nsec, attr_valid_nsec, attr }
  }

  attrOut(attr: Attr): AttrOut {
    const [attr_valid, attr_valid_nsec] = this.#attrValid
    return { attr_valid, attr_valid_nsec, attr }
  }

  /** The node of a name. @param made it is new: whatever the kernel knew by that name is gone. */
  nodeOf(parent: PathNode, name: string, attr: Attr, key: unknown, made: boolean): PathNode {
    const type = attr.mode & S_IFMT
    if (made) return this.nodes.made(parent, name, type, key)
    return this.nodes.found(parent, name, type, key)
  }

  /** The node of a name that was found, or made, and what the kernel is told of it. */
  named(parent: PathNode, name: string, stat: StatLike, made: boolean): EntryOut {
    const attr = this.attr(stat)
    const node = this.nodeOf(parent, name, attr, keyOf(stat), made)
    return this.entry(node, this.shown(node, attr))
  }

  /** The node of a path, if the kernel knows it. */
  known(path: string): PathNode | undefined {
    let node: PathNode | undefined = this.nodes.root
    for (const name of path.split('/')) {
      if (name !== '' && node !== undefined) node = this.nodes.child(node, name)
    }
    return node
  }
}

/** Throws ENOENT for null. */
export function there(stat: StatLike | null | undefined): StatLike {
  if (stat === null || stat === undefined) throw errno('ENOENT')
  return stat
}

export const isMissing = (error: unknown): boolean => errnoOf(error) === ENOENT

/** Whether the contents have changed since somebody last looked. */
function see(node: PathNode, attr: Attr): void {
  const { size = 0, mtime = 0, mtimensec = 0 } = attr
  const { seen } = node
  const same = seen?.size === size && seen.mtime === mtime && seen.mtimensec === mtimensec
  if (!same) node.changed = true
  node.seen = { size, mtime, mtimensec, at: performance.now() }
}
