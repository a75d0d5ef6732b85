import { constants } from 'node:fs'
import {
  FATTR_ATIME,
  FATTR_FH,
  FATTR_GID,
  FATTR_MODE,
  FATTR_MTIME,
  FATTR_SIZE,
  FATTR_UID,
  FUSE_GETATTR_FH,
} from '../../protocol/constants.ts'
import type { fuse_setattr_in } from '../../protocol/structs.ts'
import { type Attr, toNanoseconds } from '../attributes.ts'
import type { FuseRequest } from '../context.ts'
import { errno } from '../errno.ts'
import type { PathNode } from '../nodes.ts'
import type { Answer, LowLevelOps, StatxOut } from '../ops.ts'
import type { StatLike } from '../path_ops.ts'
import { STATX_BASIC_STATS, STATX_BTIME } from '../posix_constants.ts'
import { birthOf } from '../stat_like.ts'
import { then } from '../then.ts'
import { type PathLayer, there } from './layer.ts'

const { S_IFMT } = constants
const PERMISSIONS = 0o7777
/** What the smallest file system answers to statfs(2). */
const NAME_MAX = 255
const BLOCK = 4096

/** Handlers about what stat(2) and statfs(2) show. */
export function attributeHandlers(layer: PathLayer): LowLevelOps {
  const { nodes, locks } = layer
  const { getattr, access, statfs, syncfs, chmod, chown, truncate, utimens } = layer.ops
  const changes = chmod ?? chown ?? truncate ?? utimens

  function statx(req: FuseRequest, node: PathNode, mask: number, fh?: number): Answer<StatxOut> {
    const handle = layer.handleFor(node, fh)
    const path = layer.openPath(node, handle)
    const ctx = layer.context(req, node)
    const stat =
      layer.ops.statx === undefined
        ? getattr(path, handle?.value, ctx)
        : layer.ops.statx(path, mask, handle?.value, ctx)
    return then(stat, (stat) => statxOut(node, there(stat)))
  }

  function statxOut(node: PathNode, stat: StatLike): StatxOut {
    const { attr_valid, attr_valid_nsec, attr } = layer.attrOut(layer.attrOfNode(node, stat))
    return { attr_valid, attr_valid_nsec, stat: statxOf(attr, birthOf(stat)) }
  }

  return {
    getattr(req, nodeid, { getattr_flags, fh }) {
      const node = nodes.get(nodeid)
      const given = (getattr_flags & FUSE_GETATTR_FH) !== 0 ? fh : undefined
      return locks.read(req, node, given !== undefined, () =>
        then(layer.stat(req, node, given), (attr) => layer.attrOut(attr)),
      )
    },

    statx(req, nodeid, { getattr_flags, fh, sx_mask }) {
      const node = nodes.get(nodeid)
      const given = (getattr_flags & FUSE_GETATTR_FH) !== 0 ? fh : undefined
      return locks.read(req, node, given !== undefined, () => statx(req, node, sx_mask, given))
    },

    ...(changes && {
      setattr(req, nodeid, args) {
        const node = nodes.get(nodeid)
        const fh = (args.valid & FATTR_FH) !== 0 ? args.fh : undefined
        return locks.read(req, node, fh !== undefined, () =>
          then(change(layer, req, node, args, fh), () =>
            then(layer.stat(req, node, fh), (attr) => layer.attrOut(attr)),
          ),
        )
      },
    }),

    statfs(req, nodeid) {
      if (statfs === undefined) return { st: { bsize: BLOCK, frsize: BLOCK, namelen: NAME_MAX } }
      const path = nodes.path(nodes.get(nodeid)) ?? '/'
      return then(statfs(path, layer.context(req)), (st) => ({ st }))
    },

    ...(access && {
      access: (req, nodeid, { mask }) =>
        layer.onPath(req, nodeid, (path, ctx) => then(access(path, mask, ctx), () => {})),
    }),

    ...(syncfs && {
      syncfs: (req, nodeid) =>
        layer.onPath(req, nodeid, (path, ctx) => then(syncfs(path, ctx), () => {})),
    }),
  }
}

/** In libfuse's order. What the file system cannot change is ENOSYS. */
function change(
  layer: PathLayer,
  req: FuseRequest,
  node: PathNode,
  args: fuse_setattr_in,
  fh: number | undefined,
): Answer<unknown> {
  const { ops } = layer
  const { valid } = args
  const handle = layer.handleFor(node, fh)
  const path = layer.openPath(node, handle)
  const ctx = layer.context(req, node)
  const value = handle?.value
  const asked = (bits: number) => (valid & bits) !== 0
  const chmod = () => {
    if (!asked(FATTR_MODE)) return
    if (ops.chmod === undefined) throw errno('ENOSYS')
    return ops.chmod(path, args.mode & PERMISSIONS, value, ctx)
  }
  const chown = () => {
    if (!asked(FATTR_UID | FATTR_GID)) return
    if (ops.chown === undefined) throw errno('ENOSYS')
    const [uid, gid] = [asked(FATTR_UID) ? args.uid : -1, asked(FATTR_GID) ? args.gid : -1]
    return ops.chown(path, uid, gid, value, ctx)
  }
  const truncate = () => {
    if (!asked(FATTR_SIZE)) return
    if (ops.truncate === undefined) throw errno('ENOSYS')
    return ops.truncate(path, args.size, value, ctx)
  }
  const utimens = () => {
    if (!asked(FATTR_ATIME | FATTR_MTIME)) return
    // With a size these are the times of truncating, which it has set by itself.
    if (ops.utimens === undefined && asked(FATTR_SIZE)) return
    if (ops.utimens === undefined) throw errno('ENOSYS')
    const atime = asked(FATTR_ATIME) ? toNanoseconds(args.atime, args.atimensec) : null
    const mtime = asked(FATTR_MTIME) ? toNanoseconds(args.mtime, args.mtimensec) : null
    return ops.utimens(path, atime, mtime, value, ctx)
  }
  return then(chmod(), () => then(chown(), () => then(truncate(), utimens)))
}

function statxOf(attr: Attr, birth: readonly [number, number] | undefined): StatxOut['stat'] {
  const { atime, mtime, ctime, atimensec, mtimensec, ctimensec, rdev = 0, ...rest } = attr
  const time = (tv_sec: number | undefined, tv_nsec: number | undefined) => ({
    tv_sec: tv_sec ?? 0,
    tv_nsec: tv_nsec ?? 0,
  })
  return {
    ...rest,
    mode: rest.mode & (S_IFMT | PERMISSIONS),
    mask: STATX_BASIC_STATS | (birth === undefined ? 0 : STATX_BTIME),
    atime: time(atime, atimensec),
    mtime: time(mtime, mtimensec),
    ctime: time(ctime, ctimensec),
    btime: time(birth?.[0], birth?.[1]),
    rdev_major: (rdev >>> 8) & 0xfff,
    rdev_minor: (rdev & 0xff) | ((rdev >>> 12) & 0xfff00),
  }
}
