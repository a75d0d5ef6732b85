import * as c from '../protocol/constants.ts'
import { ProtocolError } from '../protocol/error.ts'
import type { Infer, Members, NodeId, Struct } from '../protocol/layout.ts'
import {
  IN_HEADER_SIZE,
  type MessageView,
  nameEnd,
  shortStruct,
  takeName,
  takePayload,
  takeStruct,
} from '../protocol/request.ts'
import * as s from '../protocol/structs.ts'
import { type AnswerKind, answer } from './answers.ts'
import type { FuseRequest } from './context.ts'
import type { LowLevelOps, OperationName } from './ops.ts'

/**
 * The table: one row an opcode, as libfuse's `fuse_ll_ops[]`. A row says what lies in the request
 * and how the method's value is answered; dispatch, traces, ENOSYS and statistics follow from it.
 */

/** How payload behind struct and names is measured: by a member of the struct, or in records. */
type Payload = 'size' | 'in_size' | Struct<Members> | null

type AnyIn = Struct<Members> | null
type Names = 0 | 1 | 2

interface Spec<In, N, P, V> {
  /** The struct behind the header. */
  readonly in: In
  /** Names behind it, each ending with NUL. */
  readonly names: N
  /** What follows. */
  readonly data: P
  readonly out: AnswerKind<V>
}

/** A row with its types forgotten: what the session works with. */
export interface Row extends Spec<AnyIn, Names, Payload, unknown> {
  readonly name: OperationName
}

type StructArg<In> = In extends Struct<infer M> ? [args: Infer<Struct<M>>] : []
type NameArgs<N> = N extends 1 ? [name: string] : N extends 2 ? [name: string, name2: string] : []
type PayloadArg<P> =
  P extends Struct<infer M>
    ? [records: readonly Infer<Struct<M>>[]]
    : P extends string
      ? [data: Uint8Array]
      : []

/** What the method takes if it takes exactly what is on the wire, in that order. */
type WireArgs<In, N, P> = [
  req: FuseRequest,
  nodeid: NodeId,
  ...StructArg<In>,
  ...NameArgs<N>,
  ...PayloadArg<P>,
]

type Method<K extends OperationName> = NonNullable<LowLevelOps[K]>
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false
type Fits<K extends OperationName, In, N, P, V> =
  Same<Parameters<Method<K>>, WireArgs<In, N, P>> extends true
    ? Same<Awaited<ReturnType<Method<K>>>, V> extends true
      ? []
      : [`${K} does not return what its row answers`]
    : [`${K} does not take exactly what its row says is on the wire`]

function row<
  K extends OperationName,
  const In extends AnyIn,
  const N extends Names,
  V,
  const P extends Payload = null,
>(
  name: K,
  spec: { in: In; names: N; data?: P; out: AnswerKind<V> },
  ..._fits: Fits<K, In, N, P, V>
): Row {
  return { data: null, ...spec, name, out: spec.out as AnswerKind<unknown> }
}

const { empty } = answer

export const fuse_ll_ops: Readonly<Record<number, Row>> = {
  [c.FUSE_LOOKUP]: row('lookup', { in: null, names: 1, out: answer.lookup }),
  [c.FUSE_FORGET]: row('forget', { in: s.fuse_forget_in, names: 0, out: answer.none }),
  [c.FUSE_GETATTR]: row('getattr', { in: s.fuse_getattr_in, names: 0, out: answer.attr }),
  [c.FUSE_SETATTR]: row('setattr', { in: s.fuse_setattr_in, names: 0, out: answer.attr }),
  [c.FUSE_READLINK]: row('readlink', { in: null, names: 0, out: answer.readlink }),
  [c.FUSE_SYMLINK]: row('symlink', { in: null, names: 2, out: answer.entry }),
  [c.FUSE_MKNOD]: row('mknod', { in: s.fuse_mknod_in, names: 1, out: answer.entry }),
  [c.FUSE_MKDIR]: row('mkdir', { in: s.fuse_mkdir_in, names: 1, out: answer.entry }),
  [c.FUSE_UNLINK]: row('unlink', { in: null, names: 1, out: empty }),
  [c.FUSE_RMDIR]: row('rmdir', { in: null, names: 1, out: empty }),
  [c.FUSE_RENAME]: row('rename', { in: s.fuse_rename_in, names: 2, out: empty }),
  [c.FUSE_LINK]: row('link', { in: s.fuse_link_in, names: 1, out: answer.entry }),
  [c.FUSE_OPEN]: row('open', { in: s.fuse_open_in, names: 0, out: answer.open }),
  [c.FUSE_READ]: row('read', { in: s.fuse_read_in, names: 0, out: answer.data }),
  [c.FUSE_WRITE]: row('write', { in: s.fuse_write_in, names: 0, data: 'size', out: answer.write }),
  [c.FUSE_STATFS]: row('statfs', { in: null, names: 0, out: answer.statfs }),
  [c.FUSE_RELEASE]: row('release', { in: s.fuse_release_in, names: 0, out: empty }),
  [c.FUSE_FSYNC]: row('fsync', { in: s.fuse_fsync_in, names: 0, out: empty }),
  [c.FUSE_SETXATTR]: row('setxattr', {
    in: s.fuse_setxattr_in,
    names: 1,
    data: 'size',
    out: empty,
  }),
  [c.FUSE_GETXATTR]: row('getxattr', { in: s.fuse_getxattr_in, names: 1, out: answer.getxattr }),
  [c.FUSE_LISTXATTR]: row('listxattr', { in: s.fuse_getxattr_in, names: 0, out: answer.listxattr }),
  [c.FUSE_REMOVEXATTR]: row('removexattr', { in: null, names: 1, out: empty }),
  [c.FUSE_FLUSH]: row('flush', { in: s.fuse_flush_in, names: 0, out: empty }),
  [c.FUSE_OPENDIR]: row('opendir', { in: s.fuse_open_in, names: 0, out: answer.opendir }),
  [c.FUSE_READDIR]: row('readdir', { in: s.fuse_readdir_in, names: 0, out: answer.readdir }),
  [c.FUSE_RELEASEDIR]: row('releasedir', { in: s.fuse_release_in, names: 0, out: empty }),
  [c.FUSE_FSYNCDIR]: row('fsyncdir', { in: s.fuse_fsync_in, names: 0, out: empty }),
  [c.FUSE_GETLK]: row('getlk', { in: s.fuse_lk_in, names: 0, out: answer.lk }),
  [c.FUSE_SETLK]: row('setlk', { in: s.fuse_lk_in, names: 0, out: empty }),
  [c.FUSE_SETLKW]: row('setlkw', { in: s.fuse_lk_in, names: 0, out: empty }),
  [c.FUSE_ACCESS]: row('access', { in: s.fuse_access_in, names: 0, out: empty }),
  [c.FUSE_CREATE]: row('create', { in: s.fuse_create_in, names: 1, out: answer.create }),
  [c.FUSE_BMAP]: row('bmap', { in: s.fuse_bmap_in, names: 0, out: answer.bmap }),
  [c.FUSE_IOCTL]: row('ioctl', {
    in: s.fuse_ioctl_in,
    names: 0,
    data: 'in_size',
    out: answer.ioctl,
  }),
  [c.FUSE_POLL]: row('poll', { in: s.fuse_poll_in, names: 0, out: answer.poll }),
  [c.FUSE_BATCH_FORGET]: row('batch_forget', {
    in: s.fuse_batch_forget_in,
    names: 0,
    data: s.fuse_forget_one,
    out: answer.none,
  }),
  [c.FUSE_FALLOCATE]: row('fallocate', { in: s.fuse_fallocate_in, names: 0, out: empty }),
  [c.FUSE_READDIRPLUS]: row('readdirplus', {
    in: s.fuse_readdir_in,
    names: 0,
    out: answer.readdirplus,
  }),
  [c.FUSE_RENAME2]: row('rename2', { in: s.fuse_rename2_in, names: 2, out: empty }),
  [c.FUSE_LSEEK]: row('lseek', { in: s.fuse_lseek_in, names: 0, out: answer.lseek }),
  [c.FUSE_COPY_FILE_RANGE]: row('copy_file_range', {
    in: s.fuse_copy_file_range_in,
    names: 0,
    out: answer.written,
  }),
  [c.FUSE_SETUPMAPPING]: row('setupmapping', {
    in: s.fuse_setupmapping_in,
    names: 0,
    out: empty,
  }),
  [c.FUSE_REMOVEMAPPING]: row('removemapping', {
    in: s.fuse_removemapping_in,
    names: 0,
    data: s.fuse_removemapping_one,
    out: empty,
  }),
  [c.FUSE_SYNCFS]: row('syncfs', { in: s.fuse_syncfs_in, names: 0, out: empty }),
  [c.FUSE_TMPFILE]: row('tmpfile', { in: s.fuse_create_in, names: 1, out: answer.create }),
  [c.FUSE_STATX]: row('statx', { in: s.fuse_statx_in, names: 0, out: answer.statx }),
  [c.FUSE_COPY_FILE_RANGE_64]: row('copy_file_range_64', {
    in: s.fuse_copy_file_range_in,
    names: 0,
    out: answer.copy,
  }),
}

/** What the session itself handles, without a method. */
const WITHOUT_ROW: Readonly<Record<number, string>> = {
  [c.FUSE_INIT]: 'init',
  [c.FUSE_INTERRUPT]: 'interrupt',
  [c.FUSE_DESTROY]: 'destroy',
  [c.FUSE_NOTIFY_REPLY]: 'notify_reply',
}

/** An opcode's name for people: `lookup`. */
export const operationName = (opcode: number): string =>
  fuse_ll_ops[opcode]?.name ?? WITHOUT_ROW[opcode] ?? `opcode ${opcode}`

/** A method of the user's with its `this`, its types forgotten. */
export type Handler = (req: FuseRequest, nodeid: number, ...rest: unknown[]) => unknown

/** Reads a request's arguments and calls the handler with them. Throws ProtocolError, EOVERFLOW. */
export type Invoke = (
  handler: Handler,
  ops: LowLevelOps,
  req: FuseRequest,
  message: MessageView,
  end: number,
) => unknown

const NOTHING = Object.freeze({})

function payloadSize(args: unknown, member: 'size' | 'in_size'): number {
  return (args as Readonly<Record<string, number>>)[member] ?? 0
}

/** `count` records behind the struct. */
function takeRecords(
  layout: Struct<Members>,
  message: MessageView,
  at: number,
  end: number,
  args: unknown,
): unknown[] {
  const { count } = args as { readonly count: number }
  if (count * layout.size > end - at) {
    throw new ProtocolError(
      `expected ${count} of ${layout.name} (${layout.size} bytes each), ${end - at} bytes are there`,
    )
  }
  return Array.from({ length: count }, (_, i) =>
    layout.decode(message.words, (at + i * layout.size) >> 2),
  )
}

/** The general way: struct, names, payload. */
function invokeAny(row: Row): Invoke {
  const { in: layout, names, data } = row
  const hasUmask = layout !== null && 'umask' in layout.members
  return (handler, ops, req, message, end) => {
    const rest: unknown[] = []
    let at = IN_HEADER_SIZE
    let args: unknown = NOTHING
    if (layout !== null) {
      args = takeStruct(layout, message, end)
      req.args = args
      if (hasUmask) req.umask = (args as { umask: number }).umask
      rest.push(args)
      at += layout.size
    }
    for (let i = 0; i < names; i++) {
      const nul = nameEnd(message.bytes, at, end)
      rest.push(takeName(message.bytes, at, nul))
      at = nul + 1
    }
    if (typeof data === 'string')
      rest.push(takePayload(message.bytes, at, end, payloadSize(args, data)))
    else if (data !== null) rest.push(takeRecords(data, message, at, end, args))
    return handler.call(ops, req, req.nodeid, ...rest)
  }
}

/** The frequent shapes without the array: a struct alone, a name alone, nothing. */
export function invoker(row: Row): Invoke {
  const { in: layout, names, data } = row
  if (data !== null || names > 1 || (layout !== null && names > 0)) return invokeAny(row)
  if (layout !== null) {
    const { decoder } = layout
    const least = IN_HEADER_SIZE + layout.size
    return (handler, ops, req, message, end) => {
      if (end < least) throw shortStruct(layout, end)
      const args = decoder(message.words, IN_HEADER_SIZE >> 2)
      req.args = args
      return handler.call(ops, req, req.nodeid, args)
    }
  }
  if (names === 0) return (handler, ops, req) => handler.call(ops, req, req.nodeid)
  return (handler, ops, req, message, end) => {
    const nul = nameEnd(message.bytes, IN_HEADER_SIZE, end)
    return handler.call(ops, req, req.nodeid, takeName(message.bytes, IN_HEADER_SIZE, nul))
  }
}

/** What BATCH_FORGET carries: the session handles it without a table. */
export function takeForgets(message: MessageView): {
  args: s.fuse_batch_forget_in
  forgets: readonly s.fuse_forget_one[]
} {
  const end = message.length
  const args = takeStruct(s.fuse_batch_forget_in, message, end)
  const at = IN_HEADER_SIZE + s.fuse_batch_forget_in.size
  const forgets = takeRecords(s.fuse_forget_one, message, at, end, args)
  return { args, forgets: forgets as s.fuse_forget_one[] }
}
