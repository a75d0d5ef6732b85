import { constants } from 'node:os'
import { errno, type LowLevelOps } from '../../lib/index.ts'
import {
  AT_EMPTY_PATH,
  AT_REMOVEDIR,
  AT_SYMLINK_FOLLOW,
  posix,
  RENAME_EXCHANGE,
} from '../../lib/posix.ts'
import type { Answers } from './answers.ts'
import type { Credentials } from './credentials.ts'
import type { Inodes } from './inodes.ts'
import type { Node } from './node.ts'
import { check } from './system.ts'

/** PATH_MAX. */
const TARGET_MOST = 4096
const { ENOENT } = constants.errno

/** Handlers that find, make, move and remove names. */
export function nameHandlers(inodes: Inodes, answers: Answers, credentials: Credentials) {
  const target = Buffer.alloc(TARGET_MOST)

  /** What was made just now. Throws ENOENT where somebody was faster and took it away. */
  function made(parent: Node, name: string) {
    const node = inodes.take(parent, name)
    if (node === null) throw errno('ENOENT')
    return answers.entry(node)
  }

  /** linkat(2) of an inode whatever its name is. */
  function link(node: Node, parent: Node, name: string): number {
    const dirfd = inodes.fd(parent)
    const fd = inodes.fd(node)
    const result = posix.linkat(fd, '', dirfd, name, AT_EMPTY_PATH)
    // Without CAP_DAC_READ_SEARCH it is not to be had that way.
    if (result !== -ENOENT) return result
    return posix.linkat(inodes.lower.descriptors, String(fd), dirfd, name, AT_SYMLINK_FOLLOW)
  }

  return {
    lookup(_req, nodeid, name) {
      const node = inodes.find(inodes.get(nodeid), name)
      return node === null ? answers.negative : answers.entry(node)
    },

    forget(_req, nodeid, { nlookup }) {
      inodes.forget(nodeid, nlookup)
    },

    mknod(req, nodeid, { mode, rdev, umask }, name) {
      const parent = inodes.get(nodeid)
      const dirfd = inodes.fd(parent)
      check(credentials.making(req, umask, () => posix.mknodat(dirfd, name, mode, rdev)))
      return made(parent, name)
    },

    mkdir(req, nodeid, { mode, umask }, name) {
      const parent = inodes.get(nodeid)
      const dirfd = inodes.fd(parent)
      check(credentials.making(req, umask, () => posix.mkdirat(dirfd, name, mode)))
      return made(parent, name)
    },

    symlink(req, nodeid, name, to) {
      const parent = inodes.get(nodeid)
      const dirfd = inodes.fd(parent)
      check(credentials.as(req, () => posix.symlinkat(to, dirfd, name)))
      return made(parent, name)
    },

    link(_req, nodeid, { oldnodeid }, name) {
      const node = inodes.get(oldnodeid)
      const parent = inodes.get(nodeid)
      check(link(node, parent, name))
      inodes.moved(parent, name)
      check(inodes.lower.stat.of(inodes.fd(node)))
      return answers.entry(node)
    },

    readlink(_req, nodeid) {
      const length = check(posix.readlinkat(inodes.fd(inodes.get(nodeid)), '', target))
      return target.subarray(0, length)
    },

    unlink(_req, nodeid, name) {
      const parent = inodes.get(nodeid)
      inodes.keep(parent, name)
      check(posix.unlinkat(inodes.fd(parent), name, 0))
    },

    rmdir(_req, nodeid, name) {
      const parent = inodes.get(nodeid)
      inodes.keep(parent, name)
      check(posix.unlinkat(inodes.fd(parent), name, AT_REMOVEDIR))
    },

    rename2(_req, nodeid, { newdir, flags }, name, newname) {
      const from = inodes.get(nodeid)
      const to = inodes.get(newdir)
      inodes.keep(to, newname)
      check(posix.renameat2(inodes.fd(from), name, inodes.fd(to), newname, flags))
      inodes.moved(to, newname)
      if ((flags & RENAME_EXCHANGE) !== 0) inodes.moved(from, name)
    },
  } satisfies LowLevelOps
}
