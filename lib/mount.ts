import { constants } from 'node:os'
import { ConnectionControl, numberOf } from './connection_control.ts'
import { connectionOf } from './connection_number.ts'
import { Device, inheritedDevice } from './device.ts'
import { type Keeper, umountByHelperNow } from './fusermount.ts'
import { type Connection, checkInitOptions } from './init.ts'
import { enlist } from './live.ts'
import { MNT_DETACH, MNT_FORCE, mountDevice, UMOUNT_NOFOLLOW, umountAt } from './mount_device.ts'
import { checkMountOptions, type MountOptions, permissionsByKernel } from './mount_options.ts'
import { findMountPoint } from './mount_point.ts'
import { mountAt, mounts } from './mountinfo.ts'
import { addon, cstring } from './native.ts'
import type { Notifier } from './notify.ts'
import type { LowLevelOps } from './ops.ts'
import { DEFAULT_READAHEAD, raiseReadahead } from './readahead.ts'
import { Session } from './session.ts'
import type { SessionEnd } from './session_options.ts'
import type { SessionStats } from './stats.ts'
import { type Unmounted, type UnmountOptions, unmountBySteps } from './unmounting.ts'

const { EBUSY, EINVAL, EPERM } = constants.errno

export type { MountOptions } from './mount_options.ts'

/** A mounted file system and the session that serves it. */
export class MountedSession {
  /** Absolute, without symbolic links. */
  readonly mountpoint: string
  readonly #session: Session
  /** The superblock in mountinfo, `0:45`; undefined where somebody else has mounted it. */
  readonly device: string | undefined
  /** The kernel's side of the connection. */
  readonly control: ConnectionControl
  #unmounting: Promise<Unmounted> | undefined
  /** How far `#unmounting` goes. */
  #force = false
  /** It has been seen that it is mounted nowhere: its number may be another's by now. */
  #gone = false
  #delist: () => void = () => {}

  /** @internal @param fd of the device, which may know a connection that mountinfo does not show. */
  constructor(session: Session, mountpoint: string, fd: number) {
    this.#session = session
    this.mountpoint = mountpoint
    this.device = mountAt(mountpoint)?.device
    const number = this.device === undefined ? connectionOf(fd) : numberOf(this.device)
    this.control = new ConnectionControl(() => (this.#gone ? undefined : number))
    void this.closed.then(() => {
      this.#gone = this.#places.length === 0
    })
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
    if (this.device === undefined || bytes <= connection.maxReadahead) return
    const inForce = raiseReadahead(this.device, bytes)
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
   * Unmount, and resolve when the session is over, with what it took. Where it is over already, and
   * not mounted any more, nothing happens. Rejects with EBUSY where files are open, and with ETIMEDOUT
   * after `timeout`: the file system then goes on. With `force` it rejects only where `destroy` takes
   * longer than that, and than 5 s.
   */
  unmount(options: UnmountOptions = {}): Promise<Unmounted> {
    const { force = false } = options
    // Who insists does not wait for who does not.
    if (this.#unmounting !== undefined && (this.#force || !force)) return this.#unmounting
    const unmounting = this.#unmount(options).finally(() => {
      if (this.#unmounting === unmounting) this.#unmounting = undefined
    })
    this.#force = force
    this.#unmounting = unmounting
    return unmounting
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.unmount({ lazy: true })
  }

  /**
   * Where it is mounted now, the latest first: it may have been moved, or bound to other places.
   * Only places where it is what one sees: umount(2) by path would hit what covers it.
   */
  get #places(): string[] {
    if (this.#gone || this.device === undefined) return []
    const all = mounts()
    const ours = all.filter(({ device }) => device === this.device).reverse()
    return ours
      .map(({ mountpoint }) => mountpoint)
      .filter(
        (place) => all.findLast((entry) => entry.mountpoint === place)?.device === this.device,
      )
  }

  async #umount(flags: number): Promise<number> {
    let worst = 0
    for (const place of this.#places) {
      const result = await umountAt(place, flags)
      // EINVAL: somebody was faster.
      if (result < 0 && result !== -EINVAL) worst = result
    }
    return worst
  }

  async #unmount(options: UnmountOptions): Promise<Unmounted> {
    if (this.#gone) return { steps: [], end: await this.closed }
    if (this.device === undefined) this.#session.close()
    return unmountBySteps(
      {
        mountpoint: this.mountpoint,
        closed: this.closed,
        umount: (flags) => this.#umount(flags),
        abort: () => this.control.abort(),
        close: () => this.#session.close(),
      },
      options,
    )
  }

  /** Clean where it can be, detached and closed where files are open: those give ENOTCONN then. */
  async #endBySignal(): Promise<void> {
    const result = await this.#umount(0)
    if (result === -EBUSY) await this.#umount(MNT_DETACH)
    if (result === -EBUSY || this.device === undefined) this.#session.close()
    await this.closed
  }

  /** The process exits: nothing is served any more, so abort first and detach then. */
  #endNow(): void {
    for (const place of this.#places) {
      const flags = UMOUNT_NOFOLLOW | MNT_FORCE | MNT_DETACH
      if (addon().umount2(cstring(place), flags) !== -EPERM) continue
      this.#session.close()
      umountByHelperNow(place)
    }
  }

  /** @internal What fusermount3 left behind goes with the session. */
  async keptBy(keeper: Keeper): Promise<void> {
    await this.closed
    if (this.#places.length === 0) keeper.dismiss()
    else keeper.release()
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
 * threw; then nothing stays mounted. MountError where it may not be, with a stable code and what to do:
 * root may, others by fusermount3.
 *
 * Never use a synchronous call (`fs.statSync`) on the mount from the thread that serves it: the
 * call waits for an answer that this thread cannot give.
 */
export async function mountLowLevel(
  mountpoint: string,
  ops: LowLevelOps,
  options: MountOptions = {},
): Promise<MountedSession> {
  checkMountOptions(options)
  const inherited = inheritedDevice(mountpoint)
  if (inherited !== undefined) {
    const session = newSession(new Device(inherited), ops, options)
    return serve(session, new MountedSession(session, mountpoint, inherited), options)
  }
  checkInitOptions(options, ops, permissionsByKernel(options))
  const { target, mode } = await findMountPoint(mountpoint, options)
  const { fd, keeper } = await mountDevice(target, mode, options)
  const session = newSession(new Device(fd), ops, options)
  const mounted = new MountedSession(session, target, fd)
  if (keeper !== undefined) void mounted.keptBy(keeper)
  return serve(session, mounted, options)
}

const newSession = (device: Device, ops: LowLevelOps, options: MountOptions): Session =>
  new Session(device, ops, {
    ...options,
    defaultPermissions: permissionsByKernel(options),
    ...(options.allowRoot && { onlyFor: process.getuid?.() ?? 0 }),
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
