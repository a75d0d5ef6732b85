import { realpath } from 'node:fs/promises'
import { constants } from 'node:os'
import { systemError } from '../errno.ts'
import { MNT_DETACH, umountAt } from '../mount_device.ts'
import { mountAt } from '../mountinfo.ts'
import { probe } from '../probe.ts'

/** What keeps this user from mounting, with a stable code and what to do; undefined where nothing does. */
export async function obstacle(): Promise<Error | undefined> {
  const { device, mount, fusermount3 } = await probe()
  if (mount.ok || fusermount3.ok) return undefined
  const { code, message } = device.ok ? mount : device
  return Object.assign(new Error(message), { code })
}

/** Detach whatever FUSE mount is there, also one whose server has died. Rejects with a system error. */
export async function unmountAt(place: string): Promise<void> {
  const target = await realpath(place)
  // umount2(2) would take anything of root's away.
  const isFuse = mountAt(target)?.type.startsWith('fuse') ?? false
  const result = isFuse ? await umountAt(target, MNT_DETACH) : -constants.errno.EINVAL
  if (result < 0) throw systemError('umount', result, place)
}
