import { forMinor } from '../protocol/compat.ts'
import { IN_HEADER_SIZE, type MessageView, takeStruct } from '../protocol/request.ts'
import { fuse_init_in } from '../protocol/structs.ts'
import { type InitOptions, type Negotiated, negotiate } from './init.ts'
import type { LowLevelOps } from './ops.ts'

/** Word of `minor` in FUSE_INIT: the body's second. It says how long the body is. */
const MINOR = (IN_HEADER_SIZE >> 2) + 1

/**
 * Read FUSE_INIT and decide on the answer. Throws ProtocolError for a message that is none,
 * NegotiationError where there is no agreement.
 *
 * @param pageSize of this machine, in bytes.
 */
export function handshake(
  message: MessageView,
  options: InitOptions,
  ops: LowLevelOps,
  pageSize: number,
): Negotiated {
  const minor = message.length > IN_HEADER_SIZE + 4 ? (message.words[MINOR] ?? 0) : 0
  const init = takeStruct(forMinor(fuse_init_in, minor), message, message.length)
  return negotiate(init, options, ops, pageSize)
}
