import { DirentPlusWriter, DirentWriter, type LowLevelOps } from '../../lib/index.ts'
import type { Answers } from './answers.ts'
import { type Directory, DOT, DOT_DOT } from './directory.ts'
import type { Inode } from './inode.ts'
import type { Volume } from './volume.ts'

/** Takes an entry of a listing; false where it does not fit any more. */
type Take = (name: string, inode: Inode, cookie: number) => boolean

/** Offer a directory's entries behind a cookie (0: all), "." and ".." first, until one is not taken. */
function list(directory: Directory, cookie: number, take: Take): void {
  if (cookie < DOT && !take('.', directory, DOT)) return
  if (cookie < DOT_DOT && !take('..', directory.parent, DOT_DOT)) return
  directory.offer(cookie, (entry) => take(entry.name, entry.inode, entry.cookie))
}

/** Handlers that list directories. */
export function directoryHandlers(volume: Volume, answers: Answers) {
  // One of each is enough where every listing is sent in the turn in which it is made.
  const plain = new DirentWriter(0)
  const plus = new DirentPlusWriter(0)
  // So is one entry: it is written down before the next one is asked for.
  const entry = { ...answers.listed(volume.root) }

  return {
    // Without these two the kernel would keep listings in its cache, and then ask for each name's
    // attributes one by one where READDIRPLUS brings them all.
    opendir: () => ({}),
    releasedir() {},

    readdir(_req, nodeid, args) {
      const directory = volume.directory(nodeid)
      directory.accessed(volume.now())
      const writer = plain.reset(args.size)
      list(directory, Number(args.offset), (name, { attr }, cookie) =>
        writer.add(name, attr.ino, cookie, attr.mode),
      )
      return writer
    },

    readdirplus(_req, nodeid, args) {
      const directory = volume.directory(nodeid)
      directory.accessed(volume.now())
      const writer = plus.reset(args.size)
      list(directory, Number(args.offset), (name, inode, cookie) => {
        // Of "." and ".." the kernel wants no inode, and counts no lookup.
        if (cookie <= DOT_DOT) return writer.add(name, { nodeid: 0, attr: inode.attr }, cookie)
        entry.nodeid = inode.nodeid
        entry.attr = inode.attr
        if (!writer.add(name, entry, cookie)) return false
        inode.nlookup++
        return true
      })
      return writer
    },
  } satisfies LowLevelOps
}
