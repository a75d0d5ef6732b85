import { constants } from 'node:fs'
import { errnoFrom, O_PATH } from '../../lib/posix.ts'

export const { O_RDONLY, O_WRONLY, O_RDWR, O_CREAT, O_EXCL, O_TRUNC } = constants
export const { O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_NOATIME } = constants
export const O_ACCMODE = 3

/** Only the name. Every symbolic link is an inode of its own here, and what is opened is it. */
export const PATH_ONLY: number = O_PATH | O_NOFOLLOW

/** What a system call gave. Throws its error where that is -errno. */
export function check(result: number): number {
  if (result < 0) throw errnoFrom(result)
  return result
}
