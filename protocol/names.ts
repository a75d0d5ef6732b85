import { canCompile } from './can_compile.ts'

/**
 * File names are bytes without NUL and '/'; here they are strings that lose none of them. What is
 * valid UTF-8 reads as usual; every byte that is not becomes one lone surrogate, 0x80 to 0xff as
 * U+DC80 to U+DCFF, and encodes back to the same byte (Python calls it surrogateescape).
 */

const ESCAPE = 0xdc00

/** Bytes of a UTF-8 sequence that starts with `first`, 0 where none does; overlong forms have none. */
function sequenceLength(first: number): number {
  if (first < 0x80) return 1
  if (first < 0xc2) return 0
  if (first < 0xe0) return 2
  if (first < 0xf0) return 3
  return first < 0xf5 ? 4 : 0
}

/** Whether a valid UTF-8 sequence of `length` bytes starts at `i` (RFC 3629: no surrogates, no overlongs). */
function isSequence(bytes: Uint8Array, i: number, end: number, length: number): boolean {
  if (length === 0 || i + length > end) return false
  const first = bytes[i] ?? 0
  const second = bytes[i + 1] ?? 0
  if (first === 0xe0 && second < 0xa0) return false
  if (first === 0xed && second > 0x9f) return false
  if (first === 0xf0 && second < 0x90) return false
  if (first === 0xf4 && second > 0x8f) return false
  for (let k = 1; k < length; k++) {
    if (((bytes[i + k] ?? 0) & 0xc0) !== 0x80) return false
  }
  return true
}

function decodeEscaped(bytes: Buffer, start: number, end: number): string {
  let text = ''
  let valid = start
  for (let i = start; i < end; ) {
    const length = sequenceLength(bytes[i] ?? 0)
    if (isSequence(bytes, i, end, length)) {
      i += length
      continue
    }
    text += bytes.toString('utf8', valid, i) + String.fromCharCode(ESCAPE + (bytes[i] ?? 0))
    valid = ++i
  }
  return text + bytes.toString('utf8', valid, end)
}

type FromBytes = (bytes: Uint8Array, at: number) => string

/** Names up to here are made by compiled code, without a call into C++: half the time. */
const SHORT = 24

/** By length: `String.fromCharCode(b[i],b[i+1])`. Empty where code generation is forbidden. */
const fromBytes: readonly FromBytes[] = canCompile
  ? Array.from({ length: SHORT + 1 }, (_, length) => {
      const units = Array.from({ length }, (_, k) => `b[i+${k}]`)
      return new Function('b', 'i', `return String.fromCharCode(${units})`) as FromBytes
    })
  : []

function ascii(bytes: Buffer, start: number, end: number): string {
  return fromBytes[end - start]?.(bytes, start) ?? bytes.latin1Slice(start, end)
}

/** The name in `bytes[start, end)`. */
export function decodeName(bytes: Buffer, start: number, end: number): string {
  let high = 0
  for (let i = start; i < end; i++) high |= bytes[i] as number
  if (high < 0x80) return ascii(bytes, start, end)
  const text = bytes.utf8Slice(start, end)
  // U+FFFD is what the decoder puts for a bad byte; it may also really be there.
  return text.includes('\ufffd') ? decodeEscaped(bytes, start, end) : text
}

const isEscape = (unit: number): boolean => unit >= 0xdc80 && unit <= 0xdcff

function encodeEscaped(name: string): Buffer {
  const parts: Buffer[] = []
  let from = 0
  for (let i = 0; i < name.length; i++) {
    const unit = name.charCodeAt(i)
    if (unit >= 0xd800 && unit < 0xdc00 && i + 1 < name.length) {
      const next = name.charCodeAt(i + 1)
      if (next >= 0xdc00 && next < 0xe000) {
        i++
        continue
      }
    }
    if (!isEscape(unit)) continue
    parts.push(Buffer.from(name.slice(from, i), 'utf8'), Buffer.of(unit & 0xff))
    from = i + 1
  }
  parts.push(Buffer.from(name.slice(from), 'utf8'))
  return Buffer.concat(parts)
}

/**
 * The bytes of a name, for a system call or for the wire. A lone surrogate outside of
 * U+DC80 to U+DCFF has no bytes and becomes U+FFFD, as everywhere in Node.
 */
export function nameBytes(name: string): Buffer {
  return name.isWellFormed() ? Buffer.from(name, 'utf8') : encodeEscaped(name)
}

/** The name that these bytes are. */
export function nameOf(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return decodeName(buffer, 0, buffer.length)
}

/**
 * Write a name's bytes at `offset`; the caller has made room for 3 bytes a UTF-16 unit.
 * Returns the bytes written.
 */
export function writeName(bytes: Buffer, offset: number, name: string): number {
  const length = name.length
  for (let i = 0; i < length; i++) {
    const unit = name.charCodeAt(i)
    if (unit >= 0x80)
      return name.isWellFormed()
        ? bytes.utf8Write(name, offset)
        : nameBytes(name).copy(bytes, offset)
    bytes[offset + i] = unit
  }
  return length
}
