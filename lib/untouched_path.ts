import { readlinkSync } from 'node:fs'
import { dirname, isAbsolute, join } from 'node:path'
import { decodeName, nameBytes } from '../protocol/names.ts'
import { isFuse, type MountEntry, mounts } from './mountinfo.ts'

const MOST_LINKS = 40

const linkAt = (path: string): string | undefined => {
  try {
    const target = readlinkSync(Buffer.from(nameBytes(path)), { encoding: 'buffer' })
    return decodeName(target, 0, target.length)
  } catch {
    // No link, or nothing: that is for whoever uses the path.
    return undefined
  }
}

/** The mount whose file system a path is looked up in: of the longest mount point that it begins with. */
function holding(path: string, all: readonly MountEntry[]): MountEntry | undefined {
  let found: MountEntry | undefined
  for (const entry of all) {
    const { mountpoint } = entry
    const under =
      path === mountpoint || path.startsWith(mountpoint === '/' ? '/' : `${mountpoint}/`)
    if (under && mountpoint.length >= (found?.mountpoint.length ?? 0)) found = entry
  }
  return found
}

const parts = (path: string): string[] =>
  path.split('/').filter((part) => part !== '' && part !== '.')

/**
 * An absolute path without symbolic links, found without asking any FUSE file system: its server may be
 * dead or stuck, and realpath(3) would hang with it. What lies inside one is taken as it is written.
 */
export function untouchedPath(path: string): string {
  const all = mounts()
  const isMountPoint = (place: string) => all.some(({ mountpoint }) => mountpoint === place)
  let rest = parts(isAbsolute(path) ? path : join(process.cwd(), path))
  let at = '/'
  let links = 0
  while (rest.length > 0) {
    const name = rest.shift() as string
    const next = name === '..' ? dirname(at) : join(at, name)
    const holder = holding(next, all)
    const asked = name !== '..' && !isMountPoint(next) && !(holder && isFuse(holder))
    const target = asked && links < MOST_LINKS ? linkAt(next) : undefined
    if (target === undefined) at = next
    else {
      links++
      rest = [...parts(target), ...rest]
      if (isAbsolute(target)) at = '/'
    }
  }
  return at
}
