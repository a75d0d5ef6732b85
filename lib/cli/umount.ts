import { resolve } from 'node:path'
import { isFuse, type MountEntry, mounts } from '../mountinfo.ts'
import { addon } from '../native.ts'
import { unmountOther } from '../unmounting_others.ts'
import { untouchedPath } from '../untouched_path.ts'
import { UsageError } from '../words.ts'
import type { Arguments } from './arguments.ts'
import { DONE, FAILED, type Subcommand } from './subcommand.ts'
import { printable } from './table.ts'

const DEFAULT_TIMEOUT = 5000

/** The mount that one sees there. Throws an error that says why there is none for us. */
function mountOn(path: string): MountEntry {
  const all = mounts()
  const on = (place: string) => all.findLast(({ mountpoint }) => mountpoint === place)
  // As it is written first: that asks nobody.
  const found = on(resolve(path)) ?? on(untouchedPath(path))
  if (found === undefined) throw new Error('not mounted')
  if (!isFuse(found)) throw new Error(`not a FUSE file system: ${found.type}`)
  return found
}

const WHY: Readonly<Record<string, string>> = {
  EBUSY: 'EBUSY: somebody uses it; -l detaches it, -f ends that',
  EPERM: 'EPERM: only root and who has mounted it may unmount it (and that one needs fusermount3)',
}

/** Gives whether it is unmounted; why not is told on stderr. */
async function umount(path: string, flags: ReadonlySet<string>, timeout: number): Promise<boolean> {
  const options = { lazy: flags.has('lazy'), force: flags.has('force'), timeout }
  const say = (what: string) =>
    process.stderr.write(`devfuse umount: ${printable(path)}: ${what}\n`)
  try {
    const steps = await unmountOther(mountOn(path), options)
    const last = steps.at(-1)?.result ?? 'done'
    if (flags.has('verbose')) {
      const taken = steps.map(({ step, result }) => `${step}: ${result}`).join(', ')
      process.stdout.write(`${printable(path)}: ${taken}\n`)
    }
    if (last !== 'done') say(WHY[last] ?? last)
    return last === 'done'
  } catch (error) {
    say((error as Error).message)
    return false
  }
}

function timeoutOf(text: string | undefined): number {
  if (text === undefined) return DEFAULT_TIMEOUT
  const ms = Number(text)
  if (/^\d+$/.test(text) && ms <= 2 ** 31 - 1) return ms
  throw new UsageError(`--timeout: expected milliseconds, got ${JSON.stringify(text)}`)
}

async function run({ flags, values, operands }: Arguments): Promise<number> {
  if (operands.length === 0) throw new UsageError('expected one mount point or more')
  const timeout = timeoutOf(values['timeout'])
  addon()
  let all = true
  for (const path of operands) all = (await umount(path, flags, timeout)) && all
  return all ? DONE : FAILED
}

export const umountCommand: Subcommand = {
  synopsis: '[-l] [-f [--timeout MS]] [-v] MOUNTPOINT...',
  about: 'unmount, also what is dead or stuck',
  help: `Unmounts FUSE file systems of any process, and of those that have ended. The mount point is never looked
into, so that a server that does not answer keeps nobody waiting. Others than root need fusermount3.

  -l, --lazy         detach it now, let who uses it go on
  -f, --force        umount; where that fails or takes too long, detach it; where it is still in use after
                     that time, abort its connection: whoever uses it gets an error
      --timeout MS   how long each of these steps may take (${DEFAULT_TIMEOUT})
  -v, --verbose      say what it took

Exit status 0 where all of them are unmounted, 1 where one is not, 2 for wrong arguments.`,
  flags: {
    lazy: { short: 'l' },
    force: { short: 'f' },
    timeout: { value: 'last' },
    verbose: { short: 'v' },
  },
  run,
}
