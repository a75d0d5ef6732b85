import type { NodeTable, PathNode } from '../nodes.ts'

/** Keeps the numbers of files for some time after the kernel has forgotten them. */
export class Remember {
  readonly #ms: number
  readonly #since = new Map<PathNode, number>()
  #timer: NodeJS.Timeout | undefined

  constructor(seconds: number) {
    this.#ms = seconds * 1000
  }

  /** Whether a node that nobody knows is to stay. */
  keep(node: PathNode, nodes: () => NodeTable): boolean {
    if (this.#ms === 0) return false
    if (this.#ms === Number.POSITIVE_INFINITY) return true
    const now = performance.now()
    const since = this.#since.get(node)
    if (since !== undefined && now - since >= this.#ms) {
      this.#since.delete(node)
      return false
    }
    if (since === undefined) this.#since.set(node, now)
    this.#timer ??= setTimeout(() => this.#sweep(nodes()), this.#ms).unref()
    return true
  }

  end(): void {
    clearTimeout(this.#timer)
    this.#since.clear()
  }

  #sweep(nodes: NodeTable): void {
    this.#timer = undefined
    const due = performance.now() - this.#ms
    // In the order in which they were forgotten.
    for (const [node, since] of this.#since) {
      if (node.nlookup > 0) this.#since.delete(node)
      else if (since <= due) nodes.settle(node)
      else break
    }
    const [next] = this.#since.values()
    if (next === undefined) return
    const wait = Math.max(1, next - due)
    this.#timer = setTimeout(() => this.#sweep(nodes), wait).unref()
  }
}
