import * as c from './constants.ts'
import type { Encodable, Members, Struct } from './layout.ts'
import { nameBytes } from './names.ts'
import { OUT_HEADER_SIZE, OUT_PAYLOAD, writeOutHeader } from './reply.ts'
import * as s from './structs.ts'
import { HI, LayoutError, LO } from './words.ts'

/** Notifications: a daemon's messages to the kernel, `unique` 0 and the code where an error stands. */

/** The biggest message that the kernel takes for PRUNE is not bounded by it; ours is, to stay small. */
const MOST_NODEIDS = 4096

function message<M extends Members>(
  code: number,
  layout: Struct<M> | null,
  value: Encodable<M> | null,
  tail: Uint8Array = new Uint8Array(0),
): Buffer {
  const fixed = layout?.size ?? 0
  const length = OUT_HEADER_SIZE + fixed + tail.length
  const bytes = Buffer.alloc((length + 7) & ~7)
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2)
  writeOutHeader(words, length, code, 0, 0)
  if (layout !== null && value !== null) layout.encode(words, OUT_PAYLOAD, value)
  bytes.set(tail, OUT_HEADER_SIZE + fixed)
  return bytes.subarray(0, length)
}

function nameTail(name: string): { tail: Buffer; namelen: number } {
  const bytes = nameBytes(name)
  if (bytes.length === 0 || bytes.includes(0) || bytes.includes(0x2f)) {
    throw new LayoutError('name', "a name without '/' and NUL", name)
  }
  return { tail: Buffer.concat([bytes, Buffer.of(0)]), namelen: bytes.length }
}

export const notifyMessage = {
  poll: (kh: number): Buffer => message(c.FUSE_NOTIFY_POLL, s.fuse_notify_poll_wakeup_out, { kh }),

  invalInode: (ino: number, off: number, len: number): Buffer =>
    message(c.FUSE_NOTIFY_INVAL_INODE, s.fuse_notify_inval_inode_out, { ino, off, len }),

  invalEntry(parent: number, name: string, flags: number): Buffer {
    const { tail, namelen } = nameTail(name)
    const head = { parent, namelen, flags }
    return message(c.FUSE_NOTIFY_INVAL_ENTRY, s.fuse_notify_inval_entry_out, head, tail)
  },

  delete(parent: number, child: number, name: string): Buffer {
    const { tail, namelen } = nameTail(name)
    const head = { parent, child, namelen }
    return message(c.FUSE_NOTIFY_DELETE, s.fuse_notify_delete_out, head, tail)
  },

  store: (nodeid: number, offset: number, data: Uint8Array): Buffer =>
    message(
      c.FUSE_NOTIFY_STORE,
      s.fuse_notify_store_out,
      { nodeid, offset, size: data.length },
      data,
    ),

  retrieve: (notify_unique: number, nodeid: number, offset: number, size: number): Buffer =>
    message(c.FUSE_NOTIFY_RETRIEVE, s.fuse_notify_retrieve_out, {
      notify_unique,
      nodeid,
      offset,
      size,
    }),

  resend: (): Buffer => message(c.FUSE_NOTIFY_RESEND, null, null),

  incEpoch: (): Buffer => message(c.FUSE_NOTIFY_INC_EPOCH, null, null),

  prune(nodeids: readonly number[]): Buffer {
    if (nodeids.length === 0 || nodeids.length > MOST_NODEIDS) {
      throw new LayoutError('nodeids', `1 to ${MOST_NODEIDS} nodeids`, nodeids)
    }
    const tail = new Uint32Array(nodeids.length * 2)
    for (const [i, nodeid] of nodeids.entries()) {
      if (!Number.isSafeInteger(nodeid) || nodeid < 1) {
        throw new LayoutError(`nodeids[${i}]`, 'an integer from 1 to 2^53-1', nodeid)
      }
      tail[2 * i + LO] = nodeid % 2 ** 32
      tail[2 * i + HI] = nodeid / 2 ** 32
    }
    const head = { count: nodeids.length }
    return message(c.FUSE_NOTIFY_PRUNE, s.fuse_notify_prune_out, head, new Uint8Array(tail.buffer))
  },
} as const
