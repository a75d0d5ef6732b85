#!/usr/bin/env node
// mount.fuse.devfuse, which mount(8) runs for the type fuse.devfuse: see --help, and mount(8), "External helpers".

import { spawn } from 'node:child_process'
import { fstatSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { UsageError } from '../words.ts'
import { type Arguments, readArguments } from './arguments.ts'
import type { Told } from './background.ts'
import { subtypeOf, withoutOthers } from './fstab.ts'

/** Exit statuses of mount(8). */
const [MOUNTED, WRONG, NOT_MOUNTED] = [0, 1, 32]

const USAGE = `usage: mount.fuse.devfuse SOURCE MOUNTPOINT [-sfnv] [-o OPTION[=VALUE],...] [-t TYPE]

Mounts a file system of devfuse as mount(8) and fstab(5) want it, and returns once it is usable; a process in
the background then serves it until umount or SIGTERM.

SOURCE is NAME or NAME#OPERAND. NAME is an example of devfuse (devfuse mount --help lists them) or the absolute
path of a module; OPERAND is what the file system shows (stackfs#/lower), for others any label.

  -o   what the file system can be told, as devfuse mount NAME --help lists it; what is mount(8)'s own in
       fstab (defaults, nofail, user, x-..., ...) is left to it
  -t   fuse, fuse.SUBTYPE (fuse.devfuse)
  -f   check everything, mount nothing
  -s   ignore options that nobody knows
  -n   nothing: there is no mtab
  -v   say what is mounted

To be found by mount(8) it must be linked into /sbin:
  ln -s "$(command -v mount.fuse.devfuse)" /sbin/mount.fuse.devfuse

Exit status as of mount(8): 0, 1 for wrong arguments, 32 where the mount has failed.
`

const FLAGS = {
  help: { short: 'h' },
  sloppy: { short: 's' },
  fake: { short: 'f' },
  'no-mtab': { short: 'n' },
  verbose: { short: 'v' },
  options: { short: 'o', value: 'all' },
  type: { short: 't', value: 'last' },
  namespace: { short: 'N', value: 'last' },
} as const

interface Asked {
  readonly source: string
  readonly target: string
  readonly list: string
  readonly subtype: string
  readonly flags: ReadonlySet<string>
}

/** Throws UsageError. */
function asked({ flags, values, operands }: Arguments): Asked {
  const [source, target, more] = operands
  if (source === undefined || target === undefined || more !== undefined) {
    throw new UsageError(`expected SOURCE and MOUNTPOINT, got ${operands.length} arguments`)
  }
  if (values['namespace'] !== undefined) {
    throw new UsageError('-N: run it in that namespace instead: nsenter --mount=FILE mount ...')
  }
  return {
    source,
    target: resolve(target),
    list: withoutOthers(values['options'] ?? ''),
    subtype: subtypeOf(values['type'] ?? 'fuse.devfuse') ?? '',
    flags,
  }
}

/** Where systemd has connected stderr to its journal, that is where reports of handlers go, too. */
function inJournal(): boolean {
  const stream = process.env['JOURNAL_STREAM']
  try {
    const { dev, ino } = fstatSync(2)
    return stream === `${dev}:${ino}`
  } catch {
    return false
  }
}

const CHILD = fileURLToPath(new URL('./background.js', import.meta.url))

/** What the server does otherwise than to serve. */
const modeOf = (flags: ReadonlySet<string>): string[] =>
  ['fake', 'sloppy'].filter((flag) => flags.has(flag))

/**
 * Gives the id of the process that serves it. Rejects with why it is not mounted. The file system's module
 * is loaded there only: what it does when it is loaded it does once.
 */
function mountInBackground({ source, target, subtype, list, flags }: Asked): Promise<number> {
  const args = [CHILD, source, target, subtype, list, ...modeOf(flags)]
  const child = spawn(process.execPath, args, {
    detached: true,
    // Nobody may wait for the end of a stream that the server would keep open.
    stdio: ['ignore', 'ignore', inJournal() ? 'inherit' : 'ignore', 'ipc'],
  })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('exit', (code, signal) => {
      const ended = () => reject(new Error(`its server has ended with ${code ?? signal}`))
      // What it told may still be on its way.
      if (child.connected) child.once('disconnect', ended)
      else ended()
    })
    child.on('message', ({ error, usage }: Told) => {
      child.unref()
      if (error === undefined) resolve(child.pid as number)
      else reject(usage ? new UsageError(error) : new Error(error))
    })
  })
}

async function run(argv: readonly string[]): Promise<void> {
  const args = readArguments(argv, FLAGS)
  if (args.flags.has('help')) {
    process.stdout.write(USAGE)
    return
  }
  const given = asked(args)
  const pid = await mountInBackground(given)
  if (given.flags.has('verbose') && !given.flags.has('fake')) {
    process.stdout.write(`${given.source} mounted on ${given.target} by process ${pid}\n`)
  }
}

try {
  await run(process.argv.slice(2))
  process.exitCode = MOUNTED
} catch (error) {
  process.stderr.write(`mount.fuse.devfuse: ${(error as Error).message}\n`)
  process.exitCode = error instanceof UsageError ? WRONG : NOT_MOUNTED
}
