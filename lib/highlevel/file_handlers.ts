import { constants } from 'node:fs'
import { FUSE_FSYNC_FDATASYNC, FUSE_POLL_SCHEDULE_NOTIFY } from '../../protocol/constants.ts'
import type { Bytes } from '../../protocol/reply.ts'
import type { Attr } from '../attributes.ts'
import type { FuseRequest } from '../context.ts'
import type { PathNode } from '../nodes.ts'
import type { Answer, CreateOut, IoctlReply, LowLevelOps } from '../ops.ts'
import type { IoctlAnswer, StatLike } from '../path_ops.ts'
import { keyOf } from '../stat_like.ts'
import { attempt, then } from '../then.ts'
import type { Hiding } from './hiding.ts'
import { type PathLayer, there } from './layer.ts'
import type { Locks } from './lock_handlers.ts'
import { Opens } from './opens.ts'

const { S_IFMT, O_EXCL } = constants
const PERMISSIONS = 0o7777

/** Handlers about open files. */
export function fileHandlers(layer: PathLayer, hiding: Hiding, held: Locks): LowLevelOps {
  const { nodes, locks, handles } = layer
  const { open, create, tmpfile, read, write, flush, release, fsync } = layer.ops
  const { fallocate, copy_file_range, lseek, ioctl, poll, bmap, getattr } = layer.ops
  const opens = new Opens(layer, held.asked || flush !== undefined)

  /** What was made is open; what else is to be said of it must be found out. */
  function created(
    req: FuseRequest,
    value: unknown,
    flags: number,
    look: (handle: unknown) => Answer<StatLike | null>,
    node: (attr: Attr, key: unknown) => PathNode,
  ): Answer<CreateOut> {
    const { handle, options } = opens.of(value)
    const give = (error: unknown): Answer<never> =>
      then(release?.(null, handle, layer.context(req)), () => {
        throw error
      })
    const answer = (found: StatLike | null): CreateOut => {
      const stat = there(found)
      const attr = layer.attr(stat)
      const made = node(attr, keyOf(stat))
      const entry = layer.entry(made, layer.shown(made, attr))
      return { entry, open: opens.answer(made, handle, options, flags) }
    }
    return attempt(
      () => then(look(handle), answer),
      (created) => created,
      give,
    )
  }

  return {
    ...(opens.needed && {
      open(req, nodeid, { flags }) {
        const node = nodes.get(nodeid)
        return locks.read(req, node, false, () => {
          return then(layer.open(req, node, flags, open), (value) => {
            const { handle, options } = opens.of(value)
            return then(opens.fresh(req, node), () => opens.answer(node, handle, options, flags))
          })
        })
      },

      release(req, nodeid, { fh, release_flags, lock_owner }) {
        const node = nodes.get(nodeid)
        const handle = handles.get(fh)
        if (handle === undefined) return
        const go = () => {
          const path = layer.openPath(node, handle)
          handles.close(handle)
          const done = attempt(
            () => release?.(path, handle.value, layer.context(req, node, lock_owner)),
            () => hiding.closed(req, node),
            // Nobody waits for it; what is hidden goes all the same.
            (error) =>
              then(hiding.closed(req, node), () => {
                throw error
              }),
          )
          return then(done, () => nodes.settle(node))
        }
        return attempt(() => held.released(req, handle, release_flags, lock_owner), go, go)
      },
    }),

    ...(create && {
      create(req, nodeid, { mode, flags }, name) {
        const parent = nodes.get(nodeid)
        return locks.read(req, parent, false, () => {
          const path = layer.pathIn(parent, name)
          const ctx = layer.context(req)
          return then(create(path, mode & PERMISSIONS, flags, ctx), (value) =>
            created(
              req,
              value,
              flags,
              (handle) => getattr(path, handle, ctx),
              (attr, key) => layer.nodeOf(parent, name, attr, key, (flags & O_EXCL) !== 0),
            ),
          )
        })
      },
    }),

    ...(tmpfile && {
      tmpfile(req, nodeid, { mode, flags }) {
        return layer.onPath(req, nodeid, (path, ctx) =>
          then(tmpfile(path, mode & PERMISSIONS, flags, ctx), (value) =>
            created(
              req,
              value,
              flags,
              (handle) => getattr(null, handle, ctx),
              (attr, key) => nodes.orphan(attr.mode & S_IFMT, key),
            ),
          ),
        )
      },
    }),

    ...(read && {
      read: (req, nodeid, { fh, offset, size, lock_owner }) =>
        layer.onOpen(req, nodeid, fh, lock_owner, (path, value, ctx) =>
          read(path, value, size, offset, ctx),
        ),
    }),

    ...(write && {
      write: (req, nodeid, { fh, offset, lock_owner }, data) =>
        layer.onOpen(req, nodeid, fh, lock_owner, (path, value, ctx) =>
          then(write(path, value, data, offset, ctx), (size) => ({ size })),
        ),
    }),

    ...((flush || held.asked) && {
      flush: (req, nodeid, { fh, lock_owner }) =>
        then(held.flushed(req, nodeid, fh, lock_owner), () =>
          layer.onOpen(req, nodeid, fh, lock_owner, (path, value, ctx) =>
            then(flush?.(path, value, ctx), () => {}),
          ),
        ),
    }),

    ...(fsync && {
      fsync: (req, nodeid, { fh, fsync_flags }) =>
        layer.onOpen(req, nodeid, fh, 0n, (path, value, ctx) =>
          then(fsync(path, (fsync_flags & FUSE_FSYNC_FDATASYNC) !== 0, value, ctx), () => {}),
        ),
    }),

    ...(fallocate && {
      fallocate: (req, nodeid, { fh, mode, offset, length }) =>
        layer.onOpen(req, nodeid, fh, 0n, (path, value, ctx) =>
          then(fallocate(path, value, mode, offset, length, ctx), () => {}),
        ),
    }),

    ...(lseek && {
      lseek: (req, nodeid, { fh, offset, whence }) =>
        layer.onOpen(req, nodeid, fh, 0n, (path, value, ctx) =>
          then(lseek(path, value, offset, whence, ctx), (offset) => ({ offset })),
        ),
    }),

    ...(copy_file_range && {
      copy_file_range: (req, nodeid, args) => then(copy(req, nodeid, args), (size) => ({ size })),
      copy_file_range_64: (req, nodeid, args) =>
        then(copy(req, nodeid, args), (bytes_copied) => ({ bytes_copied })),
    }),

    ...(ioctl && {
      // Who waits in it keeps nobody from renaming the file.
      ioctl(req, nodeid, { fh, cmd, arg }, data) {
        const node = nodes.get(nodeid)
        const handle = handles.get(fh)
        const path = layer.openPath(node, handle)
        const value = ioctl(path, handle?.value, cmd, arg, data, layer.context(req, node))
        return then(value, ioctlReply)
      },
    }),

    ...(poll && {
      poll(req, nodeid, { fh, kh, flags, events }) {
        const node = nodes.get(nodeid)
        const handle = handles.get(fh)
        const path = layer.openPath(node, handle)
        const wake = () => void layer.notify?.poll(kh).catch(() => {})
        const scheduled = (flags & FUSE_POLL_SCHEDULE_NOTIFY) !== 0 ? wake : undefined
        const ctx = layer.context(req, node)
        const value = poll(path, handle?.value, events, scheduled, ctx)
        return then(value, (revents) => ({ revents }))
      },
    }),

    ...(bmap && {
      bmap: (req, nodeid, { blocksize, block }) =>
        layer.onPath(req, nodeid, (path, ctx) =>
          then(bmap(path, blocksize, block, ctx), (block) => ({ block })),
        ),
    }),
  }

  function copy(
    req: FuseRequest,
    nodeid: number,
    args: Parameters<NonNullable<LowLevelOps['copy_file_range']>>[2],
  ): Answer<number> {
    const { fh_in, off_in, nodeid_out, fh_out, off_out, len, flags } = args
    const to = nodes.get(nodeid_out)
    const toHandle = handles.get(fh_out)
    const copied = layer.onOpen(req, nodeid, fh_in, 0n, (path, value, ctx) => {
      const toPath = layer.openPath(to, toHandle)
      // The border: asked for only where it is there.
      const call = copy_file_range as NonNullable<typeof copy_file_range>
      const bits = Number(flags)
      return call(path, value, off_in, toPath, toHandle?.value, off_out, len, bits, ctx)
    })
    return copied
  }
}

function ioctlReply(value: IoctlAnswer): IoctlReply {
  if (value === undefined) return { result: 0 }
  if (typeof value === 'number') return { result: value }
  if (value instanceof Uint8Array || Array.isArray(value))
    return { result: 0, data: value as Bytes }
  return value as IoctlReply
}
