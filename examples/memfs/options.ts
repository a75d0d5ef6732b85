import { totalmem } from 'node:os'
import { getHeapStatistics } from 'node:v8'
import { PAGE } from './chunk.ts'

export interface MemfsOptions {
  /** Most bytes of file data; default half of the machine's memory. */
  readonly size?: number
  /** Seconds that the kernel may remember a name, attributes, and that there is no such name. */
  readonly entryTimeout?: number
  readonly attrTimeout?: number
  readonly negativeTimeout?: number
  /** Every read(2) and write(2) comes here; nothing stays in the page cache. */
  readonly directIo?: boolean
  /** What the page cache has of a file stays when the file is opened again. */
  readonly kernelCache?: boolean
  /** The kernel collects writes and keeps size and times of files meanwhile. */
  readonly writebackCache?: boolean
  /**
   * fcntl(2) and flock(2) locks come here. Otherwise the kernel keeps them, with the same effect as
   * long as nobody else serves the same files; and closing a file needs no request (FUSE_FLUSH).
   */
  readonly posixLock?: boolean
  readonly flock?: boolean
  /**
   * Extended attributes and ACLs; default true. Without, the kernel asks once and never again: it
   * saves `ls -l` a request or two a file, and each new file one before its first write.
   */
  readonly xattr?: boolean
}

export const DEFAULTS: Required<MemfsOptions> = {
  size: Math.floor(totalmem() / 2),
  entryTimeout: 1,
  attrTimeout: 1,
  negativeTimeout: 0,
  directIo: false,
  kernelCache: false,
  writebackCache: false,
  posixLock: false,
  flock: false,
  xattr: true,
}

/** Bytes of V8's heap that an inode with a name takes, generously. */
const INODE_COST = 1024
const FEW_INODES = 1024

/** One inode a page, as tmpfs has it, but no more than the heap can hold: data is not in there. */
export const inodesFor = (size: number): number =>
  Math.max(
    FEW_INODES,
    Math.floor(Math.min(size / PAGE, getHeapStatistics().heap_size_limit / INODE_COST)),
  )
