/**
 * A file system that is a command: `NAME [OPERAND...] MOUNTPOINT [-o WORD,...]`. Exported as
 * devfuse/command. `devfuse mount` and mount.fuse.devfuse run one that is a module's default export.
 */

import { stat } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import debug from 'debug'
import { type MountedSession, mountLowLevel } from './mount.ts'
import { MOUNT_WORDS, type MountOptions, mountOptionsOf } from './mount_options.ts'
import type { LowLevelOps } from './ops.ts'
import { mount } from './path_mount.ts'
import type { PathOps } from './path_ops.ts'
import type { PathOptions } from './path_options.ts'
import { describeWords, flag, readWords, type Said, UsageError, type Words } from './words.ts'

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
  plan(said: Said<W>, invocation: Invocation): Plan | Promise<Plan>
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

/** A plan with everything that was said. */
export interface Planned {
  readonly options: MountOptions
  /** Rejects as `mountLowLevel` does. */
  mount(mountpoint: string): Promise<MountedSession>
}

const usage = ({ name, about, words, operands = [] }: Command<Words>): string =>
  `usage: ${[name, ...operands].join(' ')} MOUNTPOINT [-o OPTION[=VALUE],...]

${about} Ctrl-C or umount ends it.

${describeWords({ ...COMMON_WORDS, ...words })}
`

/** What was said on the command line. */
export interface CommandLine {
  readonly mountpoint: string
  readonly operands: readonly string[]
  /** What stands behind -o. */
  readonly list: string
}

/** Throws UsageError. */
function readArguments(
  argv: readonly string[],
  operands: readonly string[],
): CommandLine & { readonly help: boolean } {
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

/**
 * What a command line asks for, checked, and not mounted yet. Throws UsageError or a system error.
 *
 * @param instead of what the file system itself would have, where nothing else is said.
 */
export async function planCommand<W extends Words>(
  command: Command<W>,
  { mountpoint, operands, list }: CommandLine,
  instead: MountOptions = {},
): Promise<Planned> {
  const said = readWords(list, { ...COMMON_WORDS, ...command.words })
  if (said.debug) debug.enable('devfuse:*')
  await checkDirectory(mountpoint)
  const general = mountOptionsOf(said)
  const plan = await command.plan(said, { mountpoint, operands, mount: general })
  const options = { ...plan.options, ...instead, ...general }
  return {
    options,
    async mount(mountpoint) {
      const session =
        'paths' in plan
          ? await mount(mountpoint, plan.paths, options)
          : await mountLowLevel(mountpoint, plan.ops, options)
      plan.mounted?.(session)
      return session
    },
  }
}

/** The words that a command takes behind -o. */
export const wordsOf = ({ words }: Command<Words>): Words => ({ ...COMMON_WORDS, ...words })

/** Run a file system in the foreground until it is unmounted. Throws UsageError, or what has failed. */
export async function runInForeground<W extends Words>(
  command: Command<W>,
  argv: readonly string[],
): Promise<void> {
  const { help, ...line } = readArguments(argv, command.operands ?? [])
  if (help) {
    process.stdout.write(usage(command))
    return
  }
  const planned = await planCommand(command, line)
  const session = await planned.mount(line.mountpoint)
  process.stdout.write(`mounted ${line.mountpoint}\n`)
  const { reason, error } = await session.closed
  if (reason === 'error') throw error
}

/** The same for a program of its own: mistakes and failures go to stderr, with exit status 1. */
async function runProgram<W extends Words>(command: Command<W>): Promise<void> {
  try {
    await runInForeground(command, process.argv.slice(2))
  } catch (error) {
    process.stderr.write(
      `${command.name}: ${error instanceof Error ? error.message : String(error)}\n`,
    )
    process.exitCode = 1
  }
}

/** Whether node was started with the module of that URL, rather than with one that imports it. */
function isProgram(url: string): boolean {
  const program = process.argv[1]
  if (program === undefined) return false
  try {
    return createRequire(url).resolve(program) === fileURLToPath(url)
  } catch {
    return false
  }
}

/**
 * The last line of a module whose default export is a command: run it where node was started with that
 * module, and do nothing where it is imported.
 *
 * @param url `import.meta.url`.
 */
export async function main<W extends Words>(command: Command<W>, url: string): Promise<void> {
  if (isProgram(url)) await runProgram(command)
}
