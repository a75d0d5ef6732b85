import { mkdtemp, readFile, rmdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openDevice } from './device.ts'
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
  readonly addon: ProbeCheck
  /** /dev/fuse, opened by this process. */
  readonly device: ProbeCheck
  /** A throw-away mount by mount(2). */
  readonly mount: ProbeCheck
  /** A throw-away mount by fusermount3. */
  readonly fusermount3: ProbeCheck
  /** Of the first mount that worked: the kernel's version of the protocol, `7.45`. */
  readonly protocol: string | undefined
  /** Every flag of FUSE_INIT that the kernel offers, by name; unknown ones as `bit 44`. */
  readonly flags: readonly string[]
  readonly passthrough: boolean
  /** Offered only where the module's parameter enable_uring is Y. */
  readonly ioUring: boolean
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
async function tryMount(via: 'mount' | 'fusermount3'): Promise<Tried> {
  const place = await mkdtemp(join(tmpdir(), 'devfuse-probe-'))
  try {
    const session = await mountLowLevel(place, {}, { via, fsname: 'devfuse-probe' })
    const { kernelMinor: minor, offered } = session.connection
    await session.unmount({ force: true })
    return { check: passed('mounts and unmounts'), minor, offered }
  } catch (error) {
    return { check: failed(error) }
  } finally {
    await rmdir(place)
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

/**
 * Find out what works here, by doing it: two mounts in the temporary folder, gone at once. Never
 * rejects for what is missing: each check says so, with a stable code and what to do.
 */
export async function probe(): Promise<Probe> {
  const limits = Object.fromEntries(await Promise.all(Object.entries(LIMITS).map(limit)))
  const loads = checkAddon()
  if (!loads.ok) {
    const nothing = { protocol: undefined, flags: [], passthrough: false, ioUring: false }
    return { addon: loads, device: loads, mount: loads, fusermount3: loads, ...nothing, limits }
  }
  const device = checkDevice()
  const mount = await tryMount('mount')
  const helper = findFusermount() === undefined ? noFusermount() : await tryMount('fusermount3')
  const { minor, offered = [] } = mount.check.ok ? mount : helper
  return {
    addon: loads,
    device,
    mount: mount.check,
    fusermount3: helper.check,
    protocol: minor === undefined ? undefined : `7.${minor}`,
    flags: offered,
    passthrough: offered.includes('FUSE_PASSTHROUGH'),
    ioUring: offered.includes('FUSE_OVER_IO_URING'),
    limits,
  }
}
