import { FUSE_ROOT_ID } from '../protocol/constants.ts'
import { errno } from './errno.ts'

/** Where a file is: a name in a directory. */
interface Place {
  readonly parent: PathNode
  readonly name: string
}

/** What a file looked like, and when: milliseconds of the monotonic clock. */
interface Seen {
  readonly size: number
  readonly mtime: number
  readonly mtimensec: number
  readonly at: number
}

/**
 * A file that the kernel knows. Its number, its `st_ino` and the file system's own key for it are three
 * things.
 */
export class PathNode {
  /** Never given twice: no generation is needed. */
  readonly nodeid: number
  /** Type bits of its mode: a file that changes its type is another one. */
  readonly type: number
  /** What makes two names one file, where the file system says so. */
  key: unknown
  /** References that the kernel holds. */
  nlookup = 0
  /** Those under which it is known, most files one; none where it was removed. */
  places: Place[] = []
  children: Map<string, PathNode> | undefined
  /** Handles of open files and directories. */
  readonly handles = new Set<number>()
  /** Requests that are under way below or on it, and whether one is to change where it is. */
  readers = 0
  writing = false
  /** Since its name was taken away from under its open files it has this name. */
  hidden = false
  /** What `autoCache` goes by. */
  seen: Seen | undefined
  changed = true
  /** The `st_ino` that it was shown with last. */
  ino: number | bigint

  /** The path as of `epoch`. */
  path = ''
  epoch = -1

  constructor(nodeid: number, type: number, key: unknown) {
    this.nodeid = nodeid
    this.ino = nodeid
    this.type = type
    this.key = key
  }
}

/** The path of a name in a directory. */
export const join = (parent: string, name: string): string =>
  parent === '/' ? `/${name}` : `${parent}/${name}`

/**
 * The files that the kernel knows, by number and by place. Names are kept as the kernel sees them: a
 * rename moves one entry, whatever is below, and paths are put together upwards.
 */
export class NodeTable {
  readonly root: PathNode
  readonly #nodes = new Map<number, PathNode>()
  readonly #byKey = new Map<unknown, PathNode>()
  readonly #keep: (node: PathNode) => boolean
  readonly #gone: (key: unknown) => void
  #next = FUSE_ROOT_ID
  /** Counts what may change the paths of many. */
  #epoch = 0

  /**
   * @param type type bits of a directory.
   * @param keep asked when nobody knows a node any more: true where it is to stay until `settle`.
   * @param gone told the key of a file without a name that nobody knows any more.
   */
  constructor(
    type: number,
    keep: (node: PathNode) => boolean = () => false,
    gone: (key: unknown) => void = () => {},
  ) {
    this.#keep = keep
    this.#gone = gone
    this.root = this.#mint(type, undefined)
  }

  /** How many there are, the root among them. */
  get size(): number {
    return this.#nodes.size
  }

  /** Throws ESTALE for what the kernel has forgotten. */
  get(nodeid: number): PathNode {
    const node = this.#nodes.get(nodeid)
    if (node === undefined) throw errno('ESTALE')
    return node
  }

  /** Null where it has no name any more. */
  path(node: PathNode): string | null {
    if (node.epoch === this.#epoch) return node.path
    return this.#put(node)
  }

  /** Put a path together, and those of its parents that are not known either. */
  #put(node: PathNode): string | null {
    const missing: PathNode[] = []
    let at = node
    while (at !== this.root && at.epoch !== this.#epoch) {
      missing.push(at)
      const place = at.places[0]
      if (place === undefined) return null
      at = place.parent
    }
    let path = at === this.root ? '/' : at.path
    for (let below = missing.pop(); below !== undefined; below = missing.pop()) {
      path = join(path, (below.places[0] as Place).name)
      below.path = path
      below.epoch = this.#epoch
    }
    if (node === this.root) this.root.path = path
    return path
  }

  child(parent: PathNode, name: string): PathNode | undefined {
    return parent.children?.get(name)
  }

  /**
   * The node of a name that was found: the one that is known there, or by that key, or a new one.
   */
  found(parent: PathNode, name: string, type: number, key: unknown): PathNode {
    const known = this.child(parent, name)
    const same = key === undefined ? undefined : this.#byKey.get(key)
    if (known !== undefined && known.type === type && this.#is(known, same, key)) return known
    const node = same?.type === type ? same : this.#mint(type, key)
    this.link(node, parent, name)
    return node
  }

  /** Whether a node that is known may be the one that this key means. It is known by the key from then on. */
  #is(known: PathNode, same: PathNode | undefined, key: unknown): boolean {
    if (key === undefined || known === same) return true
    if (known.key !== undefined || same !== undefined) return false
    known.key = key
    this.#byKey.set(key, known)
    return true
  }

  /** A new file with a name. Whatever had that name has lost it. */
  made(parent: PathNode, name: string, type: number, key: unknown): PathNode {
    const node = this.#mint(type, key)
    this.link(node, parent, name)
    return node
  }

  /** A new file without a name. */
  orphan(type: number, key: unknown): PathNode {
    return this.#mint(type, key)
  }

  /** Give a node one more name. */
  link(node: PathNode, parent: PathNode, name: string): void {
    if (this.child(parent, name) === node) return
    this.unlink(parent, name)
    parent.children ??= new Map()
    parent.children.set(name, node)
    node.places.push({ parent, name })
  }

  /** A name is gone. */
  unlink(parent: PathNode, name: string): void {
    const node = this.child(parent, name)
    if (node === undefined) return
    parent.children?.delete(name)
    node.places = node.places.filter((place) => place.parent !== parent || place.name !== name)
    this.#moved(node)
    // A number of the file system's own may be another file's from now on.
    if (node.places.length === 0 && this.#byKey.get(node.key) === node) this.#byKey.delete(node.key)
    this.#settle(node)
    this.#settle(parent)
  }

  /** A name became another one. What had that name has lost it. */
  rename(parent: PathNode, name: string, newparent: PathNode, newname: string): void {
    const node = this.child(parent, name)
    if (parent === newparent && name === newname) return
    if (node === undefined) {
      this.unlink(newparent, newname)
      return
    }
    // Two names of one file: rename(2) does nothing.
    if (this.child(newparent, newname) === node) return
    this.unlink(newparent, newname)
    this.#move(node, { parent, name }, { parent: newparent, name: newname })
    parent.children?.delete(name)
    this.#settle(parent)
  }

  /** Two names were exchanged. */
  exchange(parent: PathNode, name: string, newparent: PathNode, newname: string): void {
    const [one, other] = [this.child(parent, name), this.child(newparent, newname)]
    if (one === other) return
    const [from, to] = [
      { parent, name },
      { parent: newparent, name: newname },
    ]
    parent.children?.delete(name)
    newparent.children?.delete(newname)
    if (one !== undefined) this.#move(one, from, to)
    if (other !== undefined) this.#move(other, to, from)
    this.#settle(parent)
    this.#settle(newparent)
  }

  /** One place of a node becomes another, which is free. */
  #move(node: PathNode, from: Place, to: Place): void {
    to.parent.children ??= new Map()
    to.parent.children.set(to.name, node)
    node.places = node.places.map((place) =>
      place.parent === from.parent && place.name === from.name ? to : place,
    )
    this.#moved(node)
  }

  /** The kernel gives back references. */
  forget(nodeid: number, nlookup: number): void {
    const node = this.#nodes.get(nodeid)
    if (node === undefined) return
    node.nlookup = Math.max(0, node.nlookup - nlookup)
    this.#settle(node)
  }

  /** A handle was given up, or what was kept need not be any more. */
  settle(node: PathNode): void {
    this.#settle(node)
  }

  /** Forget what nobody knows, upwards. */
  #settle(node: PathNode): void {
    let at: PathNode | undefined = node
    while (at !== undefined && this.#unused(at) && !this.#keep(at)) at = this.#drop(at)
  }

  #unused(node: PathNode): boolean {
    return (
      node !== this.root &&
      node.nlookup === 0 &&
      node.handles.size === 0 &&
      node.readers === 0 &&
      !node.writing &&
      (node.children === undefined || node.children.size === 0)
    )
  }

  /** Returns the first of the directories that it was in; the others are looked after here. */
  #drop(node: PathNode): PathNode | undefined {
    this.#nodes.delete(node.nodeid)
    if (this.#byKey.get(node.key) === node) this.#byKey.delete(node.key)
    const [first, ...others] = node.places
    if (first === undefined && node.key !== undefined) this.#gone(node.key)
    node.places = []
    for (const { parent, name } of others) parent.children?.delete(name)
    for (const { parent } of others) this.#settle(parent)
    first?.parent.children?.delete(first.name)
    return first?.parent
  }

  #moved(node: PathNode): void {
    if (node.children === undefined || node.children.size === 0) node.epoch = -1
    else this.#epoch++
  }

  #mint(type: number, key: unknown): PathNode {
    const node = new PathNode(this.#next++, type, key)
    this.#nodes.set(node.nodeid, node)
    if (key !== undefined) this.#byKey.set(key, node)
    return node
  }
}
