import { fromNanoseconds } from '../attributes.ts'
import { errno, errnoFrom } from '../errno.ts'
import type { PathOps } from '../path_ops.ts'
import { AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_NOFOLLOW, posix, UTIME_OMIT } from '../posix.ts'
import type { OpenFile } from './fs_like.ts'

type Place = string | Uint8Array
type Ops = PathOps<OpenFile, undefined>

const LIST_MOST = 65_536

/** Throws the errno of a system call's result. */
function check(result: number): number {
  if (result < 0) throw errnoFrom(result)
  return result
}

/** Throws ESTALE. */
function descriptor(file: OpenFile | undefined): number {
  if (file?.fd === undefined) throw errno('ESTALE')
  return file.fd
}

/** Seconds and nanoseconds; a time that stays as it is. */
function moment(ns: bigint | null): readonly [sec: number, nsec: number] {
  return ns === null ? [0, UTIME_OMIT] : fromNanoseconds(ns)
}

function utimens(
  dirfd: number,
  place: Place,
  atime: bigint | null,
  mtime: bigint | null,
  flags: number,
): void {
  check(posix.utimensat(dirfd, place, ...moment(atime), ...moment(mtime), flags))
}

/** The bytes that a call puts into room of the size that it asks for. */
function sized(call: (into: Uint8Array) => number): Uint8Array {
  const bytes = new Uint8Array(LIST_MOST)
  return bytes.subarray(0, check(call(bytes)))
}

/** What the system has and `node:fs` lacks, or has less exactly. @param at where a path is. */
export const systemOps = (at: (path: string) => Place): Partial<Ops> => ({
  mknod: (path, mode, rdev) => check(posix.mknodat(AT_FDCWD, at(path), mode, rdev)),

  rename: (from, to, flags) => check(posix.renameat2(AT_FDCWD, at(from), AT_FDCWD, at(to), flags)),

  utimens(path, atime, mtime, file) {
    if (path === null) utimens(descriptor(file), '', atime, mtime, AT_EMPTY_PATH)
    else utimens(AT_FDCWD, at(path), atime, mtime, AT_SYMLINK_NOFOLLOW)
  },

  link_tmpfile: (file, to) =>
    check(posix.linkat(descriptor(file), '', AT_FDCWD, at(to), AT_EMPTY_PATH)),

  setxattr: (path, name, value, flags) => check(posix.lsetxattr(at(path), name, value, flags)),
  getxattr: (path, name) => sized((into) => posix.lgetxattr(at(path), name, into)),
  removexattr: (path, name) => check(posix.lremovexattr(at(path), name)),
  listxattr: (path) => sized((into) => posix.llistxattr(at(path), into)),

  fallocate: async (_path, file, mode, offset, length) =>
    check(await posix.fallocateAsync(descriptor(file), mode, offset, length)),

  lseek: (_path, file, offset, whence) => check(posix.lseek(descriptor(file), offset, whence)),

  copy_file_range: async (_from, file, offset, _to, other, otherOffset, length, flags) =>
    check(
      await posix.copyFileRangeAsync(
        descriptor(file),
        offset,
        descriptor(other),
        otherOffset,
        length,
        flags,
      ),
    ),
})
