import { realpath, stat, statfs } from 'node:fs/promises'
import { decodeName, nameBytes } from '../protocol/names.ts'
import { systemError } from './errno.ts'
import { MNT_DETACH, umountAt } from './mount_device.ts'
import { MountError } from './mount_error.ts'
import type { MountOptions } from './mount_options.ts'
import { mountAt } from './mountinfo.ts'

export interface MountPoint {
  /** Absolute, without symbolic links. */
  readonly target: string
  /** As of stat(2). */
  readonly mode: number
}

/**
 * Where to mount. What a server that has died left mounted there is detached with `staleMount`, layer by
 * layer, or else named in a MountError. Throws a system error for what cannot be mounted on.
 */
export async function findMountPoint(
  mountpoint: string,
  { staleMount }: MountOptions,
): Promise<MountPoint> {
  const bytes = await realpath(Buffer.from(nameBytes(mountpoint)), { encoding: 'buffer' })
  const target = decodeName(bytes, 0, bytes.length)
  for (;;) {
    const isFuse = mountAt(target)?.type.startsWith('fuse') ?? false
    try {
      const { mode } = await stat(bytes)
      if (!isFuse || !(await isDead(bytes))) return { target, mode }
    } catch (error) {
      // Of another type, or what lies below a dead one: not for us to take away.
      if (!isFuse || !isNotConnected(error)) throw error
    }
    if (staleMount !== 'replace') {
      throw new MountError('EFUSE_STALE_MOUNT', `the server of '${target}' has ended`)
    }
    const result = await umountAt(target, MNT_DETACH)
    if (result < 0) throw systemError('umount', result, target)
  }
}

const isNotConnected = (error: unknown): boolean =>
  (error as NodeJS.ErrnoException).code === 'ENOTCONN'

/** stat(2) may be answered by what the kernel remembers; statfs(2) never is. */
const isDead = (bytes: Buffer): Promise<boolean> => statfs(bytes).then(() => false, isNotConnected)
