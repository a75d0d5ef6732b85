import { errno } from '../../lib/index.ts'
import type { Inode } from './inode.ts'
import { isDirectory } from './mode.ts'
import type { Space } from './space.ts'

/**
 * POSIX ACLs as the kernel passes them in extended attributes: a version and entries of tag,
 * permissions and id, little-endian. The kernel checks access by them; what they and the mode have
 * in common is kept equal here, as Linux does in fs/posix_acl.c.
 */
export const ACL_ACCESS = 'system.posix_acl_access'
export const ACL_DEFAULT = 'system.posix_acl_default'
export const isAcl = (name: string): boolean => name === ACL_ACCESS || name === ACL_DEFAULT

interface AclEntry {
  readonly tag: number
  perm: number
  readonly id: number
}

const VERSION = 2
const HEADER = 4
const ENTRY = 8
const TAG = { USER_OBJ: 1, USER: 2, GROUP_OBJ: 4, GROUP: 8, MASK: 16, OTHER: 32 }
const KNOWN = new Set(Object.values(TAG))

/** Throws EINVAL for bytes that are no ACL. */
function parse(bytes: Uint8Array): AclEntry[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const count = (bytes.length - HEADER) / ENTRY
  if (!Number.isInteger(count) || count < 0) throw errno('EINVAL')
  if (view.getUint32(0, true) !== VERSION) throw errno('EOPNOTSUPP')
  const entries = Array.from({ length: count }, (_, i) => ({
    tag: view.getUint16(HEADER + i * ENTRY, true),
    perm: view.getUint16(HEADER + i * ENTRY + 2, true),
    id: view.getUint32(HEADER + i * ENTRY + 4, true),
  }))
  if (entries.some(({ tag, perm }) => !KNOWN.has(tag) || perm > 7)) throw errno('EINVAL')
  return entries
}

function encode(entries: readonly AclEntry[]): Uint8Array {
  const bytes = new Uint8Array(HEADER + entries.length * ENTRY)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, VERSION, true)
  entries.forEach(({ tag, perm, id }, i) => {
    view.setUint16(HEADER + i * ENTRY, tag, true)
    view.setUint16(HEADER + i * ENTRY + 2, perm, true)
    view.setUint32(HEADER + i * ENTRY + 4, id, true)
  })
  return bytes
}

/** The entries that the mode's three digits stand for; with a mask, that is the group's digit. */
function pillars(entries: readonly AclEntry[]): [user: AclEntry, group: AclEntry, other: AclEntry] {
  const find = (tag: number) => entries.find((entry) => entry.tag === tag)
  const user = find(TAG.USER_OBJ)
  const group = find(TAG.MASK) ?? find(TAG.GROUP_OBJ)
  const other = find(TAG.OTHER)
  if (user === undefined || group === undefined || other === undefined) throw errno('EINVAL')
  return [user, group, other]
}

function modeOf(entries: readonly AclEntry[]): number {
  const [user, group, other] = pillars(entries)
  return (user.perm << 6) | (group.perm << 3) | other.perm
}

/** Whether it says no more than a mode can. */
const isMinimal = (entries: readonly AclEntry[]): boolean => entries.length === 3

/**
 * Set an ACL. The access ACL changes the mode, and is that alone where it says no more.
 * Throws EINVAL, ENOSPC, EACCES for a default ACL on what is no directory.
 */
export function setAcl(space: Space, inode: Inode, name: string, value: Uint8Array): void {
  const { attr } = inode
  if (name === ACL_DEFAULT && !isDirectory(attr.mode)) throw errno('EACCES')
  const entries = parse(value)
  if (entries.length === 0) {
    inode.dropXattr(space, name)
    return
  }
  const mode = modeOf(entries)
  if (name === ACL_ACCESS && isMinimal(entries)) inode.dropXattr(space, name)
  else inode.setXattr(space, name, encode(entries))
  if (name === ACL_ACCESS) attr.mode = (attr.mode & ~0o777) | mode
}

/** After chmod(2): the access ACL follows the mode. */
export function chmodAcl(space: Space, inode: Inode): void {
  const acl = inode.xattrs.get(ACL_ACCESS)
  if (acl === undefined) return
  const entries = parse(acl)
  const [user, group, other] = pillars(entries)
  user.perm = (inode.attr.mode >> 6) & 7
  group.perm = (inode.attr.mode >> 3) & 7
  other.perm = inode.attr.mode & 7
  inode.dropXattr(space, ACL_ACCESS)
  inode.setXattr(space, ACL_ACCESS, encode(entries))
}

/**
 * The default ACL of the directory that a new inode is made in becomes its access ACL, and the
 * default ACL of a new directory. What the mode does not ask for, the ACL does not give.
 * Throws ENOSPC.
 */
export function inheritAcl(space: Space, inode: Inode, inherited: Uint8Array): void {
  const { attr } = inode
  const entries = parse(inherited)
  const [user, group, other] = pillars(entries)
  user.perm &= attr.mode >> 6
  group.perm &= attr.mode >> 3
  other.perm &= attr.mode
  attr.mode = (attr.mode & ~0o777) | modeOf(entries)
  if (isDirectory(attr.mode)) inode.setXattr(space, ACL_DEFAULT, inherited)
  if (!isMinimal(entries)) inode.setXattr(space, ACL_ACCESS, encode(entries))
}
