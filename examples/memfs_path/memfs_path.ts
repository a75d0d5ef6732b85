import { constants } from 'node:fs'
import {
  type DirectoryEntry,
  errno,
  nameBytes,
  type PathContext,
  type PathOps,
  type StatfsLike,
} from '../../lib/index.ts'
import {
  RENAME_EXCHANGE,
  RENAME_NOREPLACE,
  RENAME_WHITEOUT,
  SEEK_DATA,
  XATTR_CREATE,
  XATTR_REPLACE,
} from '../../lib/posix.ts'
import { PAGE } from '../memfs/chunk.ts'
import { Clock } from '../memfs/clock.ts'
import { fallocate } from '../memfs/fallocate.ts'
import type { FileData } from '../memfs/file_data.ts'
import { Space } from '../memfs/space.ts'
import { Inode } from './inode.ts'

const { S_IFDIR, S_IFLNK, S_IFCHR, S_IFREG, S_IFMT } = constants
const S_ISGID = 0o2000
const NAME_MAX = 255
/** Bytes of one copy: others want to be served too. */
const COPY_MOST = 16 * 1024 * 1024

const tooLong = (name: string): boolean =>
  name.length * 3 > NAME_MAX && nameBytes(name).length > NAME_MAX

interface Place {
  readonly directory: Inode
  readonly children: Map<string, Inode>
  readonly name: string
}

const timeOf = (ns: bigint) => {
  const nsec = ((ns % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n
  return { sec: Number((ns - nsec) / 1_000_000_000n), nsec: Number(nsec) }
}

/**
 * A file system in memory on paths: a tree of inodes, walked from the root for each path. An open file's
 * handle is its inode, so that one without a name works like any other. Access is checked by the kernel:
 * mount it with `defaultPermissions`.
 */
export class MemfsPath implements PathOps<Inode, Inode> {
  readonly #clock = new Clock()
  readonly #space: Space
  readonly #root: Inode
  #next = 1

  constructor(space: Space, owner: { readonly uid: number; readonly gid: number }) {
    this.#space = space
    this.#root = this.#new(S_IFDIR | 0o755, owner)
  }

  getattr(path: string | null, open: Inode | undefined, ctx: PathContext): Inode | null {
    if (path === null) return open ?? this.#keyed(ctx)
    const name = path.slice(path.lastIndexOf('/') + 1)
    if (tooLong(name)) throw errno('ENAMETOOLONG')
    return this.#find(path) ?? null
  }

  readlink(path: string): string {
    return this.#get(path).target
  }

  mknod(path: string, mode: number, rdev: number, ctx: PathContext): void {
    this.#make(path, mode, ctx).rdev = rdev
  }

  mkdir(path: string, mode: number, ctx: PathContext): void {
    this.#make(path, S_IFDIR | mode, ctx)
  }

  symlink(target: string, path: string, ctx: PathContext): void {
    const link = this.#make(path, S_IFLNK | 0o777, ctx)
    link.target = target
    link.size = nameBytes(target).length
  }

  unlink(path: string): void {
    this.#remove(path)
  }

  rmdir(path: string): void {
    if ((this.#get(path).children?.size ?? 0) > 0) throw errno('ENOTEMPTY')
    this.#remove(path)
  }

  link(from: string, to: string): void {
    this.link_tmpfile(this.#get(from), to)
  }

  link_tmpfile(inode: Inode, to: string): void {
    const place = this.#place(to)
    inode.nlink++
    inode.changed(this.#clock)
    this.#name(place, inode)
  }

  rename(from: string, to: string, flags: number, ctx: PathContext): void {
    const [source, target] = [this.#place(from), this.#place(to)]
    const inode = source.children.get(source.name)
    const other = target.children.get(target.name)
    if (inode === undefined) throw errno('ENOENT')
    if ((flags & RENAME_NOREPLACE) !== 0 && other !== undefined) throw errno('EEXIST')
    if ((flags & RENAME_EXCHANGE) !== 0) {
      if (other === undefined) throw errno('ENOENT')
      this.#unname(source)
      this.#unname(target)
      this.#name(source, other)
      this.#name(target, inode)
      for (const each of [inode, other]) each.changed(this.#clock)
      return
    }
    if (other === inode) return
    if (other !== undefined) {
      if ((other.children?.size ?? 0) > 0) throw errno('ENOTEMPTY')
      this.#remove(to)
    }
    this.#unname(source)
    this.#name(target, inode)
    inode.changed(this.#clock)
    if ((flags & RENAME_WHITEOUT) !== 0) this.#make(from, S_IFCHR, ctx)
  }

  chmod(path: string | null, mode: number, open: Inode | undefined, ctx: PathContext): void {
    const inode = this.#of(path, open, ctx)
    inode.mode = (inode.mode & S_IFMT) | mode
    inode.changed(this.#clock)
  }

  chown(
    path: string | null,
    uid: number,
    gid: number,
    open: Inode | undefined,
    ctx: PathContext,
  ): void {
    const inode = this.#of(path, open, ctx)
    if (uid !== -1) inode.uid = uid >>> 0
    if (gid !== -1) inode.gid = gid >>> 0
    inode.changed(this.#clock)
  }

  truncate(path: string | null, size: number, open: Inode | undefined, ctx: PathContext): void {
    const inode = this.#of(path, open, ctx)
    if (inode.data === undefined) throw errno('EINVAL')
    inode.data.truncate(size)
    inode.modified(this.#clock)
  }

  utimens(
    path: string | null,
    atime: bigint | null,
    mtime: bigint | null,
    open: Inode | undefined,
    ctx: PathContext,
  ): void {
    const inode = this.#of(path, open, ctx)
    if (atime !== null) inode.atime = timeOf(atime)
    if (mtime !== null) inode.mtime = timeOf(mtime)
    inode.changed(this.#clock)
  }

  open(path: string): Inode {
    return this.#get(path)
  }

  reopen(inode: Inode): Inode {
    return inode
  }

  /** Give back what nobody can reach. */
  forget(inode: Inode): void {
    inode.data?.free()
    this.#space.giveInode()
  }

  create(path: string, mode: number, _flags: number, ctx: PathContext): Inode {
    return this.#make(path, S_IFREG | mode, ctx)
  }

  tmpfile(path: string, mode: number, _flags: number, ctx: PathContext): Inode {
    const inode = this.#new(S_IFREG | mode, this.#owner(this.#get(path), ctx))
    inode.nlink = 0
    return inode
  }

  read(_path: string | null, inode: Inode, size: number, offset: number): Uint8Array[] {
    inode.accessed(this.#clock)
    return this.#data(inode).read(offset, size)
  }

  write(_path: string | null, inode: Inode, data: Uint8Array, offset: number): number {
    const size = this.#data(inode).write(offset, data)
    inode.modified(this.#clock)
    return size
  }

  fallocate(_path: null, inode: Inode, mode: number, offset: number, length: number): void {
    fallocate(this.#data(inode), mode, offset, length)
    inode.modified(this.#clock)
  }

  lseek(_path: null, inode: Inode, offset: number, whence: number): number {
    const data = this.#data(inode)
    if (offset >= inode.size) throw errno('ENXIO')
    const found = whence === SEEK_DATA ? data.nextData(offset) : data.nextHole(offset)
    if (found === undefined) throw errno('ENXIO')
    return found
  }

  copy_file_range(
    _from: null,
    source: Inode,
    sourceOffset: number,
    _to: null,
    target: Inode,
    targetOffset: number,
    length: number,
  ): number {
    const most = Math.min(length, COPY_MOST)
    const data = this.#data(source)
    const copied = this.#data(target).copyFrom(data, sourceOffset, targetOffset, most)
    if (copied > 0) target.modified(this.#clock)
    return copied
  }

  opendir(path: string): Inode {
    return this.#get(path)
  }

  /** One after the other, as they are by then: a long listing and changes do not wait for each other. */
  *readdir(_path: string | null, directory: Inode): Generator<DirectoryEntry> {
    directory.accessed(this.#clock)
    for (const [name, stat] of directory.children ?? []) yield { name, stat }
  }

  setxattr(path: string, name: string, value: Uint8Array, flags: number): void {
    // ACLs are for who enforces them.
    if (name.startsWith('system.')) throw errno('EOPNOTSUPP')
    const inode = this.#get(path)
    const there = inode.xattrs.has(name)
    if (there && (flags & XATTR_CREATE) !== 0) throw errno('EEXIST')
    if (!there && (flags & XATTR_REPLACE) !== 0) throw errno('ENODATA')
    inode.xattrs.set(name, Uint8Array.from(value))
    inode.changed(this.#clock)
  }

  getxattr(path: string, name: string): Uint8Array | null {
    if (name.startsWith('system.')) throw errno('EOPNOTSUPP')
    return this.#get(path).xattrs.get(name) ?? null
  }

  listxattr(path: string): string[] {
    return [...this.#get(path).xattrs.keys()]
  }

  removexattr(path: string, name: string): void {
    const inode = this.#get(path)
    if (!inode.xattrs.delete(name)) throw errno('ENODATA')
    inode.changed(this.#clock)
  }

  statfs(): StatfsLike {
    const { bytes, freeBytes, inodes, usedInodes } = this.#space
    const [blocks, bfree] = [Math.floor(bytes / PAGE), Math.floor(freeBytes / PAGE)]
    const files = { files: inodes, ffree: inodes - usedInodes }
    return { blocks, bfree, bavail: bfree, ...files, bsize: PAGE, frsize: PAGE, namelen: NAME_MAX }
  }

  #find(path: string): Inode | undefined {
    let at: Inode | undefined = this.#root
    // Without an array of the names: every request walks.
    for (let from = 1; from < path.length; ) {
      const slash = path.indexOf('/', from)
      const to = slash === -1 ? path.length : slash
      at = at?.children?.get(path.slice(from, to))
      from = to + 1
    }
    return at
  }

  /** Throws ENOENT. */
  #get(path: string): Inode {
    const inode = this.#find(path)
    if (inode === undefined) throw errno('ENOENT')
    return inode
  }

  /** What may have no name any more. */
  #of(path: string | null, open: Inode | undefined, ctx: PathContext): Inode {
    if (open !== undefined) return open
    return path === null ? this.#keyed(ctx) : this.#get(path)
  }

  /** The keys of this file system are its inodes. */
  #keyed({ key }: PathContext): Inode {
    if (key instanceof Inode) return key
    throw errno('ESTALE')
  }

  #data({ data }: Inode): FileData {
    if (data === undefined) throw errno('EINVAL')
    return data
  }

  /** Throws ENOENT, ENOTDIR, ENAMETOOLONG. */
  #place(path: string): Place {
    const slash = path.lastIndexOf('/')
    const directory = this.#get(path.slice(0, slash))
    const name = path.slice(slash + 1)
    if (directory.children === undefined) throw errno('ENOTDIR')
    if (tooLong(name)) throw errno('ENAMETOOLONG')
    return { directory, children: directory.children, name }
  }

  #new(mode: number, owner: { readonly uid: number; readonly gid: number }): Inode {
    this.#space.takeInode()
    return new Inode(this.#next++, mode, owner, this.#clock, this.#space)
  }

  /** In a directory with set-group-id everything belongs to its group. */
  #owner(directory: Inode, { uid, gid }: PathContext): { uid: number; gid: number } {
    return { uid, gid: (directory.mode & S_ISGID) !== 0 ? directory.gid : gid }
  }

  #make(path: string, mode: number, ctx: PathContext): Inode {
    const place = this.#place(path)
    if (place.children.has(place.name)) throw errno('EEXIST')
    const inherited = (mode & S_IFMT) === S_IFDIR ? place.directory.mode & S_ISGID : 0
    const inode = this.#new(mode | inherited, this.#owner(place.directory, ctx))
    this.#name(place, inode)
    return inode
  }

  #name({ directory, children, name }: Place, inode: Inode): void {
    children.set(name, inode)
    // The ".." of a directory is a link to its parent.
    if (inode.isDirectory) directory.nlink++
    directory.modified(this.#clock)
  }

  #unname({ directory, children, name }: Place): void {
    if (children.get(name)?.isDirectory) directory.nlink--
    children.delete(name)
    directory.modified(this.#clock)
  }

  #remove(path: string): void {
    const place = this.#place(path)
    const inode = this.#get(path)
    this.#unname(place)
    inode.nlink = inode.isDirectory ? 0 : inode.nlink - 1
    inode.changed(this.#clock)
  }
}
