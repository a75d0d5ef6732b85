import { stat } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import debug from 'debug'
import {
  type LowLevelOps,
  MOUNT_WORDS,
  type MountedSession,
  type MountOptions,
  mount,
  mountLowLevel,
  mountOptionsOf,
  type PathOps,
  type PathOptions,
} from '../lib/index.ts'
import { describeWords, flag, readWords, type Said, UsageError, type Words } from '../lib/words.ts'

/** What every file system can be told. */
const COMMON_WORDS = {
  ...MOUNT_WORDS,
  debug: flag('show every request on stderr'),
} satisfies Words

/** A file system that is a command. */
export interface Command<W extends Words> {
  readonly name: string
  readonly about: string
  /** Names of what stands before the mount point; all of it may also be left out. Default none. */
  readonly operands?: readonly string[]
  /** Its own words behind -o. */
  readonly words: W
  /** What to mount for what was said. Throws UsageError. */
  plan(said: Said<W>, invocation: Invocation): Plan
}

export interface Invocation {
  readonly mountpoint: string
  /** As many as the command names, or none. */
  readonly operands: readonly string[]
  /** What everybody can say. */
  readonly mount: MountOptions
}

/** A file system on inodes, or one on paths. */
export type Plan = (
  | { readonly ops: LowLevelOps; readonly options?: MountOptions }
  | { readonly paths: PathOps; readonly options?: MountOptions & PathOptions }
) & {
  /** Called once it is mounted. */
  readonly mounted?: (session: MountedSession) => void
}

const usage = ({ name, about, words, operands = [] }: Command<Words>): string =>
  `usage: ${[name, ...operands].join(' ')} MOUNTPOINT [-o OPTION[=VALUE],...]

${about} Ctrl-C or umount ends it.

${describeWords({ ...COMMON_WORDS, ...words })}
`

interface Arguments {
  readonly help: boolean
  readonly mountpoint: string
  readonly operands: readonly string[]
  readonly list: string
}

/** Throws UsageError. */
function readArguments(argv: readonly string[], operands: readonly string[]): Arguments {
  const options = {
    help: { type: 'boolean', short: 'h', default: false },
    option: { type: 'string', short: 'o', multiple: true, default: [] as string[] },
  } as const
  try {
    const { values, positionals } = parseArgs({ args: [...argv], options, allowPositionals: true })
    const mountpoint = positionals.at(-1) ?? ''
    const before = positionals.slice(0, -1)
    const asked = before.length === 0 || before.length === operands.length
    if (!values.help && (mountpoint === '' || !asked)) {
      const expected = ['one mount point', ...operands.map((name) => `${name} before it`)]
      throw new UsageError(
        `expected ${expected.join(' and ')}, got ${positionals.length} arguments; see --help`,
      )
    }
    return { help: values.help, mountpoint, operands: before, list: values.option.join(',') }
  } catch (error) {
    throw error instanceof TypeError ? new UsageError(error.message) : error
  }
}

async function checkDirectory(path: string): Promise<void> {
  try {
    if ((await stat(path)).isDirectory()) return
  } catch (error) {
    // What has died there is told by whoever mounts, or replaced.
    if ((error as NodeJS.ErrnoException).code === 'ENOTCONN') return
    throw error
  }
  throw new UsageError(`${path} is no directory, and what would be mounted on it is one`)
}

const mounted = (mountpoint: string, plan: Plan, general: MountOptions): Promise<MountedSession> =>
  'paths' in plan
    ? mount(mountpoint, plan.paths, { ...plan.options, ...general })
    : mountLowLevel(mountpoint, plan.ops, { ...plan.options, ...general })

async function run<W extends Words>(command: Command<W>, argv: readonly string[]): Promise<void> {
  const { help, mountpoint, operands, list } = readArguments(argv, command.operands ?? [])
  if (help) {
    process.stdout.write(usage(command))
    return
  }
  const said = readWords(list, { ...COMMON_WORDS, ...command.words })
  if (said.debug) debug.enable('devfuse:*')
  await checkDirectory(mountpoint)
  const general = mountOptionsOf(said)
  const plan = command.plan(said, { mountpoint, operands, mount: general })
  const session = await mounted(mountpoint, plan, general)
  plan.mounted?.(session)
  process.stdout.write(`mounted ${mountpoint}\n`)
  const { reason, error } = await session.closed
  if (reason === 'error') throw error
}

/** Run a file system in the foreground. Mistakes and failures go to stderr, with exit status 1. */
export async function main<W extends Words>(
  command: Command<W>,
  argv: readonly string[] = process.argv.slice(2),
): Promise<void> {
  try {
    await run(command, argv)
  } catch (error) {
    process.stderr.write(
      `${command.name}: ${error instanceof Error ? error.message : String(error)}\n`,
    )
    process.exitCode = 1
  }
}
