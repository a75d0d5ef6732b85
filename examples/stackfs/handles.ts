import { AT_EMPTY_PATH, posix } from '../../lib/posix.ts'
import type { Lower } from './lower.ts'
import { S_IFDIR } from './mode.ts'
import type { Handle, Node } from './node.ts'
import { O_DIRECTORY, O_RDONLY, PATH_ONLY } from './system.ts'

/** handle_bytes, handle_type, and MAX_HANDLE_SZ of them. */
const HEAD = 8
const MOST = HEAD + 128

/** Descriptors of inodes by what name_to_handle_at(2) gave, where we may open by that at all. */
export class Handles {
  readonly #lower: Lower
  readonly #bytes = Buffer.alloc(MOST)
  readonly #size = new Uint32Array(this.#bytes.buffer, this.#bytes.byteOffset, 1)
  /** By mount id: something of that mount that is really open. */
  readonly #mounts = new Map<number, number>()
  /** open_by_handle_at(2) works: it wants CAP_DAC_READ_SEARCH, and not every file system has it. */
  readonly usable: boolean

  constructor(lower: Lower) {
    this.#lower = lower
    const root = this.#take(lower.fd, '', AT_EMPTY_PATH)
    if (root !== undefined) this.#mounts.set(root.mount, lower.mountFd)
    const fd = root === undefined ? -1 : this.open(root)
    this.usable = fd >= 0
    if (fd >= 0) posix.close(fd)
  }

  /** Of an open inode; undefined where its file system has none. */
  of(node: Node): Handle | undefined {
    if (!this.usable) return undefined
    const handle = this.#take(node.fd, '', AT_EMPTY_PATH)
    return handle !== undefined && this.#mounts.has(handle.mount) ? handle : undefined
  }

  /** Whether a name means the inode that this handle is of, or with '' a descriptor is open for it. */
  matches(dirfd: number, name: string, handle: Handle): boolean {
    return this.#take(dirfd, name, name === '' ? AT_EMPTY_PATH : 0)?.bytes === handle.bytes
  }

  /** Returns the descriptor, or -errno. */
  open({ mount, bytes }: Handle): number {
    const length = this.#bytes.write(bytes, 'latin1')
    const mountFd = this.#mounts.get(mount) ?? this.#lower.mountFd
    return posix.openByHandleAt(mountFd, this.#bytes.subarray(0, length), PATH_ONLY)
  }

  /** A directory of another device was found: handles of that mount can be opened from now on. */
  entered(node: Node): void {
    if (!this.usable || node.foreign === undefined || node.type !== S_IFDIR) return
    const handle = this.#take(node.fd, '', AT_EMPTY_PATH)
    if (handle === undefined || this.#mounts.has(handle.mount)) return
    const fd = posix.openat(node.fd, '.', O_RDONLY | O_DIRECTORY, 0)
    if (fd >= 0) this.#mounts.set(handle.mount, fd)
  }

  #take(dirfd: number, name: string, flags: number): Handle | undefined {
    const mount = posix.nameToHandleAt(dirfd, name, this.#bytes, flags)
    if (mount < 0) return undefined
    const bytes = this.#bytes.toString('latin1', 0, HEAD + (this.#size[0] as number))
    return { mount, bytes }
  }
}
