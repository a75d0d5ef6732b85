import { errno } from '../../lib/index.ts'
import { isAcl, setAcl } from './acl.ts'
import type { Inode } from './inode.ts'
import type { Space } from './space.ts'

const XATTR_CREATE = 1
const XATTR_REPLACE = 2
/** Bytes of names, with their NULs, that Linux lists at most (XATTR_LIST_MAX), less the two ACLs. */
const LIST_MOST = 65_536 - 64

const TRUSTED = 'trusted.'
const NAMESPACES = ['user.', 'security.', TRUSTED]

/** Throws EOPNOTSUPP for a namespace that is not kept. Who may use one, the kernel has checked. */
function checkNamespace(name: string): void {
  if (!isAcl(name) && !NAMESPACES.some((prefix) => name.startsWith(prefix)))
    throw errno('EOPNOTSUPP')
}

const listLength = (xattrs: ReadonlyMap<string, Uint8Array>): number =>
  [...xattrs.keys()].reduce((sum, name) => sum + Buffer.byteLength(name) + 1, 0)

/** Throws EEXIST, ENODATA, ENOSPC. */
export function setXattr(
  space: Space,
  inode: Inode,
  name: string,
  value: Uint8Array,
  flags: number,
): void {
  checkNamespace(name)
  if (isAcl(name)) {
    setAcl(space, inode, name, value)
    return
  }
  const { xattrs } = inode
  const there = xattrs.has(name)
  if (there && (flags & XATTR_CREATE) !== 0) throw errno('EEXIST')
  if (!there && (flags & XATTR_REPLACE) !== 0) throw errno('ENODATA')
  if (!there && listLength(xattrs) + Buffer.byteLength(name) >= LIST_MOST) throw errno('ENOSPC')
  // A copy: `value` is a view of the message.
  inode.setXattr(space, name, new Uint8Array(value))
}

/** Null where there is none. */
export function getXattr(inode: Inode, name: string): Uint8Array | null {
  const value = inode.xattrs.get(name)
  if (value !== undefined) return value
  checkNamespace(name)
  return null
}

/** `trusted.` is only shown to root. */
export function listXattrs(inode: Inode, uid: number): string[] {
  const names = [...inode.xattrs.keys()]
  return uid === 0 ? names : names.filter((name) => !name.startsWith(TRUSTED))
}

/** Throws ENODATA; an ACL that is not there is what the mode says, and may be removed. */
export function removeXattr(space: Space, inode: Inode, name: string): void {
  if (!isAcl(name) && getXattr(inode, name) === null) throw errno('ENODATA')
  inode.dropXattr(space, name)
}
