import { compileDecode, compileEncode, type Decode, type Encode } from './codec.ts'
import { type Structure, structure } from './oracle.ts'

/**
 * The kinds of scalar that fuse.h is made of. `u64` and `i64` are numbers and refuse what a double
 * cannot hold exactly; `x64` is 64 opaque bits, a bigint; `pad` is never seen and always zero.
 */
export type Kind = 'u8' | 'u16' | 'u32' | 'i32' | 'u64' | 'i64' | 'x64' | 'pad'

declare const decoded: unique symbol
declare const encoded: unique symbol

/** One scalar member: `D` is what decoding gives, `E` what encoding takes. */
export interface Scalar<D = unknown, E = unknown, Optional extends boolean = boolean> {
  readonly kind: Kind
  /** Bytes. */
  readonly size: number
  /** Encoding an absent value writes 0. */
  readonly optional: Optional
  readonly [decoded]?: D
  readonly [encoded]?: E
}

export type Member = Scalar | AnyStruct
export type Members = Readonly<Record<string, Member>>

/** A member at its place: what the codecs, the oracle and the ABI test are made from. */
export interface Placed {
  /** Dotted from the outermost struct: `attr.mode`. */
  readonly path: string
  readonly kind: Kind
  readonly offset: number
  readonly size: number
  readonly optional: boolean
}

export interface AnyStruct {
  readonly name: string
  readonly members: Members
  /** Bytes. */
  readonly size: number
  /** Every scalar in wire order, nested structs flattened. */
  readonly flat: readonly Placed[]
}

/** A struct of fuse.h, declared once: its type, its codecs, its size and its oracle. */
export interface Struct<M extends Members = Members> extends AnyStruct {
  readonly members: M
  /**
   * Read the struct at word `o` of `words`; the caller has checked the bounds.
   * Throws an errno error EOVERFLOW where a `u64` or `i64` does not fit a number exactly.
   */
  decode(words: Uint32Array, o: number): Decoded<M>
  /**
   * Write the struct at word `o` of `words`, padding included.
   * Throws `LayoutError` where a value is missing or out of range; the words are then undefined.
   */
  encode(words: Uint32Array, o: number, value: Encodable<M>): void
  /** What `decode` and `encode` call, for a hot path to keep at hand. */
  readonly decoder: Struct<M>['decode']
  readonly encoder: Struct<M>['encode']
  /** The same layout for the npm package buffer-layout: for tests and dumps, never on a hot path. */
  readonly layout: Structure
}

type Visible<M> = { [K in keyof M]: M[K] extends { readonly kind: 'pad' } ? never : K }[keyof M]
type Optional<M> = {
  [K in keyof M]: M[K] extends { readonly optional: true; readonly kind: Kind } ? K : never
}[keyof M]

type DecodedMember<T> =
  T extends Struct<infer M> ? Decoded<M> : T extends Scalar<infer D, unknown> ? D : never
type EncodableMember<T> =
  T extends Struct<infer M> ? Encodable<M> : T extends Scalar<unknown, infer E> ? E : never

export type Decoded<M> = { readonly [K in Visible<M>]: DecodedMember<M[K]> }
export type Encodable<M> = {
  readonly [K in Exclude<Visible<M>, Optional<M>>]: EncodableMember<M[K]>
} & { readonly [K in Exclude<Optional<M>, never> & Visible<M>]?: EncodableMember<M[K]> | undefined }

/** What decoding a struct gives. */
export type Infer<S> = S extends Struct<infer M> ? Decoded<M> : never
/** What encoding a struct takes: padding left out, optional members may be absent (0). */
export type InferIn<S> = S extends Struct<infer M> ? Encodable<M> : never

declare const brand: unique symbol
/** An inode number on the wire: minted by the file system, echoed by the kernel, 1 is the root. */
export type NodeId = number & { readonly [brand]?: 'NodeId' }
/** A file handle: minted by `open`, `create` and `opendir`, echoed until `release`. */
export type Fh = number & { readonly [brand]?: 'Fh' }

type Required<D, E = D> = Scalar<D, E, false>
const scalar = <D, E = D>(kind: Kind, size: number): Required<D, E> => ({
  kind,
  size,
  optional: false,
})

export const u8 = scalar<number>('u8', 1)
export const u16 = scalar<number>('u16', 2)
export const u32 = scalar<number>('u32', 4)
export const i32 = scalar<number>('i32', 4)
export const u64 = scalar<number>('u64', 8)
export const i64 = scalar<number>('i64', 8)
export const x64 = scalar<bigint, bigint | number>('x64', 8)
export const nodeid = scalar<NodeId, number>('u64', 8)
export const fh = scalar<Fh, number>('u64', 8)

/** `bytes` bytes that mean nothing: zero when written, unseen when read. */
export const pad = (bytes: number): Scalar<never, never, true> & { readonly kind: 'pad' } => ({
  kind: 'pad',
  size: bytes,
  optional: true,
})

/** A member that may be left out when encoding: it is then 0. */
export const optional = <D, E>(member: Scalar<D, E, boolean>): Scalar<D, E, true> => ({
  ...member,
  optional: true,
})

const isStruct = (member: Member): member is AnyStruct => 'members' in member

function place(members: Members): { flat: Placed[]; size: number } {
  const flat: Placed[] = []
  let offset = 0
  for (const [name, member] of Object.entries(members)) {
    if (isStruct(member)) {
      for (const inner of member.flat) {
        flat.push({ ...inner, path: `${name}.${inner.path}`, offset: offset + inner.offset })
      }
    } else {
      const { kind, size, optional } = member
      flat.push({ path: name, kind, offset, size, optional })
    }
    offset += member.size
  }
  return { flat, size: offset }
}

function define<M extends Members>(
  name: string,
  members: M,
  flat: readonly Placed[],
  size: number,
): Struct<M> {
  const shape: AnyStruct = { name, members, size, flat }
  let layout: Structure | undefined
  let decoder: Decode<Decoded<M>> | undefined
  let encoder: Encode<Encodable<M>> | undefined
  // Compiled at the first use: a program pays for the opcodes that it meets.
  const self: Struct<M> = {
    ...shape,
    members,
    decode: (words, o) => self.decoder(words, o),
    encode: (words, o, value) => self.encoder(words, o, value),
    get decoder() {
      decoder ??= compileDecode<Decoded<M>>(shape)
      return decoder
    },
    get encoder() {
      encoder ??= compileEncode<Encodable<M>>(shape)
      return encoder
    },
    get layout() {
      layout ??= structure(shape)
      return layout
    },
  }
  return self
}

/** Declare a struct of fuse.h. Members stand in wire order and need no padding beyond what is named. */
export function struct<M extends Members>(name: string, members: M): Struct<M> {
  const { flat, size } = place(members)
  for (const { path, offset, size: bytes, kind } of flat) {
    const align = kind === 'pad' ? 1 : Math.min(bytes, 8)
    if (offset % align !== 0) throw new Error(`${name}.${path}: misaligned at ${offset}`)
  }
  return define(name, members, flat, size)
}

/**
 * The first `size` bytes of a struct, as a minor version before the rest was added sent it:
 * members beyond are 0 when decoded and dropped when encoded.
 */
export function truncated<M extends Members>(whole: Struct<M>, size: number): Struct<M> {
  const flat = whole.flat.filter((member) => member.offset + member.size <= size)
  return define(`${whole.name}(${size})`, whole.members, flat, size)
}
