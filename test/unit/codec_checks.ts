import { isDeepStrictEqual } from 'node:util'
import { canCompile } from '../../protocol/can_compile.ts'
import { COMPAT_SIZES } from '../../protocol/compat.ts'
import { ErrnoError } from '../../protocol/error.ts'
import type { AnyStruct, Kind, Placed, Struct } from '../../protocol/layout.ts'
import { truncated } from '../../protocol/layout.ts'
import { interpretDecode, interpretEncode } from '../../protocol/oracle.ts'
import * as structs from '../../protocol/structs.ts'
import { LayoutError, LO } from '../../protocol/words.ts'
import { type Random, random } from './random.ts'

/**
 * Checks of every struct against buffer-layout. Here and not in codec.test.ts because they run
 * twice: compiled, and in a child process where code generation is forbidden.
 */

type Tree = { [name: string]: unknown }

const isStruct = (value: unknown): value is Struct =>
  typeof value === 'object' && value !== null && 'flat' in value

export const wholeStructs: readonly Struct[] = Object.values(structs).filter(isStruct)
export const shortStructs: readonly Struct[] = COMPAT_SIZES.map(([whole, , size]) =>
  truncated(whole, size),
)
export const allStructs: readonly Struct[] = [...wholeStructs, ...shortStructs]

export const visible = (shape: AnyStruct): readonly Placed[] =>
  shape.flat.filter((member) => member.kind !== 'pad')

function put(tree: Tree, path: string, value: unknown): void {
  const names = path.split('.')
  const last = names.pop() as string
  let at = tree
  for (const name of names) {
    at[name] ??= {}
    at = at[name] as Tree
  }
  if (value === undefined) delete at[last]
  else at[last] = value
}

/** The shape as declared, every visible member 0: what a truncated struct lacks decodes to this. */
function zeros(shape: AnyStruct): Tree {
  const tree: Tree = {}
  for (const [name, member] of Object.entries(shape.members)) {
    if ('members' in member) tree[name] = zeros(member)
    else if (member.kind !== 'pad') tree[name] = member.kind === 'x64' ? 0n : 0
  }
  return tree
}

const tooBig = Symbol('beyond a double')

function expected(kind: Kind, raw: unknown): unknown {
  if (kind !== 'u64' && kind !== 'i64' && kind !== 'x64') return raw
  const { first, second } = raw as { first: number; second: number }
  const [lo, hi] = LO === 0 ? [first, second] : [second, first]
  const unsigned = (BigInt(hi) << 32n) | BigInt(lo)
  if (kind === 'x64') return unsigned
  const value = kind === 'u64' ? unsigned : BigInt.asIntN(64, unsigned)
  const exact = BigInt(Number.MAX_SAFE_INTEGER)
  return value > exact || value < -exact ? tooBig : Number(value)
}

/** By buffer-layout and BigInt alone. */
function oracleDecode(shape: Struct, words: Uint32Array, o: number): Tree | typeof tooBig {
  const raw = shape.layout.decode(Buffer.from(words.buffer), o * 4) as Tree
  const tree = zeros(shape)
  for (const { kind, path } of visible(shape)) {
    const value = expected(kind, raw[path])
    if (value === tooBig) return tooBig
    put(tree, path, value)
  }
  return tree
}

/** Words as they come, and words whose 64-bit members mostly fit a double. */
function fill(words: Uint32Array, shape: AnyStruct, o: number, r: Random): void {
  for (let i = 0; i < words.length; i++) words[i] = r.oneIn(8) ? 0xffff_ffff : r.word()
  if (r.oneIn(4)) return
  for (const { kind, offset } of shape.flat) {
    if (kind !== 'u64' && kind !== 'i64') continue
    const high = o + (offset >> 2) + (1 - LO)
    const bits = r.below(22)
    words[high] = r.below(2 ** bits)
    if (kind === 'i64' && r.oneIn(2)) words[high] = ~(words[high] as number)
  }
}

function withoutPadding(shape: AnyStruct, words: Uint32Array, o: number): Uint32Array {
  const copy = words.slice()
  const bytes = new Uint8Array(copy.buffer)
  for (const { kind, offset, size } of shape.flat) {
    if (kind === 'pad') bytes.fill(0, o * 4 + offset, o * 4 + offset + size)
  }
  return copy
}

const thrown = (run: () => unknown): unknown => {
  try {
    return { value: run() }
  } catch (error) {
    return error
  }
}

const isOverflow = (error: unknown): boolean =>
  error instanceof ErrnoError && error.code === 'EOVERFLOW' && error.errno === 75

export interface Result {
  readonly checks: number
  readonly failures: readonly string[]
}

class Tally {
  checks = 0
  readonly failures: string[] = []

  check(ok: boolean, what: () => string): void {
    this.checks++
    if (!ok && this.failures.length < 20) this.failures.push(what())
  }
}

/** What surrounds the struct must stay as it is. */
const MARGIN = 2

/** Decode and encode of random words against the oracle. */
export function againstOracle(shape: Struct, rounds: number, r: Random): Result {
  const tally = new Tally()
  const words = new Uint32Array(MARGIN + ((shape.size + 3) >> 2) + MARGIN)
  for (let i = 0; i < rounds; i++) {
    fill(words, shape, MARGIN, r)
    const want = oracleDecode(shape, words, MARGIN)
    const show = () => `${shape.name}: ${Buffer.from(words.buffer).toString('hex')}`
    const decoders = [
      () => shape.decode(words, MARGIN),
      () => interpretDecode(shape, words, MARGIN),
    ]
    for (const decode of decoders) {
      const got = thrown(decode)
      if (want === tooBig) tally.check(isOverflow(got), () => `${show()} EOVERFLOW, got ${got}`)
      else tally.check(isDeepStrictEqual(got, { value: want }), () => `${show()} got ${got}`)
    }
    if (want === tooBig) continue
    const image = withoutPadding(shape, words, MARGIN)
    const encoders = [
      (to: Uint32Array) => shape.encode(to, MARGIN, want as never),
      (to: Uint32Array) => interpretEncode(shape, to, MARGIN, want),
    ]
    for (const encode of encoders) {
      const to = words.slice()
      encode(to)
      tally.check(
        isDeepStrictEqual(to, image),
        () => `${show()} encoded ${Buffer.from(to.buffer).toString('hex')}`,
      )
    }
  }
  return tally
}

const WRONG: Readonly<Record<Exclude<Kind, 'pad'>, readonly unknown[]>> = {
  u8: [-1, 256, 2 ** 32, 2 ** 53, 1n],
  u16: [-1, 65_536, 2 ** 32, 2 ** 53, 1n],
  u32: [-1, 2 ** 32, 2 ** 53, 1n],
  i32: [-(2 ** 31) - 1, 2 ** 31, 2 ** 32, 2 ** 53, 1n],
  u64: [-1, 2 ** 53, 2 ** 64, 1n],
  i64: [-(2 ** 53), 2 ** 53, 1n],
  x64: [-1, 2 ** 53, -1n, 2n ** 64n],
}
const NEVER: readonly unknown[] = [
  0.5,
  Number.NaN,
  Infinity,
  -Infinity,
  '1',
  '',
  null,
  true,
  {},
  [],
]

/** What no member can hold is refused by name, whichever codec is asked. */
export function refusesByName(shape: Struct): Result {
  const tally = new Tally()
  const words = new Uint32Array((shape.size + 3) >> 2)
  const encoders = [
    (value: unknown) => shape.encode(words, 0, value as never),
    (value: unknown) => interpretEncode(shape, words, 0, value),
  ]
  const refused = (path: string, value: unknown, tree: Tree) => {
    for (const encode of encoders) {
      const error = thrown(() => encode(tree))
      const names =
        error instanceof LayoutError && error.message.startsWith(`${shape.name}.${path}`)
      tally.check(names, () => `${shape.name}.${path} = ${String(value)}: ${error}`)
    }
  }
  for (const { path, kind, optional } of visible(shape)) {
    const wrong = [...WRONG[kind as Exclude<Kind, 'pad'>], ...NEVER]
    for (const value of optional ? wrong : [...wrong, undefined]) {
      const tree = zeros(shape)
      put(tree, path, value)
      refused(path, value, tree)
    }
  }
  for (const [name, member] of Object.entries(shape.members)) {
    const sent = shape.flat.some(({ path }) => path.startsWith(`${name}.`))
    if (!('members' in member) || !sent) continue
    for (const value of [undefined, null, 7, 'attr']) {
      refused(name, value, { ...zeros(shape), [name]: value })
    }
  }
  return tally
}

const EDGES: Readonly<Record<Exclude<Kind, 'pad'>, readonly (number | bigint)[]>> = {
  u8: [0, 255],
  u16: [0, 65_535],
  u32: [0, 2 ** 32 - 1],
  i32: [0, -(2 ** 31), 2 ** 31 - 1],
  u64: [0, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1],
  i64: [0, -1, 2 ** 32, -(2 ** 32), 2 ** 53 - 1, -(2 ** 53 - 1)],
  x64: [0n, 2n ** 32n, 2n ** 63n, 2n ** 64n - 1n],
}

/** The least and the most that a member holds come back as they went. */
export function keepsEdges(shape: Struct): Result {
  const tally = new Tally()
  const words = new Uint32Array((shape.size + 3) >> 2)
  for (const { path, kind } of visible(shape)) {
    for (const value of EDGES[kind as Exclude<Kind, 'pad'>]) {
      const tree = zeros(shape)
      put(tree, path, value)
      const got = thrown(() => {
        words.fill(0xa5a5_a5a5)
        shape.encode(words, 0, tree as never)
        return shape.decode(words, 0)
      })
      tally.check(isDeepStrictEqual(got, { value: tree }), () => `${shape.name}.${path} = ${value}`)
    }
  }
  return tally
}

/** One beyond what a double holds: EOVERFLOW, and the neighbour below is exact. */
export function overflowsAtTwo53(shape: Struct): Result {
  const tally = new Tally()
  const words = new Uint32Array((shape.size + 3) >> 2)
  const beyond: Readonly<Partial<Record<Kind, readonly bigint[]>>> = {
    u64: [2n ** 53n, 2n ** 63n, 2n ** 64n - 1n],
    i64: [2n ** 53n, 2n ** 63n, 2n ** 64n - 2n ** 53n],
  }
  for (const { path, kind, offset } of visible(shape)) {
    for (const value of beyond[kind] ?? []) {
      words.fill(0)
      words[(offset >> 2) + LO] = Number(value & 0xffff_ffffn)
      words[(offset >> 2) + 1 - LO] = Number(value >> 32n)
      for (const decode of [() => shape.decode(words, 0), () => interpretDecode(shape, words, 0)]) {
        const got = thrown(decode)
        tally.check(isOverflow(got), () => `${shape.name}.${path} = ${value}: ${String(got)}`)
      }
    }
  }
  return tally
}

/** Each optional member alone, and all of them, left out: zeros on the wire. */
export function optionalIsZero(shape: Struct): Result {
  const tally = new Tally()
  const words = new Uint32Array((shape.size + 3) >> 2)
  const image = new Uint32Array(words.length)
  const optional = visible(shape).filter((member) => member.optional)
  for (const left of [...optional.map((member) => [member]), optional]) {
    const tree = zeros(shape)
    for (const { path } of left) put(tree, path, undefined)
    for (const encode of [
      () => shape.encode(words, 0, tree as never),
      () => interpretEncode(shape, words, 0, tree),
    ]) {
      words.fill(0xa5a5_a5a5)
      const got = thrown(encode)
      tally.check(
        isDeepStrictEqual(got, { value: undefined }) && isDeepStrictEqual(words, image),
        () => `${shape.name} without ${left.map(({ path }) => path).join(', ')}: ${String(got)}`,
      )
    }
  }
  return tally
}

export interface Outcome extends Result {
  readonly canCompile: boolean
}

/** Everything, for the child that may not compile. */
export function checkAll(rounds: number): Outcome {
  const r = random()
  const results = allStructs.flatMap((shape) => [
    againstOracle(shape, rounds, r),
    refusesByName(shape),
    keepsEdges(shape),
    overflowsAtTwo53(shape),
    optionalIsZero(shape),
  ])
  return {
    canCompile,
    checks: results.reduce((sum, { checks }) => sum + checks, 0),
    failures: results.flatMap(({ failures }) => failures).slice(0, 20),
  }
}
