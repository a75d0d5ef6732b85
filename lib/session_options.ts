import type { InitOptions } from './init.ts'
import type { OnError } from './report.ts'

export interface SessionOptions extends InitOptions {
  /**
   * What a handler threw that is no errno, answered that the reply cannot hold, or a message that
   * is none. Once each; default: a line on stderr.
   */
  readonly onError?: OnError
  /** Bytes of payload under way in handlers from which on further writes wait. Default 64 MiB. */
  readonly maxInFlight?: number
  /** Overwrite a message's payload once its handler has settled, to find who keeps a view of it. */
  readonly poison?: boolean
  /** The kernel checks modes (the mount option); ALLOW_IDMAP needs it. */
  readonly defaultPermissions?: boolean
  /** The user besides root who is served; everybody else gets EACCES. `allowRoot` sets it. */
  readonly onlyFor?: number
  /**
   * An interrupted caller aborts `req.signal`; default true. False: the kernel is told to send no interrupts,
   * and a caller waits for its answer whatever signal it gets, SIGKILL apart.
   */
  readonly interrupts?: boolean
  /** Bytes of a page. Default 4,096; a mount knows its machine's. */
  readonly pageSize?: number
}

/** Why a session ended. */
export interface SessionEnd {
  readonly reason: 'unmounted' | 'aborted' | 'error'
  /** Where the reason is an error. */
  readonly error?: unknown
}
