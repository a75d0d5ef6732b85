import { constants } from 'node:fs'
import { LayoutError } from '../../protocol/words.ts'
import type { Attributes, DirectoryEntry, FileType, StatfsLike } from '../path_ops.ts'
import type { HandlerName, Stat, Statfs } from './handlers.ts'

const { S_IFMT, S_IFDIR, S_IFLNK, S_IFREG, S_IFIFO, S_IFSOCK, S_IFCHR, S_IFBLK } = constants

/** fuse-native puts them into arrays of integers: no value is 0, and a fraction is dropped. */
const whole = (value: unknown): number => Math.trunc(Number(value || 0))
const word = (value: unknown): number => whole(value) >>> 0

/** In milliseconds. Throws LayoutError. */
function time(value: unknown, where: string): number {
  if (value === undefined || value === null) return Date.now()
  const ms = Number(value)
  if (!Number.isFinite(ms)) throw new LayoutError(where, 'a Date or milliseconds', value)
  return ms
}

/** Throws LayoutError. */
export function attributesOf(stat: unknown, name: HandlerName): Attributes & { mode: number } {
  if (typeof stat !== 'object' || stat === null) {
    throw new LayoutError(`${name}: callback`, 'attributes behind the 0', stat)
  }
  const { blocks, blksize, ...said } = stat as Stat
  return {
    mode: word(said.mode),
    uid: word(said.uid),
    gid: word(said.gid),
    size: whole(said.size),
    nlink: word(said.nlink) || 1,
    ino: whole(said.ino),
    rdev: word(said.rdev),
    ...(blksize && { blksize: word(blksize) }),
    ...(blocks !== undefined && { blocks: whole(blocks) }),
    mtime: time(said.mtime, `${name}: mtime`),
    atime: time(said.atime, `${name}: atime`),
    ctime: time(said.ctime, `${name}: ctime`),
  }
}

/** What is seen of a file system without `getattr`. */
export const EMPTY_ROOT = {
  mode: S_IFDIR | 0o755,
  size: 4096,
  nlink: 1,
  uid: 0,
  gid: 0,
  mtime: 0,
} as const satisfies Attributes

const TYPES: ReadonlyMap<number, FileType> = new Map([
  [S_IFREG, 'file'],
  [S_IFDIR, 'directory'],
  [S_IFLNK, 'symlink'],
  [S_IFIFO, 'fifo'],
  [S_IFSOCK, 'socket'],
  [S_IFCHR, 'character'],
  [S_IFBLK, 'block'],
])

/**
 * fuse-native takes the type of these and asks `getattr` for the rest, so that there may be nothing but
 * modes in them. Where size and time of modification are there they are attributes, and save asking.
 */
function entryOf(name: string, stat: Stat | null | undefined): DirectoryEntry {
  if (typeof stat !== 'object' || stat === null) return { name }
  const type = TYPES.get(word(stat.mode) & S_IFMT)
  if (type === undefined) return { name }
  if (stat.size === undefined || !stat.mtime) return { name, type }
  return { name, stat: attributesOf(stat, 'readdir') }
}

/** Throws LayoutError. */
export function entriesOf(names: unknown, stats: unknown): DirectoryEntry[] {
  if (names === undefined || names === null) return []
  if (!Array.isArray(names)) throw new LayoutError('readdir: callback', 'an array of names', names)
  // Attributes of other names than these would be wrong ones.
  const known = Array.isArray(stats) && stats.length === names.length ? stats : []
  return names.map((name: string, i) => entryOf(name, known[i]))
}

export function statfsOf(statfs: unknown): StatfsLike {
  const said = (statfs ?? {}) as Statfs
  return {
    bsize: word(said.bsize),
    frsize: word(said.frsize),
    blocks: whole(said.blocks),
    bfree: whole(said.bfree),
    bavail: whole(said.bavail),
    files: whole(said.files),
    ffree: whole(said.ffree),
    namelen: word(said.namemax),
  }
}
