import { F_OFD_GETLK, F_OFD_SETLK, F_UNLCK, posix } from '../../lib/posix.ts'
import type { Lock } from '../locks.ts'

/** struct flock: l_type and l_whence in 16 bits, l_start and l_len in 64, l_pid in 32. */
const SIZE = 32
const TYPE = 0
const START = 1
const LENGTH = 2
const PID = 6
/** OFFSET_MAX: a lock that ends here goes as far as a file can. */
const LAST = 0x7fff_ffff_ffff_ffffn

const bytes = new Uint8Array(SIZE)
const shorts = new Int16Array(bytes.buffer)
const longs = new BigInt64Array(bytes.buffer)
const words = new Int32Array(bytes.buffer)

type Range = Pick<Lock, 'type' | 'start' | 'end'>

function write({ type, start, end }: Range): void {
  bytes.fill(0)
  shorts[TYPE] = type
  longs[START] = start
  longs[LENGTH] = end === LAST ? 0n : end - start + 1n
}

/** Set or drop a lock of an open file description. Returns 0 or -errno. */
export function setLock(fd: number, lock: Range): number {
  write(lock)
  return posix.fcntlLock(fd, F_OFD_SETLK, bytes)
}

/** The lock that stands against one; undefined where none does. Its holder is 0 where nobody knows. */
export function getLock(fd: number, lock: Range): (Range & { readonly pid: number }) | undefined {
  write(lock)
  if (posix.fcntlLock(fd, F_OFD_GETLK, bytes) < 0 || shorts[TYPE] === F_UNLCK) return undefined
  const [, start = 0n, length = 0n] = longs
  const end = length === 0n ? LAST : start + length - 1n
  return { type: shorts[TYPE] as number, start, end, pid: Math.max(words[PID] as number, 0) }
}
