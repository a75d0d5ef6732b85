import { parseArgs } from 'node:util'
import { UsageError } from '../words.ts'
import { unknown } from './nearest.ts'

/** A flag of a command: `--json`, and with `short` also `-j`. */
export interface Flag {
  readonly short?: string
  /** It takes a value: the last one given, or all of them, with commas between them. */
  readonly value?: 'last' | 'all'
}

export interface Arguments {
  readonly flags: ReadonlySet<string>
  readonly values: Readonly<Record<string, string>>
  readonly operands: readonly string[]
}

const spelled = (flags: Readonly<Record<string, Flag>>): string[] =>
  Object.entries(flags).flatMap(([name, { short }]) => [
    `--${name}`,
    ...(short === undefined ? [] : [`-${short}`]),
  ])

const optionsOf = (flags: Readonly<Record<string, Flag>>) =>
  Object.fromEntries(
    Object.entries(flags).map(([name, { short, value }]) => [
      name,
      {
        type: value ? ('string' as const) : ('boolean' as const),
        ...(short !== undefined && { short }),
      },
    ]),
  )

/** Flags and what is none, in any order; `--` ends the flags. Throws UsageError that names what is wrong. */
export function readArguments(
  argv: readonly string[],
  flags: Readonly<Record<string, Flag>>,
): Arguments {
  const options = optionsOf(flags)
  const { tokens, positionals } = parseArgs({
    args: [...argv],
    options,
    strict: false,
    tokens: true,
  })
  const set = new Set<string>()
  const values: Record<string, string> = {}
  for (const token of tokens) {
    if (token.kind !== 'option') continue
    const { name, rawName, value } = token
    const flag = Object.hasOwn(flags, name) ? flags[name] : undefined
    if (flag === undefined) throw new UsageError(unknown('flag', rawName, spelled(flags)))
    if (flag.value && value === undefined) throw new UsageError(`${rawName}: expected a value`)
    if (!flag.value && value !== undefined) {
      throw new UsageError(`${rawName}: expected no value, got ${JSON.stringify(value)}`)
    }
    set.add(name)
    if (value === undefined) continue
    const before = flag.value === 'all' ? values[name] : undefined
    values[name] = before === undefined ? value : `${before},${value}`
  }
  return { flags: set, values, operands: positionals }
}
