import {
  FUSE_GETATTR_FH,
  type FuseRequest,
  type fuse_getattr_in,
  type LowLevelOps,
} from '../../lib/index.ts'
import { AT_EACCESS, AT_EMPTY_PATH, posix } from '../../lib/posix.ts'
import type { Answers } from './answers.ts'
import type { Credentials } from './credentials.ts'
import type { Inodes } from './inodes.ts'
import type { Node } from './node.ts'
import { setAttributes } from './setattr.ts'
import { StatFs } from './statfs.ts'
import { check } from './system.ts'

type Asked = Pick<fuse_getattr_in, 'getattr_flags' | 'fh'>

/** Handlers about what stat(2) and statfs(2) show. */
export function attributeHandlers(inodes: Inodes, answers: Answers, credentials: Credentials) {
  const { stat } = inodes.lower
  const statfs = new StatFs()

  /** A file that is open is there, whatever has become of its inode. */
  function descriptor(node: Node, { getattr_flags, fh }: Asked): number {
    return node.fd < 0 && (getattr_flags & FUSE_GETATTR_FH) !== 0 ? fh : inodes.fd(node)
  }

  return {
    getattr(_req, nodeid, args) {
      const node = inodes.get(nodeid)
      check(stat.of(descriptor(node, args)))
      return answers.attr(node)
    },

    statx(_req, nodeid, args) {
      const node = inodes.get(nodeid)
      check(stat.whole(descriptor(node, args)))
      return answers.statx(node)
    },

    setattr(req, nodeid, args) {
      const node = inodes.get(nodeid)
      setAttributes(inodes, credentials, node, args, req)
      check(stat.of(inodes.fd(node)))
      return answers.attr(node)
    },

    // Asked where the kernel does not check modes itself. Then only we ourselves get in.
    access(req: FuseRequest, nodeid, { mask }) {
      const fd = inodes.fd(inodes.get(nodeid))
      check(credentials.as(req, () => posix.faccessat2(fd, '', mask, AT_EMPTY_PATH | AT_EACCESS)))
    },

    statfs: (_req, nodeid) => ({ st: statfs.of(inodes.fd(inodes.get(nodeid))) }),
  } satisfies LowLevelOps
}
