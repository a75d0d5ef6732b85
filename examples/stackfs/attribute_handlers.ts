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
import { setAttributes } from './setattr.ts'
import { StatFs } from './statfs.ts'
import { check } from './system.ts'

/** Handlers about what stat(2) and statfs(2) show. */
export function attributeHandlers(inodes: Inodes, answers: Answers, credentials: Credentials) {
  const { stat } = inodes.lower
  const statfs = new StatFs()

  /** A file that is open is there, whatever has become of its inode. */
  function descriptor(
    nodeid: number,
    { getattr_flags, fh }: Pick<fuse_getattr_in, 'getattr_flags' | 'fh'>,
  ): number {
    const node = inodes.get(nodeid)
    return node.fd < 0 && (getattr_flags & FUSE_GETATTR_FH) !== 0 ? fh : inodes.fd(node)
  }

  return {
    getattr(_req, nodeid, args) {
      check(stat.of(descriptor(nodeid, args)))
      return answers.attr()
    },

    statx(_req, nodeid, args) {
      check(stat.whole(descriptor(nodeid, args)))
      return answers.statx()
    },

    setattr(req, nodeid, args) {
      const node = inodes.get(nodeid)
      setAttributes(inodes, credentials, node, args, req)
      check(stat.of(inodes.fd(node)))
      return answers.attr()
    },

    // Asked where the kernel does not check modes itself. Then only we ourselves get in.
    access(req: FuseRequest, nodeid, { mask }) {
      const fd = inodes.fd(inodes.get(nodeid))
      check(credentials.as(req, () => posix.faccessat2(fd, '', mask, AT_EMPTY_PATH | AT_EACCESS)))
    },

    statfs: (_req, nodeid) => ({ st: statfs.of(inodes.fd(inodes.get(nodeid))) }),
  } satisfies LowLevelOps
}
