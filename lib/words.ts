/**
 * The words behind -o, as in `-o allow_other,fsname=x`: a table says which there are and what each
 * takes. Exported as devfuse/words, for commands that mount a file system of their own.
 */

export interface Word<T> {
  /** What stands behind `=`; absent where nothing does. */
  readonly value?: string
  readonly about: string
  /** Throws where it cannot be understood. */
  read(text: string | undefined): T
}

export type Words = Readonly<Record<string, Word<unknown>>>
/** What was said, by word. */
export type Said<W extends Words> = { -readonly [K in keyof W]?: ReturnType<W[K]['read']> }

/** A mistake of the user's: its message is all that he need see. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

const fail = (expected: string, text: string | undefined): never => {
  throw new UsageError(
    `expected ${expected}, got ${text === undefined ? 'no value' : JSON.stringify(text)}`,
  )
}

/** A word alone. */
export const flag = (about: string): Word<true> => ({
  about,
  read: (text) => (text === undefined ? true : fail('no value', text)),
})

export const text = (about: string): Word<string> => ({
  value: 'TEXT',
  about,
  read: (text) => text || fail('a text', text),
})

/** One of some words. */
export const choice = <T extends string>(words: readonly T[], about: string): Word<T> => ({
  value: words.join('|'),
  about,
  read: (text) => words.find((word) => word === text) ?? fail(words.join(', '), text),
})

/** A whole number from `least` to `most`. */
export const count = (least: number, most: number, unit: string, about: string): Word<number> => ({
  value: 'N',
  about,
  read(text) {
    const n = /^\d+$/.test(text ?? '') ? Number(text) : Number.NaN
    return n >= least && n <= most ? n : fail(`${least} to ${most} ${unit}`, text)
  },
})

/** Seconds; fractions are good to a nanosecond. */
export const seconds = (about: string): Word<number> => ({
  value: 'SECONDS',
  about,
  read(text) {
    const n = /^\d+(\.\d+)?$/.test(text ?? '') ? Number(text) : Number.NaN
    return n <= Number.MAX_SAFE_INTEGER ? n : fail('seconds from 0 on, as 1 or 0.5', text)
  },
})

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  k: 2 ** 10,
  m: 2 ** 20,
  g: 2 ** 30,
  t: 2 ** 40,
}

/** Bytes, as 512m. */
export const bytes = (least: number, about: string): Word<number> => ({
  value: 'BYTES',
  about,
  read(text) {
    const [, digits, unit] = /^(\d+)([kmgt]?)$/i.exec(text ?? '') ?? []
    const n = Number(digits) * (UNITS[unit?.toLowerCase() ?? ''] ?? Number.NaN)
    return n >= least && n <= Number.MAX_SAFE_INTEGER
      ? n
      : fail(`bytes from ${least} on, as 65536, 512m or 2g`, text)
  },
})

/** At commas; a comma that belongs to a value has a backslash before it. */
const split = (list: string): string[] =>
  (list.match(/(\\.|[^,\\])+/gs) ?? []).map((word) => word.replace(/\\(.)/gs, '$1'))

/**
 * Read `list` by a table; of a word said twice the last counts. What was said last stands last:
 * `ro,rw` is rw. Throws UsageError that names the word.
 */
export function readWords<W extends Words>(list: string, words: W): Said<W> {
  const said: Record<string, unknown> = {}
  for (const item of split(list)) {
    const [, name = '', value] = /^([^=]*)(?:=(.*))?$/s.exec(item) ?? []
    if (!Object.hasOwn(words, name)) throw new UsageError(`-o ${name}: there is no such option`)
    delete said[name]
    try {
      said[name] = words[name]?.read(value)
    } catch (error) {
      throw new UsageError(`-o ${name}: ${(error as Error).message}`)
    }
  }
  // Each value was read by the reader that its type comes from.
  return said as Said<W>
}

/** Two columns for --help. */
export const describeWords = (words: Words): string =>
  Object.entries(words)
    .map(
      ([name, { value, about }]) => `  ${(value ? `${name}=${value}` : name).padEnd(26)} ${about}`,
    )
    .join('\n')
