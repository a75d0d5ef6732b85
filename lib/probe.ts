import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rmdir } from 'node:fs/promises'
import { release, tmpdir } from 'node:os'
import { join } from 'node:path'
import { openDevice } from './device.ts'
import { extfuseOffer } from './extfuse_offer.ts'
import { findFusermount } from './fusermount.ts'
import { mountLowLevel } from './mount.ts'
import { MountError, type MountErrorCode, remedyOf } from './mount_error.ts'
import { AddonError, addon } from './native.ts'

/** One thing that may be there or not. */
export interface ProbeCheck {
  readonly ok: boolean
  /** Stable: of MountError and AddonError, or a symbol of errno(3). Absent where it is `ok`. */
  readonly code?: string
  /** What was found, or what is wrong and what to do. */
  readonly message: string
}

/** What this machine offers to this user. */
export interface Probe {
  /** Of Node.js, without the v. */
  readonly node: string
  /** Of Linux, as uname(2) has it. */
  readonly kernel: string
  readonly addon: ProbeCheck
  /** /dev/fuse, opened by this process. */
  readonly device: ProbeCheck
  /** A throw-away mount by mount(2). */
  readonly mount: ProbeCheck
  /** A throw-away mount by fusermount3. */
  readonly fusermount3: ProbeCheck
  /** A throw-away mount by mount(2) in a user and mount namespace of its own, by unshare(1). */
  readonly namespace: ProbeCheck
  /** Of the first mount that worked: the kernel's version of the protocol, `7.45`. */
  readonly protocol: string | undefined
  /** Every flag of FUSE_INIT that the kernel offers, by name; unknown ones as `bit 44`. */
  readonly flags: readonly string[]
  readonly passthrough: boolean
  /** Offered only where the module's parameter enable_uring is Y. */
  readonly ioUring: boolean
  /** By the bits of FUSE_INIT alone: whether programs load is not tried. */
  readonly extfuse: ProbeCheck
  /** Of /proc/sys/fs/fuse, the module's parameters and user namespaces; undefined where there is no such file. */
  readonly limits: Readonly<Record<string, string | undefined>>
}

const LIMITS: Readonly<Record<string, string>> = {
  max_pages_limit: '/proc/sys/fs/fuse/max_pages_limit',
  default_request_timeout: '/proc/sys/fs/fuse/default_request_timeout',
  max_request_timeout: '/proc/sys/fs/fuse/max_request_timeout',
  max_user_bgreq: '/sys/module/fuse/parameters/max_user_bgreq',
  max_user_congthresh: '/sys/module/fuse/parameters/max_user_congthresh',
  enable_uring: '/sys/module/fuse/parameters/enable_uring',
  max_user_namespaces: '/proc/sys/user/max_user_namespaces',
}

/** For a child that starts, mounts, unmounts and ends. */
const ENOUGH_MS = 20_000

const passed = (message: string): ProbeCheck => ({ ok: true, message })

/** Those of the device, of which openDevice knows the symbol only. */
const DEVICE: Readonly<Record<string, MountErrorCode>> = {
  ENOENT: 'EFUSE_NO_DEVICE',
  ENODEV: 'EFUSE_NO_DEVICE',
  ENXIO: 'EFUSE_NO_DEVICE',
  EACCES: 'EFUSE_DEVICE_DENIED',
  EPERM: 'EFUSE_DEVICE_DENIED',
}

function failed(error: unknown): ProbeCheck {
  const { code, message } = error as NodeJS.ErrnoException
  return { ok: false, code: code ?? 'EIO', message }
}

function checkAddon(): ProbeCheck {
  try {
    addon()
    return passed('loads')
  } catch (error) {
    if (error instanceof AddonError) return failed(error)
    throw error
  }
}

function checkDevice(): ProbeCheck {
  try {
    addon().close(openDevice())
    return passed('/dev/fuse can be opened')
  } catch (error) {
    const code = DEVICE[(error as NodeJS.ErrnoException).code ?? '']
    if (code === undefined) return failed(error)
    return { ok: false, code, message: `${(error as Error).message}: ${remedyOf(code)}` }
  }
}

interface Tried {
  readonly check: ProbeCheck
  readonly minor?: number
  readonly offered?: readonly string[]
}

/** A mount that nobody uses, and that is gone when this resolves. */
async function mountOnce(place: string, via: 'mount' | 'fusermount3'): Promise<Tried> {
  try {
    const session = await mountLowLevel(place, {}, { via, fsname: 'devfuse-probe' })
    const { kernelMinor: minor, offered } = session.connection
    await session.unmount({ force: true })
    return { check: passed('mounts and unmounts'), minor, offered }
  } catch (error) {
    return { check: failed(error) }
  }
}

async function inFreshFolder<T>(act: (place: string) => Promise<T>): Promise<T> {
  const place = await mkdtemp(join(tmpdir(), 'devfuse-probe-'))
  try {
    return await act(place)
  } finally {
    await rmdir(place)
  }
}

const tryMount = (via: 'mount' | 'fusermount3'): Promise<Tried> =>
  inFreshFolder((place) => mountOnce(place, via))

/** Mounts for the probe of another process, and tells it on stdout. @internal */
export async function mountForParent(place: string): Promise<void> {
  process.stdout.write(JSON.stringify(await mountOnce(place, 'mount')))
}

const CHILD = `
const [url, place] = process.argv.slice(1)
const { mountForParent } = await import(url)
await mountForParent(place)
`
const OWN_NAMESPACE = ['--user', '--map-root-user', '--mount'] as const

/** unshare(1) with its arguments. Gives its stdout. Rejects with what it says on stderr. */
const unshare = (args: readonly string[]): Promise<string> =>
  new Promise((resolve, reject) => {
    // What NODE_OPTIONS preloads is meant for this process.
    const { NODE_OPTIONS: _, ...env } = process.env
    const options = { env, timeout: ENOUGH_MS, killSignal: 'SIGKILL' } as const
    execFile('unshare', [...OWN_NAMESPACE, ...args], options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout)
      else if (error.code === 'ENOENT') {
        reject(new MountError('EFUSE_NO_UNSHARE', 'there is no unshare in PATH', error))
      } else reject(new MountError('EFUSE_NO_USERNS', stderr.trim() || error.message, error))
    })
  })

/** A process cannot go into a namespace and come back, nor can a thread: a child mounts there. */
async function tryNamespace(): Promise<Tried> {
  try {
    await unshare(['true'])
    const script = ['--input-type=module', '-e', CHILD, import.meta.url]
    const answer = await inFreshFolder((place) => unshare([process.execPath, ...script, place]))
    return JSON.parse(answer) as Tried
  } catch (error) {
    return { check: failed(error) }
  }
}

const limit = async ([name, path]: [string, string]): Promise<[string, string | undefined]> => [
  name,
  await readFile(path, 'latin1').then(
    (text) => text.trim(),
    () => undefined,
  ),
]

const noFusermount = (): Tried => ({
  check: failed(new MountError('EFUSE_NO_FUSERMOUNT', 'there is no fusermount3 in PATH')),
})

function extfuse({ minor, offered = [] }: Tried): ProbeCheck {
  const profile = minor === undefined ? undefined : extfuseOffer(minor, offered)
  if (profile !== undefined) return passed(`FUSE_INIT has the bit of ${profile}`)
  const what =
    minor === undefined ? 'not known: no mount has worked' : 'FUSE_INIT does not offer it'
  return failed(new MountError('EFUSE_NO_EXTFUSE', what))
}

/** What follows from the first mount that worked, or from none. */
const offers = (tried: Tried) => {
  const { minor, offered = [] } = tried
  return {
    protocol: minor === undefined ? undefined : `7.${minor}`,
    flags: offered,
    passthrough: offered.includes('FUSE_PASSTHROUGH'),
    ioUring: offered.includes('FUSE_OVER_IO_URING'),
    extfuse: extfuse(tried),
  }
}

/**
 * Find out what works here, by doing it: three mounts in the temporary folder, gone at once. Never
 * rejects for what is missing: each check says so, with a stable code and what to do.
 */
export async function probe(): Promise<Probe> {
  const limits = Object.fromEntries(await Promise.all(Object.entries(LIMITS).map(limit)))
  const about = { node: process.versions.node, kernel: release(), limits }
  const loads = checkAddon()
  if (!loads.ok) {
    const none = { addon: loads, device: loads, mount: loads, fusermount3: loads, namespace: loads }
    return { ...about, ...none, ...offers({ check: loads }) }
  }
  const device = checkDevice()
  const mount = await tryMount('mount')
  const helper = findFusermount() === undefined ? noFusermount() : await tryMount('fusermount3')
  const namespace = await tryNamespace()
  return {
    ...about,
    addon: loads,
    device,
    mount: mount.check,
    fusermount3: helper.check,
    namespace: namespace.check,
    ...offers([mount, helper, namespace].find(({ check }) => check.ok) ?? mount),
  }
}
