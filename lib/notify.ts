import { constants } from 'node:os'
import { FUSE_EXPIRE_ONLY } from '../protocol/constants.ts'
import { notifyMessage } from '../protocol/notify.ts'
import { errno, systemError } from './errno.ts'
import type { Connection } from './init.ts'

/** What the notifier needs of its session. */
export interface NotifierHost {
  readonly connection: Connection | undefined
  /** An unanswered request holds the kernel's lock on one of these inodes. */
  busy(nodeids: readonly number[]): boolean
  /** Write on a thread of its own; 0 or -errno. */
  write(bytes: Uint8Array): Promise<number>
  /** Write here and now: for what never blocks in the kernel. */
  writeNow(bytes: Uint8Array): number
  /** A notification waits for an answer: call `flush` after it. */
  attention(): void
  traced(code: string, args: readonly unknown[]): void
}

interface Held {
  readonly nodeids: readonly number[]
  readonly bytes: Uint8Array
}

interface Retrieval {
  resolve(data: Uint8Array): void
  reject(error: Error): void
}

const { ENOENT } = constants.errno

/**
 * Messages to the kernel about what it caches.
 *
 * INVAL_INODE, INVAL_ENTRY, DELETE, STORE and PRUNE take inode, directory or page locks in the
 * kernel, and whoever waits for our answer may hold them: the write(2) would wait for the answer
 * and the answer for the write. So they are never written on the serving thread; and where a
 * request on the same inode is unanswered they wait for it first. A handler may therefore even
 * await a notification about the inode that it serves: the promise then resolves to true at once,
 * and the notification follows the answer.
 *
 * The booleans: true for done (or to be done), false where the kernel knew nothing of it (ENOENT).
 * Rejected with ENOSYS where the kernel's minor version has no such notification, EINVAL for a
 * value out of range, ENODEV once unmounted.
 */
export class Notifier {
  readonly #host: NotifierHost
  readonly #tails = new Map<number, Promise<number>>()
  readonly #retrievals = new Map<number, Retrieval>()
  #held: Held[] = []
  #nextUnique = 1

  constructor(host: NotifierHost) {
    this.#host = host
  }

  /**
   * Drop cached attributes of an inode and, from byte `offset` on, `length` bytes of its data.
   * `length` 0: to the end. `offset` -1: attributes only. Wire: FUSE_NOTIFY_INVAL_INODE. Since 7.12.
   */
  invalInode(nodeid: number, offset = 0, length = 0): Promise<boolean> {
    return this.#send('invalInode', 12, [nodeid], () =>
      notifyMessage.invalInode(nodeid, offset, length),
    )
  }

  /** Drop a name (and what lies under it). Wire: FUSE_NOTIFY_INVAL_ENTRY. Since 7.12. */
  invalEntry(parent: number, name: string): Promise<boolean> {
    return this.#send('invalEntry', 12, [parent], () => notifyMessage.invalEntry(parent, name, 0))
  }

  /** Let a name's timeout end now, without dropping what is in use. FUSE_EXPIRE_ONLY. Since 7.38. */
  expireEntry(parent: number, name: string): Promise<boolean> {
    return this.#send('expireEntry', 38, [parent], () =>
      notifyMessage.invalEntry(parent, name, FUSE_EXPIRE_ONLY),
    )
  }

  /**
   * A name was removed: as `invalEntry`, and whoever watches the file hears of it (IN_DELETE_SELF;
   * the watchers of the directory do not). Wire: FUSE_NOTIFY_DELETE. Since 7.18.
   */
  delete(parent: number, child: number, name: string): Promise<boolean> {
    return this.#send('delete', 18, [parent, child], () =>
      notifyMessage.delete(parent, child, name),
    )
  }

  /** Put bytes into the kernel's page cache of a file. Wire: FUSE_NOTIFY_STORE. Since 7.15. */
  store(nodeid: number, offset: number, data: Uint8Array): Promise<boolean> {
    return this.#send('store', 15, [nodeid], () => notifyMessage.store(nodeid, offset, data))
  }

  /** Forget unused inodes' names. Wire: FUSE_NOTIFY_PRUNE. Since 7.45. */
  prune(nodeids: readonly number[]): Promise<boolean> {
    return this.#send('prune', 45, nodeids, () => notifyMessage.prune(nodeids))
  }

  /** Wake who waits in poll(2), by the `kh` of the POLL request. FUSE_NOTIFY_POLL. Since 7.11. */
  poll(kh: number): Promise<boolean> {
    return this.#sendNow('poll', 11, () => notifyMessage.poll(kh))
  }

  /** Have every unanswered request sent again, `req.resent`. FUSE_NOTIFY_RESEND. Since 7.40. */
  resend(): Promise<boolean> {
    return this.#sendNow('resend', 40, notifyMessage.resend)
  }

  /** Every cached name is stale from now on. FUSE_NOTIFY_INC_EPOCH. Since 7.44. */
  incEpoch(): Promise<boolean> {
    return this.#sendNow('incEpoch', 44, notifyMessage.incEpoch)
  }

  /**
   * What the kernel's page cache has of a file: a copy, shorter than `size` where a page is not
   * there; empty where the inode is not known. Wire: FUSE_NOTIFY_RETRIEVE. Since 7.15.
   */
  async retrieve(nodeid: number, offset: number, size: number): Promise<Uint8Array> {
    const unique = this.#nextUnique++
    const answer = new Promise<Uint8Array>((resolve, reject) => {
      this.#retrievals.set(unique, { resolve, reject })
    })
    // Whoever aborts the retrieval below has told its reason.
    answer.catch(() => {})
    try {
      // Takes no lock in the kernel: the pages that are there are sent as they are.
      const make = () => notifyMessage.retrieve(unique, nodeid, offset, size)
      if (!(await this.#sendNow('retrieve', 15, make))) return new Uint8Array(0)
      return await answer
    } finally {
      this.#retrievals.delete(unique)
    }
  }

  /** For the session: NOTIFY_REPLY came. */
  retrieved(unique: number, data: Uint8Array): void {
    this.#retrievals.get(unique)?.resolve(Uint8Array.prototype.slice.call(data))
  }

  /** For the session: a request was answered; send what waited for it. */
  flush(): void {
    const ready = this.#held.filter(({ nodeids }) => !this.#host.busy(nodeids))
    if (ready.length === 0) return
    this.#held = this.#held.filter((held) => !ready.includes(held))
    // The caller was told already; ENOENT and the end of the session are no news to anyone.
    for (const { nodeids, bytes } of ready) this.#inOrder(nodeids[0] ?? 0, bytes).catch(() => {})
  }

  /** Notifications wait for an answer. */
  get waiting(): boolean {
    return this.#held.length > 0
  }

  /** For the session: it has ended. */
  end(): void {
    this.#held = []
    for (const { reject } of this.#retrievals.values()) reject(errno('ENODEV'))
  }

  #check(minor: number): void {
    const { connection } = this.#host
    if (connection === undefined) throw errno('ENODEV')
    if (connection.minor < minor) throw errno('ENOSYS')
  }

  async #send(
    code: string,
    minor: number,
    nodeids: readonly number[],
    make: () => Uint8Array,
  ): Promise<boolean> {
    this.#check(minor)
    const bytes = make()
    this.#host.traced(code, nodeids)
    if (this.#host.busy(nodeids)) {
      this.#held.push({ nodeids, bytes })
      this.#host.attention()
      return true
    }
    return told(code, await this.#inOrder(nodeids[0] ?? 0, bytes))
  }

  async #sendNow(code: string, minor: number, make: () => Uint8Array): Promise<boolean> {
    this.#check(minor)
    this.#host.traced(code, [])
    return told(code, this.#host.writeNow(make()))
  }

  /** Those about one inode keep their order; those about others do not wait for them. */
  #inOrder(nodeid: number, bytes: Uint8Array): Promise<number> {
    const before = this.#tails.get(nodeid)
    const write = () => this.#host.write(bytes)
    const done = before === undefined ? write() : before.then(write, write)
    this.#tails.set(nodeid, done)
    const clear = () => {
      if (this.#tails.get(nodeid) === done) this.#tails.delete(nodeid)
    }
    done.then(clear, clear)
    return done
  }
}

function told(code: string, result: number): boolean {
  if (result >= 0) return true
  if (result === -ENOENT) return false
  throw systemError(`notify.${code}`, result)
}
