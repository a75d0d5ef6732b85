import { constants } from 'node:fs'
import { errno } from '../../errno.ts'
import { handleOf } from '../../opened.ts'
import type { PathContext } from '../../path_context.ts'
import type { PathOps } from '../../path_ops.ts'
import { exists, nameOfPath, parentOf, under } from './places.ts'

const { O_WRONLY, O_CREAT, O_EXCL } = constants

/** Union file systems' own names (aufs, unionfs): a file that says that a name of the lower layer is gone. */
const WHITEOUT = '.wh.'
/** In a directory: nothing of the lower layer's directory is seen. */
const OPAQUE = '.wh..wh..opq'
const TEMPORARY = '.wh..wh.copy'

export const isMarker = (name: string): boolean => name.startsWith(WHITEOUT)

/** Throws EINVAL for the path of a marker: nobody may make one by hand. */
export function refuseMarker(path: string): void {
  if (isMarker(nameOfPath(path))) throw errno('EINVAL')
}

const whiteoutOf = (path: string): string => under(parentOf(path), `${WHITEOUT}${nameOfPath(path)}`)

/** Files in the upper layer that say what of the lower one is not to be seen. */
export class Markers {
  readonly #upper: PathOps
  #temporary = 0

  constructor(upper: PathOps) {
    this.#upper = upper
  }

  /** Whether the lower layer is seen at a path, as far as the upper one has a say. */
  async lowerSeen(path: string, ctx: PathContext): Promise<boolean> {
    if (path === '/') return true
    const parent = parentOf(path)
    if (!(await this.lowerSeen(parent, ctx))) return false
    const hidden = await Promise.all([
      exists(this.#upper, whiteoutOf(path), ctx),
      exists(this.#upper, under(parent, OPAQUE), ctx),
    ])
    return !hidden.includes(true)
  }

  hide(path: string, ctx: PathContext): Promise<void> {
    return this.#touch(whiteoutOf(path), ctx)
  }

  async unhide(path: string, ctx: PathContext): Promise<void> {
    const place = whiteoutOf(path)
    if (await exists(this.#upper, place, ctx)) await this.#upper.unlink?.(place, ctx)
  }

  async makeOpaque(directory: string, ctx: PathContext): Promise<void> {
    await this.#touch(under(directory, OPAQUE), ctx)
  }

  /** A name in the same directory that nobody sees. */
  temporary(path: string): string {
    return under(parentOf(path), `${TEMPORARY}${++this.#temporary}-${process.pid}`)
  }

  async #touch(path: string, ctx: PathContext): Promise<void> {
    if (await exists(this.#upper, path, ctx)) return
    const { create, release } = this.#upper
    if (create === undefined) throw errno('EROFS')
    const made = await create(path, 0o600, O_WRONLY | O_CREAT | O_EXCL, ctx)
    await release?.(path, handleOf(made), ctx)
  }
}
