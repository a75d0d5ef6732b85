import { constants } from 'node:fs'
import { FUSE_FSYNC_FDATASYNC } from '../../protocol/constants.ts'
import { DirentPlusWriter, DirentWriter } from '../../protocol/dirent.ts'
import type { fuse_readdir_in } from '../../protocol/structs.ts'
import type { FuseRequest } from '../context.ts'
import { errno } from '../errno.ts'
import type { PathNode } from '../nodes.ts'
import { Opened, openFlags } from '../opened.ts'
import type { Answer, EntryOut, LowLevelOps } from '../ops.ts'
import type { DirectoryEntry } from '../path_ops.ts'
import { keyOf, typeBits } from '../stat_like.ts'
import { attempt, then } from '../then.ts'
import { Cursor } from './cursor.ts'
import { isDot } from './entries.ts'
import { takeAll } from './exact.ts'
import type { Handle } from './handles.ts'
import type { PathLayer } from './layer.ts'

const { S_IFDIR } = constants
/** What libfuse shows where it knows no number: 0 would be a removed entry to some. */
const UNKNOWN_INO = 0xffff_ffff

type Add = (entry: DirectoryEntry, next: number | bigint) => boolean

/** Handlers about directories that are open. */
export function directoryHandlers(layer: PathLayer): LowLevelOps {
  const { nodes, locks, handles } = layer
  const { opendir, readdir, readdir_from, releasedir, fsyncdir } = layer.ops
  if (readdir === undefined && readdir_from === undefined) return {}

  function opened(node: PathNode, value: unknown): { fh: number; open_flags: number } {
    const said = value instanceof Opened ? value : new Opened(value, {})
    const handle = handles.open(node, said.handle)
    return { fh: handle.fh, open_flags: openFlags(said.options, 0) }
  }

  /** Entries from a place on, until there are no more or no room. */
  function list(req: FuseRequest, nodeid: number, args: fuse_readdir_in, add: Add): Answer<void> {
    const handle = handles.get(args.fh)
    if (handle === undefined) throw errno('EBADF')
    return layer.onOpen(req, nodeid, args.fh, 0n, (path, value, ctx) => {
      if (readdir_from !== undefined) {
        return then(readdir_from(path, value, args.offset, ctx), (entries) => takeAll(entries, add))
      }
      // The listing outlives the request that begins it, and may begin again.
      handle.cursor ??= new Cursor()
      return handle.cursor.read(Number(args.offset), add, () => {
        if (readdir === undefined) throw errno('ENOSYS')
        return readdir(path, value, ctx)
      })
    })
  }

  return {
    opendir(req, nodeid, { flags }) {
      const node = nodes.get(nodeid)
      return locks.read(req, node, false, () =>
        then(layer.open(req, node, flags, opendir), (value) => opened(node, value)),
      )
    },

    readdir(req, nodeid, args) {
      const parent = nodes.get(nodeid)
      const writer = new DirentWriter(args.size)
      const add: Add = (entry, next) =>
        writer.add(entry.name, inoOf(layer, parent, entry), next, modeOf(layer, entry))
      return then(list(req, nodeid, args, add), () => writer)
    },

    readdirplus(req, nodeid, args) {
      const parent = nodes.get(nodeid)
      const writer = new DirentPlusWriter(args.size)
      const add: Add = (entry, next) => addPlus(layer, writer, parent, entry, next)
      return then(list(req, nodeid, args, add), () => writer)
    },

    releasedir(req, nodeid, { fh }) {
      const node = nodes.get(nodeid)
      const handle = handles.get(fh)
      if (handle === undefined) return
      const path = layer.openPath(node, handle)
      handles.close(handle)
      const release = () => releasedir?.(path, handle.value, layer.context(req, node))
      const done = attempt(
        () => closed(handle),
        release,
        (error) =>
          then(release(), () => {
            throw error
          }),
      )
      return then(done, () => nodes.settle(node))
    },

    ...(fsyncdir && {
      fsyncdir: (req, nodeid, { fh, fsync_flags }) =>
        layer.onOpen(req, nodeid, fh, 0n, (path, value, ctx) =>
          then(fsyncdir(path, (fsync_flags & FUSE_FSYNC_FDATASYNC) !== 0, value, ctx), () => {}),
        ),
    }),
  }
}

const closed = ({ cursor }: Handle): Answer<void> => cursor?.close()

/** The file of an entry, if the kernel knows it. */
function known(layer: PathLayer, parent: PathNode, name: string): PathNode | undefined {
  if (name === '.') return parent
  if (name === '..') return parent.places[0]?.parent ?? layer.nodes.root
  return layer.nodes.child(parent, name)
}

function inoOf(layer: PathLayer, parent: PathNode, entry: DirectoryEntry): number | bigint {
  const { useIno, readdirIno } = layer.config
  const said = useIno ? (entry.ino ?? entry.stat?.ino) : undefined
  if (said !== undefined) return said
  return readdirIno ? (known(layer, parent, entry.name)?.ino ?? UNKNOWN_INO) : UNKNOWN_INO
}

function modeOf(layer: PathLayer, { type, stat }: DirectoryEntry): number {
  if (type !== undefined) return typeBits(type, 'readdir: type')
  return stat === undefined ? 0 : layer.attr(stat).mode
}

/** A node of an entry that has no room, and that nobody else knows, is none. */
function addPlus(
  layer: PathLayer,
  writer: DirentPlusWriter,
  parent: PathNode,
  entry: DirectoryEntry,
  next: number | bigint,
): boolean {
  const { name, stat } = entry
  if (stat === undefined || isDot(name)) return writer.add(name, bare(layer, parent, entry), next)
  const attr = layer.attr(stat)
  const node = layer.nodeOf(parent, name, attr, keyOf(stat), false)
  try {
    const added = writer.add(name, layer.listed(node, layer.shown(node, attr)), next)
    if (added) node.nlookup++
    return added
  } finally {
    layer.nodes.settle(node)
  }
}

/** A name without attributes. */
function bare(layer: PathLayer, parent: PathNode, entry: DirectoryEntry): EntryOut {
  const mode = isDot(entry.name) ? S_IFDIR : modeOf(layer, entry)
  return { nodeid: 0, attr: { ino: inoOf(layer, parent, entry), mode } }
}
