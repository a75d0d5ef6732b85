import { constants } from 'node:fs'
import type { Attributes } from '../../lib/index.ts'
import type { Clock } from '../memfs/clock.ts'
import { FileData } from '../memfs/file_data.ts'
import type { Space } from '../memfs/space.ts'

const { S_IFMT, S_IFDIR, S_IFREG } = constants

interface Moment {
  readonly sec: number
  readonly nsec: number
}

const moment = (clock: Clock): Moment => {
  const { seconds, nanoseconds } = clock.now()
  return { sec: seconds, nsec: nanoseconds }
}

const isAfter = (a: Moment, b: Moment): boolean =>
  a.sec > b.sec || (a.sec === b.sec && a.nsec > b.nsec)

/** A file of any kind, and at the same time the attributes that it is shown with. */
export class Inode implements Attributes {
  readonly ino: number
  /** What makes hard links one file. */
  readonly key: this = this
  mode: number
  nlink: number
  uid: number
  gid: number
  rdev = 0
  size = 0
  blocks = 0
  atime: Moment
  mtime: Moment
  ctime: Moment
  readonly birthtime: Moment
  /** Of a symbolic link. */
  target = ''
  /** Of a directory. */
  readonly children: Map<string, Inode> | undefined
  /** Of a regular file. */
  readonly data: FileData | undefined
  readonly xattrs = new Map<string, Uint8Array>()

  constructor(
    ino: number,
    mode: number,
    owner: { readonly uid: number; readonly gid: number },
    clock: Clock,
    space: Space,
  ) {
    const now = moment(clock)
    const type = mode & S_IFMT
    this.ino = ino
    this.mode = mode
    this.uid = owner.uid
    this.gid = owner.gid
    this.atime = now
    this.mtime = now
    this.ctime = now
    this.birthtime = now
    this.nlink = type === S_IFDIR ? 2 : 1
    this.children = type === S_IFDIR ? new Map() : undefined
    this.data = type === S_IFREG ? new FileData(this, space) : undefined
  }

  get isDirectory(): boolean {
    return this.children !== undefined
  }

  /** Attributes changed. */
  changed(clock: Clock): void {
    this.ctime = moment(clock)
  }

  /** Data or entries changed. */
  modified(clock: Clock): void {
    this.ctime = moment(clock)
    this.mtime = this.ctime
  }

  /** Read, for the first time since it was changed. */
  accessed(clock: Clock): void {
    if (!isAfter(this.atime, this.mtime) || !isAfter(this.atime, this.ctime)) {
      this.atime = moment(clock)
    }
  }
}
