import { constants } from 'node:os'
import { errnoOf } from '../../errno.ts'
import type { PathContext } from '../../path_context.ts'
import type { PathOps, StatLike } from '../../path_ops.ts'

const { ENOENT, ENOTDIR, ENAMETOOLONG } = constants.errno
const ABSENT: ReadonlySet<number | undefined> = new Set([ENOENT, ENOTDIR])

export const parentOf = (path: string): string => path.slice(0, path.lastIndexOf('/')) || '/'
export const nameOfPath = (path: string): string => path.slice(path.lastIndexOf('/') + 1)
export const under = (directory: string, name: string): string =>
  directory === '/' ? `/${name}` : `${directory}/${name}`

/** What a layer has at a path; null where it has nothing. */
export async function look(
  layer: PathOps,
  path: string,
  ctx: PathContext,
): Promise<StatLike | null> {
  try {
    return (await layer.getattr(path, undefined, ctx)) ?? null
  } catch (error) {
    if (ABSENT.has(errnoOf(error))) return null
    throw error
  }
}

/** What cannot be there is not: a marker's name is longer than the name that it is about. */
export async function exists(layer: PathOps, path: string, ctx: PathContext): Promise<boolean> {
  try {
    return (await look(layer, path, ctx)) !== null
  } catch (error) {
    if (errnoOf(error) === ENAMETOOLONG) return false
    throw error
  }
}
