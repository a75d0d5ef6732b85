import { constants } from 'node:os'
import { openDevice } from './device.ts'
import { systemError } from './errno.ts'
import { findFusermount, type HelperMount, mountByHelper, umountByHelper } from './fusermount.ts'
import { MountError } from './mount_error.ts'
import { kernelFlags, kernelWords, type MountOptions, sourceOf, typeOf } from './mount_options.ts'
import { addon, cstring } from './native.ts'

export const [MNT_FORCE, MNT_DETACH, UMOUNT_NOFOLLOW] = [1, 2, 8]
const { EPERM } = constants.errno

const mountCall = (
  source: string,
  target: string,
  type: string,
  flags: number,
  data: string,
): Promise<number> =>
  new Promise((resolve) => {
    addon().mountAsync(
      cstring(source),
      cstring(target),
      cstring(type),
      flags,
      cstring(data),
      resolve,
    )
  })

/** Returns 0 or -errno. By fusermount3 where umount2(2) is not permitted. */
export async function umountAt(target: string, flags: number): Promise<number> {
  const result = await new Promise<number>((resolve) => {
    addon().umountAsync(cstring(target), UMOUNT_NOFOLLOW | flags, resolve)
  })
  return result === -EPERM ? umountByHelper(target, (flags & MNT_DETACH) !== 0) : result
}

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code

function deviceOpened(): number {
  try {
    return openDevice()
  } catch (error) {
    const code = codeOf(error)
    const what = (error as Error).message
    if (code === 'ENOENT' || code === 'ENODEV' || code === 'ENXIO') {
      throw new MountError('EFUSE_NO_DEVICE', what, error)
    }
    if (code === 'EACCES' || code === 'EPERM') {
      throw new MountError('EFUSE_DEVICE_DENIED', what, error)
    }
    throw error
  }
}

async function mountByCall(
  target: string,
  mode: number,
  options: MountOptions,
): Promise<HelperMount> {
  const fd = deviceOpened()
  const data = [`fd=${fd}`, ...kernelWords(mode, options)].join(',')
  const flags = kernelFlags(options)
  const result = await mountCall(sourceOf(options), target, typeOf(options), flags, data)
  if (result === 0) return { fd, keeper: undefined }
  addon().close(fd)
  const error = systemError('mount', result, target)
  throw result === -EPERM ? new MountError('EFUSE_NOT_PERMITTED', error.message, error) : error
}

const DENIED = new Set<unknown>(['EFUSE_NOT_PERMITTED', 'EFUSE_DEVICE_DENIED'])

/**
 * Open the device and mount it. Throws a system error, or MountError; then nothing is mounted.
 *
 * @param mode of the mount point, as of stat(2).
 */
export async function mountDevice(
  target: string,
  mode: number,
  options: MountOptions,
): Promise<HelperMount> {
  if (options.via === 'fusermount3' || options.autoUnmount) return byHelper(target, options)
  try {
    return await mountByCall(target, mode, options)
  } catch (error) {
    // What root may not, its helper may not either.
    const helpless = options.via === 'mount' || process.getuid?.() === 0
    if (helpless || !DENIED.has(codeOf(error)) || findFusermount() === undefined) throw error
    return byHelper(target, options)
  }
}

async function byHelper(target: string, options: MountOptions): Promise<HelperMount> {
  const mount = await mountByHelper(target, options)
  const result = addon().adopt(mount.fd)
  if (result < 0) throw systemError('fcntl', result, '/dev/fuse')
  return mount
}
