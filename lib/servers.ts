import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { connectionOf } from './connection_number.ts'

/** A process that holds descriptors of /dev/fuse. */
export interface Server {
  readonly pid: number
  /** What it serves; empty where the kernel does not tell (before Linux 6.16). */
  readonly connections: ReadonlySet<number>
  /** It holds a descriptor of which the kernel does not tell what it serves. */
  readonly uncertain: boolean
  /** It has loaded our addon. */
  readonly devfuse: boolean
}

const attempt = <T>(read: () => T): T | undefined => {
  try {
    return read()
  } catch {
    // It has ended, or belongs to somebody else.
    return undefined
  }
}

const devicesOf = (pid: string): string[] =>
  (attempt(() => readdirSync(`/proc/${pid}/fd`)) ?? []).filter((fd) =>
    // Another root folder, or a mount of the device elsewhere, shows another folder.
    attempt(() => readlinkSync(`/proc/${pid}/fd/${fd}`))?.endsWith('/fuse'),
  )

function serverOf(pid: string): Server | undefined {
  const devices = devicesOf(pid)
  if (devices.length === 0) return undefined
  const told = devices.map((fd) => connectionOf(fd, pid))
  const maps = attempt(() => readFileSync(`/proc/${pid}/maps`, 'latin1')) ?? ''
  return {
    pid: Number(pid),
    connections: new Set(told.filter((number) => number !== undefined)),
    uncertain: told.includes(undefined),
    devfuse: /\/devfuse\.node( \(deleted\))?$/m.test(maps),
  }
}

/** The servers of FUSE file systems that this user may look into. No file system is asked anything. */
export const servers = (): Server[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(serverOf)
    .filter((server) => server !== undefined)

/** USER_HZ, on every architecture that Node.js runs on. */
const TICKS = 100

/** Seconds that a process has been there; undefined where it is not. */
export function ageOf(pid: number): number | undefined {
  const stat = attempt(() => readFileSync(`/proc/${pid}/stat`, 'latin1'))
  // Behind the name, which may hold anything: the third field of proc(5) and what follows.
  const start = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  if (start === undefined) return undefined
  const up = Number(readFileSync('/proc/uptime', 'latin1').split(' ')[0])
  return Math.max(0, up - Number(start) / TICKS)
}
