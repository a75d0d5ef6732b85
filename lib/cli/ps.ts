import { type LivingMount, livingMounts } from '../living_mounts.ts'
import { UsageError } from '../words.ts'
import type { Arguments } from './arguments.ts'
import { DONE, type Subcommand } from './subcommand.ts'
import { printable, table } from './table.ts'

const [MINUTE, HOUR, DAY] = [60, 3600, 86_400]

/** The two biggest units: `3d 4h`. */
export function span(seconds: number): string {
  const s = Math.floor(seconds)
  if (s < MINUTE) return `${s}s`
  if (s < HOUR) return `${Math.floor(s / MINUTE)}m ${s % MINUTE}s`
  if (s < DAY) return `${Math.floor(s / HOUR)}h ${Math.floor((s % HOUR) / MINUTE)}m`
  return `${Math.floor(s / DAY)}d ${Math.floor((s % DAY) / HOUR)}h`
}

const placeOf = ({ mountpoint, inNamespaceOf }: LivingMount): string => {
  if (mountpoint === undefined) return '(detached)'
  const place = printable(mountpoint)
  return inNamespaceOf === undefined ? place : `${place} (of ${inNamespaceOf})`
}

const row = (mount: LivingMount): string[] => [
  placeOf(mount),
  printable(mount.type),
  printable(mount.source) || '-',
  mount.state,
  mount.pids.map((pid) => (mount.certain ? String(pid) : `${pid}?`)).join(',') || '-',
  mount.age === undefined ? '-' : span(mount.age),
  mount.waiting === undefined ? '-' : String(mount.waiting),
]

const HEAD = ['MOUNTPOINT', 'TYPE', 'SOURCE', 'STATE', 'PID', 'AGE', 'WAITING']

/** Of a dead one nobody can tell whose it was. */
const isOurs = ({ devfuse, state }: LivingMount): boolean => devfuse || state === 'dead'

async function run({ flags, operands }: Arguments): Promise<number> {
  if (operands.length > 0) throw new UsageError(`expected no ${JSON.stringify(operands[0])}`)
  const found = livingMounts().filter((mount) => flags.has('all') || isOurs(mount))
  const text = flags.has('json')
    ? `${JSON.stringify(found, null, 2)}\n`
    : table([HEAD, ...found.map(row)])
  process.stdout.write(text)
  return DONE
}

export const psCommand: Subcommand = {
  synopsis: '[-a] [--json]',
  about: 'the mounts that devfuse serves, and dead ones',
  help: `No file system is asked anything: dead and stuck ones are shown like others.

  STATE    alive; dead: nobody serves it any more (umount it); unknown: who serves it cannot be seen from
           here (another user's, or outside of this container)
  PID      who serves it; with ? who might, where the kernel (before Linux 6.16) does not tell
  AGE      since it was mounted
  WAITING  requests that are not answered yet; - where fusectl is not mounted or is another user's

  -a, --all    also those that other programs serve
      --json   the same for programs

Exit status 0.`,
  flags: { all: { short: 'a' }, json: {} },
  run,
}
