import type { StatxOut } from '../../lib/index.ts'
import type { Inode } from './inode.ts'

/** STATX_BASIC_STATS and STATX_BTIME: everything that is known. */
const MASK = 0x7ff | 0x800

const majorOf = (rdev: number): number => (rdev >>> 8) & 0xfff
const minorOf = (rdev: number): number => (rdev & 0xff) | ((rdev >>> 12) & 0xfff00)

/** The attributes as statx(2) wants them, with the time of birth. */
export function statxOf({ attr, birth }: Inode): StatxOut['stat'] {
  return {
    mask: MASK,
    blksize: attr.blksize,
    nlink: attr.nlink,
    uid: attr.uid,
    gid: attr.gid,
    mode: attr.mode,
    ino: attr.ino,
    size: attr.size,
    blocks: attr.blocks,
    atime: { tv_sec: attr.atime, tv_nsec: attr.atimensec },
    btime: { tv_sec: birth.seconds, tv_nsec: birth.nanoseconds },
    ctime: { tv_sec: attr.ctime, tv_nsec: attr.ctimensec },
    mtime: { tv_sec: attr.mtime, tv_nsec: attr.mtimensec },
    rdev_major: majorOf(attr.rdev),
    rdev_minor: minorOf(attr.rdev),
  }
}
