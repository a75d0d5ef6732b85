import { constants } from 'node:os'
import { errnoName, errnoOf, systemError } from './errno.ts'
import { MNT_DETACH } from './mount_device.ts'
import type { SessionEnd } from './session_options.ts'

const { EBUSY, EIO, ETIMEDOUT } = constants.errno
const DEFAULT_TIMEOUT = 5000

export interface UnmountOptions {
  /** Detach a busy one at once; it is served until its last user leaves. */
  readonly lazy?: boolean
  /** Milliseconds that each step may take. Default 5,000 with `force`, else no limit. */
  readonly timeout?: number
  /**
   * Do not stop at what fails or takes too long: umount, then lazy, then abort the connection (whoever
   * uses it gets ECONNABORTED or ENOTCONN), then close the device.
   */
  readonly force?: boolean
}

export interface UnmountStep {
  readonly step: 'umount' | 'lazy' | 'abort' | 'close'
  /** What came of it: `done`, `timeout` or a symbol of errno(3). */
  readonly result: string
}

/** What unmounting took, in order; no step where it was over before. */
export interface Unmounted {
  readonly steps: readonly UnmountStep[]
  readonly end: SessionEnd
}

/** What is to be unmounted. */
export interface Unmountable {
  readonly mountpoint: string
  readonly closed: Promise<SessionEnd>
  /** By flags of umount2(2). Gives 0 or -errno. */
  umount(flags: number): Promise<number>
  abort(): void
  close(): void
}

function attempt(mount: Unmountable, step: UnmountStep['step']): Promise<number> {
  if (step === 'umount') return mount.umount(0)
  if (step === 'lazy') return mount.umount(MNT_DETACH)
  try {
    if (step === 'abort') mount.abort()
    else mount.close()
    return Promise.resolve(0)
  } catch (error) {
    return Promise.resolve(-(errnoOf(error) ?? errnoOf((error as Error).cause) ?? EIO))
  }
}

/** Until it is over, has failed, or takes too long. */
async function take(
  mount: Unmountable,
  step: UnmountStep['step'],
  timeout: number | undefined,
): Promise<UnmountStep> {
  const tried = attempt(mount, step).then((result) =>
    result < 0 ? errnoName(-result) : mount.closed.then(() => 'done'),
  )
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<string>((resolve) => {
    if (timeout !== undefined) timer = setTimeout(resolve, timeout, 'timeout')
  })
  const result = await Promise.race([tried, late])
  clearTimeout(timer)
  return { step, result }
}

function failure(mount: Unmountable, { result }: UnmountStep): Error {
  if (result === 'timeout') return systemError('umount', -ETIMEDOUT, mount.mountpoint)
  const number = errnoOf({ code: result }) ?? EBUSY
  return systemError('umount', -number, mount.mountpoint)
}

/** Throws what the last step came to, where it is not over then. */
export async function unmountBySteps(
  mount: Unmountable,
  { lazy = false, force = false, timeout }: UnmountOptions,
): Promise<Unmounted> {
  const first = lazy ? (['lazy'] as const) : (['umount'] as const)
  const harsher = lazy ? (['abort', 'close'] as const) : (['lazy', 'abort', 'close'] as const)
  const limit = timeout ?? (force ? DEFAULT_TIMEOUT : undefined)
  const steps: UnmountStep[] = []
  for (const step of [...first, ...(force ? harsher : [])]) {
    // Handlers that have not settled are given some time of their own, and so is `destroy`.
    const patience = step === 'close' ? Math.max(limit ?? 0, DEFAULT_TIMEOUT) : limit
    const taken = await take(mount, step, patience)
    steps.push(taken)
    if (taken.result === 'done') return { steps, end: await mount.closed }
  }
  throw failure(mount, steps.at(-1) as UnmountStep)
}
