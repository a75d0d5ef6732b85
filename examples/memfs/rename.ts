import { errno } from '../../lib/index.ts'
import { Directory, type Entry } from './directory.ts'
import { Inode, type Owner } from './inode.ts'
import { S_IFCHR } from './mode.ts'
import type { Volume } from './volume.ts'

/** Flags of renameat2(2). */
const RENAME_NOREPLACE = 1
const RENAME_EXCHANGE = 2
const RENAME_WHITEOUT = 4
const KNOWN = RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT

/** One side of a rename: a name, which may be there, in a directory. */
export interface Place {
  readonly directory: Directory
  readonly name: string
}

/**
 * rename(2) with all its flags. `caller` owns the whiteout.
 * Throws ENOENT, EEXIST, EISDIR, ENOTDIR, ENOTEMPTY, EINVAL, ENOSPC; then nothing has changed.
 */
export function rename(volume: Volume, from: Place, to: Place, flags: number, caller: Owner): void {
  const exchange = (flags & RENAME_EXCHANGE) !== 0
  if ((flags & ~KNOWN) !== 0 || (exchange && flags !== RENAME_EXCHANGE)) throw errno('EINVAL')
  const source = from.directory.entry(from.name)
  const target = to.directory.get(to.name)
  if (to.directory.removed) throw errno('ENOENT')
  if (target !== undefined && (flags & RENAME_NOREPLACE) !== 0) throw errno('EEXIST')
  refuseBelowItself(source, to.directory)
  if (exchange) {
    if (target === undefined) throw errno('ENOENT')
    refuseBelowItself(target, from.directory)
    swap(volume, from.directory, source, to.directory, target)
  } else {
    // Two names of one file: POSIX wants both left alone.
    if (target?.inode === source.inode) return
    if (target !== undefined) checkReplaceable(source.inode, target.inode)
    const left =
      (flags & RENAME_WHITEOUT) !== 0 ? newWhiteout(volume, from.directory, caller) : undefined
    move(volume, from.directory, source, to, target)
    if (left !== undefined) volume.name(from.directory, from.name, left)
  }
}

/** A directory cannot be moved to a place inside of itself. */
function refuseBelowItself({ inode }: Entry, directory: Directory): void {
  if (inode instanceof Directory && inode.holds(directory)) throw errno('EINVAL')
}

function checkReplaceable(source: Inode, target: Inode): void {
  if (!(target instanceof Directory)) {
    if (source instanceof Directory) throw errno('ENOTDIR')
  } else if (!(source instanceof Directory)) throw errno('EISDIR')
  else if (!target.empty) throw errno('ENOTEMPTY')
}

function swap(volume: Volume, one: Directory, a: Entry, other: Directory, b: Entry): void {
  const { inode } = a
  one.replace(a, b.inode)
  other.replace(b, inode)
  const now = volume.now()
  for (const changed of [a.inode, b.inode]) changed.changed(now)
  for (const directory of [one, other]) directory.modified(now)
}

function move(
  volume: Volume,
  from: Directory,
  source: Entry,
  to: Place,
  target: Entry | undefined,
): void {
  const { inode } = source
  from.remove(source)
  if (target === undefined) to.directory.add(to.name, inode)
  else {
    const replaced = target.inode
    to.directory.replace(target, inode)
    volume.unnamed(replaced)
  }
  const now = volume.now()
  inode.changed(now)
  from.modified(now)
  to.directory.modified(now)
}

/** What overlay file systems take for "deleted here": a character device 0:0. Throws ENOSPC. */
function newWhiteout(volume: Volume, directory: Directory, caller: Owner): Inode {
  const inode = new Inode(volume.newNodeid(), S_IFCHR, caller, volume.now())
  return volume.admit(inode, directory, 0)
}
