import {
  decodeName,
  ErrnoError,
  errno,
  FOPEN_CACHE_DIR,
  FOPEN_KEEP_CACHE,
  FUSE_FSYNC_FDATASYNC,
  type fuse_readdir_in,
  type LowLevelOps,
} from '../../lib/index.ts'
import { posix } from '../../lib/posix.ts'
import type { Answers } from './answers.ts'
import { EntryWriter } from './entry_writer.ts'
import type { InodeNumbers } from './inode_numbers.ts'
import type { Inodes } from './inodes.ts'
import { Listing } from './listing.ts'
import type { Node } from './node.ts'
import type { Settings } from './options.ts'
import { check, O_NOATIME, O_RDONLY } from './system.ts'

/** Handlers that list directories. */
export function directoryHandlers(
  inodes: Inodes,
  answers: Answers,
  numbers: InodeNumbers,
  { cache, noatime }: Settings,
) {
  const listings = new Map<number, Listing>()
  const writer = new EntryWriter(inodes.lower.stat, numbers, answers)
  const flags = O_RDONLY | (noatime ? O_NOATIME : 0)
  const open_flags = cache === 'always' ? FOPEN_CACHE_DIR | FOPEN_KEEP_CACHE : 0

  /** What a record's name means; undefined where that cannot be had, null where it is gone. */
  function found(parent: Node, listing: Listing): Node | null | undefined {
    const name = decodeName(listing.bytes, listing.nameStart, listing.nameEnd)
    if (name === '.' || name === '..') return undefined
    try {
      return inodes.listed(parent, name, listing.number)
    } catch (error) {
      // Whoever is interested in this one will hear of it.
      if (error instanceof ErrnoError) return undefined
      throw error
    }
  }

  /** A handle that `opendir` has not given means a mistake of the kernel's. */
  function listingOf(fh: number): Listing {
    const listing = listings.get(fh)
    if (listing === undefined) throw errno('EBADF')
    return listing
  }

  /** Offer the records behind a cookie until one does not fit. Throws where there is no first one. */
  function list(listing: Listing, args: fuse_readdir_in, plus: boolean, take: () => void) {
    writer.begin(args.size)
    listing.seek(args.offset)
    try {
      while (listing.more() && writer.fits(listing, plus)) {
        take()
        listing.next()
      }
    } catch (error) {
      if (writer.empty) throw error
    }
    return writer.written
  }

  return {
    opendir(_req, nodeid) {
      const fh = inodes.openDirectory(nodeid, flags)
      listings.set(fh, new Listing(fh))
      return { fh, open_flags }
    },

    readdir(_req, nodeid, args) {
      const listing = listingOf(args.fh)
      const { foreign } = inodes.get(nodeid)
      return list(listing, args, false, () => writer.plain(listing, foreign))
    },

    readdirplus(_req, nodeid, args) {
      const listing = listingOf(args.fh)
      const parent = inodes.get(nodeid)
      return list(listing, args, true, () => {
        const node = found(parent, listing)
        if (node === null) return
        writer.plus(listing, node, parent.foreign)
        if (node !== undefined) node.nlookup++
      })
    },

    releasedir(_req, _nodeid, { fh }) {
      listings.get(fh)?.close()
      listings.delete(fh)
    },

    async fsyncdir(_req, _nodeid, { fh, fsync_flags }) {
      const dataOnly = (fsync_flags & FUSE_FSYNC_FDATASYNC) !== 0
      check(await (dataOnly ? posix.fdatasyncAsync(fh) : posix.fsyncAsync(fh)))
    },
  } satisfies LowLevelOps
}
