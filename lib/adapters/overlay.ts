import { constants } from 'node:fs'
import { errno } from '../errno.ts'
import { entryOf, isDot } from '../highlevel/entries.ts'
import { handleOf } from '../opened.ts'
import type { PathContext } from '../path_context.ts'
import { methodsOf } from '../path_methods.ts'
import type { DirectoryEntry, Listing, PathOps, StatLike } from '../path_ops.ts'
import {
  O_ACCMODE,
  RENAME_EXCHANGE,
  RENAME_NOREPLACE,
  RENAME_WHITEOUT,
} from '../posix_constants.ts'
import { attrOf } from '../stat_like.ts'
import { CopyUp, need } from './overlay/copy_up.ts'
import { isMarker, Markers, refuseMarker } from './overlay/markers.ts'
import { exists, look, nameOfPath, under } from './overlay/places.ts'

const { S_IFMT, S_IFDIR, O_RDONLY } = constants
const NOBODY = { uid: 0, gid: 0, time: [0, 0] } as const

const isDirectory = (stat: StatLike | null): boolean =>
  stat !== null && (attrOf(stat, NOBODY).mode & S_IFMT) === S_IFDIR

/** An open file, and whose. */
interface OverlayHandle {
  readonly layer: PathOps
  readonly handle: unknown
}

/**
 * Two file systems as one: what is in `upper`, and where it has nothing, what is in `lower`. All changes go
 * to `upper`, into which a file is copied before it changes; that something of `lower` is gone is said there
 * by files with names that begin with `.wh.`, which nobody sees. As with overlayfs, a directory that is in
 * `lower` cannot be renamed (EXDEV: mv(1) copies it then), and who has a file of `lower` open for reading
 * goes on reading that.
 */
export function overlay(lower: PathOps, upper: PathOps): PathOps<OverlayHandle, undefined> {
  return new Overlay(methodsOf(lower), methodsOf(upper)).ops()
}

interface Found {
  readonly layer: PathOps
  readonly stat: StatLike
}

class Overlay {
  readonly #lower: PathOps
  readonly #upper: PathOps
  readonly #markers: Markers
  readonly #up: CopyUp

  constructor(lower: PathOps, upper: PathOps) {
    this.#lower = lower
    this.#upper = upper
    this.#markers = new Markers(upper)
    this.#up = new CopyUp(lower, upper, this.#markers)
  }

  ops(): PathOps<OverlayHandle, undefined> {
    return {
      ...this.#looking(),
      ...this.#making(),
      ...this.#changing(),
      ...this.#files(),
      init: async (connection) => {
        await this.#lower.init?.(connection)
        await this.#upper.init?.(connection)
      },
      destroy: async () => {
        await this.#upper.destroy?.()
        await this.#lower.destroy?.()
      },
    }
  }

  /** What is seen at a path, and where. Throws ENOENT. */
  async #find(path: string, ctx: PathContext): Promise<Found> {
    if (isMarker(nameOfPath(path))) throw errno('ENOENT')
    const upper = await look(this.#upper, path, ctx)
    if (upper !== null) return { layer: this.#upper, stat: upper }
    const seen = await this.#markers.lowerSeen(path, ctx)
    const stat = seen ? await look(this.#lower, path, ctx) : null
    if (stat === null) throw errno('ENOENT')
    // Once it is copied it has another key, and is the same file.
    return { layer: this.#lower, stat: Object.create(stat, { key: { value: undefined } }) }
  }

  async #layer(path: string, ctx: PathContext): Promise<PathOps> {
    return (await this.#find(path, ctx)).layer
  }

  /** Whether the lower layer has something there that is not hidden. */
  async #inLower(path: string, ctx: PathContext): Promise<boolean> {
    return (await this.#markers.lowerSeen(path, ctx)) && (await exists(this.#lower, path, ctx))
  }

  #looking(): Pick<PathOps<OverlayHandle>, 'getattr' | 'readdir'> &
    Partial<PathOps<OverlayHandle, undefined>> {
    const { statfs } = this.#upper
    return {
      getattr: async (path, file, ctx) => {
        if (path !== null) return (await this.#find(path, ctx)).stat
        // By its key, if at all: of the upper layer only files have one.
        const { layer, handle } = file ?? { layer: this.#upper, handle: undefined }
        return layer.getattr(null, handle, ctx)
      },
      readlink: async (path, ctx) => need((await this.#layer(path, ctx)).readlink)(path, ctx),
      readdir: async (path, _fh, ctx) => (path === null ? [] : this.#merged(path, ctx)),
      getxattr: async (path, name, ctx) =>
        (await this.#layer(path, ctx)).getxattr?.(path, name, ctx) ?? null,
      listxattr: async (path, ctx) => (await this.#layer(path, ctx)).listxattr?.(path, ctx) ?? [],
      ...(statfs && { statfs: (path, ctx) => statfs(path === '/' ? path : '/', ctx) }),
    }
  }

  /** The upper layer's entries, and the lower one's that it has not and does not hide. */
  async *#merged(path: string, ctx: PathContext): AsyncGenerator<DirectoryEntry> {
    const seen = new Set<string>()
    if (await exists(this.#upper, path, ctx)) {
      for await (const entry of this.#entries(this.#upper, path, ctx)) {
        seen.add(entry.name)
        if (!isMarker(entry.name)) yield entry
      }
    }
    // A path below which nothing of the lower layer is seen has its marker among what was just read.
    const inside = under(path, 'any')
    if (!(await this.#markers.lowerSeen(inside, ctx))) return
    if (!isDirectory(await look(this.#lower, path, ctx))) return
    for await (const entry of this.#entries(this.#lower, path, ctx)) {
      if (!seen.has(entry.name) && !seen.has(`.wh.${entry.name}`)) yield entry
    }
  }

  /** What a layer lists, as names with what is known of them. */
  async *#entries(layer: PathOps, path: string, ctx: PathContext): AsyncGenerator<DirectoryEntry> {
    const handle = handleOf(await layer.opendir?.(path, O_RDONLY, ctx))
    try {
      const listing: Listing = await need(layer.readdir)(path, handle, ctx)
      for await (const entry of listing) {
        const found = entryOf(entry)
        if (!isDot(found.name)) yield found
      }
    } finally {
      await layer.releasedir?.(path, handle, ctx)
    }
  }

  /** Whether something is hidden by what is made now, and may be seen again when it is removed. */
  async #make(path: string, ctx: PathContext, make: () => unknown): Promise<void> {
    refuseMarker(path)
    await this.#up.parent(path, ctx)
    await make()
    await this.#markers.unhide(path, ctx)
  }

  #making(): Partial<PathOps<OverlayHandle, undefined>> {
    const { mknod, mkdir, symlink, link } = this.#upper
    return {
      ...(mknod && {
        mknod: (path, mode, rdev, ctx) => this.#make(path, ctx, () => mknod(path, mode, rdev, ctx)),
      }),
      ...(mkdir && {
        mkdir: (path, mode, ctx) =>
          this.#make(path, ctx, async () => {
            await mkdir(path, mode, ctx)
            // What a removed directory of that name had in it does not come back.
            if (await exists(this.#lower, path, ctx)) await this.#markers.makeOpaque(path, ctx)
          }),
      }),
      ...(symlink && {
        symlink: (target, path, ctx) => this.#make(path, ctx, () => symlink(target, path, ctx)),
      }),
      ...(link && {
        link: async (from, to, ctx) => {
          await this.#up.file(from, ctx)
          await this.#make(to, ctx, () => link(from, to, ctx))
        },
      }),
      unlink: (path, ctx) => this.#remove(path, ctx, () => need(this.#upper.unlink)(path, ctx)),
      rmdir: async (path, ctx) => {
        await this.#empty(path, ctx)
        await this.#remove(path, ctx, () => need(this.#upper.rmdir)(path, ctx))
      },
      rename: (from, to, flags, ctx) => this.#rename(from, to, flags, ctx),
    }
  }

  async #remove(path: string, ctx: PathContext, remove: () => unknown): Promise<void> {
    const inUpper = (await this.#layer(path, ctx)) === this.#upper
    const inLower = await this.#inLower(path, ctx)
    // Hidden first: at no moment is the lower one seen.
    if (inLower) {
      await this.#up.parent(path, ctx)
      await this.#markers.hide(path, ctx)
    }
    if (inUpper) await remove()
  }

  /** Throws ENOTEMPTY; else nothing but markers is in the upper directory, and then not even these. */
  async #empty(path: string, ctx: PathContext): Promise<void> {
    for await (const _entry of this.#merged(path, ctx)) throw errno('ENOTEMPTY')
    if (!(await exists(this.#upper, path, ctx))) return
    // To be removed it must be hidden before its markers are gone.
    if (await this.#inLower(path, ctx)) await this.#markers.hide(path, ctx)
    for await (const { name } of this.#entries(this.#upper, path, ctx)) {
      await this.#upper.unlink?.(under(path, name), ctx)
    }
  }

  async #rename(from: string, to: string, flags: number, ctx: PathContext): Promise<void> {
    refuseMarker(to)
    if ((flags & (RENAME_EXCHANGE | RENAME_WHITEOUT)) !== 0) throw errno('EINVAL')
    const { stat: source } = await this.#find(from, ctx)
    const sourceInLower = await this.#inLower(from, ctx)
    if (isDirectory(source) && sourceInLower) throw errno('EXDEV')
    const target = await this.#layer(to, ctx).catch(() => undefined)
    if (target !== undefined && (flags & RENAME_NOREPLACE) !== 0) throw errno('EEXIST')
    await this.#up.file(from, ctx)
    await this.#up.parent(to, ctx)
    if (isDirectory(source)) {
      if (target !== undefined) await this.#empty(to, ctx)
      if (await exists(this.#lower, to, ctx)) await this.#markers.makeOpaque(from, ctx)
    }
    if (sourceInLower) await this.#markers.hide(from, ctx)
    await need(this.#upper.rename)(from, to, 0, ctx)
    await this.#markers.unhide(to, ctx)
  }

  #changing(): Partial<PathOps<OverlayHandle, undefined>> {
    const { chmod, chown, truncate, utimens, setxattr, removexattr } = this.#upper
    /** The path, once it is in the upper layer, or the handle of an open file there. */
    const change = async (
      path: string | null,
      file: OverlayHandle | undefined,
      ctx: PathContext,
      call: (path: string | null, handle: unknown) => unknown,
    ) => {
      if (path === null) {
        await call(null, this.#changeable(file).handle)
        return
      }
      await this.#layer(path, ctx)
      await this.#up.file(path, ctx)
      await call(path, file?.layer === this.#upper ? file.handle : undefined)
    }
    return {
      ...(chmod && {
        chmod: (path, mode, file, ctx) =>
          change(path, file, ctx, (path, fh) => chmod(path, mode, fh, ctx)),
      }),
      ...(chown && {
        chown: (path, uid, gid, file, ctx) =>
          change(path, file, ctx, (path, fh) => chown(path, uid, gid, fh, ctx)),
      }),
      ...(truncate && {
        truncate: (path, size, file, ctx) =>
          change(path, file, ctx, (path, fh) => truncate(path, size, fh, ctx)),
      }),
      ...(utimens && {
        utimens: (path, atime, mtime, file, ctx) =>
          change(path, file, ctx, (path, fh) => utimens(path, atime, mtime, fh, ctx)),
      }),
      ...(setxattr && {
        setxattr: (path, name, value, flags, ctx) => {
          // The message that it is a view of is another's by the time that the file is copied.
          const copy = Uint8Array.from(value)
          return change(path, undefined, ctx, () => setxattr(path, name, copy, flags, ctx))
        },
      }),
      ...(removexattr && {
        removexattr: (path, name, ctx) =>
          change(path, undefined, ctx, () => removexattr(path, name, ctx)),
      }),
    }
  }

  #files(): Partial<PathOps<OverlayHandle, undefined>> {
    const { create, reopen, forget, fallocate } = this.#upper
    const lseek = this.#upper.lseek !== undefined && this.#lower.lseek !== undefined
    return {
      ...(reopen && {
        reopen: async (key, flags, ctx) => ({
          layer: this.#upper,
          handle: handleOf(await reopen(key, flags, ctx)),
        }),
      }),
      ...(forget && { forget }),
      open: async (path, flags, ctx) => {
        let layer = await this.#layer(path, ctx)
        if ((flags & O_ACCMODE) !== O_RDONLY && layer === this.#lower) {
          await this.#up.file(path, ctx)
          layer = this.#upper
        }
        return { layer, handle: handleOf(await layer.open?.(path, flags, ctx)) }
      },
      ...(create && {
        create: async (path, mode, flags, ctx) => {
          let handle: unknown
          await this.#make(path, ctx, async () => {
            handle = handleOf(await create(path, mode, flags, ctx))
          })
          return { layer: this.#upper, handle }
        },
      }),
      read: (path, { layer, handle }, size, offset, ctx) =>
        need(layer.read)(path, handle, size, offset, ctx),
      write: (path, file, data, offset, ctx) =>
        need(this.#upper.write)(path, this.#changeable(file).handle, data, offset, ctx),
      flush: (path, { layer, handle }, ctx) => layer.flush?.(path, handle, ctx),
      ...(fallocate && {
        fallocate: (path, file, mode, offset, length, ctx) =>
          fallocate(path, this.#changeable(file).handle, mode, offset, length, ctx),
      }),
      ...(lseek && {
        lseek: (path, { layer, handle }, offset, whence, ctx) =>
          need(layer.lseek)(path, handle, offset, whence, ctx),
      }),
      release: (path, { layer, handle }, ctx) => layer.release?.(path, handle, ctx),
      fsync: (path, dataOnly, { layer, handle }, ctx) => layer.fsync?.(path, dataOnly, handle, ctx),
    }
  }

  /** Throws ESTALE, and EROFS for one of the lower layer. */
  #changeable(file: OverlayHandle | undefined): OverlayHandle {
    if (file === undefined) throw errno('ESTALE')
    if (file.layer !== this.#upper) throw errno('EROFS')
    return file
  }
}
