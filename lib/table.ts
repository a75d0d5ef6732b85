import { forMinor } from '../protocol/compat.ts'
import { FUSE_BATCH_FORGET, FUSE_FORGET, FUSE_SETXATTR } from '../protocol/constants.ts'
import { fuse_setxattr_in_compat } from '../protocol/structs.ts'
import type { AnswerKind } from './answers.ts'
import { fuse_ll_ops, type Handler, type Invoke, invoker, type Row } from './fuse_ll_ops.ts'
import type { Connection } from './init.ts'
import type { LowLevelOps } from './ops.ts'
import type { Counters, Tally } from './stats.ts'
import type { Trace } from './trace.ts'

/** A row of `fuse_ll_ops` made ready for one connection and one file system. */
export interface Operation {
  readonly row: Row
  /** The method; undefined means ENOSYS. */
  readonly handler: Handler | undefined
  readonly invoke: Invoke
  readonly out: AnswerKind<unknown>
  readonly tally: Tally
  /** The handler gets a view of the message, which must stay until it settles. */
  readonly holds: boolean
}

/** RENAME without flags, for a file system that only has `rename2`. */
function renameBy2(ops: LowLevelOps): Handler | undefined {
  if (ops.rename2 === undefined) return undefined
  const rename2 = ops.rename2 as Handler
  return (req, parent, args, name, newname) =>
    rename2.call(
      ops,
      req,
      parent,
      { newdir: (args as { newdir: number }).newdir, flags: 0 },
      name,
      newname,
    )
}

function handlerOf(row: Row, ops: LowLevelOps): Handler | undefined {
  // The border: `row()` has checked that this method takes what the row's `invoke` gives.
  const handler = ops[row.name] as Handler | undefined
  return handler === undefined && row.name === 'rename' ? renameBy2(ops) : handler
}

/** The trace sits in front of the handler, and nowhere where nobody listens. */
function traced(
  handler: Handler | undefined,
  ops: LowLevelOps,
  trace: Trace | undefined,
): Handler | undefined {
  if (handler === undefined || trace === undefined) return handler
  return (req, nodeid, ...args) => {
    trace.call(req, args)
    return handler.call(ops, req, nodeid, ...args)
  }
}

/** The struct as this connection sends it: by what was agreed, never by a message's length. */
function layoutFor(opcode: number, row: Row, connection: Connection): Row['in'] {
  if (row.in === null) return null
  const short = !connection.capabilities.has('FUSE_CAP_SETXATTR_EXT')
  return opcode === FUSE_SETXATTR && short
    ? (fuse_setxattr_in_compat as NonNullable<Row['in']>)
    : forMinor(row.in, connection.minor)
}

/** Every operation by its opcode. FORGET is not among them: the session handles it at once. */
export function operations(
  ops: LowLevelOps,
  connection: Connection,
  counters: Counters,
  trace: Trace | undefined,
): readonly (Operation | undefined)[] {
  const table: (Operation | undefined)[] = []
  for (const [key, row] of Object.entries(fuse_ll_ops)) {
    const opcode = Number(key)
    if (opcode === FUSE_FORGET || opcode === FUSE_BATCH_FORGET) continue
    table[opcode] = {
      row,
      handler: traced(handlerOf(row, ops), ops, trace),
      invoke: invoker({ ...row, in: layoutFor(opcode, row, connection) }),
      out: row.out.forMinor?.(connection.minor) ?? row.out,
      tally: counters.of(opcode),
      holds: typeof row.data === 'string',
    }
  }
  return Array.from(table)
}
