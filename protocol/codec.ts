import { endianness } from 'node:os'
import { canCompile } from './can_compile.ts'
import type { AnyStruct, Member, Placed } from './layout.ts'
import { interpretDecode, interpretEncode } from './oracle.ts'
import {
  absent,
  bigFromWords,
  i64FromWords,
  LayoutError,
  u64FromWords,
  writeBig,
  writeI64,
  writeU64,
} from './words.ts'

/**
 * Layouts compiled to straight-line code over a host-order Uint32Array: 10 to 70 ns a request,
 * where buffer-layout's decode and encode cost 500 to 1,400.
 */
export type Decode<T> = (words: Uint32Array, o: number) => T
export type Encode<T> = (words: Uint32Array, o: number, value: T) => void

const LITTLE = endianness() === 'LE'
const LO = LITTLE ? 0 : 1
const HI = LITTLE ? 1 : 0

const shiftOf = (f: Placed): number => {
  const bits = (f.offset & 3) * 8
  return LITTLE ? bits : 32 - f.size * 8 - bits
}
const at = (f: Placed, half = 0): string => `w[o+${(f.offset >> 2) + half}]`
const mask = (f: Placed): string => (f.size === 1 ? '0xff' : '0xffff')

function readExpression(f: Placed): string {
  const lo = at(f, LO)
  const hi = at(f, HI)
  switch (f.kind) {
    case 'u8':
    case 'u16':
      return `(${at(f)}>>>${shiftOf(f)})&${mask(f)}`
    case 'u32':
      return at(f)
    case 'i32':
      return `${at(f)}|0`
    case 'u64':
      return `${hi}===0?${lo}:u64(${lo},${hi})`
    case 'i64':
      return `${hi}===0?${lo}:i64(${lo},${hi})`
    case 'x64':
      return `big(${lo},${hi})`
    case 'pad':
      throw new Error('padding is not read')
  }
}

const zeroOf = (kind: string): string => (kind === 'x64' ? '0n' : '0')

/** An object literal in the shape of the declaration; what `flat` lacks (a truncated struct) is 0. */
function readObject(
  members: Readonly<Record<string, Member>>,
  prefix: string,
  by: Map<string, Placed>,
): string {
  const parts: string[] = []
  for (const [name, member] of Object.entries(members)) {
    if ('members' in member) {
      parts.push(`${name}:${readObject(member.members, `${prefix}${name}.`, by)}`)
    } else if (member.kind !== 'pad') {
      const placed = by.get(prefix + name)
      parts.push(`${name}:${placed ? readExpression(placed) : zeroOf(member.kind)}`)
    }
  }
  return `{${parts.join(',')}}`
}

export function compileDecode<T>(shape: AnyStruct): Decode<T> {
  if (!canCompile) return (words, o) => interpretDecode(shape, words, o) as T
  const by = new Map(shape.flat.map((f) => [f.path, f]))
  const body = `return function decode_${shape.name.replace(/\W/g, '_')}(w,o){return ${readObject(shape.members, '', by)}}`
  // The border between generated code and types: the literal above has exactly the declared shape.
  return new Function('u64', 'i64', 'big', body)(
    u64FromWords,
    i64FromWords,
    bigFromWords,
  ) as Decode<T>
}

const operand = (f: Placed): string => `v.${f.path}`

/**
 * Statements that check the nested structs all of whose members are optional: `st: 7` would pass
 * for a `st` without members. Where one is required, its absence is found out by itself.
 */
function objectStatements(shape: AnyStruct): string {
  const under = (path: string) => shape.flat.filter((f) => f.path.startsWith(`${path}.`))
  const paths = new Set(
    shape.flat.flatMap(({ path }) => {
      const names = path.split('.')
      return names.slice(1).map((_, n) => names.slice(0, n + 1).join('.'))
    }),
  )
  return [...paths]
    .filter((path) => under(path).every(({ optional }) => optional))
    .map((path) => {
      const where = JSON.stringify(`${shape.name}.${path}`)
      return `if(typeof v.${path}!=='object'||v.${path}===null)absent(v.${path},${where});`
    })
    .join('')
}

/** Statements that check and write one member wider than 16 bits. */
function writeStatement(shape: AnyStruct, f: Placed): string {
  const where = JSON.stringify(`${shape.name}.${f.path}`)
  const first = f.offset >> 2
  switch (f.kind) {
    case 'u32':
      return `x=${operand(f)};w[o+${first}]=x>>>0===x?x:bad(x,${where},'u32',${f.optional});`
    case 'i32':
      return `x=${operand(f)};w[o+${first}]=(x|0)===x?x:bad(x,${where},'i32',${f.optional});`
    case 'u64':
      return (
        `x=${operand(f)};if(x>>>0===x){${at(f, LO)}=x;${at(f, HI)}=0}` +
        `else u64w(w,o+${first},x,${where},${f.optional});`
      )
    case 'i64':
      return (
        `x=${operand(f)};if(x>>>0===x){${at(f, LO)}=x;${at(f, HI)}=0}` +
        `else i64w(w,o+${first},x,${where},${f.optional});`
      )
    default:
      return `bigw(w,o+${first},${operand(f)},${where},${f.optional});`
  }
}

/** 8- and 16-bit members and odd padding share a word: it is written once, as a whole. */
function narrowStatement(shape: AnyStruct, word: number, parts: readonly Placed[]): string {
  const terms = parts
    .filter((f) => f.kind !== 'pad')
    .map((f) => {
      const where = JSON.stringify(`${shape.name}.${f.path}`)
      return `narrow(${operand(f)},${mask(f)},${where},'${f.kind}',${f.optional})<<${shiftOf(f)}`
    })
  return `w[o+${word}]=${terms.length === 0 ? '0' : terms.join('|')};`
}

function writeBody(shape: AnyStruct): string {
  const body: string[] = [objectStatements(shape)]
  const narrow = new Map<number, Placed[]>()
  for (const f of shape.flat) {
    if (f.kind === 'u8' || f.kind === 'u16') {
      const word = f.offset >> 2
      const parts = narrow.get(word)
      if (parts) parts.push(f)
      else narrow.set(word, [f])
    } else if (f.kind === 'pad') {
      // Whole words of padding; a word shared with a narrow member is zeroed by that one.
      for (let b = (f.offset + 3) & ~3; b + 4 <= f.offset + f.size; b += 4) {
        body.push(`w[o+${b >> 2}]=0;`)
      }
    } else body.push(writeStatement(shape, f))
  }
  for (const [word, parts] of narrow) body.push(narrowStatement(shape, word, parts))
  return body.join('')
}

const RANGES: Readonly<Record<string, string>> = {
  u8: 'an integer from 0 to 255',
  u16: 'an integer from 0 to 65535',
  u32: 'an integer from 0 to 4294967295',
  i32: 'an integer from -2147483648 to 2147483647',
}

function bad(value: unknown, where: string, kind: string, optional: boolean): number {
  if (value === undefined && optional) return 0
  throw new LayoutError(where, RANGES[kind] ?? kind, value)
}

function narrow(
  value: number,
  most: number,
  where: string,
  kind: string,
  optional: boolean,
): number {
  return value >>> 0 === value && value <= most ? value : bad(value, where, kind, optional)
}

/**
 * What a bigint or a symbol does to `x>>>0`, or the lack of a nested struct, is a TypeError that
 * names nothing. Asked only then, the interpreted codec says which member it was.
 */
function explain(shape: AnyStruct, value: unknown, error: unknown): unknown {
  if (error instanceof LayoutError) return error
  try {
    interpretEncode(shape, new Uint32Array((shape.size + 3) >> 2), 0, value)
  } catch (explained) {
    return explained
  }
  return error
}

export function compileEncode<T>(shape: AnyStruct): Encode<T> {
  if (!canCompile) return (words, o, value) => interpretEncode(shape, words, o, value)
  // The try costs nothing; a typeof at every member would cost half as much as the encoding.
  const body = `return function encode_${shape.name.replace(/\W/g, '_')}(w,o,v){let x;try{${writeBody(shape)}}catch(e){throw explain(v,e)}}`
  const named = (value: unknown, error: unknown) => explain(shape, value, error)
  return new Function('explain', 'absent', 'bad', 'narrow', 'u64w', 'i64w', 'bigw', body)(
    named,
    absent,
    bad,
    narrow,
    writeU64,
    writeI64,
    writeBig,
  ) as Encode<T>
}
