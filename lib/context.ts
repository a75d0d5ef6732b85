import type { Extensions, SecurityContext } from '../protocol/extensions.ts'
import type { NodeId } from '../protocol/layout.ts'
import { inHeader, isResent, uniqueOf } from '../protocol/request.ts'

/** Why `req.signal` is aborted: the caller was interrupted, or the session ended. */
export class InterruptedError extends Error {
  override readonly name = 'AbortError'
  readonly code = 'EINTR'
  /** EINTR, so that a handler may let it pass through. */
  readonly errno = 4
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/**
 * A request from the kernel, as a handler sees it: who asks, and whether he still waits.
 * Valid until the handler has settled: then the object may serve another request, as its payload
 * may. (Not making one each time is worth 4 % of a getattr.)
 */
export class FuseRequest {
  readonly opcode: number = 0
  /** The inode that the request is about; the parent where it is about a name. */
  readonly nodeid: NodeId = 0
  /**
   * The caller's fsuid, as the mount's user namespace sees it. With FUSE_CAP_ALLOW_IDMAP as the mount maps
   * it, and only where something is made (CREATE, MKNOD, MKDIR, SYMLINK, TMPFILE, RENAME2 with
   * RENAME_WHITEOUT): 4294967295 otherwise, for `gid`, too.
   */
  readonly uid: number = 0
  readonly gid: number = 0
  /** The caller's thread, 0 where the kernel itself asks (write-back) or it is not visible. */
  readonly pid: number = 0
  /** The caller's umask where the request carries one (MKNOD, MKDIR, CREATE, TMPFILE), else 0. */
  umask = 0
  /** The operation's struct, once decoded. */
  args: unknown = undefined

  /** The words of `unique` as they came. */
  readonly unique0: number = 0
  readonly unique1: number = 0
  /** For the session: nanoseconds of the monotonic clock when it was read, and whether exactly. */
  started = 0
  timed = false

  /** For the session: the handler's promise, and the place among those that wait. */
  handler: PromiseLike<unknown> | undefined = undefined
  place = 0

  #extensions: Extensions | undefined
  #abort: AbortController | undefined
  #interrupted: InterruptedError | undefined

  constructor(words: Uint32Array, nodeid: number) {
    this.assign(words, nodeid)
  }

  /** For the session: make it the request in `words`, as if it were new. */
  assign(words: Uint32Array, nodeid: number): void {
    readHeader(this, words, nodeid)
    this.umask = 0
    this.args = undefined
    this.#extensions = undefined
  }

  /** For the session: nobody can still hold a promise of this object's. */
  get reusable(): boolean {
    return this.#abort === undefined && this.#interrupted === undefined
  }

  /** The kernel's number of the request; even. */
  get unique(): number {
    return uniqueOf(this.unique0, this.unique1)
  }

  /** The kernel asked for this before and asks again (FUSE_NOTIFY_RESEND). */
  get resent(): boolean {
    return isResent(this.unique0, this.unique1)
  }

  /**
   * Aborted when the caller is interrupted (FUSE_INTERRUPT) or the session ends. The answer still
   * counts: EINTR (what the reason carries), or the result where it was too late.
   */
  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController()
      if (this.#interrupted !== undefined) this.#abort.abort(this.#interrupted)
    }
    return this.#abort.signal
  }

  /** The caller was interrupted, or the session ended. */
  get interrupted(): boolean {
    return this.#interrupted !== undefined
  }

  /** For the session: the caller no longer waits. */
  interrupt(why: string): void {
    if (this.#interrupted !== undefined) return
    this.#interrupted = new InterruptedError(why)
    this.#abort?.abort(this.#interrupted)
  }

  /** For the session: what stood at the end of the message. */
  extend(extensions: Extensions): void {
    this.#extensions = extensions
  }

  /** The caller's supplementary group that matches the parent's (FUSE_CREATE_SUPP_GROUP), if it is one. */
  get groups(): readonly number[] {
    return this.#extensions?.groups ?? []
  }

  /** Security labels for a new inode (FUSE_SECURITY_CTX). */
  get securityContexts(): readonly SecurityContext[] {
    return this.#extensions?.contexts ?? []
  }
}

function readHeader(req: Mutable<FuseRequest>, words: Uint32Array, nodeid: number): void {
  req.unique0 = words[2] as number
  req.unique1 = words[3] as number
  req.opcode = inHeader.opcode(words)
  req.nodeid = nodeid
  req.uid = inHeader.uid(words)
  req.gid = inHeader.gid(words)
  req.pid = inHeader.pid(words)
}
