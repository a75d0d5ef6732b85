import { readlinkSync, statSync } from 'node:fs'
import { CONNECTIONS, ConnectionControl, numberOf } from './connection_control.ts'
import { isFuse, type MountEntry, mounts } from './mountinfo.ts'
import { ageOf, type Server, servers } from './servers.ts'

/** A FUSE mount and who serves it. */
export interface LivingMount {
  /** Undefined where it is mounted nowhere any more, but still in use. */
  readonly mountpoint: string | undefined
  /** The process in whose mount namespace it is mounted, where that is another one. */
  readonly inNamespaceOf: number | undefined
  readonly type: string
  readonly source: string
  /** Its number in /sys/fs/fuse/connections. */
  readonly connection: number
  /** `unknown` where this process cannot see who might serve it. */
  readonly state: 'alive' | 'dead' | 'unknown'
  /** Who serves it, or, where it is not `certain`, who might. */
  readonly pids: readonly number[]
  readonly certain: boolean
  /** One of them is a process with devfuse. */
  readonly devfuse: boolean
  /** Seconds; undefined where it cannot be told. Of the connection, or else of its server. */
  readonly age: number | undefined
  /** Requests that wait to be read or answered; undefined where fusectl does not show it to this user. */
  readonly waiting: number | undefined
}

/** PROC_PID_INIT_INO: from here every process is seen. */
const INITIAL_PIDS = 'pid:[4026531836]'

/** Who serves `mount` can be told to be nobody. */
function seesAllServers({ superOptions }: MountEntry, all: readonly Server[]): boolean {
  if (all.some(({ uncertain }) => uncertain)) return false
  if (readlinkSync('/proc/self/ns/pid') !== INITIAL_PIDS) return false
  const uid = process.getuid?.()
  // Whoever has mounted it serves it, as far as anybody can know.
  return uid === 0 || superOptions.split(',').includes(`user_id=${uid}`)
}

function ageOfConnection(connection: number, pid: number | undefined): number | undefined {
  try {
    // Made with the connection, or when fusectl was mounted, if that was later.
    const { ctimeMs } = statSync(`${CONNECTIONS}/${connection}`)
    return Math.max(0, (Date.now() - ctimeMs) / 1000)
  } catch {
    return pid === undefined ? undefined : ageOf(pid)
  }
}

function waitingOf(connection: number): number | undefined {
  try {
    return new ConnectionControl(() => connection).waiting
  } catch {
    return undefined
  }
}

const serves = (connection: number) => (server: Server) => server.connections.has(connection)

function living(
  mount: MountEntry,
  all: readonly Server[],
  place: Pick<LivingMount, 'mountpoint' | 'inNamespaceOf'>,
): LivingMount {
  const connection = numberOf(mount.device)
  const certain = all.filter(serves(connection))
  const possible = certain.length > 0 ? certain : all.filter(({ uncertain }) => uncertain)
  const nobody = seesAllServers(mount, all) ? 'dead' : 'unknown'
  return {
    ...place,
    type: mount.type,
    source: mount.source,
    connection,
    state: certain.length > 0 ? 'alive' : nobody,
    pids: possible.map(({ pid }) => pid),
    certain: certain.length > 0 || possible.length === 0,
    devfuse: possible.some(({ devfuse }) => devfuse),
    age: ageOfConnection(connection, certain[0]?.pid),
    waiting: waitingOf(connection),
  }
}

const fuseMounts = (path?: string): MountEntry[] => {
  try {
    return mounts(path).filter(isFuse)
  } catch {
    // The process has ended.
    return []
  }
}

const UNSEEN = { type: 'fuse', source: '', superOptions: '', mountpoint: '' }

/** What a server serves that is not mounted where we are. */
function elsewhere(server: Server, all: readonly Server[], seen: Set<number>): LivingMount[] {
  const theirs = fuseMounts(`/proc/${server.pid}/mountinfo`)
  return [...server.connections]
    .filter((connection) => !seen.has(connection))
    .map((connection) => {
      seen.add(connection)
      const mount = theirs.findLast(({ device }) => numberOf(device) === connection)
      return mount === undefined
        ? living({ ...UNSEEN, device: `0:${connection}` }, all, {
            mountpoint: undefined,
            inNamespaceOf: undefined,
          })
        : living(mount, all, { mountpoint: mount.mountpoint, inNamespaceOf: server.pid })
    })
}

/**
 * Every FUSE mount that this process sees, and what the servers that it sees serve elsewhere. Told from
 * /proc and /sys: no file system is asked anything, so that a dead or stuck one is shown like others.
 *
 * @param all for tests: the servers.
 */
export function livingMounts(all: readonly Server[] = servers()): LivingMount[] {
  const here = fuseMounts()
  const seen = new Set(here.map(({ device }) => numberOf(device)))
  return [
    ...here.map((mount) =>
      living(mount, all, { mountpoint: mount.mountpoint, inNamespaceOf: undefined }),
    ),
    ...all.flatMap((server) => elsewhere(server, all, seen)),
  ]
}
