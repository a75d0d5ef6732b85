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

/**
 * A request from the kernel, as a handler sees it: who asks, and whether he still waits.
 * Valid as long as the handler runs, and after it for whoever keeps it.
 */
export class FuseRequest {
  readonly opcode: number
  /** The inode that the request is about; the parent where it is about a name. */
  readonly nodeid: NodeId
  /** The caller's fsuid, as the mount's user namespace sees it. */
  readonly uid: number
  readonly gid: number
  /** The caller's thread, 0 where the kernel itself asks (write-back) or it is not visible. */
  readonly pid: number
  /** The caller's umask where the request carries one (MKNOD, MKDIR, CREATE, TMPFILE), else 0. */
  umask = 0
  /** The operation's struct, once decoded. */
  args: unknown = undefined

  /** The words of `unique` as they came. */
  readonly unique0: number
  readonly unique1: number
  /** Nanoseconds of the monotonic clock when the request was read, 0 where nobody wants to know. */
  started = 0

  /** For the session: the handler's promise, and the place among those that wait. */
  handler: PromiseLike<unknown> | undefined = undefined
  place = 0

  #extensions: Extensions | undefined
  #abort: AbortController | undefined
  #interrupted: InterruptedError | undefined

  constructor(words: Uint32Array, nodeid: number) {
    this.unique0 = words[2] as number
    this.unique1 = words[3] as number
    this.opcode = inHeader.opcode(words)
    this.nodeid = nodeid
    this.uid = inHeader.uid(words)
    this.gid = inHeader.gid(words)
    this.pid = inHeader.pid(words)
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
