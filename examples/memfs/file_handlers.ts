import { constants } from 'node:fs'
import {
  errno,
  FUSE_OPEN_KILL_SUIDGID,
  FUSE_RELEASE_FLOCK_UNLOCK,
  FUSE_WRITE_CACHE,
  FUSE_WRITE_KILL_SUIDGID,
  type fuse_copy_file_range_in,
  type LowLevelOps,
} from '../../lib/index.ts'
import type { Answers } from './answers.ts'
import { fallocate } from './fallocate.ts'
import type { LockKeeper } from './lock_keeper.ts'
import { dropPrivileges } from './permissions.ts'
import type { Volume } from './volume.ts'

const { O_TRUNC } = constants
const SEEK_DATA = 3
const SEEK_HOLE = 4
/** Bytes that one copy_file_range copies at most: others want to be served too. */
const COPY_MOST = 16 * 1024 * 1024

function copy(volume: Volume, nodeid: number, args: fuse_copy_file_range_in): number {
  const source = volume.file(nodeid)
  const target = volume.file(args.nodeid_out)
  const length = Math.min(args.len, COPY_MOST)
  const copied = target.data.copyFrom(source.data, args.off_in, args.off_out, length)
  if (copied > 0) target.modified(volume.now())
  return copied
}

/** Handlers about the contents of regular files. `fsync` is none: its absence means success. */
export function fileHandlers(volume: Volume, answers: Answers, locks: LockKeeper) {
  /** With the write-back cache the kernel says what the times are, some time after it has written. */
  let kernelKeepsTimes = false

  return {
    init({ capabilities }) {
      kernelKeepsTimes = capabilities.has('FUSE_CAP_WRITEBACK_CACHE')
    },

    open(_req, nodeid, { flags, open_flags }) {
      const file = volume.file(nodeid)
      if ((flags & O_TRUNC) !== 0) {
        file.data.truncate(0)
        file.modified(volume.now())
        if ((open_flags & FUSE_OPEN_KILL_SUIDGID) !== 0) dropPrivileges(volume.space, file)
      }
      file.opens++
      return answers.opened()
    },

    read(_req, nodeid, { offset, size }) {
      const file = volume.file(nodeid)
      file.accessed(volume.now())
      const pieces = file.data.read(offset, size)
      const [first] = pieces
      return first !== undefined && pieces.length === 1 ? first : pieces
    },

    write(_req, nodeid, { offset, write_flags }, data) {
      const file = volume.file(nodeid)
      const size = file.data.write(offset, data)
      if ((write_flags & FUSE_WRITE_KILL_SUIDGID) !== 0) dropPrivileges(volume.space, file)
      if (!kernelKeepsTimes || (write_flags & FUSE_WRITE_CACHE) === 0) file.modified(volume.now())
      return { size }
    },

    flush(_req, nodeid, { lock_owner }) {
      locks.flushed(volume.inode(nodeid), lock_owner)
    },

    release(_req, nodeid, { fh, release_flags, lock_owner }) {
      const inode = volume.inode(nodeid)
      const flock = (release_flags & FUSE_RELEASE_FLOCK_UNLOCK) !== 0
      locks.released(inode, fh, flock ? lock_owner : undefined)
      inode.opens--
      volume.settle(inode)
    },

    fallocate(_req, nodeid, { mode, offset, length }) {
      const file = volume.file(nodeid)
      fallocate(file.data, mode, offset, length)
      file.modified(volume.now())
    },

    lseek(_req, nodeid, { offset, whence }) {
      const { attr, data } = volume.file(nodeid)
      if (whence !== SEEK_DATA && whence !== SEEK_HOLE) throw errno('EINVAL')
      if (offset >= attr.size) throw errno('ENXIO')
      const found = whence === SEEK_DATA ? data.nextData(offset) : data.nextHole(offset)
      if (found === undefined) throw errno('ENXIO')
      return { offset: found }
    },

    copy_file_range: (_req, nodeid, args) => ({ size: copy(volume, nodeid, args) }),

    copy_file_range_64: (_req, nodeid, args) => ({ bytes_copied: copy(volume, nodeid, args) }),
  } satisfies LowLevelOps
}
