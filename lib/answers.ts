import { constants } from 'node:os'
import { forMinor } from '../protocol/compat.ts'
import { FUSE_IOCTL_MAX_IOV, FUSE_IOCTL_RETRY } from '../protocol/constants.ts'
import { DirentPlusWriter, DirentWriter, readDirents } from '../protocol/dirent.ts'
import type { InferIn, Members, Struct } from '../protocol/layout.ts'
import { nameBytes } from '../protocol/names.ts'
import { type Bytes, bytesLength, OUT_HEADER_SIZE, OUT_PAYLOAD } from '../protocol/reply.ts'
import * as s from '../protocol/structs.ts'
import { LayoutError } from '../protocol/words.ts'
import { FdRange } from './fd_range.ts'
import type {
  CreateOut,
  EntryOut,
  IoctlReply,
  IoctlRetry,
  OpendirOut,
  OpenOut,
  ReadAnswer,
} from './ops.ts'

/** Where a reply is put together: the payload goes behind the header, or into `rest`. */
export interface Outgoing {
  readonly bytes: Buffer
  readonly words: Uint32Array
  /** Bytes before the rest. */
  head: number
  /** Sent behind what stands in `bytes`, not copied. */
  rest: readonly Uint8Array[] | FdRange | undefined
}

/** What the reply took hold of in the file system, to be undone where it is not delivered. */
export interface Undo {
  /** Each counted as one lookup. */
  lookup(nodeid: number): void
  release(nodeid: number, fh: number): void
}

/** How a value becomes a payload. */
export interface AnswerKind<V> {
  /**
   * Put the payload into `out`; returns its bytes, the rest included, or -errno where that is the
   * answer (throwing it would cost as much as the rest of a lookup). Throws LayoutError.
   */
  encode(out: Outgoing, value: V, args: unknown): number
  /** The same for an older minor. */
  forMinor?(minor: number): AnswerKind<V>
  /** Name what the value took. Must bear any value: it is also asked about garbage. */
  undo?(value: V, nodeid: number, undo: Undo): void
}

/** Up to here a payload is copied behind the header: one write is cheaper than a writev of two. */
const COPY_MOST = 4096
/** IOV_MAX (1024), less the head: what one writev takes. */
const MOST_PIECES = 1023

const { ENODATA, ENOENT, ERANGE } = constants.errno
/** Linux's XATTR_SIZE_MAX, and PATH_MAX without its NUL. */
const XATTR_MOST = 65_536
const LINK_MOST = 4095

function putBytes(out: Outgoing, value: Bytes, most: number, where: string, at = 0): number {
  const length = bytesLength(value, most, where)
  out.head = OUT_HEADER_SIZE + at
  if (value instanceof Uint8Array) {
    if (length <= COPY_MOST) out.bytes.set(value, OUT_HEADER_SIZE + at)
    else out.rest = [value]
  } else if (length <= COPY_MOST) {
    let to = OUT_HEADER_SIZE + at
    for (const piece of value) {
      out.bytes.set(piece, to)
      to += piece.length
    }
  } else out.rest = value.length <= MOST_PIECES ? value : [Buffer.concat(value)]
  return at + length
}

function structOf<M extends Members>(layout: Struct<M>): AnswerKind<InferIn<Struct<M>>> {
  const { size } = layout
  let encoder: typeof layout.encoder | undefined
  return {
    encode(out, value) {
      if (typeof value !== 'object' || value === null) {
        throw new LayoutError(layout.name, 'an object', value)
      }
      encoder ??= layout.encoder
      encoder(out.words, OUT_PAYLOAD, value)
      return size
    },
    forMinor: (minor) => structOf(forMinor(layout, minor)),
  }
}

/** Nothing behind the header; whatever the handler returned. */
const empty: AnswerKind<void> = { encode: () => 0 }

/** Never answered. */
const none: AnswerKind<void> = { encode: () => 0 }

const isNodeid = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) > 0

function undoEntry(value: EntryOut | null | undefined, undo: Undo): void {
  if (isNodeid(value?.nodeid)) undo.lookup(value.nodeid)
}

function entryOf(layout: typeof s.fuse_entry_out): AnswerKind<EntryOut> {
  return {
    ...structOf(layout),
    forMinor: (minor) => entryOf(forMinor(layout, minor)),
    undo: (value, _nodeid, undo) => undoEntry(value, undo),
  }
}
const entry = entryOf(s.fuse_entry_out)

function lookupOf(kind: AnswerKind<EntryOut>): AnswerKind<EntryOut | null> {
  return {
    encode(out, value, args) {
      if (value === null || value === undefined) return -ENOENT
      return kind.encode(out, value, args)
    },
    forMinor: (minor) => lookupOf(kind.forMinor?.(minor) ?? kind),
    undo: (value, _nodeid, undo) => undoEntry(value, undo),
  }
}

const open: AnswerKind<OpenOut> = {
  // Without forMinor: no minor changed it.
  encode: structOf(s.fuse_open_out).encode,
  undo(value, nodeid, undo) {
    if (typeof value !== 'object' || value === null) return
    const { fh = 0 } = value
    // What is no handle must not release another one.
    if (Number.isSafeInteger(fh) && fh >= 0) undo.release(nodeid, fh)
  },
}

function createOf(layout: typeof s.fuse_entry_out): AnswerKind<CreateOut> {
  return {
    encode(out, value) {
      if (typeof value?.entry !== 'object' || typeof value.open !== 'object') {
        throw new LayoutError('create', 'an object with members entry, open', value)
      }
      layout.encode(out.words, OUT_PAYLOAD, value.entry)
      s.fuse_open_out.encode(out.words, OUT_PAYLOAD + (layout.size >> 2), value.open)
      return layout.size + s.fuse_open_out.size
    },
    forMinor: (minor) => createOf(forMinor(layout, minor)),
    undo(value, _nodeid, undo) {
      if (!isNodeid(value?.entry?.nodeid)) return
      open.undo?.(value.open, value.entry.nodeid, undo)
      undo.lookup(value.entry.nodeid)
    },
  }
}

const sizeOf = (args: unknown): number => (args as { readonly size: number }).size

const data: AnswerKind<ReadAnswer> = {
  encode: (out, value, args) =>
    value instanceof FdRange
      ? putRange(out, value, sizeOf(args))
      : putBytes(out, value, sizeOf(args), 'read'),
}

function putRange(out: Outgoing, range: FdRange, most: number): number {
  if (range.length > most) {
    throw new LayoutError('read', `a range of at most ${most} bytes`, range.length)
  }
  out.head = OUT_HEADER_SIZE
  // Nothing of it is nothing, whatever the descriptor is.
  if (range.length > 0) out.rest = range
  return range.length
}

const write: AnswerKind<InferIn<typeof s.fuse_write_out>> = {
  encode(out, value, args) {
    const length = written.encode(out, value, args)
    // The caller gets EIO for more than it asked; say who was wrong.
    if (value.size > sizeOf(args)) {
      throw new LayoutError('write', `a size of at most ${sizeOf(args)}`, value.size)
    }
    return length
  },
}
const written = structOf(s.fuse_write_out)

const readlink: AnswerKind<string | Uint8Array> = {
  encode(out, value) {
    const bytes = typeof value === 'string' ? nameBytes(value) : value
    const length = putBytes(out, bytes, LINK_MOST, 'readlink')
    if (length === 0) throw new LayoutError('readlink', 'at least one byte', value)
    return length
  },
}

/** The whole value; the size alone where the caller asks for it, ERANGE where it does not fit. */
function putSized(out: Outgoing, bytes: Uint8Array, args: unknown, where: string): number {
  const size = sizeOf(args)
  const length = bytesLength(bytes, XATTR_MOST, where)
  if (size === 0) {
    s.fuse_getxattr_out.encode(out.words, OUT_PAYLOAD, { size: length })
    return s.fuse_getxattr_out.size
  }
  if (length > size) return -ERANGE
  return putBytes(out, bytes, size, where)
}

const getxattr: AnswerKind<Uint8Array | null> = {
  encode: (out, value, args) =>
    value === null ? -ENODATA : putSized(out, value, args, 'getxattr'),
}

const listxattr: AnswerKind<readonly string[] | Uint8Array> = {
  encode(out, value, args) {
    const bytes = Array.isArray(value)
      ? Buffer.concat(value.flatMap((name: string) => [nameBytes(name), Buffer.of(0)]))
      : (value as Uint8Array)
    return putSized(out, bytes, args, 'listxattr')
  },
}

const readdir: AnswerKind<DirentWriter | Uint8Array> = {
  encode(out, value, args) {
    const bytes = value instanceof DirentWriter ? value.bytes : value
    return putBytes(out, bytes as Uint8Array, sizeOf(args), 'readdir')
  },
}

const readdirplus: AnswerKind<DirentPlusWriter | Uint8Array> = {
  encode(out, value, args) {
    const bytes = value instanceof DirentPlusWriter ? value.bytes : value
    return putBytes(out, bytes as Uint8Array, sizeOf(args), 'readdirplus')
  },
  undo(value, _nodeid, undo) {
    const bytes = value instanceof DirentPlusWriter ? value.bytes : value
    if (!(bytes instanceof Uint8Array)) return
    for (const { name, nodeid } of readDirents(bytes, true)) {
      const dots = name.equals(DOT) || name.equals(DOT_DOT)
      if (!dots && isNodeid(nodeid)) undo.lookup(nodeid)
    }
  },
}
const DOT = Buffer.from('.')
const DOT_DOT = Buffer.from('..')

const ioctl: AnswerKind<IoctlReply> = {
  encode(out, value, args) {
    if (typeof value !== 'object' || value === null) {
      throw new LayoutError('ioctl', 'an object with result, or retry', value)
    }
    const head = s.fuse_ioctl_out.size
    if ('retry' in value) return head + putRetry(out, value.retry)
    s.fuse_ioctl_out.encode(out.words, OUT_PAYLOAD, { result: value.result })
    const most = (args as s.fuse_ioctl_in).out_size
    return value.data === undefined ? head : putBytes(out, value.data, most, 'ioctl data', head)
  },
}

function putRetry(out: Outgoing, retry: IoctlRetry['retry']): number {
  const iovecs = [...retry.in, ...retry.out]
  if (iovecs.length > FUSE_IOCTL_MAX_IOV) {
    throw new LayoutError('ioctl retry', `at most ${FUSE_IOCTL_MAX_IOV} ranges`, iovecs)
  }
  s.fuse_ioctl_out.encode(out.words, OUT_PAYLOAD, {
    result: 0,
    flags: FUSE_IOCTL_RETRY,
    in_iovs: retry.in.length,
    out_iovs: retry.out.length,
  })
  let at = OUT_PAYLOAD + (s.fuse_ioctl_out.size >> 2)
  for (const iovec of iovecs) {
    s.fuse_ioctl_iovec.encode(out.words, at, iovec)
    at += s.fuse_ioctl_iovec.size >> 2
  }
  return iovecs.length * s.fuse_ioctl_iovec.size
}

/** The kinds of answer that the rows of `fuse_ll_ops` name. */
export const answer = {
  none,
  empty,
  entry,
  lookup: lookupOf(entry),
  attr: structOf(s.fuse_attr_out),
  open,
  opendir: open as AnswerKind<OpendirOut>,
  create: createOf(s.fuse_entry_out),
  data,
  write,
  written,
  readlink,
  getxattr,
  listxattr,
  readdir,
  readdirplus,
  ioctl,
  statfs: structOf(s.fuse_statfs_out),
  statx: structOf(s.fuse_statx_out),
  lk: structOf(s.fuse_lk_out),
  bmap: structOf(s.fuse_bmap_out),
  poll: structOf(s.fuse_poll_out),
  lseek: structOf(s.fuse_lseek_out),
  copy: structOf(s.fuse_copy_file_range_out),
} as const
