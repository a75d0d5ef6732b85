import { makedev } from '../../lib/index.ts'
import {
  AT_EMPTY_PATH,
  AT_NO_AUTOMOUNT,
  AT_SYMLINK_NOFOLLOW,
  posix,
  STATX_BASIC_STATS,
  STATX_BTIME,
} from '../../lib/posix.ts'

const SIZE = 256
const TWO32 = 2 ** 32
/** The high word of 2^53: from here on a number is no longer exact. */
const UNSAFE = 2 ** 21
/** Which word of 64 bits is the low one, and which the high one. */
export const LO: number = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1 ? 0 : 1
export const HI: number = 1 - LO

/** Where what is in struct statx, in words of 32 bits. */
export const STATX = {
  BLKSIZE: 1,
  NLINK: 4,
  UID: 5,
  GID: 6,
  INO: 8,
  SIZE: 10,
  BLOCKS: 12,
  ATIME: 16,
  BTIME: 20,
  CTIME: 24,
  MTIME: 28,
  RDEV_MAJOR: 32,
  RDEV_MINOR: 33,
  DEV_MAJOR: 34,
  DEV_MINOR: 35,
} as const
/** The mode, in units of 16 bits. */
const MODE = 14
const INO64 = STATX.INO >> 1
/** Nanoseconds behind the seconds of a time. */
const NSEC = 2

export type Time = 'ATIME' | 'BTIME' | 'CTIME' | 'MTIME'

/**
 * struct statx as the kernel fills it. One is enough for everybody: what is read is used in the
 * same turn.
 */
export class Stat {
  readonly #bytes = new Uint8Array(SIZE)
  readonly words = new Uint32Array(this.#bytes.buffer)
  readonly #halves = new Uint16Array(this.#bytes.buffer)
  readonly #quads = new BigUint64Array(this.#bytes.buffer)

  /**
   * Of a name in a directory, or with '' of what a descriptor is open for; a symbolic link is not
   * followed. Returns 0 or -errno.
   */
  named(dirfd: number, name: string, flags = 0): number {
    const all = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | flags
    return posix.statx(dirfd, name, all, STATX_BASIC_STATS, this.#bytes)
  }

  /** Of what a descriptor is open for. Returns 0 or -errno. */
  of(fd: number): number {
    return posix.statx(fd, '', AT_EMPTY_PATH, STATX_BASIC_STATS, this.#bytes)
  }

  /** The same with the time of birth. */
  whole(fd: number): number {
    const mask = STATX_BASIC_STATS | STATX_BTIME
    return posix.statx(fd, '', AT_EMPTY_PATH, mask, this.#bytes)
  }

  #word(at: number): number {
    return this.words[at] as number
  }

  /** STATX_*: what the lower file system has told. */
  get mask(): number {
    return this.#word(0)
  }

  get mode(): number {
    return this.#halves[MODE] as number
  }

  get nlink(): number {
    return this.#word(STATX.NLINK)
  }

  get uid(): number {
    return this.#word(STATX.UID)
  }

  get gid(): number {
    return this.#word(STATX.GID)
  }

  get blksize(): number {
    return this.#word(STATX.BLKSIZE)
  }

  get size(): number {
    return this.#word(STATX.SIZE + HI) * TWO32 + this.#word(STATX.SIZE + LO)
  }

  get blocks(): number {
    return this.#word(STATX.BLOCKS + HI) * TWO32 + this.#word(STATX.BLOCKS + LO)
  }

  /** As the wire has it. */
  get rdev(): number {
    return makedev(this.rdevMajor, this.rdevMinor)
  }

  get rdevMajor(): number {
    return this.#word(STATX.RDEV_MAJOR)
  }

  get rdevMinor(): number {
    return this.#word(STATX.RDEV_MINOR)
  }

  get devMajor(): number {
    return this.#word(STATX.DEV_MAJOR)
  }

  get devMinor(): number {
    return this.#word(STATX.DEV_MINOR)
  }

  seconds(time: Time): number {
    return (this.#word(STATX[time] + HI) | 0) * TWO32 + this.#word(STATX[time] + LO)
  }

  nanoseconds(time: Time): number {
    return this.#word(STATX[time] + NSEC)
  }

  /** The inode's number as a number; not exact where it is not safe. */
  get number(): number {
    return this.#word(STATX.INO + HI) * TWO32 + this.#word(STATX.INO + LO)
  }

  /** Exact: a bigint from 2^53 on. */
  get ino(): number | bigint {
    return this.#word(STATX.INO + HI) < UNSAFE ? this.number : (this.#quads[INO64] as bigint)
  }
}
