import { errno } from '../errno.ts'
import type { LowLevelOps } from '../ops.ts'
import { then } from '../then.ts'
import type { PathLayer } from './layer.ts'

/** Handlers of extended attributes. */
export function xattrHandlers(layer: PathLayer): LowLevelOps {
  const { nodes } = layer
  const { setxattr, getxattr, listxattr, removexattr } = layer.ops
  return {
    ...(setxattr && {
      setxattr: (req, nodeid, { flags }, name, value) =>
        layer.onPath(req, nodeid, (path, ctx) =>
          then(setxattr(path, name, value, flags, ctx), () => {}),
        ),
    }),

    ...(getxattr && {
      getxattr(req, nodeid, _args, name) {
        // The kernel asks for security.capability before the first write, whether it has a name or not.
        if (nodes.path(nodes.get(nodeid)) === null) throw errno('ENODATA')
        return layer.onPath(req, nodeid, (path, ctx) => getxattr(path, name, ctx))
      },
    }),

    ...(listxattr && { listxattr: (req, nodeid) => layer.onPath(req, nodeid, listxattr) }),

    ...(removexattr && {
      removexattr: (req, nodeid, name) =>
        layer.onPath(req, nodeid, (path, ctx) => then(removexattr(path, name, ctx), () => {})),
    }),
  }
}
