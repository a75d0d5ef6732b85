import { type FSWatcher, watch } from 'node:fs'
import { type Notifier, nameOf } from '../../lib/index.ts'
import type { Inodes } from './inodes.ts'
import type { Node } from './node.ts'

/** Directories that are watched at most; the system has a limit for all of a user's. */
const MOST = 8192

/**
 * Tells the kernel at once what somebody else has changed in the directories in which it knows names.
 * That goes through inotify, which does not see what other machines do to a network file system, nor
 * writing through a mapping.
 */
export class Watch {
  readonly #inodes: Inodes
  readonly #watchers = new Map<Node, FSWatcher>()
  /** Names in which something has happened, by directory, until the end of the turn. */
  readonly #changed = new Map<Node, Set<string>>()
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
    if (this.#changed.size === 0) setImmediate(() => this.#tell())
    const names = this.#changed.get(node) ?? new Set()
    this.#changed.set(node, names)
    if (name !== null) names.add(nameOf(name))
  }

  #tell(): void {
    const changed = [...this.#changed]
    this.#changed.clear()
    for (const [node, names] of changed) {
      this.#invalidate(node)
      for (const name of names) this.#tellName(node, name)
    }
  }

  #tellName(parent: Node, name: string): void {
    // Not dropped: a directory that somebody is in would lose its name.
    this.#ignore(this.#notify?.expireEntry(parent.nodeid, name))
    try {
      const node = this.#inodes.known(parent, name)
      if (node !== undefined && node !== parent) this.#invalidate(node)
    } catch {
      // It is gone again, or cannot be looked at.
    }
  }

  #invalidate({ nodeid }: Node): void {
    this.#ignore(this.#notify?.invalInode(nodeid))
  }

  /** The kernel need not know it any more, and the session may be over. */
  #ignore(told: Promise<boolean> | undefined): void {
    told?.catch(() => {})
  }
}
