#!/usr/bin/env node
// npx devfuse: see --help.

import { readFileSync } from 'node:fs'
import { UsageError } from '../words.ts'
import { readArguments } from './arguments.ts'
import { mountCommand } from './mount.ts'
import { unknown } from './nearest.ts'
import { probeCommand } from './probe.ts'
import { psCommand } from './ps.ts'
import { DONE, FAILED, type Subcommand, USAGE } from './subcommand.ts'
import { table } from './table.ts'
import { umountCommand } from './umount.ts'

const COMMANDS: ReadonlyMap<string, Subcommand> = new Map([
  ['probe', probeCommand],
  ['mount', mountCommand],
  ['umount', umountCommand],
  ['ps', psCommand],
])

const usage = (): string => `usage: devfuse COMMAND [ARGUMENT...]

${table([...COMMANDS].map(([name, { about }]) => [`  ${name}`, about]))}
devfuse COMMAND --help tells more. Exit status 0, 1 for what has failed, 2 for wrong arguments.
`

async function helpOf(name: string, { synopsis, about, help }: Subcommand): Promise<string> {
  const text = typeof help === 'string' ? help : await help()
  return `usage: devfuse ${name} ${synopsis}

${about[0]?.toUpperCase()}${about.slice(1)}.

${text}
`
}

function version(): string {
  const url = new URL('../../../package.json', import.meta.url)
  return (JSON.parse(readFileSync(url, 'utf8')) as { version: string }).version
}

const HELP = { help: { short: 'h' } }

function commandOf(name: string): Subcommand {
  const command = COMMANDS.get(name)
  if (command === undefined) throw new UsageError(unknown('command', name, [...COMMANDS.keys()]))
  return command
}

async function runCommand(name: string, command: Subcommand, argv: readonly string[]) {
  // What belongs to another program is not read here, but for what stands before it.
  const end = command.passes ? argv.findIndex((word) => !word.startsWith('-')) : -1
  const own = end < 0 ? argv : argv.slice(0, end)
  const args = readArguments(own, { ...command.flags, ...HELP })
  if (args.flags.has('help')) {
    process.stdout.write(await helpOf(name, command))
    return DONE
  }
  return command.run(end < 0 ? args : { ...args, operands: argv.slice(end) })
}

async function run([first, ...rest]: readonly string[]): Promise<number | undefined> {
  if (first === undefined) throw new UsageError('expected a command')
  if (first === '--version') {
    process.stdout.write(`${version()}\n`)
    return DONE
  }
  if (first === '--help' || first === '-h' || first === 'help') {
    const [about] = rest
    process.stdout.write(about === undefined ? usage() : await helpOf(about, commandOf(about)))
    return DONE
  }
  return runCommand(first, commandOf(first), rest)
}

async function main(argv: readonly string[]): Promise<void> {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // Whoever reads, as head(1), may have enough.
    if (error.code === 'EPIPE') return
    process.stderr.write(`devfuse: ${error.message}\n`)
    process.exitCode = FAILED
  })
  const name = argv[0] !== undefined && COMMANDS.has(argv[0]) ? `devfuse ${argv[0]}` : 'devfuse'
  try {
    const status = await run(argv)
    if (status !== undefined) process.exitCode = status
  } catch (error) {
    const wrong = error instanceof UsageError
    const hint = wrong ? `; see ${name} --help` : ''
    process.stderr.write(`${name}: ${(error as Error).message}${hint}\n`)
    process.exitCode = wrong ? USAGE : FAILED
  }
}

await main(process.argv.slice(2))
