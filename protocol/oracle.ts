import { endianness } from 'node:os'
import * as bl from 'buffer-layout'
import type { AnyStruct, Kind, Placed } from './layout.ts'
import {
  absent,
  bigFromWords,
  HI,
  i64FromWords,
  LayoutError,
  LO,
  u64FromWords,
  writeBig,
  writeI64,
  writeU64,
} from './words.ts'

/**
 * The same layouts by the npm package buffer-layout: the tests' oracle, the readable dump, and the
 * codec of last resort where code generation is forbidden.
 */

/** A buffer-layout Structure. 64-bit members are a pair of words: its own `nu64` rounds silently. */
export interface Structure {
  /** Bytes. */
  readonly span: number
  decode(bytes: Buffer, offset?: number): unknown
  encode(value: unknown, bytes: Buffer, offset?: number): number
}

const LITTLE = endianness() === 'LE'
const u16 = LITTLE ? bl.u16 : bl.u16be
const u32 = LITTLE ? bl.u32 : bl.u32be
const s32 = LITTLE ? bl.s32 : bl.s32be

/** The two words of a 64-bit member in memory order. */
const pair = (path: string): bl.Layout => bl.struct([u32('first'), u32('second')], path)

const FIELD: Readonly<Record<Kind, (path: string, size: number) => bl.Layout>> = {
  u8: (path) => bl.u8(path),
  u16: (path) => u16(path),
  u32: (path) => u32(path),
  i32: (path) => s32(path),
  u64: pair,
  i64: pair,
  x64: pair,
  pad: (path, size) => bl.blob(size, path),
}

/** Members are flat, named by their dotted path. */
export function structure(shape: AnyStruct): Structure {
  return bl.struct(shape.flat.map((f) => FIELD[f.kind](f.path, f.size)))
}

const structures = new WeakMap<AnyStruct, Structure>()
function structureOf(shape: AnyStruct): Structure {
  const known = structures.get(shape) ?? structure(shape)
  structures.set(shape, known)
  return known
}

// A Buffer: buffer-layout calls its readUIntLE and the like.
const bytesOf = (words: Uint32Array): Buffer =>
  Buffer.from(words.buffer, words.byteOffset, words.byteLength)

interface Words {
  readonly first: number
  readonly second: number
}

function fromPair(kind: Kind, value: Words): number | bigint {
  const words = [value.first, value.second]
  const lo = words[LO] ?? 0
  const hi = words[HI] ?? 0
  if (kind === 'x64') return bigFromWords(lo, hi)
  return kind === 'u64' ? u64FromWords(lo, hi) : i64FromWords(lo, hi)
}

const isWide = (kind: Kind): boolean => kind === 'u64' || kind === 'i64' || kind === 'x64'

type Tree = { [name: string]: unknown }

/** Put `value` at the dotted path. */
function plant(tree: Tree, path: string, value: unknown): void {
  const names = path.split('.')
  const last = names.pop() ?? path
  let at = tree
  for (const name of names) {
    const next = (at[name] ?? {}) as Tree
    at[name] = next
    at = next
  }
  at[last] = value
}

function pick(shape: AnyStruct, value: unknown, path: string): unknown {
  let at = value
  let where = shape.name
  for (const name of path.split('.')) {
    if (typeof at !== 'object' || at === null) absent(at, where)
    at = (at as Tree)[name]
    where += `.${name}`
  }
  return at
}

/** Every visible member as 0, so that a truncated struct decodes to its whole shape. */
function zeros(shape: AnyStruct): Tree {
  const tree: Tree = {}
  for (const [name, member] of Object.entries(shape.members)) {
    if ('members' in member) tree[name] = zeros(member)
    else if (member.kind !== 'pad') tree[name] = member.kind === 'x64' ? 0n : 0
  }
  return tree
}

export function interpretDecode(shape: AnyStruct, words: Uint32Array, o: number): unknown {
  const raw = structureOf(shape).decode(bytesOf(words), o * 4) as Readonly<Record<string, unknown>>
  const tree = zeros(shape)
  for (const f of shape.flat) {
    if (f.kind === 'pad') continue
    const value = raw[f.path]
    plant(tree, f.path, isWide(f.kind) ? fromPair(f.kind, value as Words) : value)
  }
  return tree
}

const LIMITS: Readonly<Partial<Record<Kind, readonly [number, number]>>> = {
  u8: [0, 0xff],
  u16: [0, 0xffff],
  u32: [0, 0xffff_ffff],
  i32: [-0x8000_0000, 0x7fff_ffff],
}

function toField(shape: AnyStruct, f: Placed, value: unknown): unknown {
  const where = `${shape.name}.${f.path}`
  if (isWide(f.kind)) {
    const words = new Uint32Array(2)
    const write = f.kind === 'u64' ? writeU64 : f.kind === 'i64' ? writeI64 : writeBig
    write(words, 0, value, where, f.optional)
    return { first: words[0], second: words[1] }
  }
  const [least, most] = LIMITS[f.kind] ?? [0, 0]
  const n = value === undefined && f.optional ? 0 : value
  if (typeof n !== 'number' || !Number.isInteger(n) || n < least || n > most) {
    throw new LayoutError(where, `an integer from ${least} to ${most}`, value)
  }
  return n
}

export function interpretEncode(
  shape: AnyStruct,
  words: Uint32Array,
  o: number,
  value: unknown,
): void {
  const raw: Tree = {}
  for (const f of shape.flat) {
    raw[f.path] =
      f.kind === 'pad' ? Buffer.alloc(f.size) : toField(shape, f, pick(shape, value, f.path))
  }
  structureOf(shape).encode(raw, bytesOf(words), o * 4)
}
