import { FUSE_EXT_GROUPS, FUSE_MAX_NR_SECCTX } from './constants.ts'
import { ProtocolError } from './error.ts'
import { decodeName } from './names.ts'

/** A security label that a new inode is to have (FUSE_SECURITY_CTX). */
export interface SecurityContext {
  /** The extended attribute: `security.selinux`. */
  readonly name: string
  /** A copy. */
  readonly value: Uint8Array
}

/** What may stand at the end of CREATE, MKDIR, MKNOD, SYMLINK and TMPFILE. */
export interface Extensions {
  readonly contexts: readonly SecurityContext[]
  /** FUSE_CREATE_SUPP_GROUP: the caller's group that matches the parent's gid, if it is one. */
  readonly groups: readonly number[]
}

export const NO_EXTENSIONS: Extensions = { contexts: [], groups: [] }

const align8 = (n: number): number => (n + 7) & ~7

/** Read the extension area `bytes[start, end)`. Throws ProtocolError where a record leaves it. */
export function parseExtensions(bytes: Buffer, start: number, end: number): Extensions {
  const contexts: SecurityContext[] = []
  const groups: number[] = []
  for (let at = start; at + 8 <= end; ) {
    const view = new DataView(bytes.buffer, bytes.byteOffset + at, end - at)
    const size = view.getUint32(0, LITTLE)
    const type = view.getUint32(4, LITTLE)
    if (size < 8 || size > end - at) {
      throw new ProtocolError(`expected an extension of 8 to ${end - at} bytes, got ${size}`)
    }
    if (type <= FUSE_MAX_NR_SECCTX) parseContexts(bytes, at + 8, at + size, type, contexts)
    else if (type === FUSE_EXT_GROUPS) parseGroups(view, size, groups)
    // An unknown type is skipped: its size says how far.
    at += align8(size)
  }
  return { contexts, groups }
}

const LITTLE = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1

function parseContexts(
  bytes: Buffer,
  start: number,
  end: number,
  count: number,
  into: SecurityContext[],
): void {
  let at = start
  for (let i = 0; i < count; i++) {
    if (at + 8 > end) throw new ProtocolError(`expected ${count} security contexts, got ${i}`)
    const size = new DataView(bytes.buffer, bytes.byteOffset + at, 4).getUint32(0, LITTLE)
    const nul = bytes.indexOf(0, at + 8)
    if (nul < 0 || nul + 1 + size > end) {
      throw new ProtocolError(`a security context of ${size} bytes leaves its ${end - start} bytes`)
    }
    into.push({
      name: decodeName(bytes, at + 8, nul),
      value: Uint8Array.prototype.slice.call(bytes, nul + 1, nul + 1 + size),
    })
    at = start + align8(nul + 1 + size - start)
  }
}

function parseGroups(view: DataView, size: number, into: number[]): void {
  const count = size >= 12 ? view.getUint32(8, LITTLE) : 0
  if (size < 12 || 12 + count * 4 > size) {
    throw new ProtocolError(`expected ${count} groups, the record has ${size} bytes`)
  }
  for (let i = 0; i < count; i++) into.push(view.getUint32(12 + i * 4, LITTLE))
}
