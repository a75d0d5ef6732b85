import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { accessSync, constants as files } from 'node:fs'
import { constants } from 'node:os'
import { delimiter, isAbsolute, join } from 'node:path'
import { systemError } from './errno.ts'
import { MountError, type MountErrorCode } from './mount_error.ts'
import { helperWords, type MountOptions, sourceOf } from './mount_options.ts'
import { addon } from './native.ts'

const NAME = 'fusermount3'
const { EAGAIN, EBUSY, EINVAL, EPERM } = constants.errno
/** Where it gets its end of the socket. */
const COMMFD = 3
const ENOUGH_MS = 5000

/** fusermount3's path; undefined where there is none. */
export function findFusermount(): string | undefined {
  const listed = (process.env['PATH'] ?? '').split(delimiter).filter(isAbsolute)
  return [...listed, '/usr/bin', '/bin'].map((folder) => join(folder, NAME)).find(isExecutable)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, files.X_OK)
    return true
  } catch {
    return false
  }
}

/** A fusermount3 that stays, to unmount when this process has ended. */
export interface Keeper {
  /** End it: what it would unmount is gone, and in its place may be somebody else's. */
  dismiss(): void
  /** Let it unmount now. */
  release(): void
}

export interface HelperMount {
  /** The device, as it is: blocking. */
  readonly fd: number
  readonly keeper: Keeper | undefined
}

/** What fusermount3 says is its own choice of words: the first that fits. */
const REASONS: readonly (readonly [RegExp, MountErrorCode])[] = [
  [/user_allow_other/, 'EFUSE_ALLOW_OTHER'],
  [/device not found|\/dev\/fuse: No such/, 'EFUSE_NO_DEVICE'],
  [/\/dev\/fuse: (Permission denied|Operation not permitted)/, 'EFUSE_DEVICE_DENIED'],
  [/too many FUSE/, 'EFUSE_TOO_MANY'],
  [/Operation not permitted/, 'EFUSE_NOT_PERMITTED'],
]

function failure(target: string, ended: Ended): MountError {
  const said = ended.stderr.trim() || `${NAME} ended with ${ended.status}`
  const code = REASONS.find(([pattern]) => pattern.test(said))?.[1] ?? 'EFUSE_FUSERMOUNT'
  return new MountError(code, `'${target}' cannot be mounted: ${said}`, ended.error)
}

interface Ended {
  /** Exit status or signal. */
  readonly status: number | string | null
  readonly stderr: string
  readonly error?: unknown
}

/** Never rejects. */
function endOf(child: ChildProcess): Promise<Ended> {
  let stderr = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  return new Promise((resolve) => {
    child.on('error', (error) => resolve({ status: null, stderr: error.message, error }))
    child.on('close', (code, signal) => resolve({ status: code ?? signal, stderr }))
  })
}

/** Its arguments are no command line, and of our environment it gets nothing. */
const start = (program: string, args: readonly string[], theirs?: number): ChildProcess =>
  spawn(program, args, {
    cwd: '/',
    env: theirs === undefined ? {} : { _FUSE_COMMFD: String(COMMFD) },
    stdio: ['ignore', 'ignore', 'pipe', ...(theirs === undefined ? [] : [theirs])],
  })

/** The descriptor that comes, or -errno. */
const received = (socket: number): Promise<number> =>
  new Promise((resolve) => {
    const watcher = addon().watch(socket, () => {
      const fd = addon().receiveFd(socket)
      if (fd === -EAGAIN) return false
      watcher.close()
      resolve(fd)
      return false
    })
    watcher.start()
  })

function keeperOf(child: ChildProcess, socket: number): Keeper {
  // It stays as long as we do, and must not keep us.
  child.unref()
  child.stderr?.destroy()
  let open = true
  const release = () => {
    if (open) addon().close(socket)
    open = false
  }
  return {
    release,
    dismiss() {
      // It blocks all signals but this one; its real user is ours, so that we may.
      if (open) child.kill('SIGKILL')
      release()
    },
  }
}

function checkForHelper(program: string | undefined, target: string, options: MountOptions) {
  if (program === undefined) {
    throw new MountError('EFUSE_NO_FUSERMOUNT', `there is no ${NAME} in PATH`)
  }
  const texts = [target, sourceOf(options), options.subtype ?? '']
  if (!texts.every((text) => text.isWellFormed())) {
    throw new TypeError(`${NAME} takes a mount point, fsname and subtype that are UTF-8 only`)
  }
  if (process.getuid?.() !== 0 && (options.suid || options.dev)) {
    throw new MountError('EFUSE_NOT_PERMITTED', 'suid and dev are for root')
  }
  // It looks with root's eyes whether the mount is dead, and unmounts where that says ENOTCONN; where
  // root is not let in it gets EACCES, and leaves the dead mount behind (seen with 3.14).
  if (
    process.getuid?.() !== 0 &&
    options.autoUnmount &&
    !options.allowOther &&
    !options.allowRoot
  ) {
    throw new MountError('EFUSE_AUTO_UNMOUNT', `${NAME} unmounts only what root can look into`)
  }
  return program
}

/** Mount by fusermount3. Throws MountError with what it says. */
export async function mountByHelper(target: string, options: MountOptions): Promise<HelperMount> {
  const program = checkForHelper(findFusermount(), target, options)
  const pair = addon().streamPair()
  if (typeof pair === 'number') throw systemError('socketpair', pair)
  const [ours, theirs] = pair
  const child = start(program, ['-o', helperWords(options), '--', target], theirs)
  addon().close(theirs)
  const end = endOf(child)
  const fd = await received(ours)
  if (fd >= 0 && options.autoUnmount) return { fd, keeper: keeperOf(child, ours) }
  addon().close(ours)
  const ended = await end
  if (fd < 0) throw failure(target, ended)
  return { fd, keeper: undefined }
}

const umountArguments = (target: string, lazy: boolean): string[] => [
  '-u',
  ...(lazy ? ['-z'] : []),
  '--',
  target,
]

function umountResult({ status, stderr }: Ended): number {
  if (status === 0) return 0
  if (/resource busy/.test(stderr)) return -EBUSY
  // Somebody was faster.
  return /not found in/.test(stderr) ? -EINVAL : -EPERM
}

/** Unmount by fusermount3. Returns 0 or -errno; -EPERM where it is missing or refuses. */
export async function umountByHelper(target: string, lazy: boolean): Promise<number> {
  const program = findFusermount()
  if (program === undefined || !target.isWellFormed()) return -EPERM
  return umountResult(await endOf(start(program, umountArguments(target, lazy))))
}

/** The same, detaching, for the exit of the process. */
export function umountByHelperNow(target: string): void {
  const program = findFusermount()
  if (program === undefined) return
  spawnSync(program, umountArguments(target, true), {
    cwd: '/',
    env: {},
    stdio: 'ignore',
    timeout: ENOUGH_MS,
  })
}
