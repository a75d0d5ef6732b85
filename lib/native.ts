import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { nameBytes } from '../protocol/names.ts'
import type { NativePosix } from './posix.ts'

/**
 * The addon's face: thin system calls. Every function that can fail returns a negative errno
 * instead of throwing; a wrong argument type throws a TypeError.
 *
 * Paths are NUL-terminated bytes (`cstring`): a path need not be valid UTF-8.
 */
export interface Addon {
  /** The page size of this machine in bytes. */
  readonly pageSize: number
  /** open(2), always with O_CLOEXEC. Returns the descriptor. */
  open(path: Uint8Array, flags: number): number
  /** close(2). */
  close(fd: number): number
  /** Make a descriptor that somebody else opened ours: O_NONBLOCK and FD_CLOEXEC. Returns 0. */
  adopt(fd: number): number
  /** ioctl(2) with a pointer to `argument`'s bytes, or with 0 for null. Returns what the call returns. */
  ioctl(fd: number, request: number, argument: Uint8Array | null): number
  /** poll(2) of one descriptor with a timeout of 0. Returns `revents`. */
  revents(fd: number): number
  /** One read(2) into `bytes[offset, offset + length)`. Returns the count. */
  read(fd: number, bytes: Uint8Array, offset: number, length: number): number
  /** One write(2) of `bytes[0, length)`. Returns the count. */
  write(fd: number, bytes: Uint8Array, length: number): number
  /** One writev(2) of `head[0, length)` followed by the pieces, at most 1023 of them. Returns the count. */
  writev(fd: number, head: Uint8Array, length: number, pieces: readonly Uint8Array[]): number
  /**
   * A function for the way of a request that is answered at once: one write(2) of `out[0, length)`
   * unless `length` is 0, then one read(2) into `into`, or where that is left out into the one of
   * the call before. Returns the bytes read, -errno of the read, or where the write failed, and
   * nothing was read, -(WRITE_FAILED + errno).
   *
   * It keeps both arrays and their addresses: neither may be detached from its memory.
   */
  exchanger(fd: number, out: Uint8Array): (length: number, into?: Uint8Array) => number
  /**
   * Zeroed, mapped memory of `length` bytes whose byte `lead` lies on a page boundary.
   * Returned to the system when the ArrayBuffer is collected. Null where there is no memory left.
   */
  allocate(length: number, lead: number): ArrayBuffer | null
  /** socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK): a fake device for tests. */
  socketpair(): [number, number] | number
  /**
   * socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC), to have a descriptor from a child: ours, which
   * is non-blocking, and its, which is not.
   */
  streamPair(): [number, number] | number
  /**
   * One recvmsg(2) of one byte. Returns the descriptor that came with it (SCM_RIGHTS), which is
   * close-on-exec, or -ENODATA where none did or the other end is closed.
   */
  receiveFd(fd: number): number
  /**
   * For replies whose payload is a range of a file. `most`: the longest payload for which they may
   * be spliced, 0 for never. `flags`: SPLICE_F_MOVE or 0.
   */
  fdReplies(fd: number, most: number, flags: number): FdReplies
  /**
   * Watch a descriptor for readability on the calling thread's event loop.
   * `onReadable` is called again and again while it returns true, at most 32 times a wake;
   * microtasks run between two calls. Not started yet.
   */
  watch(fd: number, onReadable: () => boolean): Watcher
  /**
   * System calls that may block, each on a thread of its own, never on libuv's pool: a call that
   * waits for our own answer must not keep others waiting. `done` gets the result or -errno on the
   * event loop. Bytes are copied and the descriptor is duplicated before the call returns.
   */
  mountAsync(
    source: Uint8Array,
    target: Uint8Array,
    type: Uint8Array,
    flags: number,
    data: Uint8Array,
    done: (result: number) => void,
  ): void
  umountAsync(target: Uint8Array, flags: number, done: (result: number) => void): void
  writeAsync(fd: number, bytes: Uint8Array, length: number, done: (result: number) => void): void
  /** umount2(2) on this thread: for the exit path, where no event loop runs any more. */
  umount2(target: Uint8Array, flags: number): number
  /** What `posix` of lib/posix.ts shows. */
  readonly posix: NativePosix
}

/** See `exchanger`. */
export const WRITE_FAILED = 4096

export interface FdReplies {
  /**
   * Send `head[0, length)` and behind it `count` bytes of `file` from byte `offset`, as one message:
   * fewer at the end of the file. The first 4 bytes of `head` become the message's length.
   * Returns the payload's bytes, -errno of the device, or -(READ_FAILED + errno) of the file (transport.ts), and then
   * nothing was sent: EAGAIN where a read would have to wait for a disk.
   */
  send(head: Uint8Array, length: number, file: number, offset: number, count: number): number
  /** Idempotent. The descriptors are the caller's. */
  close(): void
}

export interface Watcher {
  /** Start, or go on after `stop`. */
  start(): void
  /** No further callbacks until `start`. Takes effect inside a callback too. */
  stop(): void
  /** Keep, or do not keep, the event loop alive. */
  ref(): void
  unref(): void
  /** Stop for good. The descriptor stays open and stays yours. Idempotent. */
  close(): void
}

/** The addon is not there, or does not load here. */
export class AddonError extends Error {
  override readonly name = 'AddonError'
  readonly code = 'EFUSE_NO_ADDON'
}

/** From here upwards: `lib/` in a checkout, `dist/lib/` in the package. */
const ROOTS = ['..', '../..'].map((up) => fileURLToPath(new URL(`${up}/`, import.meta.url)))

function candidates(): string[] {
  const named = process.env['DEVFUSE_ADDON']
  if (named !== undefined) return [named]
  return ROOTS.flatMap((root) => [
    `${root}build/Release/devfuse.node`,
    `${root}prebuilds/linux-${process.arch}/devfuse.node`,
  ])
}

let loaded: Addon | undefined

/**
 * The addon, loaded at first use: importing devfuse works without it.
 * Throws AddonError that says what is missing.
 */
export function addon(): Addon {
  if (loaded !== undefined) return loaded
  if (process.platform !== 'linux') {
    throw new AddonError(`devfuse speaks to Linux's /dev/fuse; this is ${process.platform}`)
  }
  const paths = candidates()
  const path = paths.find((candidate) => existsSync(candidate))
  if (path === undefined) {
    throw new AddonError(
      `devfuse.node is not built: run \`npm run build\` (looked for ${paths.join(', ')})`,
    )
  }
  try {
    loaded = createRequire(import.meta.url)(path) as Addon
  } catch (error) {
    throw new AddonError(`${path} does not load: ${(error as Error).message}`)
  }
  return loaded
}

/** NUL-terminated bytes, as system calls take a path. Throws TypeError for a NUL inside. */
export function cstring(text: string): Uint8Array {
  const bytes = nameBytes(text)
  if (bytes.includes(0)) throw new TypeError(`a path cannot hold NUL: ${JSON.stringify(text)}`)
  return Buffer.concat([bytes, Buffer.of(0)])
}
