import { posix } from '../../lib/posix.ts'
import { AT_EMPTY_PATH, AT_NO_AUTOMOUNT, AT_SYMLINK_NOFOLLOW } from './system.ts'

const SIZE = 256
const STATX_BASIC_STATS = 0x7ff
const STATX_BTIME = 0x800
const TWO32 = 2 ** 32
/** The high word of 2^53: from here on a number is no longer exact. */
const UNSAFE = 2 ** 21
/** Which word of 64 bits is the low one. */
const LO = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1 ? 0 : 1
const HI = 1 - LO

/** Where what is in struct statx, in words of 32 bits. */
const AT = {
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
const INO64 = AT.INO >> 1
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

  /** Of a name in a directory; a symbolic link is not followed. Returns 0 or -errno. */
  named(dirfd: number, name: string, flags = 0): number {
    const all = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | flags
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
    return this.#word(AT.NLINK)
  }

  get uid(): number {
    return this.#word(AT.UID)
  }

  get gid(): number {
    return this.#word(AT.GID)
  }

  get blksize(): number {
    return this.#word(AT.BLKSIZE)
  }

  get size(): number {
    return this.#word(AT.SIZE + HI) * TWO32 + this.#word(AT.SIZE + LO)
  }

  get blocks(): number {
    return this.#word(AT.BLOCKS + HI) * TWO32 + this.#word(AT.BLOCKS + LO)
  }

  get rdevMajor(): number {
    return this.#word(AT.RDEV_MAJOR)
  }

  get rdevMinor(): number {
    return this.#word(AT.RDEV_MINOR)
  }

  get devMajor(): number {
    return this.#word(AT.DEV_MAJOR)
  }

  get devMinor(): number {
    return this.#word(AT.DEV_MINOR)
  }

  seconds(time: Time): number {
    return (this.#word(AT[time] + HI) | 0) * TWO32 + this.#word(AT[time] + LO)
  }

  nanoseconds(time: Time): number {
    return this.#word(AT[time] + NSEC)
  }

  /** The inode's number as a number; not exact where it is not safe. */
  get number(): number {
    return this.#word(AT.INO + HI) * TWO32 + this.#word(AT.INO + LO)
  }

  /** Exact: a bigint from 2^53 on. */
  get ino(): number | bigint {
    return this.#word(AT.INO + HI) < UNSAFE ? this.number : (this.#quads[INO64] as bigint)
  }
}
