import { existsSync } from 'node:fs'
import { constants } from 'node:os'
import { CONNECTIONS, ConnectionControl, numberOf } from './connection_control.ts'
import { errnoName, errnoOf } from './errno.ts'
import { MNT_DETACH, umountAt } from './mount_device.ts'
import { MountError } from './mount_error.ts'
import { type MountEntry, mounts } from './mountinfo.ts'
import type { UnmountStep } from './unmounting.ts'

/** How to unmount what another process serves, or nobody any more. */
export interface UnmountOthersOptions {
  /** Detach it at once; it is served until its last user leaves. */
  readonly lazy?: boolean
  /** Do not stop at what fails or takes too long: umount, then lazy, then abort its connection. */
  readonly force?: boolean
  /** Milliseconds that each step may take with `force`. */
  readonly timeout: number
}

const { EINVAL } = constants.errno
const OFTEN_MS = 20

/** A later mount may have taken the place, and, once it is over, even the number. */
const isThere = ({ device, mountpoint }: MountEntry): boolean =>
  mounts().some((entry) => entry.mountpoint === mountpoint && entry.device === device)

const folderOf = ({ device }: MountEntry): string => `${CONNECTIONS}/${numberOf(device)}`

async function umounted(mount: MountEntry, flags: number): Promise<string> {
  const result = await umountAt(mount.mountpoint, flags)
  // EINVAL: somebody was faster, or it is not ours to unmount: fusermount3 does not find it among those of
  // this user, and mount namespaces lock what came with them.
  if (result === -EINVAL) return isThere(mount) ? 'EPERM' : 'done'
  return result < 0 ? errnoName(-result) : 'done'
}

/** Until the kernel has forgotten the connection: nobody uses it any more. */
const overWithin = (mount: MountEntry, timeout: number): Promise<boolean> => {
  const folder = folderOf(mount)
  const late = Date.now() + timeout
  return new Promise((resolve) => {
    const look = () => {
      if (!existsSync(folder)) resolve(true)
      else if (Date.now() >= late) resolve(false)
      else setTimeout(look, OFTEN_MS)
    }
    look()
  })
}

function within(timeout: number, result: Promise<string>): Promise<string> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(resolve, timeout, 'timeout')
  })
  return Promise.race([result, late]).finally(() => clearTimeout(timer))
}

function aborted({ device }: MountEntry): string {
  try {
    new ConnectionControl(() => numberOf(device)).abort()
    return 'done'
  } catch (error) {
    if (error instanceof MountError) return error.code
    return errnoName(errnoOf(error) ?? EINVAL)
  }
}

async function byForce(mount: MountEntry, timeout: number): Promise<UnmountStep[]> {
  // Whether the connection is over can be seen only where it can be seen at all.
  const known = existsSync(folderOf(mount))
  const umount = await within(timeout, umounted(mount, 0))
  const steps: UnmountStep[] = [{ step: 'umount', result: umount }]
  if (umount === 'done') return steps
  const detached = await within(timeout, umounted(mount, MNT_DETACH))
  const over = detached === 'done' && known && (await overWithin(mount, timeout))
  steps.push({ step: 'lazy', result: detached === 'done' && !over ? 'timeout' : detached })
  return over ? steps : [...steps, { step: 'abort', result: aborted(mount) }]
}

/**
 * Unmount a mount of whichever process, or of none any more. Asks the file system nothing: neither a dead
 * nor a stuck server keeps it waiting where `force` is said. Never rejects: the last step tells.
 */
export async function unmountOther(
  mount: MountEntry,
  { lazy = false, force = false, timeout }: UnmountOthersOptions,
): Promise<UnmountStep[]> {
  if (force && !lazy) return byForce(mount, timeout)
  const result = await umounted(mount, lazy ? MNT_DETACH : 0)
  const steps: UnmountStep[] = [{ step: lazy ? 'lazy' : 'umount', result }]
  if (!force) return steps
  const over = result === 'done' && (await overWithin(mount, timeout))
  return over ? steps : [...steps, { step: 'abort', result: aborted(mount) }]
}
