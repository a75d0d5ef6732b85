import { FUSE_INIT_FLAGS } from '../../protocol/init_flags.ts'
import { type Probe, type ProbeCheck, probe } from '../probe.ts'
import { UsageError } from '../words.ts'
import type { Arguments } from './arguments.ts'
import { DONE, FAILED, type Subcommand } from './subcommand.ts'
import { table } from './table.ts'

/** One line; that of a MountError begins with its code already. */
function check(name: string, { ok, code = '', message }: ProbeCheck): string[] {
  const line = message.replace(/\s+/g, ' ')
  const coded = ok || line.startsWith(`${code}: `)
  return [name, ok ? 'yes' : 'no', coded ? line : `${code}: ${line}`]
}

const checks = (found: Probe): string[][] => [
  check('addon', found.addon),
  check('/dev/fuse', found.device),
  check('mount(2)', found.mount),
  check('fusermount3', found.fusermount3),
  check('user namespace', found.namespace),
  ['passthrough', found.passthrough ? 'yes' : 'no', 'FUSE_PASSTHROUGH, Linux 6.9'],
  ['io_uring', found.ioUring ? 'yes' : 'no', 'the parameter enable_uring of the module fuse'],
  check('ExtFUSE', found.extfuse),
]

/** Every flag of the protocol, offered or not, and those that have no name. */
function flags({ flags: offered }: Probe): string[][] {
  const unnamed = offered.filter((name) => !Object.hasOwn(FUSE_INIT_FLAGS, name))
  const named = Object.entries(FUSE_INIT_FLAGS).map(([name, { since }]) => [
    name,
    offered.includes(name) ? 'yes' : 'no',
    `7.${since}`,
  ])
  return [...named, ...unnamed.map((name) => [name, 'yes', ''])]
}

const limits = ({ limits }: Probe): string[][] =>
  Object.entries(limits).map(([name, value]) => [name, value ?? '-'])

const indented = (text: string): string => text.replace(/^/gm, '  ').trimEnd()

const readable = (found: Probe): string => `Node ${found.node}, Linux ${found.kernel}, FUSE ${
  found.protocol ?? 'unknown: no mount has worked'
}

What works here, for this user:
${indented(table(checks(found)))}

What FUSE_INIT offers, and since which version of the protocol:
${indented(table(flags(found)))}

Limits:
${indented(table(limits(found)))}
`

async function run({ flags, operands }: Arguments): Promise<number> {
  if (operands.length > 0) throw new UsageError(`expected no ${JSON.stringify(operands[0])}`)
  const found = await probe()
  process.stdout.write(flags.has('json') ? `${JSON.stringify(found, null, 2)}\n` : readable(found))
  const ways = [found.mount, found.fusermount3, found.namespace]
  return ways.some(({ ok }) => ok) ? DONE : FAILED
}

export const probeCommand: Subcommand = {
  synopsis: '[--json]',
  about: 'what this machine and this user can do, and what to do about the rest',
  help: `Each thing is tried: three file systems are mounted in the temporary folder and unmounted at once.
What does not work has a code that stays the same and says what to do about it.

  --json   the same for programs

Exit status 0 where this user can mount in at least one way, 1 where in none.`,
  flags: { json: {} },
  run,
}
