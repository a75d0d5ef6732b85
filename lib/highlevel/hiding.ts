import { constants } from 'node:fs'
import type { FuseRequest } from '../context.ts'
import { errno } from '../errno.ts'
import type { PathNode } from '../nodes.ts'
import type { Answer } from '../ops.ts'
import { attempt, then } from '../then.ts'
import { isMissing, type PathLayer } from './layer.ts'

const { S_IFDIR } = constants
const PREFIX = '.fuse_hidden'
/** Names that are tried before it is given up. */
const TRIES = 10

/** Whether a file that is to be removed gets another name instead, for those who have it open. */
export const hides = ({ config, ops }: PathLayer, node: PathNode): boolean =>
  !config.hardRemove &&
  ops.rename !== undefined &&
  node.type !== S_IFDIR &&
  node.handles.size > 0 &&
  node.places.length === 1

/** Files that are removed while they are open: with `hardRemove: false` they have a path until the last close. */
export class Hiding {
  readonly #layer: PathLayer
  #count = 0

  constructor(layer: PathLayer) {
    this.#layer = layer
  }

  /** Rename a file to a name that nobody uses. Throws EBUSY where none can be found. */
  hide(req: FuseRequest, parent: PathNode, name: string, node: PathNode): Answer<void> {
    const { ops, nodes } = this.#layer
    const path = this.#layer.pathIn(parent, name)
    return then(this.#free(req, parent, node, TRIES), (hidden) => {
      const to = this.#layer.pathIn(parent, hidden)
      const renamed = ops.rename?.(path, to, 0, this.#layer.context(req))
      return then(renamed, () => {
        nodes.rename(parent, name, parent, hidden)
        node.hidden = true
      })
    })
  }

  /** Remove a hidden file that nobody has open any more. */
  closed(req: FuseRequest, node: PathNode): Answer<unknown> {
    const { ops, nodes } = this.#layer
    const [place] = node.places
    if (!node.hidden || node.handles.size > 0 || place === undefined) return
    node.hidden = false
    const path = this.#layer.pathOf(node)
    return then(ops.unlink?.(path, this.#layer.context(req)), () =>
      nodes.unlink(place.parent, place.name),
    )
  }

  #free(req: FuseRequest, parent: PathNode, node: PathNode, tries: number): Answer<string> {
    if (tries === 0) throw errno('EBUSY')
    const hex = (n: number) => n.toString(16).padStart(8, '0')
    const name = `${PREFIX}${hex(node.nodeid)}${hex(++this.#count)}`
    const again = () => this.#free(req, parent, node, tries - 1)
    return attempt<unknown, string>(
      () =>
        this.#layer.ops.getattr(
          this.#layer.pathIn(parent, name),
          undefined,
          this.#layer.context(req),
        ),
      (stat) => (stat === null ? name : again()),
      (error) => {
        if (isMissing(error)) return name
        throw error
      },
    )
  }
}
