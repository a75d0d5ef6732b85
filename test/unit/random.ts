/**
 * Reproducible randomness for tests: mulberry32. The seed comes from DEVFUSE_SEED, else it is fixed,
 * so that a failure in CI is the same failure here.
 */
export const seed: number = Number(process.env['DEVFUSE_SEED'] ?? 20_260_817) >>> 0

export interface Random {
  /** A 32-bit word. */
  word(): number
  /** An integer from 0 up to, not including, `n`. */
  below(n: number): number
  /** True once in `n` times. */
  oneIn(n: number): boolean
  pick<T>(from: readonly T[]): T
}

export function random(start: number = seed): Random {
  let state = start >>> 0
  const word = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let z = state
    z = Math.imul(z ^ (z >>> 15), z | 1)
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61)
    return (z ^ (z >>> 14)) >>> 0
  }
  const below = (n: number): number => Math.floor((word() / 2 ** 32) * n)
  return {
    word,
    below,
    oneIn: (n) => below(n) === 0,
    pick: (from) => from[below(from.length)] as (typeof from)[number],
  }
}
