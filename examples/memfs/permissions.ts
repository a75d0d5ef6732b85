import { ACL_DEFAULT, inheritAcl } from './acl.ts'
import type { Directory } from './directory.ts'
import { type Inode, type Owner, Symlink } from './inode.ts'
import { isDirectory, S_ISGID, S_ISUID, S_IXGRP } from './mode.ts'
import type { Space } from './space.ts'

/**
 * What Linux changes in modes by itself. Who may do what is not decided here: the kernel does that
 * from mode, owner and ACL (the mount option default_permissions).
 */

/**
 * What a new inode gets from its directory: the group, set-group-id, the ACL, or else the umask.
 * Throws ENOSPC.
 */
export function inherit(space: Space, child: Inode, parent: Directory, umask: number): void {
  const { attr } = child
  if ((parent.attr.mode & S_ISGID) !== 0) {
    attr.gid = parent.attr.gid
    if (isDirectory(attr.mode)) attr.mode |= S_ISGID
  }
  if (child instanceof Symlink) return
  const acl = parent.xattrs.get(ACL_DEFAULT)
  if (acl === undefined) attr.mode &= ~umask
  else inheritAcl(space, child, acl)
}

const CAPABILITIES = 'security.capability'

/** Somebody who may not set them writes to a file: it must not run with privileges any more. */
export function dropPrivileges(space: Space, inode: Inode): void {
  const { attr } = inode
  // Without group-execute set-group-id meant mandatory locking, and no privilege.
  const bits = (attr.mode & S_IXGRP) !== 0 ? S_ISUID | S_ISGID : S_ISUID
  attr.mode &= ~bits
  inode.dropXattr(space, CAPABILITIES)
}

/** The same for chown(2), which does it whoever calls; on directories the bits mean something else. */
export function dropPrivilegesOnChown(space: Space, inode: Inode, caller: Owner): void {
  const { attr } = inode
  if (isDirectory(attr.mode)) return
  dropPrivileges(space, inode)
  if (caller.uid !== 0 && caller.gid !== attr.gid) attr.mode &= ~S_ISGID
}
