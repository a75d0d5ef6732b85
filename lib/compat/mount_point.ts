import { mkdir, stat } from 'node:fs/promises'
import { constants } from 'node:os'
import { dirname } from 'node:path'
import { systemError } from '../errno.ts'
import { findMountPoint } from '../mount_point.ts'

const { EBUSY, ENOTDIR } = constants.errno

function refused(number: number, place: string, why: string): Error {
  const error = systemError('mount', -number, place)
  error.message += `: ${why}`
  return error
}

export interface PlaceOptions {
  readonly mkdir: boolean
  /** Detach what a server that has died left mounted there. */
  readonly force: boolean
}

/**
 * See to it that there is a directory on which nothing is mounted. Rejects with a system error (ENOENT,
 * ENOTDIR, EBUSY), and with MountError where a dead mount is in the way.
 */
export async function preparePlace(place: string, options: PlaceOptions): Promise<void> {
  if (options.mkdir && (await isMissing(place))) await mkdir(place, { recursive: true })
  const staleMount = options.force ? 'replace' : 'refuse'
  const { target } = await findMountPoint(place, { staleMount })
  const [here, above] = await Promise.all([stat(target), stat(dirname(target))])
  if (!here.isDirectory()) throw refused(ENOTDIR, place, 'it is no directory')
  if (here.dev !== above.dev) throw refused(EBUSY, place, 'something is mounted there')
}

const isMissing = (place: string): Promise<boolean> =>
  stat(place).then(
    () => false,
    (error: NodeJS.ErrnoException) => error.code === 'ENOENT',
  )
