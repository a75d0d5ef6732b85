import type { BigIntStats, Stats } from 'node:fs'
import type { InferIn } from '../protocol/layout.ts'
import type { fuse_attr } from '../protocol/structs.ts'
import { LayoutError } from '../protocol/words.ts'
import type { AttrOut, EntryOut } from './ops.ts'

/** Helpers that make the wire structs comfortable; a file system in a hurry fills them itself. */

export type Attr = InferIn<typeof fuse_attr>

const NS = 1_000_000_000

/** A time of seconds as `[seconds, nanoseconds]`; nanoseconds are never negative. Throws LayoutError. */
export function timeout(seconds: number): [sec: number, nsec: number] {
  if (!(seconds >= 0)) throw new LayoutError('timeout', 'seconds from 0 on', seconds)
  if (seconds >= Number.MAX_SAFE_INTEGER) return [Number.MAX_SAFE_INTEGER, 0]
  const whole = Math.floor(seconds)
  const nsec = Math.round((seconds - whole) * NS)
  return nsec === NS ? [whole + 1, 0] : [whole, nsec]
}

/** makedev(3) as the wire has it: 32 bits. */
export const makedev = (major: number, minor: number): number =>
  ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0

/** Linux's 64-bit dev_t, as stat(2) in Node gives it, in the wire's 32 bits. */
export function wireDev(rdev: bigint): number {
  const major = Number(((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & ~0xfffn))
  const minor = Number((rdev & 0xffn) | ((rdev >> 12n) & 0xffff_ff00n))
  return makedev(major, minor)
}

export function fromMilliseconds(ms: number): [number, number] {
  const sec = Math.floor(ms / 1000)
  const nsec = Math.round((ms - sec * 1000) * 1e6)
  return nsec >= NS ? [sec + 1, 0] : [sec, nsec]
}

export function fromNanoseconds(ns: bigint): [number, number] {
  const nsec = BigInt.asIntN(64, ((ns % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n)
  return [Number((ns - nsec) / 1_000_000_000n), Number(nsec)]
}

export const toNanoseconds = (sec = 0, nsec = 0): bigint =>
  BigInt(sec) * 1_000_000_000n + BigInt(nsec)

const isBig = (stats: Stats | BigIntStats): stats is BigIntStats => typeof stats.ino === 'bigint'

/**
 * Attributes from what `fs.stat` gives. With `{ bigint: true }` nothing is lost; the other form has
 * milliseconds with a fraction, exact to about 200 ns today, and inode numbers below 2^53.
 */
export function attr(stats: Stats | BigIntStats): Attr {
  const big = isBig(stats)
  const [atime, atimensec] = big ? fromNanoseconds(stats.atimeNs) : fromMilliseconds(stats.atimeMs)
  const [mtime, mtimensec] = big ? fromNanoseconds(stats.mtimeNs) : fromMilliseconds(stats.mtimeMs)
  const [ctime, ctimensec] = big ? fromNanoseconds(stats.ctimeNs) : fromMilliseconds(stats.ctimeMs)
  return {
    ino: BigInt.asUintN(64, BigInt(stats.ino)),
    size: Number(stats.size),
    blocks: Number(stats.blocks),
    atime,
    mtime,
    ctime,
    atimensec,
    mtimensec,
    ctimensec,
    mode: Number(stats.mode),
    nlink: Number(stats.nlink),
    uid: Number(stats.uid),
    gid: Number(stats.gid),
    rdev: wireDev(BigInt(stats.rdev)),
    blksize: Number(stats.blksize),
  }
}

export interface EntryOptions {
  /** Seconds that the name stays valid in the kernel; default 1. */
  readonly entryTimeout?: number
  /** Seconds that the attributes stay valid; default 1. */
  readonly attrTimeout?: number
  /** Tells a reused nodeid from its former use; default 0. */
  readonly generation?: number | bigint
}

const DEFAULT_TIMEOUT = 1

/** The answer to `lookup` and everything that makes an inode. `ino` defaults to the nodeid. */
export function entry(nodeid: number, attributes: Attr, options: EntryOptions = {}): EntryOut {
  const [entry_valid, entry_valid_nsec] = timeout(options.entryTimeout ?? DEFAULT_TIMEOUT)
  const [attr_valid, attr_valid_nsec] = timeout(options.attrTimeout ?? DEFAULT_TIMEOUT)
  const { generation = 0 } = options
  const attr = { ...attributes, ino: attributes.ino ?? nodeid }
  return { nodeid, generation, entry_valid, attr_valid, entry_valid_nsec, attr_valid_nsec, attr }
}

/** The answer to `getattr` and `setattr`. */
export function attrOut(attributes: Attr, seconds: number = DEFAULT_TIMEOUT): AttrOut {
  const [attr_valid, attr_valid_nsec] = timeout(seconds)
  return { attr_valid, attr_valid_nsec, attr: attributes }
}

/** There is no such name, and the kernel may remember that for some seconds. */
export function negative(seconds: number): EntryOut {
  const [entry_valid, entry_valid_nsec] = timeout(seconds)
  return { nodeid: 0, entry_valid, entry_valid_nsec, attr: { mode: 0 } }
}
