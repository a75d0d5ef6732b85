import { type Directory, DOT, DOT_DOT } from './directory.ts'
import type { Inode } from './inode.ts'

/** Takes an entry; false where it does not fit any more. */
export type Take = (name: string, inode: Inode, cookie: number) => boolean

/** Offer a directory's entries behind a cookie (0: all), "." and ".." first, until one is not taken. */
export function list(directory: Directory, cookie: number, take: Take): void {
  if (cookie < DOT && !take('.', directory, DOT)) return
  if (cookie < DOT_DOT && !take('..', directory.parent, DOT_DOT)) return
  for (const entry of directory.after(cookie)) {
    if (!take(entry.name, entry.inode, entry.cookie)) return
  }
}
