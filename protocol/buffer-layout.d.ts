/** The parts of the npm package buffer-layout (which ships no types) that the oracle uses. */
declare module 'buffer-layout' {
  export interface Layout {
    readonly span: number
    readonly property: string | undefined
    decode(bytes: Uint8Array, offset?: number): unknown
    encode(value: unknown, bytes: Uint8Array, offset?: number): number
  }
  export function u8(property?: string): Layout
  export function u16(property?: string): Layout
  export function u16be(property?: string): Layout
  export function u32(property?: string): Layout
  export function u32be(property?: string): Layout
  export function s32(property?: string): Layout
  export function s32be(property?: string): Layout
  export function blob(length: number, property?: string): Layout
  export function struct(fields: readonly Layout[], property?: string): Layout
}
