import { realpath, stat } from 'node:fs/promises'
import { constants } from 'node:os'
import { LayoutError, show } from '../protocol/words.ts'
import { Device, inheritedDevice, openDevice } from './device.ts'
import { systemError } from './errno.ts'
import type { Connection } from './init.ts'
import { enlist } from './live.ts'
import { mountAt, mounts } from './mountinfo.ts'
import { addon, cstring } from './native.ts'
import type { Notifier } from './notify.ts'
import type { LowLevelOps } from './ops.ts'
import { DEFAULT_READAHEAD, raiseReadahead } from './readahead.ts'
import { Session } from './session.ts'
import type { SessionEnd, SessionOptions } from './session_options.ts'
import type { SessionStats } from './stats.ts'

/** How to mount, in mount(8)'s and libfuse's terms. */
export interface MountOptions extends SessionOptions {
  /** What stands as the source in /proc/mounts. Default: the subtype, or `devfuse`. */
  readonly fsname?: string
  /** The type is then `fuse.<subtype>`. */
  readonly subtype?: string
  readonly readOnly?: boolean
  /**
   * Let other users in. Without it only the user who mounts gets in, not even root.
   * Without `defaultPermissions` the kernel checks no modes: then the file system must.
   */
  readonly allowOther?: boolean
  /** The kernel checks modes and owners. Default: as `allowOther`. */
  readonly defaultPermissions?: boolean
  /** Most bytes of one READ. At least 4,096; default: no limit beyond the kernel's. */
  readonly maxRead?: number
  /**
   * Most bytes that the kernel reads ahead of a buffered reader, whole pages; `connection.maxReadahead`
   * tells what is in force. Beyond the 128 KiB that the kernel offers only root gets it. Default 1 MiB.
   */
  readonly maxReadahead?: number
  /** Honour set-user-id bits; default false (MS_NOSUID). */
  readonly suid?: boolean
  /** Honour device nodes; default false (MS_NODEV). */
  readonly dev?: boolean
  /** Do not allow programs to be executed. */
  readonly noexec?: boolean
  /** Do not update access times. */
  readonly noatime?: boolean
  /**
   * Unmount on SIGINT, SIGTERM and SIGHUP, and then exit with status 0 where nobody else listens
   * for the signal. Default true. On process exit it is unmounted in any case.
   */
  readonly handleSignals?: boolean
}

const MS = { RDONLY: 1, NOSUID: 2, NODEV: 4, NOEXEC: 8, NOATIME: 1024 }
const [MNT_FORCE, MNT_DETACH, UMOUNT_NOFOLLOW] = [1, 2, 8]
const { EBUSY, EINVAL } = constants.errno
const S_IFMT = 0o170000
const MAX_FSNAME = 4095

function flagsOf(options: MountOptions): number {
  return (
    (options.readOnly ? MS.RDONLY : 0) |
    (options.suid ? 0 : MS.NOSUID) |
    (options.dev ? 0 : MS.NODEV) |
    (options.noexec ? MS.NOEXEC : 0) |
    (options.noatime ? MS.NOATIME : 0)
  )
}

function dataOf(fd: number, mode: number, options: MountOptions): string {
  const words = [
    `fd=${fd}`,
    `rootmode=${(mode & S_IFMT).toString(8)}`,
    `user_id=${process.getuid?.() ?? 0}`,
    `group_id=${process.getgid?.() ?? 0}`,
  ]
  if (options.defaultPermissions ?? options.allowOther) words.push('default_permissions')
  if (options.allowOther) words.push('allow_other')
  if (options.maxRead !== undefined) words.push(`max_read=${options.maxRead}`)
  return words.join(',')
}

/** Throws LayoutError that names the option, what was expected and what came. */
function checkOptions(options: MountOptions): void {
  const { maxRead, fsname, subtype } = options
  if (
    maxRead !== undefined &&
    !(Number.isInteger(maxRead) && maxRead >= 4096 && maxRead < 2 ** 32)
  ) {
    throw new LayoutError('maxRead', '4096 to 4294967295 bytes', maxRead)
  }
  for (const [name, value] of Object.entries({ fsname, subtype })) {
    if (value === undefined) continue
    if (
      typeof value !== 'string' ||
      value === '' ||
      value.includes('\0') ||
      value.length > MAX_FSNAME
    ) {
      throw new LayoutError(name, `a text of 1 to ${MAX_FSNAME} characters without NUL`, value)
    }
  }
  if (options.maxInFlight !== undefined && !(options.maxInFlight > 0)) {
    throw new LayoutError('maxInFlight', 'bytes above 0', options.maxInFlight)
  }
  if (options.onError !== undefined && typeof options.onError !== 'function') {
    throw new TypeError(`onError: expected a function, got ${show(options.onError)}`)
  }
}

const mountCall = (
  source: string,
  target: string,
  type: string,
  flags: number,
  data: string,
): Promise<number> =>
  new Promise((resolve) => {
    const bytes = [source, target, type, data].map(cstring) as [
      Uint8Array,
      Uint8Array,
      Uint8Array,
      Uint8Array,
    ]
    addon().mountAsync(bytes[0], bytes[1], bytes[2], flags, bytes[3], resolve)
  })

const umountCall = (target: string, flags: number): Promise<number> =>
  new Promise((resolve) => addon().umountAsync(cstring(target), flags, resolve))

/** A mounted file system and the session that serves it. */
export class MountedSession {
  /** Absolute, without symbolic links. */
  readonly mountpoint: string
  readonly #session: Session
  /** The superblock in mountinfo; undefined where somebody else has mounted it. */
  readonly #device: string | undefined
  #unmounting: Promise<void> | undefined
  #delist: () => void = () => {}

  /** @internal */
  constructor(session: Session, mountpoint: string) {
    this.#session = session
    this.mountpoint = mountpoint
    this.#device = mountAt(mountpoint)?.device
  }

  /** @internal Look after signals and the exit of the process, until it is closed. */
  watchOver(signals: boolean): void {
    this.#delist = enlist({
      signals,
      closed: this.closed,
      end: () => this.#endBySignal(),
      endNow: () => this.#endNow(),
    })
    this.#session.closed.then(this.#delist, this.#delist)
  }

  /** What was agreed with the kernel. */
  get connection(): Connection {
    return this.#session.connection as Connection
  }

  /** @internal Read ahead as far as was asked for, where this process may say so. */
  readAhead(bytes: number): void {
    const { connection } = this
    if (this.#device === undefined || bytes <= connection.maxReadahead) return
    const inForce = raiseReadahead(this.#device, bytes)
    // The border: readonly for others.
    if (inForce !== undefined) (connection as { maxReadahead: number }).maxReadahead = inForce
  }

  get notify(): Notifier {
    return this.#session.notify
  }

  /** Resolves when the file system is no longer mounted, with the reason. Never rejects. */
  get closed(): Promise<SessionEnd> {
    return this.#session.closed
  }

  /** Counts, errors, latencies and what waits, by operation. */
  stats(): SessionStats {
    return this.#session.stats()
  }

  /**
   * Unmount, and resolve when the session is over. `lazy` detaches a busy one at once; it is
   * served until its last user leaves. Where it is not mounted any more nothing happens.
   * Rejects with EBUSY where files are open: the file system then goes on.
   */
  unmount({ lazy = false }: { readonly lazy?: boolean } = {}): Promise<void> {
    this.#unmounting ??= this.#unmount(lazy).finally(() => {
      this.#unmounting = undefined
    })
    return this.#unmounting
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.unmount({ lazy: true })
  }

  /**
   * Where it is mounted now, the latest first: it may have been moved, or bound to other places.
   * Only places where it is what one sees: umount(2) by path would hit what covers it.
   */
  get #places(): string[] {
    const all = mounts()
    const ours = all.filter(({ device }) => device === this.#device).reverse()
    return ours
      .map(({ mountpoint }) => mountpoint)
      .filter(
        (place) => all.findLast((entry) => entry.mountpoint === place)?.device === this.#device,
      )
  }

  async #umount(flags: number): Promise<number> {
    let worst = 0
    for (const place of this.#places) {
      const result = await umountCall(place, UMOUNT_NOFOLLOW | flags)
      // EINVAL: somebody was faster.
      if (result < 0 && result !== -EINVAL) worst = result
    }
    return worst
  }

  async #unmount(lazy: boolean): Promise<void> {
    const result = await this.#umount(lazy ? MNT_DETACH : 0)
    if (result < 0) throw systemError('umount', result, this.mountpoint)
    if (this.#device === undefined) this.#session.close()
    await this.closed
  }

  /** Clean where it can be, detached and closed where files are open: those give ENOTCONN then. */
  async #endBySignal(): Promise<void> {
    const result = await this.#umount(0)
    if (result === -EBUSY) await this.#umount(MNT_DETACH)
    if (result === -EBUSY || this.#device === undefined) this.#session.close()
    await this.closed
  }

  /** The process exits: nothing is served any more, so abort first and detach then. */
  #endNow(): void {
    for (const place of this.#places) {
      addon().umount2(cstring(place), UMOUNT_NOFOLLOW | MNT_FORCE | MNT_DETACH)
    }
  }
}

/**
 * Mount a file system on inodes and serve it on this thread's event loop.
 *
 * `/dev/fd/N` as mount point: descriptor N is a device that a privileged parent has mounted. Then
 * nothing is mounted or unmounted here, and `unmount` only ends the session.
 *
 * Resolves once FUSE_INIT is answered, i.e. when it is usable. Rejects with a system error (ENOENT,
 * ENOTDIR, EPERM, EBUSY), NegotiationError, LayoutError for an option out of range, or what `init`
 * threw; then nothing stays mounted. Needs root, or CAP_SYS_ADMIN.
 *
 * Never use a synchronous call (`fs.statSync`) on the mount from the thread that serves it: the
 * call waits for an answer that this thread cannot give.
 */
export async function mountLowLevel(
  mountpoint: string,
  ops: LowLevelOps,
  options: MountOptions = {},
): Promise<MountedSession> {
  checkOptions(options)
  const inherited = inheritedDevice(mountpoint)
  if (inherited !== undefined) {
    const session = newSession(new Device(inherited), ops, options)
    return serve(session, new MountedSession(session, mountpoint), options)
  }
  const target = await realpath(mountpoint)
  const { mode } = await stat(target)
  const fd = openDevice()
  const device = new Device(fd)
  try {
    const session = newSession(device, ops, options)
    const type = options.subtype === undefined ? 'fuse' : `fuse.${options.subtype}`
    const source = options.fsname ?? options.subtype ?? 'devfuse'
    const data = dataOf(fd, mode, options)
    const result = await mountCall(source, target, type, flagsOf(options), data)
    if (result < 0) throw systemError('mount', result, target)
    return await serve(session, new MountedSession(session, target), options)
  } catch (error) {
    device.close()
    throw error
  }
}

const newSession = (device: Device, ops: LowLevelOps, options: MountOptions): Session =>
  new Session(device, ops, {
    ...options,
    defaultPermissions: options.defaultPermissions ?? options.allowOther ?? false,
    pageSize: addon().pageSize,
  })

async function serve(
  session: Session,
  mounted: MountedSession,
  options: MountOptions,
): Promise<MountedSession> {
  mounted.watchOver(options.handleSignals ?? true)
  session.start()
  try {
    await session.ready
  } catch (error) {
    await mounted.unmount({ lazy: true })
    throw error
  }
  mounted.readAhead(options.maxReadahead ?? DEFAULT_READAHEAD)
  return mounted
}
