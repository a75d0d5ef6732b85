import type { StatxOut } from '../../lib/index.ts'
import type { Stat, Time } from './stat.ts'

/** What the lower file system says of an inode, in the wire's words; filled anew for each answer. */
export class Attributes {
  ino: number | bigint = 0
  size = 0
  blocks = 0
  atime = 0
  mtime = 0
  ctime = 0
  atimensec = 0
  mtimensec = 0
  ctimensec = 0
  mode = 0
  nlink = 0
  uid = 0
  gid = 0
  rdev = 0
  blksize = 0

  /** @param ino what is shown as its number. */
  fill(stat: Stat, ino: number | bigint): void {
    this.ino = ino
    this.size = stat.size
    this.blocks = stat.blocks
    this.atime = stat.seconds('ATIME')
    this.mtime = stat.seconds('MTIME')
    this.ctime = stat.seconds('CTIME')
    this.atimensec = stat.nanoseconds('ATIME')
    this.mtimensec = stat.nanoseconds('MTIME')
    this.ctimensec = stat.nanoseconds('CTIME')
    this.mode = stat.mode
    this.nlink = stat.nlink
    this.uid = stat.uid
    this.gid = stat.gid
    this.rdev = stat.rdev
    this.blksize = stat.blksize
  }
}

const timeOf = (stat: Stat, time: Time) => ({
  tv_sec: stat.seconds(time),
  tv_nsec: stat.nanoseconds(time),
})

/** The same as statx(2) wants it, with the time of birth. */
export const statxOf = (stat: Stat, ino: number | bigint): StatxOut['stat'] => ({
  mask: stat.mask,
  blksize: stat.blksize,
  nlink: stat.nlink,
  uid: stat.uid,
  gid: stat.gid,
  mode: stat.mode,
  ino,
  size: stat.size,
  blocks: stat.blocks,
  atime: timeOf(stat, 'ATIME'),
  btime: timeOf(stat, 'BTIME'),
  ctime: timeOf(stat, 'CTIME'),
  mtime: timeOf(stat, 'MTIME'),
  rdev_major: stat.rdevMajor,
  rdev_minor: stat.rdevMinor,
})
