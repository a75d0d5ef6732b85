import { constants } from 'node:fs'
import { getSystemErrorName } from 'node:util'
import { ErrnoError } from '../../lib/index.ts'

/** Numbers of Linux's system calls that node:fs lacks, and what their results mean. */

export const AT_FDCWD = -100
export const AT_SYMLINK_NOFOLLOW = 0x100
export const AT_EACCESS = 0x200
export const AT_REMOVEDIR = 0x200
export const AT_SYMLINK_FOLLOW = 0x400
export const AT_NO_AUTOMOUNT = 0x800
export const AT_EMPTY_PATH = 0x1000
export const AT_STATX_DONT_SYNC = 0x4000

export const { O_RDONLY, O_WRONLY, O_RDWR, O_CREAT, O_EXCL, O_TRUNC } = constants
export const { O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_NOATIME } = constants
export const O_ACCMODE = 3
export const O_PATH = 0o10000000
/** Of O_TMPFILE, which has O_DIRECTORY too. */
export const TMPFILE = 0o20000000

/** Only the name. Every symbolic link is an inode of its own here, and what is opened is it. */
export const PATH_ONLY: number = O_PATH | O_NOFOLLOW

const errors: ErrnoError[] = []

function errorOf(result: number): ErrnoError {
  const known = errors[-result]
  if (known !== undefined) return known
  const error = new ErrnoError(getSystemErrorName(result), -result)
  errors[-result] = error
  return error
}

/** What a system call gave. Throws its error where that is -errno. */
export function check(result: number): number {
  if (result < 0) throw errorOf(result)
  return result
}
