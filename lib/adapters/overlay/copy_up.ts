import { constants } from 'node:fs'
import { bytesLength } from '../../../protocol/reply.ts'
import { toNanoseconds } from '../../attributes.ts'
import { errno, errnoFrom } from '../../errno.ts'
import { FdRange } from '../../fd_range.ts'
import { handleOf } from '../../opened.ts'
import type { ReadAnswer } from '../../ops.ts'
import type { PathContext } from '../../path_context.ts'
import type { PathOps, StatLike } from '../../path_ops.ts'
import { posix } from '../../posix.ts'
import { attrOf } from '../../stat_like.ts'
import type { Markers } from './markers.ts'
import { look, parentOf } from './places.ts'

const { S_IFMT, S_IFDIR, S_IFREG, S_IFLNK, O_RDONLY, O_WRONLY, O_CREAT, O_EXCL } = constants
const PERMISSIONS = 0o7777
const PIECE = 1024 * 1024
const NOBODY = { uid: 0, gid: 0, time: [0, 0] } as const

/** Puts what is only in the lower layer into the upper one, before it is changed. */
export class CopyUp {
  readonly #lower: PathOps
  readonly #upper: PathOps
  readonly #markers: Markers
  /** Those under way: a file is copied once, whoever asks for it. */
  readonly #busy = new Map<string, Promise<void>>()

  constructor(lower: PathOps, upper: PathOps, markers: Markers) {
    this.#lower = lower
    this.#upper = upper
    this.#markers = markers
  }

  /** Make sure that it is in the upper layer. Throws ENOENT, EROFS, ENOSPC. */
  async file(path: string, ctx: PathContext): Promise<void> {
    if ((await look(this.#upper, path, ctx)) !== null) return
    const busy = this.#busy.get(path)
    if (busy !== undefined) return busy
    const copying = this.#copy(path, ctx).finally(() => this.#busy.delete(path))
    this.#busy.set(path, copying)
    await copying
  }

  /** The same for the directory that something is to be made in. */
  parent(path: string, ctx: PathContext): Promise<void> {
    return this.file(parentOf(path), ctx)
  }

  async #copy(path: string, ctx: PathContext): Promise<void> {
    const seen = await this.#markers.lowerSeen(path, ctx)
    const stat = seen ? await look(this.#lower, path, ctx) : null
    if (stat === null) throw errno('ENOENT')
    if (path !== '/') await this.parent(path, ctx)
    const { mode, rdev = 0 } = attrOf(stat, NOBODY)
    const type = mode & S_IFMT
    if (type === S_IFDIR) await need(this.#upper.mkdir)(path, mode & PERMISSIONS, ctx)
    else if (type === S_IFLNK) {
      const target = await need(this.#lower.readlink)(path, ctx)
      await need(this.#upper.symlink)(text(target), path, ctx)
    } else if (type === S_IFREG) return this.#regular(path, stat, ctx)
    else await need(this.#upper.mknod)(path, mode, rdev, ctx)
    await this.#attributes(path, path, stat, ctx)
  }

  /** Nobody sees half a copy. */
  async #regular(path: string, stat: StatLike, ctx: PathContext): Promise<void> {
    const { create, write, release, rename } = this.#upper
    const temporary = this.#markers.temporary(path)
    const flags = O_WRONLY | O_CREAT | O_EXCL
    const to = handleOf(await need(create)(temporary, 0o600, flags, ctx))
    try {
      await this.#data(
        path,
        async (data, at) => {
          await need(write)(temporary, to, data, at, ctx)
        },
        ctx,
      )
    } catch (error) {
      await release?.(temporary, to, ctx)
      await this.#upper.unlink?.(temporary, ctx)
      throw error
    }
    await release?.(temporary, to, ctx)
    await this.#attributes(path, temporary, stat, ctx)
    await need(rename)(temporary, path, 0, ctx)
  }

  async #data(
    path: string,
    put: (data: Uint8Array, at: number) => Promise<void>,
    ctx: PathContext,
  ): Promise<void> {
    const { open, read, release } = this.#lower
    const from = handleOf(await open?.(path, O_RDONLY, ctx))
    try {
      for (let at = 0; ; ) {
        const data = bytesOf(await need(read)(path, from, PIECE, at, ctx))
        if (data.length === 0) return
        await put(data, at)
        at += data.length
      }
    } finally {
      await release?.(path, from, ctx)
    }
  }

  async #attributes(path: string, to: string, stat: StatLike, ctx: PathContext): Promise<void> {
    const { mode, uid = 0, gid = 0, ...times } = attrOf(stat, NOBODY)
    const { chown, chmod, utimens } = this.#upper
    await chown?.(to, uid, gid, undefined, ctx)
    if ((mode & S_IFMT) !== S_IFLNK) await chmod?.(to, mode & PERMISSIONS, undefined, ctx)
    await this.#xattrs(path, to, ctx)
    const { atime, atimensec, mtime, mtimensec } = times
    const [a, m] = [toNanoseconds(atime, atimensec), toNanoseconds(mtime, mtimensec)]
    await utimens?.(to, a, m, undefined, ctx)
  }

  async #xattrs(path: string, to: string, ctx: PathContext): Promise<void> {
    const { listxattr, getxattr } = this.#lower
    const { setxattr } = this.#upper
    if (!listxattr || !getxattr || !setxattr) return
    const names = await listxattr(path, ctx)
    if (names instanceof Uint8Array) return
    for (const name of names) {
      const value = await getxattr(path, name, ctx)
      if (value !== null) await setxattr(to, name, value, 0, ctx)
    }
  }
}

/** Throws EROFS for what a layer cannot do. */
export function need<F>(method: F | undefined): F {
  if (method === undefined) throw errno('EROFS')
  return method
}

const text = (target: string | Uint8Array): string =>
  typeof target === 'string' ? target : Buffer.from(target).toString('utf8')

/** In one piece, whatever form an answer to `read` has. */
function bytesOf(answer: ReadAnswer): Uint8Array {
  if (answer instanceof FdRange) {
    const bytes = Buffer.alloc(answer.length)
    const count = posix.pread(answer.fd, bytes, answer.offset, 0)
    if (count < 0) throw errnoFrom(count)
    return bytes.subarray(0, count)
  }
  bytesLength(answer, PIECE, 'read')
  return answer instanceof Uint8Array ? answer : Buffer.concat(answer as Uint8Array[])
}
