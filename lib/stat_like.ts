import { type BigIntStats, constants, type Stats } from 'node:fs'
import { LayoutError } from '../protocol/words.ts'
import { type Attr, fromMilliseconds, fromNanoseconds, wireDev } from './attributes.ts'
import type { Attributes, FileType, StatLike, Time } from './path_ops.ts'

const { S_IFMT, S_IFDIR, S_IFLNK, S_IFREG, S_IFIFO, S_IFSOCK, S_IFCHR, S_IFBLK } = constants

const TYPES: Readonly<Record<FileType, number>> = {
  file: S_IFREG,
  directory: S_IFDIR,
  symlink: S_IFLNK,
  fifo: S_IFIFO,
  socket: S_IFSOCK,
  character: S_IFCHR,
  block: S_IFBLK,
}

/** The type bits of a word. Throws LayoutError that says what the words are. */
export function typeBits(type: FileType, where: string): number {
  const bits = TYPES[type]
  if (bits === undefined) throw new LayoutError(where, Object.keys(TYPES).join(', '), type)
  return bits
}

/** Permission bits where nothing is said of them. */
const defaultMode = (type: number): number => {
  if (type === S_IFDIR) return 0o755
  return type === S_IFLNK ? 0o777 : 0o644
}

/** What is true of every file of a mount of which nothing else is said. */
export interface StatDefaults {
  readonly uid: number
  readonly gid: number
  /** When it was mounted, as `[seconds, nanoseconds]`. */
  readonly time: readonly [sec: number, nsec: number]
}

type Seconds = readonly [sec: number, nsec: number]

/** Throws LayoutError. */
export function timeOf(time: Time, where: string): Seconds {
  if (typeof time === 'bigint') return fromNanoseconds(time)
  if (typeof time === 'object' && time !== null && 'sec' in time) {
    const { sec, nsec = 0 } = time
    if (Number.isSafeInteger(sec) && nsec >>> 0 === nsec && nsec < 1e9) return [sec, nsec]
  }
  const ms = Number(time)
  if (!Number.isFinite(ms)) {
    throw new LayoutError(where, 'a Date, milliseconds, nanoseconds or { sec, nsec }', time)
  }
  return fromMilliseconds(ms)
}

/** `fs.BigIntStats`, `fs.Stats` and what looks like them have more exact forms of their times. */
interface Clocks {
  readonly mtimeNs?: bigint
  readonly mtimeMs?: number | bigint
}

interface Times {
  readonly mtime: Time | undefined
  readonly atime: Time | undefined
  readonly ctime: Time | undefined
  readonly birthtime: Time | undefined
}

function timesOf(stat: StatLike): Times {
  const { mtimeNs, mtimeMs } = stat as Clocks
  if (mtimeNs !== undefined) {
    const { atimeNs, ctimeNs, birthtimeNs } = stat as BigIntStats
    return { mtime: mtimeNs, atime: atimeNs, ctime: ctimeNs, birthtime: birthtimeNs }
  }
  if (mtimeMs !== undefined) {
    // Some that are like BigIntStats have milliseconds as bigints and no nanoseconds.
    const { atimeMs, ctimeMs, birthtimeMs } = stat as Stats
    const [mtime, atime, ctime, birthtime] = [mtimeMs, atimeMs, ctimeMs, birthtimeMs].map(Number)
    return { mtime, atime, ctime, birthtime }
  }
  return stat as Attributes as Times
}

const seconds = (time: Time | undefined, where: string, other: Seconds): Seconds =>
  time === undefined ? other : timeOf(time, where)

function modeOf(stat: Attributes): number {
  const said = stat.mode === undefined ? 0 : Number(stat.mode)
  if (!(said >= 0 && said <= 0xffff)) throw new LayoutError('mode', '0 to 0o177777', stat.mode)
  const type = stat.type === undefined ? said & S_IFMT || S_IFREG : typeBits(stat.type, 'type')
  const mode = stat.mode === undefined ? defaultMode(type) : said & ~S_IFMT
  return type | mode
}

function whole(value: number | bigint, where: string): number {
  const number = Number(value)
  if (!Number.isSafeInteger(number) || number < 0) {
    throw new LayoutError(where, 'an integer from 0 to 2^53-1', value)
  }
  return number
}

function word(value: number | bigint, where: string): number {
  const number = Number(value)
  if (number >>> 0 !== number) throw new LayoutError(where, 'an integer from 0 to 2^32-1', value)
  return number
}

/** `fs.Stats` has stat(2)'s dev_t, a literal the wire's. */
const deviceOf = (stat: Attributes, mode: number): number => {
  if (stat.rdev === undefined || (mode & S_IFMT) === S_IFREG || (mode & S_IFMT) === S_IFDIR)
    return 0
  return 'mtimeMs' in stat ? wireDev(BigInt(stat.rdev)) : stat.rdev
}

const BLOCK = 512
const BLKSIZE = 4096

export type MutableAttr = { -readonly [K in keyof Attr]: Attr[K] }

/**
 * The wire's attributes of what a handler answered; `ino` 0 where it says none. Throws LayoutError
 * that names what is out of range.
 */
export function attrOf(stat: StatLike, defaults: StatDefaults): MutableAttr {
  if (typeof stat !== 'object' || stat === null) {
    throw new LayoutError('attributes', 'an object, or null', stat)
  }
  // The border: of Stats and BigIntStats, only what a literal has is read, and numbers are converted.
  const literal = stat as Attributes
  const mode = modeOf(literal)
  const size = whole(literal.size ?? 0, 'size')
  const times = timesOf(stat)
  const mtime = seconds(times.mtime, 'mtime', defaults.time)
  const atime = seconds(times.atime, 'atime', mtime)
  const ctime = seconds(times.ctime, 'ctime', mtime)
  return {
    ino: literal.ino ?? 0,
    size,
    blocks: whole(literal.blocks ?? Math.ceil(size / BLOCK), 'blocks'),
    atime: atime[0],
    mtime: mtime[0],
    ctime: ctime[0],
    atimensec: atime[1],
    mtimensec: mtime[1],
    ctimensec: ctime[1],
    mode,
    nlink: word(literal.nlink ?? ((mode & S_IFMT) === S_IFDIR ? 2 : 1), 'nlink'),
    uid: word(literal.uid ?? defaults.uid, 'uid'),
    gid: word(literal.gid ?? defaults.gid, 'gid'),
    rdev: deviceOf(literal, mode),
    blksize: word(literal.blksize ?? BLKSIZE, 'blksize'),
  }
}

/** The time of birth; undefined where it is not known. */
export function birthOf(stat: StatLike): Seconds | undefined {
  const time = timesOf(stat).birthtime
  return time === undefined ? undefined : timeOf(time, 'birthtime')
}

export const keyOf = (stat: StatLike): unknown => (stat as Attributes).key
