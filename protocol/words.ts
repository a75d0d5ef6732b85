import { endianness } from 'node:os'
import { EOVERFLOW } from './error.ts'

/** 64-bit integers in a host-order Uint32Array: which of the two words is the low one. */
export const LO: number = endianness() === 'LE' ? 0 : 1
export const HI: number = 1 - LO

const TWO32 = 0x1_0000_0000
/** The high word of 2^53: from here on a double is no longer exact. */
const UNSAFE = 0x20_0000

/** A value that a layout cannot hold: says where, what was expected and what came. */
export class LayoutError extends RangeError {
  override readonly name = 'LayoutError'
  constructor(where: string, expected: string, value: unknown) {
    super(`${where}: expected ${expected}, got ${show(value)}`)
  }
}

/** A nested struct that is none. */
export function absent(value: unknown, where: string): never {
  throw new LayoutError(where, 'an object', value)
}

export function show(value: unknown): string {
  if (typeof value === 'string')
    return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value)
  if (typeof value === 'bigint') return `${value}n`
  if (value instanceof Uint8Array) return `${value.length} bytes`
  if (Array.isArray(value)) return `an array of ${value.length}`
  if (typeof value === 'function') return 'a function'
  if (typeof value === 'object' && value !== null) return `an object with ${keys(value)}`
  return String(value)
}

function keys(value: object): string {
  const names = Object.keys(value)
  return names.length === 0 ? 'no members' : `members ${names.slice(0, 6).join(', ')}`
}

/** Throws EOVERFLOW from 2^53 on: such a value would be rounded. */
export function u64FromWords(lo: number, hi: number): number {
  if (hi >= UNSAFE) throw EOVERFLOW
  return hi * TWO32 + lo
}

/** Two's complement; throws EOVERFLOW outside of ±(2^53-1). */
export function i64FromWords(lo: number, hi: number): number {
  const value = (hi | 0) * TWO32 + lo
  if (!Number.isSafeInteger(value)) throw EOVERFLOW
  return value
}

export function bigFromWords(lo: number, hi: number): bigint {
  if (hi === 0) return lo === 0 ? 0n : BigInt(lo)
  return (BigInt(hi) << 32n) | BigInt(lo)
}

export function writeU64(
  w: Uint32Array,
  o: number,
  value: unknown,
  where: string,
  optional: boolean,
): void {
  const n = value === undefined && optional ? 0 : value
  if (typeof n !== 'number' || !Number.isSafeInteger(n) || n < 0) {
    throw new LayoutError(where, 'an integer from 0 to 2^53-1', value)
  }
  w[o + LO] = n % TWO32
  w[o + HI] = n / TWO32
}

export function writeI64(
  w: Uint32Array,
  o: number,
  value: unknown,
  where: string,
  optional: boolean,
): void {
  const n = value === undefined && optional ? 0 : value
  if (typeof n !== 'number' || !Number.isSafeInteger(n)) {
    throw new LayoutError(where, 'an integer from -(2^53-1) to 2^53-1', value)
  }
  const hi = Math.floor(n / TWO32)
  w[o + LO] = n - hi * TWO32
  w[o + HI] = hi
}

export function writeBig(
  w: Uint32Array,
  o: number,
  value: unknown,
  where: string,
  optional: boolean,
): void {
  if (typeof value === 'bigint') {
    if (value < 0n || value > 0xffff_ffff_ffff_ffffn) {
      throw new LayoutError(where, 'a bigint from 0n to 2^64-1', value)
    }
    w[o + LO] = Number(value & 0xffff_ffffn)
    w[o + HI] = Number(value >> 32n)
    return
  }
  const n = value === undefined && optional ? 0 : value
  if (typeof n !== 'number' || !Number.isSafeInteger(n) || n < 0) {
    throw new LayoutError(where, 'a bigint, or an integer from 0 to 2^53-1', value)
  }
  writeU64(w, o, n, where, false)
}
