import * as c from '../protocol/constants.ts'
import { EOVERFLOW } from '../protocol/error.ts'
import { bodyEnd, IN_HEADER_SIZE, inHeader, takePayload, takeStruct } from '../protocol/request.ts'
import { fuse_forget_in, fuse_interrupt_in, fuse_notify_retrieve_in } from '../protocol/structs.ts'
import { FuseRequest } from './context.ts'
import { takeForgets } from './fuse_ll_ops.ts'
import type { InFlight } from './in_flight.ts'
import type { Interrupts } from './interrupts.ts'
import type { Notifier } from './notify.ts'
import type { LowLevelOps } from './ops.ts'
import type { Pending } from './pending.ts'
import type { OnError } from './report.ts'
import type { Message } from './transport.ts'

/** What these messages act on: parts of the session. */
export interface Realm {
  readonly ops: LowLevelOps
  readonly pending: Pending
  readonly inFlight: InFlight
  readonly interrupts: Interrupts
  readonly notify: Notifier
  readonly report: OnError
  /** Tells the kernel to send no interrupts; undefined where they are wanted. */
  readonly deaf: ((interrupt: FuseRequest) => void) | undefined
  /** Something waits for the next request. */
  attention(): void
  /** A parked request whose caller was interrupted: answer EINTR. */
  giveUp(req: FuseRequest): void
}

type Handle = (realm: Realm, message: Message) => void

/** FORGET, BATCH_FORGET, INTERRUPT, NOTIFY_REPLY: handled in the turn in which they come. */
const HANDLERS: Readonly<Record<number, Handle>> = {
  [c.FUSE_FORGET]: forget,
  [c.FUSE_BATCH_FORGET]: batchForget,
  [c.FUSE_INTERRUPT]: interrupt,
  [c.FUSE_NOTIFY_REPLY]: retrieved,
}

/** Opcodes to which the kernel expects no reply. */
export const isUnanswered = (opcode: number): boolean => opcode in HANDLERS

/** Handle one of them; whatever goes wrong is reported. */
export function unanswered(realm: Realm, message: Message): void {
  guard(realm, undefined, () => HANDLERS[inHeader.opcode(message.words)]?.(realm, message))
}

/** A `forget` that throws, or is async and rejects, harms no other. */
function guard(realm: Realm, req: FuseRequest | undefined, call: () => unknown): void {
  try {
    const result = call()
    if (result instanceof Promise) result.catch((error: unknown) => realm.report(error, req))
  } catch (error) {
    realm.report(error, req)
  }
}

function nodeidOf(message: Message): number {
  const nodeid = inHeader.nodeid(message.words)
  if (!Number.isSafeInteger(nodeid)) throw EOVERFLOW
  return nodeid
}

function forget(realm: Realm, message: Message): void {
  const { ops } = realm
  const req = new FuseRequest(message.words, nodeidOf(message))
  const args = takeStruct(fuse_forget_in, message, bodyEnd(message))
  guard(realm, req, () =>
    ops.forget !== undefined
      ? ops.forget(req, req.nodeid, args)
      : ops.batch_forget?.(req, 0, { count: 1 }, [{ nodeid: req.nodeid, ...args }]),
  )
}

function batchForget(realm: Realm, message: Message): void {
  const { ops } = realm
  const req = new FuseRequest(message.words, 0)
  const { args, forgets } = takeForgets(message)
  if (ops.batch_forget !== undefined) {
    guard(realm, req, () => ops.batch_forget?.(req, 0, args, forgets))
    return
  }
  for (const one of forgets) guard(realm, req, () => ops.forget?.(req, one.nodeid, one))
}

function interrupt(realm: Realm, message: Message): void {
  if (realm.deaf !== undefined) {
    realm.deaf(new FuseRequest(message.words, 0))
    return
  }
  const target = takeStruct(fuse_interrupt_in, message, bodyEnd(message)).unique
  // Without bit 63, FUSE_UNIQUE_RESEND.
  const unique = Number(BigInt.asUintN(63, target))
  const req = realm.pending.get(unique)
  if (req !== undefined) {
    req.interrupt('the caller was interrupted')
    return
  }
  const parked = realm.inFlight.unpark(unique)
  if (parked !== undefined) {
    realm.giveUp(parked)
    return
  }
  realm.interrupts.early(unique, new FuseRequest(message.words, 0))
  realm.attention()
}

function retrieved(realm: Realm, message: Message): void {
  const end = bodyEnd(message)
  const { size } = takeStruct(fuse_notify_retrieve_in, message, end)
  const at = IN_HEADER_SIZE + fuse_notify_retrieve_in.size
  const data = takePayload(message.bytes, at, end, size)
  realm.notify.retrieved(inHeader.unique(message.words), data)
}
