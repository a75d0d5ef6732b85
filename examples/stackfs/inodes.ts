import { constants } from 'node:os'
import { errno, FUSE_ROOT_ID } from '../../lib/index.ts'
import { O_PATH, posix } from '../../lib/posix.ts'
import { Descriptors } from './descriptors.ts'
import { deviceOf, isOn } from './device.ts'
import { Handles } from './handles.ts'
import { keyOf } from './keys.ts'
import type { Lower } from './lower.ts'
import { S_IFDIR, S_IFMT, S_IFREG } from './mode.ts'
import { type Key, Node } from './node.ts'
import { check, O_DIRECTORY, O_NOATIME, PATH_ONLY } from './system.ts'
import { Watch } from './watch.ts'

const { EACCES, ENOENT, EPERM } = constants.errno

/**
 * The inodes that the kernel knows, by its number for each and by the lower file system's. Whatever
 * finds one leaves its attributes in `lower.stat`, and counts no lookup.
 */
export class Inodes {
  readonly lower: Lower
  readonly root: Node
  readonly watch: Watch | undefined
  readonly #handles: Handles
  readonly #descriptors: Descriptors
  readonly #byNodeid = new Map<number, Node>()
  readonly #byKey = new Map<Key, Node>()
  /** Never given twice: somebody may still ask for one that is gone. */
  #nextNodeid = FUSE_ROOT_ID

  /** @param most inodes that are open at once. */
  constructor(lower: Lower, most: number, watched: boolean) {
    this.lower = lower
    this.watch = watched ? new Watch(this) : undefined
    this.#handles = new Handles(lower)
    this.#descriptors = new Descriptors(lower, this.#handles, most)
    check(lower.stat.of(lower.fd))
    this.root = this.#mint(keyOf(lower.stat, lower.device))
    this.root.fd = lower.fd
  }

  /** Throws ESTALE for what the kernel has forgotten. */
  get(nodeid: number): Node {
    const node = this.#byNodeid.get(nodeid)
    if (node === undefined) throw errno('ESTALE')
    return node
  }

  /** A descriptor that is open for the name only. Valid in this turn. Throws ESTALE, EMFILE. */
  fd(node: Node): number {
    return this.#descriptors.of(node)
  }

  /** The same for a directory. Throws ENOTDIR too. */
  directory(nodeid: number): number {
    const node = this.get(nodeid)
    if (node.type !== S_IFDIR) throw errno('ENOTDIR')
    return this.#descriptors.of(node)
  }

  /** Open an inode really, whatever its name is. Throws a system error. */
  open(node: Node, flags: number): number {
    // Anything else might wait for somebody, or do something, when it is opened.
    if (node.type !== S_IFREG) throw errno(node.type === S_IFDIR ? 'EISDIR' : 'ENXIO')
    const { descriptors } = this.lower
    const open = (by: number) => posix.openat(descriptors, String(this.fd(node)), by, 0)
    const fd = this.opening(() => open(flags))
    // Not to change the access time is the owner's right, and root's.
    const denied = fd === -EPERM && (flags & O_NOATIME) !== 0
    return check(denied ? this.opening(() => open(flags & ~O_NOATIME)) : fd)
  }

  /** Open a directory really. Throws a system error. */
  openDirectory(nodeid: number, flags: number): number {
    const all = flags | O_DIRECTORY
    const fd = this.opening(() => posix.openat(this.directory(nodeid), '.', all, 0))
    if (fd !== -EACCES) return check(fd)
    // To go by its name we need be allowed to search it, and for this way not.
    const name = String(this.directory(nodeid))
    return check(this.opening(() => posix.openat(this.lower.descriptors, name, all, 0)))
  }

  /** Call what opens a descriptor, and once more where there was none left. */
  opening(open: () => number): number {
    return this.#descriptors.opening(open)
  }

  /** What a name means; null where it means nothing. Throws a system error. */
  find(parent: Node, name: string): Node | null {
    this.watch?.directory(parent)
    // They would lead out of the mount. The kernel knows them by itself.
    if (name === '.' || name === '..') throw errno('ESTALE')
    const dirfd = this.fd(parent)
    const result = this.lower.statAt(dirfd, name)
    if (result === -ENOENT) return null
    check(result)
    const node = this.#known(dirfd, name)
    if (node === undefined) return this.take(parent, name)
    return this.#seen(node, parent, name)
  }

  /**
   * The same for a name that stands in a listing with the inode's number: for most of what is not
   * known the first look is saved.
   */
  listed(parent: Node, name: string, ino: number): Node | null {
    return this.#byKey.has(ino) ? this.find(parent, name) : this.take(parent, name)
  }

  /** Open what a name means, and know it from now on; null where it means nothing. */
  take(parent: Node, name: string): Node | null {
    this.watch?.directory(parent)
    const fd = this.opening(() => posix.openat(this.fd(parent), name, PATH_ONLY, 0))
    if (fd === -ENOENT) return null
    return this.#adopt(check(fd), parent, name)
  }

  /** The inode of a file that is open: the name that it was made under may mean another by now. */
  opened(parent: Node, name: string, open: number): Node {
    const { descriptors } = this.lower
    const fd = this.opening(() => posix.openat(descriptors, String(open), O_PATH, 0))
    return this.#adopt(check(fd), parent, name)
  }

  /** What a name means, if the kernel knows that inode. Throws a system error. */
  known(parent: Node, name: string): Node | undefined {
    const dirfd = this.fd(parent)
    if (this.lower.statAt(dirfd, name) < 0) return undefined
    return this.#handles.usable ? this.#known(dirfd, name) : this.#same()
  }

  /** A name is about to go: if its inode was closed, it could not be found any more. */
  keep(parent: Node, name: string): void {
    if (!this.#descriptors.someClosed) return
    const node = this.known(parent, name)
    if (node !== undefined && node.fd < 0) this.fd(node)
  }

  /** An inode has got this name. */
  moved(parent: Node, name: string): void {
    if (this.#handles.usable || this.lower.statAt(this.fd(parent), name) < 0) return
    const node = this.#same()
    if (node !== undefined) this.#seen(node, parent, name)
  }

  forget(nodeid: number, nlookup: number): void {
    const node = this.get(nodeid)
    node.nlookup -= nlookup
    if (node.nlookup > 0 || node === this.root) return
    this.#byNodeid.delete(nodeid)
    // Another inode may have got its number since it was closed.
    if (this.#byKey.get(node.key) === node) this.#byKey.delete(node.key)
    this.#descriptors.drop(node)
    this.watch?.forget(node)
  }

  /** The inode that has the number which was read last. If it is closed it may be another's by now. */
  #same(): Node | undefined {
    return this.#byKey.get(keyOf(this.lower.stat, this.lower.device))
  }

  /** The inode whose attributes have been read, by that name, if it is known. */
  #known(dirfd: number, name: string): Node | undefined {
    const node = this.#same()
    if (node === undefined || node.fd >= 0) return node
    // Its number may be another's by now. The handle is looked at after the attributes: it shows that
    // the inode was there then, too.
    const { handle } = node
    if (handle === undefined) return undefined
    return this.#handles.matches(dirfd, name, handle) ? node : undefined
  }

  #adopt(fd: number, parent: Node, name: string): Node {
    this.#attributes(fd)
    return this.#seen(this.#identify(fd), parent, name)
  }

  /** Read those of a new descriptor; where that fails it is closed. */
  #attributes(fd: number): void {
    try {
      check(this.lower.statAt(fd, ''))
    } catch (error) {
      posix.close(fd)
      throw error
    }
  }

  /** Remember where it is, where there is no other way to find it again, and whether that is watched. */
  #seen(node: Node, parent: Node, name: string): Node {
    if (this.watch !== undefined) node.brief = !this.watch.directory(parent)
    if (!this.#handles.usable && node !== this.root) node.place = { parent, name }
    return node
  }

  /** The inode whose attributes have been read by a new descriptor, which is taken over. */
  #identify(fd: number): Node {
    const key = keyOf(this.lower.stat, this.lower.device)
    const known = this.#byKey.get(key)
    if (known !== undefined && this.#isSame(known, fd)) return known
    const node = this.#mint(key)
    this.#descriptors.hold(node, fd)
    this.#handles.entered(node)
    return node
  }

  /** Whether a descriptor is open for a known inode: then it is taken over. */
  #isSame(known: Node, fd: number): boolean {
    if (known.fd >= 0) {
      posix.close(fd)
      return true
    }
    if (known.handle !== undefined && !this.#handles.matches(fd, '', known.handle)) return false
    this.#descriptors.found(known, fd)
    return true
  }

  #mint(key: Key): Node {
    const { stat, device } = this.lower
    const foreign = isOn(stat, device) ? undefined : deviceOf(stat)
    const node = new Node(this.#nextNodeid++, key, stat.mode & S_IFMT, foreign)
    this.#byNodeid.set(node.nodeid, node)
    this.#byKey.set(key, node)
    return node
  }
}
