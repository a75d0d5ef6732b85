import { errno } from '../../lib/index.ts'
import { AT_FDCWD, AT_STATX_DONT_SYNC, O_PATH, posix } from '../../lib/posix.ts'
import { type Device, deviceOf, isOn } from './device.ts'
import { S_IFDIR, S_IFMT } from './mode.ts'
import { Stat } from './stat.ts'
import { check, O_DIRECTORY, O_RDONLY } from './system.ts'

const STATFS_SIZE = 120
/**
 * f_type of file systems whose attributes somebody else may change, and whose close(2) may fail: NFS,
 * SMB (three numbers), FUSE, Ceph, AFS, Coda, 9p.
 */
const REMOTE = new Set([
  0x6969, 0x517b, 0xff534d42, 0xfe534d42, 0x65735546, 0x00c36400, 0x5346414f, 0x73757245,
  0x01021997,
])

/** The lower file system, as far as it is known before anybody asks for a name. */
export class Lower {
  readonly path: string
  /** Of the root, for its name only. */
  readonly fd: number
  /** Of the root, really open: what open_by_handle_at(2) knows its mount by. */
  readonly mountFd: number
  /** /proc/self/fd: a descriptor's number in it opens the same inode, whatever its name is now. */
  readonly descriptors: number
  readonly device: Device
  /** Whether attributes have to be asked for over and over, and a close(2) may fail. */
  readonly remote: boolean
  /** What was asked last. */
  readonly stat = new Stat()
  #own: Device | undefined

  /** Throws a system error. */
  constructor(path: string) {
    this.path = path
    this.fd = check(posix.openat(AT_FDCWD, path, O_PATH | O_DIRECTORY, 0))
    this.mountFd = check(posix.openat(this.fd, '.', O_RDONLY | O_DIRECTORY, 0))
    this.descriptors = check(posix.openat(AT_FDCWD, '/proc/self/fd', O_PATH | O_DIRECTORY, 0))
    check(this.stat.of(this.fd))
    this.device = deviceOf(this.stat)
    const statfs = new Uint8Array(STATFS_SIZE)
    check(posix.fstatfs(this.fd, statfs))
    this.remote = REMOTE.has(new Uint32Array(statfs.buffer)[0] as number)
  }

  /** It is mounted now: what lies there must never be asked for, we would have to answer. */
  mountedOn(mountpoint: string): void {
    const { stat } = this
    if (stat.named(AT_FDCWD, mountpoint, AT_STATX_DONT_SYNC) < 0) return
    if ((stat.mode & S_IFMT) === S_IFDIR && !isOn(stat, this.device)) this.#own = deviceOf(stat)
  }

  /**
   * Read `stat` of a name, or with '' of what a descriptor is open for. Returns 0 or -errno. Throws ELOOP for our own mount point.
   *
   * What lies on another device may be our own mount, which could not answer: that is found out
   * first, without a question to whoever serves it.
   */
  statAt(dirfd: number, name: string): number {
    const { stat } = this
    const result = stat.named(dirfd, name, AT_STATX_DONT_SYNC)
    if (result < 0) return result
    const ours = isOn(stat, this.device)
    if (!ours) this.#refuseOwn()
    return ours && !this.remote ? 0 : stat.named(dirfd, name)
  }

  #refuseOwn(): void {
    if (this.#own !== undefined && isOn(this.stat, this.#own)) throw errno('ELOOP')
  }
}
