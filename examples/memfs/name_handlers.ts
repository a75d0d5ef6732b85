import { errno, type LowLevelOps, nameBytes } from '../../lib/index.ts'
import type { Answers } from './answers.ts'
import { Directory } from './directory.ts'
import { Inode, type Owner, Symlink } from './inode.ts'
import { isRegular, PERMISSIONS, S_IFDIR, S_IFLNK, S_IFREG } from './mode.ts'
import { RegularFile } from './regular_file.ts'
import { rename } from './rename.ts'
import type { Volume } from './volume.ts'

/** Bytes of a name. The kernel would pass on up to 1,024. */
export const NAME_MAX = 255

/** Throws ENAMETOOLONG. */
function checkName(name: string): void {
  // A UTF-16 unit is at most 3 bytes: most names need no counting.
  if (name.length * 3 > NAME_MAX && nameBytes(name).length > NAME_MAX) throw errno('ENAMETOOLONG')
}

/** A directory in which something is to be made. Throws ENOENT, ENOTDIR, ENAMETOOLONG, EEXIST. */
function vacancy(volume: Volume, parent: number, name: string): Directory {
  const directory = volume.directory(parent)
  if (directory.removed) throw errno('ENOENT')
  checkName(name)
  if (directory.get(name) !== undefined) throw errno('EEXIST')
  return directory
}

interface Wanted {
  readonly mode: number
  readonly umask: number
}

function newFile(
  volume: Volume,
  parent: Directory,
  { mode, umask }: Wanted,
  owner: Owner,
): RegularFile {
  const { space } = volume
  const made = new RegularFile(
    volume.newNodeid(),
    S_IFREG | (mode & PERMISSIONS),
    owner,
    volume.now(),
    space,
  )
  return volume.admit(made, parent, umask)
}

/** Handlers that find, make, move and remove names. */
export const nameHandlers = (volume: Volume, answers: Answers) =>
  ({
    lookup(_req, parent, name) {
      // NFS servers, and whoever else opens by handle, have a nodeid and ask for these two.
      if (name === '.') return answers.entry(volume.inode(parent))
      const directory = volume.directory(parent)
      if (name === '..') return answers.entry(directory.parent)
      checkName(name)
      const entry = directory.get(name)
      return entry === undefined ? answers.negative : answers.entry(entry.inode)
    },

    forget(_req, nodeid, { nlookup }) {
      volume.forget(nodeid, nlookup)
    },

    create(req, parent, args, name) {
      const directory = vacancy(volume, parent, name)
      const file = newFile(volume, directory, args, req)
      volume.name(directory, name, file)
      return answers.created(file)
    },

    tmpfile(req, parent, args) {
      const file = newFile(volume, volume.directory(parent), args, req)
      file.attr.nlink = 0
      return answers.created(file)
    },

    mknod(req, parent, args, name) {
      const directory = vacancy(volume, parent, name)
      let inode: Inode
      if (isRegular(args.mode)) inode = newFile(volume, directory, args, req)
      else {
        const special = new Inode(volume.newNodeid(), args.mode, req, volume.now())
        inode = volume.admit(special, directory, args.umask)
      }
      inode.attr.rdev = args.rdev
      volume.name(directory, name, inode)
      return answers.entry(inode)
    },

    mkdir(req, parent, args, name) {
      const directory = vacancy(volume, parent, name)
      const mode = S_IFDIR | (args.mode & PERMISSIONS)
      const made = new Directory(volume.newNodeid(), mode, req, volume.now(), directory)
      volume.name(directory, name, volume.admit(made, directory, args.umask))
      return answers.entry(made)
    },

    symlink(req, parent, name, target) {
      const directory = vacancy(volume, parent, name)
      const made = new Symlink(volume.newNodeid(), S_IFLNK | 0o777, req, volume.now(), target)
      volume.name(directory, name, volume.admit(made, directory, 0))
      return answers.entry(made)
    },

    link(_req, parent, { oldnodeid }, name) {
      const directory = vacancy(volume, parent, name)
      const inode = volume.inode(oldnodeid)
      if (inode instanceof Directory) throw errno('EPERM')
      volume.link(directory, name, inode)
      return answers.entry(inode)
    },

    readlink(_req, nodeid) {
      const inode = volume.inode(nodeid)
      if (!(inode instanceof Symlink)) throw errno('EINVAL')
      inode.accessed(volume.now())
      return inode.target
    },

    unlink(_req, parent, name) {
      const directory = volume.directory(parent)
      const entry = directory.entry(name)
      if (entry.inode instanceof Directory) throw errno('EISDIR')
      volume.unlink(directory, entry)
    },

    rmdir(_req, parent, name) {
      const directory = volume.directory(parent)
      const entry = directory.entry(name)
      if (!(entry.inode instanceof Directory)) throw errno('ENOTDIR')
      if (!entry.inode.empty) throw errno('ENOTEMPTY')
      volume.unlink(directory, entry)
    },

    rename2(req, parent, { newdir, flags }, name, newname) {
      checkName(newname)
      const from = { directory: volume.directory(parent), name }
      const to = { directory: volume.directory(newdir), name: newname }
      rename(volume, from, to, flags, req)
    },
  }) satisfies LowLevelOps
