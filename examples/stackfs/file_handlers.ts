import { constants } from 'node:fs'
import { constants as os } from 'node:os'
import {
  type CreateOut,
  errno,
  FUSE_FSYNC_FDATASYNC,
  FUSE_OPEN_KILL_SUIDGID,
  FUSE_RELEASE_FLOCK_UNLOCK,
  FUSE_WRITE_CACHE,
  FUSE_WRITE_KILL_SUIDGID,
  type FuseRequest,
  fdRange,
  type fuse_copy_file_range_in,
  type fuse_create_in,
  type fuse_write_in,
  type LowLevelOps,
} from '../../lib/index.ts'
import { O_TMPFILE, posix, RWF_APPEND } from '../../lib/posix.ts'
import type { Answers } from './answers.ts'
import type { Credentials } from './credentials.ts'
import type { Inodes } from './inodes.ts'
import type { LowerLocks } from './lower_locks.ts'
import type { Opening } from './opening.ts'
import { check, O_CREAT, O_EXCL, O_NOFOLLOW } from './system.ts'

const { O_APPEND, O_DSYNC, O_SYNC, O_DIRECT = 0 } = constants
const { EEXIST } = os.errno
/** Whoever opens with one of these waits for the disk. */
const SLOW = O_DSYNC | O_SYNC | O_DIRECT
/** Bytes from which on allocating and copying are a matter for a thread. */
const LONG_FALLOCATE = 64 * 1024 * 1024
const LONG_COPY = 1024 * 1024

/** Handlers about the contents of regular files. */
export function fileHandlers(
  inodes: Inodes,
  answers: Answers,
  credentials: Credentials,
  opening: Opening,
  locks: LowerLocks,
) {
  function created(parent: number, name: string, fd: number, flags: number): CreateOut {
    try {
      const node = inodes.opened(inodes.get(parent), name, fd)
      return { entry: answers.entry(node), open: opening.answer(node, fd, flags) }
    } catch (error) {
      posix.close(fd)
      throw error
    }
  }

  /** Open what is made, as its caller. Returns the descriptor or -errno. */
  function make(
    req: FuseRequest,
    parent: number,
    name: string,
    flags: number,
    { mode, umask }: fuse_create_in,
  ): number {
    const open = () => posix.openat(inodes.directory(parent), name, flags, mode)
    return inodes.opening(() => credentials.making(req, umask, open))
  }

  /** Returns the count or -errno. */
  function write(req: FuseRequest, args: fuse_write_in, data: Uint8Array): number {
    const { fh, offset, flags, write_flags } = args
    const append = (flags & O_APPEND) !== 0 && (write_flags & FUSE_WRITE_CACHE) === 0
    const call = () => posix.pwrite(fh, data, offset, append ? RWF_APPEND : 0)
    return (write_flags & FUSE_WRITE_KILL_SUIDGID) === 0 ? call() : credentials.as(req, call)
  }

  async function writeLater({ fh, offset }: fuse_write_in, data: Uint8Array) {
    return { size: check(await posix.pwriteAsync(fh, data, offset)) }
  }

  function copy({ fh_in, off_in, fh_out, off_out, len }: fuse_copy_file_range_in) {
    if (len < LONG_COPY) return posix.copyFileRange(fh_in, off_in, fh_out, off_out, len, 0)
    return posix.copyFileRangeAsync(fh_in, off_in, fh_out, off_out, len, 0)
  }

  return {
    create(req, parent, args, name) {
      const flags = opening.lower(args.flags) | O_CREAT | O_EXCL | O_NOFOLLOW
      const fd = make(req, parent, name, flags, args)
      // Somebody was faster. The kernel looks at it again, and then opens it if the caller may.
      if (fd === -EEXIST && (args.flags & O_EXCL) === 0) throw errno('ESTALE')
      return created(parent, name, check(fd), args.flags)
    },

    tmpfile(req, parent, args, name) {
      const flags = opening.lower(args.flags) | O_TMPFILE | (args.flags & O_EXCL)
      return created(parent, name, check(make(req, parent, '.', flags, args)), args.flags)
    },

    open(req, nodeid, { flags, open_flags }) {
      const node = inodes.get(nodeid)
      const call = () => inodes.open(node, opening.lower(flags))
      const kill = (open_flags & FUSE_OPEN_KILL_SUIDGID) !== 0
      return opening.answer(node, kill ? credentials.as(req, call) : call(), flags)
    },

    read: (_req, _nodeid, { fh, offset, size }) => fdRange(fh, offset, size),

    write(req, _nodeid, args, data) {
      const alone =
        (args.flags & O_APPEND) === 0 && (args.write_flags & FUSE_WRITE_KILL_SUIDGID) === 0
      if ((args.flags & SLOW) !== 0 && alone) return writeLater(args, data)
      return { size: check(write(req, args, data)) }
    },

    // Each descriptor that is closed is one to the lower file, too: its file system may have to say
    // that a write has failed.
    flush(_req, nodeid, { fh, lock_owner }) {
      locks.flushed(inodes.get(nodeid), lock_owner)
      check(posix.close(check(posix.dup(fh))))
    },

    release(_req, nodeid, { fh, release_flags, lock_owner }) {
      posix.close(fh)
      const flock = (release_flags & FUSE_RELEASE_FLOCK_UNLOCK) !== 0
      locks.released(inodes.get(nodeid), fh, flock ? lock_owner : undefined)
    },

    async fsync(_req, _nodeid, { fh, fsync_flags }) {
      const dataOnly = (fsync_flags & FUSE_FSYNC_FDATASYNC) !== 0
      check(await (dataOnly ? posix.fdatasyncAsync(fh) : posix.fsyncAsync(fh)))
    },

    fallocate(_req, _nodeid, { fh, mode, offset, length }) {
      if (length < LONG_FALLOCATE) {
        check(posix.fallocate(fh, mode, offset, length))
        return undefined
      }
      return posix.fallocateAsync(fh, mode, offset, length).then((result) => void check(result))
    },

    lseek: (_req, _nodeid, { fh, offset, whence }) => ({
      offset: check(posix.lseek(fh, offset, whence)),
    }),

    async copy_file_range(_req, _nodeid, args) {
      return { size: check(await copy(args)) }
    },

    async copy_file_range_64(_req, _nodeid, args) {
      return { bytes_copied: check(await copy(args)) }
    },
  } satisfies LowLevelOps
}
