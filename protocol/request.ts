import { FUSE_UNIQUE_RESEND_HI } from './constants.ts'
import { ProtocolError } from './error.ts'
import type { AnyStruct, Members, Struct } from './layout.ts'
import { decodeName } from './names.ts'
import { HI, LO } from './words.ts'

/**
 * A request as it lies in a message: header (40 bytes), the operation's struct, names that end with
 * NUL, payload, extensions. Everything is checked against the bytes that were really read.
 */

export const IN_HEADER_SIZE = 40
/** Word indexes of `fuse_in_header`. */
const LEN = 0
const OPCODE = 1
const UNIQUE = 2
const NODEID = 4
const UID = 6
const GID = 7
const PID = 8
const EXTLEN = 9

/** Bytes and host-order words of one and the same memory. */
export interface MessageView {
  readonly bytes: Buffer
  readonly words: Uint32Array
  /** Bytes read. */
  length: number
}

const TWO32 = 0x1_0000_0000

/** `unique` from its two words as they came, without FUSE_UNIQUE_RESEND. */
export const uniqueOf = (first: number, second: number): number =>
  LO === 0
    ? (second & ~FUSE_UNIQUE_RESEND_HI) * TWO32 + first
    : (first & ~FUSE_UNIQUE_RESEND_HI) * TWO32 + second

export const isResent = (first: number, second: number): boolean =>
  ((LO === 0 ? second : first) & FUSE_UNIQUE_RESEND_HI) !== 0

/** The fields of `fuse_in_header`, read from the words: no object is made on the hot path. */
export const inHeader = {
  len: (w: Uint32Array): number => w[LEN] as number,
  opcode: (w: Uint32Array): number => w[OPCODE] as number,
  /** Without FUSE_UNIQUE_RESEND. */
  unique: (w: Uint32Array): number => uniqueOf(w[UNIQUE] as number, w[UNIQUE + 1] as number),
  nodeid: (w: Uint32Array): number =>
    (w[NODEID + HI] as number) * TWO32 + (w[NODEID + LO] as number),
  uid: (w: Uint32Array): number => w[UID] as number,
  gid: (w: Uint32Array): number => w[GID] as number,
  pid: (w: Uint32Array): number => w[PID] as number,
  /** Bytes of the extension area at the end of the message. */
  extensions: (w: Uint32Array): number =>
    (LO === 0 ? (w[EXTLEN] as number) & 0xffff : (w[EXTLEN] as number) >>> 16) * 8,
} as const

/** Why the message cannot be a request, or undefined where its header and length agree. */
export function frameError(message: MessageView): string | undefined {
  if (message.length < IN_HEADER_SIZE) {
    return `expected a header of ${IN_HEADER_SIZE} bytes, read ${message.length}`
  }
  const len = inHeader.len(message.words)
  if (len !== message.length) return `header says ${len} bytes, read ${message.length}`
  const extensions = inHeader.extensions(message.words)
  if (IN_HEADER_SIZE + extensions > len) {
    return `header says ${extensions} bytes of extensions in a message of ${len}`
  }
  return undefined
}

/** Where the operation's own part ends: before the extensions. */
export const bodyEnd = (message: MessageView): number =>
  message.length - inHeader.extensions(message.words)

/** Read the operation's struct. Throws ProtocolError where the message is too short for it. */
export function takeStruct<M extends Members>(
  layout: Struct<M>,
  message: MessageView,
  end: number,
): ReturnType<Struct<M>['decode']> {
  if (IN_HEADER_SIZE + layout.size > end) throw shortStruct(layout, end)
  return layout.decode(message.words, IN_HEADER_SIZE >> 2)
}

/** The error of a message that is too short for the struct it is to have. */
export function shortStruct(layout: AnyStruct, end: number): ProtocolError {
  return new ProtocolError(
    `${layout.name} takes ${layout.size} bytes, ${end - IN_HEADER_SIZE} are there`,
  )
}

/** Where the NUL of the name that starts at `start` stands. Throws ProtocolError where there is none. */
export function nameEnd(bytes: Buffer, start: number, end: number): number {
  for (let i = start; i < end; i++) if (bytes[i] === 0) return i
  throw new ProtocolError(`expected a name that ends with NUL in ${Math.max(0, end - start)} bytes`)
}

export const takeName = decodeName

/** `size` bytes of payload at `start`, a view of the message. Throws ProtocolError where fewer came. */
export function takePayload(bytes: Buffer, start: number, end: number, size: number): Buffer {
  if (size > end - start) {
    throw new ProtocolError(`expected ${size} bytes of payload, ${end - start} are there`)
  }
  return bytes.subarray(start, start + size)
}
