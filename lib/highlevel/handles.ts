import { errno } from '../errno.ts'
import type { PathNode } from '../nodes.ts'
import type { Cursor } from './cursor.ts'

/** An open file or directory. */
export interface Handle {
  readonly fh: number
  readonly node: PathNode
  /** What the file system gave for it. */
  readonly value: unknown
  /** Of a directory. */
  cursor: Cursor | undefined
  /** Whose locks it may hold that no FLUSH ends: those of open file descriptions. */
  owners: Set<bigint> | undefined
}

/** What the kernel knows by a number, the file system by a value of its own. */
export class Handles {
  readonly #handles = new Map<number, Handle>()
  #next = 1

  get size(): number {
    return this.#handles.size
  }

  open(node: PathNode, value: unknown): Handle {
    const fh = this.#next++
    const handle = { fh, node, value, cursor: undefined, owners: undefined }
    this.#handles.set(fh, handle)
    node.handles.add(fh)
    return handle
  }

  /** Undefined for 0: a file that the kernel has opened without asking. Throws EBADF. */
  get(fh: number): Handle | undefined {
    if (fh === 0) return undefined
    const handle = this.#handles.get(fh)
    if (handle === undefined) throw errno('EBADF')
    return handle
  }

  /** Any handle of a file that is open. */
  of(node: PathNode): Handle | undefined {
    for (const fh of node.handles) return this.#handles.get(fh)
    return undefined
  }

  close(handle: Handle): void {
    this.#handles.delete(handle.fh)
    handle.node.handles.delete(handle.fh)
  }
}
