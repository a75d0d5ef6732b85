import type { Arguments, Flag } from './arguments.ts'

/** A word behind `devfuse`. */
export interface Subcommand {
  /** What stands behind its name in `usage:`. */
  readonly synopsis: string
  /** One line of the list of subcommands. */
  readonly about: string
  /** The rest of its --help. */
  readonly help: string | (() => Promise<string>)
  readonly flags: Readonly<Record<string, Flag>>
  /** What follows the first operand is not ours to read: another program's arguments. */
  readonly passes?: true
  /** Gives the exit status; undefined where it goes on and sets it by itself. Throws UsageError. */
  run(args: Arguments): Promise<number | undefined>
}

/** Exit statuses. */
export const [DONE, FAILED, USAGE] = [0, 1, 2]
