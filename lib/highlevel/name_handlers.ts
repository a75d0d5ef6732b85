import { constants } from 'node:fs'
import type { FuseRequest } from '../context.ts'
import { errno } from '../errno.ts'
import type { PathNode } from '../nodes.ts'
import { handleOf } from '../opened.ts'
import type { Answer, EntryOut, LowLevelOps } from '../ops.ts'
import type { StatLike } from '../path_ops.ts'
import { RENAME_EXCHANGE } from '../posix_constants.ts'
import { attempt, then } from '../then.ts'
import { type Hiding, hides } from './hiding.ts'
import { isMissing, type PathLayer, there } from './layer.ts'

const { S_IFMT, S_IFREG } = constants
const PERMISSIONS = 0o7777

/** Handlers about names in directories. */
export function nameHandlers(layer: PathLayer, hiding: Hiding): LowLevelOps {
  const { nodes, locks } = layer
  const { getattr, readlink, mknod, create, release, mkdir, unlink, rmdir, symlink } = layer.ops
  const { rename, link, link_tmpfile } = layer.ops

  function look(
    req: FuseRequest,
    parent: PathNode,
    name: string,
    seen: (stat: StatLike) => EntryOut,
  ): Answer<EntryOut> {
    const stat = getattr(layer.pathIn(parent, name), undefined, layer.context(req))
    return then(stat, (stat) => seen(there(stat)))
  }

  function lookup(req: FuseRequest, parent: PathNode, name: string): Answer<EntryOut | null> {
    const path = layer.pathIn(parent, name)
    const gone = () => {
      nodes.unlink(parent, name)
      return layer.negative
    }
    return attempt(
      () => getattr(path, undefined, layer.context(req)),
      (stat) => (stat === null ? gone() : layer.named(parent, name, there(stat), false)),
      (error) => {
        if (isMissing(error)) return gone()
        throw error
      },
    )
  }

  /** Make something in a directory, and answer what it became. */
  function make(
    req: FuseRequest,
    nodeid: number,
    name: string,
    call: (path: string) => Answer<unknown>,
  ): Answer<EntryOut> {
    const parent = nodes.get(nodeid)
    const made = () => look(req, parent, name, (stat) => layer.named(parent, name, stat, true))
    return locks.read(req, parent, false, () => then(call(layer.pathIn(parent, name)), made))
  }

  /** A regular file where the file system has `create` only. */
  function mknodByCreate(req: FuseRequest, path: string, mode: number): Answer<unknown> {
    if ((mode & S_IFMT) !== S_IFREG || create === undefined) throw errno('ENOSYS')
    const ctx = layer.context(req)
    const { O_WRONLY, O_EXCL, O_CREAT } = constants
    const flags = O_WRONLY | O_EXCL | O_CREAT
    const created = create(path, mode & PERMISSIONS, flags, ctx)
    return then(created, (made) => release?.(path, handleOf(made), ctx))
  }

  function remove(
    req: FuseRequest,
    nodeid: number,
    name: string,
    call: (path: string) => Answer<unknown>,
  ): Answer<void> {
    const parent = nodes.get(nodeid)
    const child = nodes.child(parent, name)
    return locks.write(req, [parent], child === undefined ? [] : [child], () =>
      then(call(layer.pathIn(parent, name)), () => nodes.unlink(parent, name)),
    )
  }

  function move(
    req: FuseRequest,
    [parent, name]: readonly [PathNode, string],
    [newparent, newname]: readonly [PathNode, string],
    flags: number,
  ): Answer<void> {
    const call = () => {
      const [from, to] = [layer.pathIn(parent, name), layer.pathIn(newparent, newname)]
      return rename?.(from, to, flags, layer.context(req))
    }
    if ((flags & RENAME_EXCHANGE) !== 0) {
      return then(call(), () => nodes.exchange(parent, name, newparent, newname))
    }
    const target = nodes.child(newparent, newname)
    const free =
      target !== undefined && hides(layer, target)
        ? hiding.hide(req, newparent, newname, target)
        : undefined
    return then(free, () => then(call(), () => nodes.rename(parent, name, newparent, newname)))
  }

  return {
    lookup(req, nodeid, name) {
      const parent = nodes.get(nodeid)
      return locks.read(req, parent, false, () => lookup(req, parent, name))
    },

    forget(_req, nodeid, { nlookup }) {
      nodes.forget(nodeid, nlookup)
    },

    ...(readlink && { readlink: (req, nodeid) => layer.onPath(req, nodeid, readlink) }),

    ...((mknod ?? create) && {
      mknod: (req, nodeid, { mode, rdev }, name) =>
        make(req, nodeid, name, (path) =>
          mknod === undefined
            ? mknodByCreate(req, path, mode)
            : mknod(path, mode, rdev, layer.context(req)),
        ),
    }),

    ...(mkdir && {
      mkdir: (req, nodeid, { mode }, name) =>
        make(req, nodeid, name, (path) => mkdir(path, mode & PERMISSIONS, layer.context(req))),
    }),

    ...(symlink && {
      symlink: (req, nodeid, name, target) =>
        make(req, nodeid, name, (path) => symlink(target, path, layer.context(req))),
    }),

    ...(unlink && {
      unlink(req, nodeid, name) {
        const parent = nodes.get(nodeid)
        const child = nodes.child(parent, name)
        if (child === undefined || !hides(layer, child)) {
          return remove(req, nodeid, name, (path) => unlink(path, layer.context(req)))
        }
        return locks.write(req, [parent], [child], () => hiding.hide(req, parent, name, child))
      },
    }),

    ...(rmdir && {
      rmdir: (req, nodeid, name) =>
        remove(req, nodeid, name, (path) => rmdir(path, layer.context(req))),
    }),

    ...(rename && {
      rename2(req, nodeid, { newdir, flags }, name, newname) {
        // Who does not know of flags would do something else.
        if (flags !== 0 && rename.length < 3) throw errno('EINVAL')
        const [parent, newparent] = [nodes.get(nodeid), nodes.get(newdir)]
        const touched = [nodes.child(parent, name), nodes.child(newparent, newname)]
        const writes = touched.filter((node) => node !== undefined)
        return locks.write(req, [parent, newparent], writes, () =>
          move(req, [parent, name], [newparent, newname], flags),
        )
      },
    }),

    ...((link ?? link_tmpfile) && {
      link(req, nodeid, { oldnodeid }, name) {
        const [node, parent] = [nodes.get(oldnodeid), nodes.get(nodeid)]
        const call = () =>
          then(linked(req, node, layer.pathIn(parent, name)), () =>
            look(req, parent, name, (stat) => {
              const attr = layer.attrOfNode(node, stat)
              nodes.link(node, parent, name)
              return layer.entry(node, attr)
            }),
          )
        // Holding one, it waits for nobody who waits for that: as one who has the file open.
        return locks.read(req, parent, false, () => locks.read(req, node, true, call))
      },
    }),
  }

  function linked(req: FuseRequest, node: PathNode, to: string): Answer<unknown> {
    const from = nodes.path(node)
    if (from !== null) {
      if (link === undefined) throw errno('EPERM')
      return link(from, to, layer.context(req))
    }
    const handle = layer.handles.of(node)
    if (link_tmpfile === undefined || handle === undefined) throw errno('ENOENT')
    return link_tmpfile(handle.value, to, layer.context(req, node))
  }
}
