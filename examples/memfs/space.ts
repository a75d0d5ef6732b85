import { errno } from '../../lib/index.ts'

/** What a file system may hold: bytes of data and of extended attributes, and inodes. */
export class Space {
  readonly bytes: number
  readonly inodes: number
  usedBytes = 0
  usedInodes = 0

  constructor(bytes: number, inodes: number) {
    this.bytes = bytes
    this.inodes = inodes
  }

  get freeBytes(): number {
    return this.bytes - this.usedBytes
  }

  /** Take bytes, if that many are left. */
  tryTake(bytes: number): boolean {
    if (bytes > this.freeBytes) return false
    this.usedBytes += bytes
    return true
  }

  /** Throws ENOSPC. */
  take(bytes: number): void {
    if (!this.tryTake(bytes)) throw errno('ENOSPC')
  }

  give(bytes: number): void {
    this.usedBytes -= bytes
  }

  /**
   * One inode, or one more name of it: what a name costs is memory too, so that hard links are
   * counted as tmpfs does. Throws ENOSPC.
   */
  takeInode(): void {
    if (this.usedInodes >= this.inodes) throw errno('ENOSPC')
    this.usedInodes++
  }

  giveInode(): void {
    this.usedInodes--
  }
}
