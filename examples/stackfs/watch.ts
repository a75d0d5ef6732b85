import { type FSWatcher, watch } from 'node:fs'
import { type Notifier, nameOf } from '../../lib/index.ts'
import type { Inodes } from './inodes.ts'
import type { Node } from './node.ts'

/** Directories that are watched at most; the system has a limit for all of a user's. */
const MOST = 8192
/** Names that the kernel is told of at once. */
const AT_ONCE = 64

/**
 * Tells the kernel at once what somebody else has changed in the directories in which it knows names.
 * That goes through inotify, which does not see what other machines do to a network file system, nor
 * writing through a mapping.
 */
export class Watch {
  readonly #inodes: Inodes
  readonly #watchers = new Map<Node, FSWatcher>()
  /** Names in which something has happened, by directory, until the kernel is told. */
  readonly #changed = new Map<Node, Set<string>>()
  #telling = false
  #notify: Notifier | undefined

  constructor(inodes: Inodes) {
    this.#inodes = inodes
  }

  /** From now on there is somebody to be told. */
  start(notify: Notifier): void {
    this.#notify = notify
    this.directory(this.#inodes.root)
  }

  /** Names in it are about to be looked up. Returns whether it is watched. Throws ESTALE. */
  directory(node: Node): boolean {
    if (this.#watchers.has(node)) return true
    if (this.#watchers.size >= MOST) return false
    const path = `/proc/self/fd/${this.#inodes.fd(node)}`
    try {
      const watcher = watch(path, { persistent: false, encoding: 'buffer' })
      watcher.on('change', (_event, name) => this.#happened(node, name as Buffer | null))
      watcher.on('error', () => this.forget(node))
      this.#watchers.set(node, watcher)
      return true
    } catch {
      // ENOSPC: the limit of the system. Then what it knows grows old by itself.
      return false
    }
  }

  /** The kernel does not know it any more. */
  forget(node: Node): void {
    this.#watchers.get(node)?.close()
    this.#watchers.delete(node)
    this.#changed.delete(node)
  }

  close(): void {
    for (const node of [...this.#watchers.keys()]) this.forget(node)
  }

  #happened(node: Node, name: Buffer | null): void {
    const names = this.#changed.get(node) ?? new Set()
    this.#changed.set(node, names)
    if (name !== null) names.add(nameOf(name))
    if (this.#telling) return
    this.#telling = true
    setImmediate(() => void this.#tell())
  }

  /**
   * Until there is no more to tell, some at a time: it may happen faster than the kernel can be told,
   * and what happens several times meanwhile is told once.
   */
  async #tell(): Promise<void> {
    // The kernel need not know it any more, and the session may be over.
    while (this.#changed.size > 0) await Promise.allSettled(this.#tellSome())
    this.#telling = false
  }

  #tellSome(): Promise<void>[] {
    const told: Promise<void>[] = []
    for (const [node, names] of this.#changed) {
      told.push(this.#invalidate(node))
      for (const name of names) {
        if (told.length >= AT_ONCE) return told
        names.delete(name)
        told.push(this.#tellName(node, name))
      }
      this.#changed.delete(node)
    }
    return told
  }

  async #tellName(parent: Node, name: string): Promise<void> {
    // Not dropped: a directory that somebody is in would lose its name.
    const expired = this.#notify?.expireEntry(parent.nodeid, name)
    const node = this.#known(parent, name)
    await Promise.allSettled([expired, node !== undefined && this.#invalidate(node)])
  }

  /** Undefined too where it is gone again, or cannot be looked at. */
  #known(parent: Node, name: string): Node | undefined {
    try {
      const node = this.#inodes.known(parent, name)
      return node === parent ? undefined : node
    } catch {
      return undefined
    }
  }

  async #invalidate({ nodeid }: Node): Promise<void> {
    await this.#notify?.invalInode(nodeid)
  }
}
