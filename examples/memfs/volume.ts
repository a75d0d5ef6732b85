import { errno, FUSE_ROOT_ID } from '../../lib/index.ts'
import { Clock, type Timestamp } from './clock.ts'
import { Directory, type Entry } from './directory.ts'
import type { Inode, Owner } from './inode.ts'
import { S_IFDIR } from './mode.ts'
import { inherit } from './permissions.ts'
import { RegularFile } from './regular_file.ts'
import type { Space } from './space.ts'

/**
 * The inodes of a file system and their life: an inode is there as long as it has a name, or the
 * kernel knows it, or it is open.
 */
export class Volume {
  readonly space: Space
  readonly root: Directory
  readonly #clock = new Clock()
  readonly #inodes = new Map<number, Inode>()
  #nextNodeid = FUSE_ROOT_ID

  constructor(space: Space, owner: Owner) {
    this.space = space
    this.root = new Directory(this.newNodeid(), S_IFDIR | 0o755, owner, this.now())
    space.takeInode()
    this.#inodes.set(this.root.nodeid, this.root)
  }

  now(): Timestamp {
    return this.#clock.now()
  }

  /** Throws ESTALE for a nodeid that is gone: whoever holds a file handle (NFS) may ask for one. */
  inode(nodeid: number): Inode {
    const inode = this.#inodes.get(nodeid)
    if (inode === undefined) throw errno('ESTALE')
    return inode
  }

  /** Throws ENOTDIR. */
  directory(nodeid: number): Directory {
    const inode = this.inode(nodeid)
    if (!(inode instanceof Directory)) throw errno('ENOTDIR')
    return inode
  }

  /** Throws EISDIR, EINVAL for what has no bytes. */
  file(nodeid: number): RegularFile {
    const inode = this.inode(nodeid)
    if (inode instanceof RegularFile) return inode
    throw errno(inode instanceof Directory ? 'EISDIR' : 'EINVAL')
  }

  /** The number of an inode about to be made; never given again. */
  newNodeid(): number {
    return this.#nextNodeid++
  }

  /**
   * Take in an inode that is made in a directory, as yet without a name there.
   * Throws ENOSPC; then nothing has changed.
   */
  admit<T extends Inode>(inode: T, directory: Directory, umask: number): T {
    this.space.takeInode()
    this.#inodes.set(inode.nodeid, inode)
    try {
      inherit(this.space, inode, directory, umask)
    } catch (error) {
      inode.attr.nlink = 0
      this.settle(inode)
      throw error
    }
    return inode
  }

  /** Give an inode its first name. */
  name(directory: Directory, name: string, inode: Inode): void {
    directory.add(name, inode)
    directory.modified(this.now())
  }

  /** Give an inode a further name. Throws ENOSPC. */
  link(directory: Directory, name: string, inode: Inode): void {
    // What was made by O_TMPFILE gets its first one.
    if (inode.attr.nlink > 0) this.space.takeInode()
    inode.attr.nlink++
    directory.add(name, inode)
    const now = this.now()
    inode.changed(now)
    directory.modified(now)
  }

  /** Remove a name. */
  unlink(directory: Directory, entry: Entry): void {
    directory.remove(entry)
    directory.modified(this.now())
    this.unnamed(entry.inode)
  }

  /** An inode has lost a name; a directory has but one. */
  unnamed(inode: Inode): void {
    const { attr } = inode
    attr.nlink = inode instanceof Directory ? 0 : attr.nlink - 1
    inode.changed(this.now())
    if (attr.nlink > 0) this.space.giveInode()
    else this.settle(inode)
  }

  forget(nodeid: number, nlookup: number): void {
    const inode = this.inode(nodeid)
    inode.nlookup -= nlookup
    this.settle(inode)
  }

  /** Free an inode that nobody can reach any more. */
  settle(inode: Inode): void {
    if (inode.attr.nlink > 0 || inode.nlookup > 0 || inode.opens > 0) return
    if (!this.#inodes.delete(inode.nodeid)) return
    if (inode instanceof RegularFile) inode.data.free()
    for (const name of [...inode.xattrs.keys()]) inode.dropXattr(this.space, name)
    this.space.giveInode()
  }
}
