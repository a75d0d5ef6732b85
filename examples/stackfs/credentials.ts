import type { FuseRequest } from '../../lib/index.ts'
import { posix } from '../../lib/posix.ts'

const SETS_SIZE = 24
/** CAP_FSETID, of the first effective word: keep set-id bits that the caller may not have set. */
const CAP_FSETID = 1 << 4

type Caller = Pick<FuseRequest, 'uid' | 'gid' | 'groups'>

/**
 * To the lower file system what is made belongs to its caller, who may be in no group that matters to
 * set-group-id. What he may do at all the kernel has checked: that is not asked once more, so that
 * nobody is refused what he can do by a capability of his own.
 *
 * All of it changes this thread for the time of one call. Nothing asynchronous may begin in there.
 */
export class Credentials {
  readonly #uid: number
  readonly #gid: number
  /** Only root may be somebody else. */
  readonly #root: boolean
  readonly #capabilities = new Uint8Array(SETS_SIZE)
  #umask: number | undefined

  constructor() {
    this.#uid = process.geteuid?.() ?? 0
    this.#gid = process.getegid?.() ?? 0
    this.#root = this.#uid === 0
    posix.capget(this.#capabilities)
    const words = new Uint32Array(this.#capabilities.buffer)
    words[0] = (words[0] as number) & ~CAP_FSETID
    // Root needs none of its groups, and a caller must not have them.
    if (this.#root) posix.setgroups(new Uint32Array(0))
  }

  /** Make something, with the mode that is left by the caller's umask or a default ACL. */
  making(caller: Caller, umask: number, call: () => number): number {
    // Of the process. Nobody else here makes files that it matters to.
    if (umask !== this.#umask) posix.umask(umask)
    this.#umask = umask
    return this.as(caller, call)
  }

  /** Do something as the caller. */
  as({ uid, gid, groups }: Caller, call: () => number): number {
    if (!this.#root || (uid === this.#uid && gid === this.#gid)) return call()
    const more = groups.length > 0
    if (more) posix.setgroups(Uint32Array.from(groups))
    posix.setfsgid(gid)
    if (uid !== this.#uid) {
      // Takes all capabilities about files away, and the way back brings them again.
      posix.setfsuid(uid)
      posix.capset(this.#capabilities)
    }
    try {
      return call()
    } finally {
      if (uid !== this.#uid) posix.setfsuid(this.#uid)
      posix.setfsgid(this.#gid)
      if (more) posix.setgroups(new Uint32Array(0))
    }
  }
}
