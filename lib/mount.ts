import { realpath, stat } from 'node:fs/promises'
import { constants } from 'node:os'
import { decodeName, nameBytes } from '../protocol/names.ts'
import { Device, inheritedDevice, openDevice } from './device.ts'
import { systemError } from './errno.ts'
import type { Connection } from './init.ts'
import { enlist } from './live.ts'
import {
  checkMountOptions,
  kernelFlags,
  kernelWords,
  type MountOptions,
  permissionsByKernel,
  sourceOf,
  typeOf,
} from './mount_options.ts'
import { mountAt, mounts } from './mountinfo.ts'
import { addon, cstring } from './native.ts'
import type { Notifier } from './notify.ts'
import type { LowLevelOps } from './ops.ts'
import { Session } from './session.ts'
import type { SessionEnd } from './session_options.ts'
import type { SessionStats } from './stats.ts'

const [MNT_FORCE, MNT_DETACH, UMOUNT_NOFOLLOW] = [1, 2, 8]
const { EBUSY, EINVAL } = constants.errno

export type { MountOptions } from './mount_options.ts'

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
  /** The superblock in mountinfo, `0:45`; undefined where somebody else has mounted it. */
  readonly device: string | undefined
  #unmounting: Promise<void> | undefined
  #delist: () => void = () => {}

  /** @internal */
  constructor(session: Session, mountpoint: string) {
    this.#session = session
    this.mountpoint = mountpoint
    this.device = mountAt(mountpoint)?.device
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
      const result = await umountCall(place, UMOUNT_NOFOLLOW | flags)
      // EINVAL: somebody was faster.
      if (result < 0 && result !== -EINVAL) worst = result
    }
    return worst
  }

  async #unmount(lazy: boolean): Promise<void> {
    const result = await this.#umount(lazy ? MNT_DETACH : 0)
    if (result < 0) throw systemError('umount', result, this.mountpoint)
    if (this.device === undefined) this.#session.close()
    await this.closed
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
  checkMountOptions(options)
  const inherited = inheritedDevice(mountpoint)
  if (inherited !== undefined) {
    const session = newSession(new Device(inherited), ops, options)
    return serve(session, new MountedSession(session, mountpoint), options)
  }
  const bytes = await realpath(Buffer.from(nameBytes(mountpoint)), { encoding: 'buffer' })
  const target = decodeName(bytes, 0, bytes.length)
  const { mode } = await stat(bytes)
  const fd = openDevice()
  const device = new Device(fd)
  try {
    const session = newSession(device, ops, options)
    const data = [`fd=${fd}`, ...kernelWords(mode, options)].join(',')
    const flags = kernelFlags(options)
    const result = await mountCall(sourceOf(options), target, typeOf(options), flags, data)
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
  return mounted
}
