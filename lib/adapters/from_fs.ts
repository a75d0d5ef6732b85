import nodeFs, { constants } from 'node:fs'
import os from 'node:os'
import { nameBytes, nameOf } from '../../protocol/names.ts'
import { errno, errnoOf } from '../errno.ts'
import { fdRange, writeTo } from '../fd_range.ts'
import type { PathContext } from '../path_context.ts'
import type { Listing, PathOps, StatLike } from '../path_ops.ts'
import { O_TMPFILE } from '../posix.ts'
import { type Call, type FsLike, filesOf, type OpenFile } from './fs_like.ts'
import { readonly } from './readonly.ts'
import { systemOps } from './system_fs.ts'

const { S_IFMT, S_IFDIR, O_CREAT, O_EXCL, O_APPEND, O_DIRECT = 0, O_NOFOLLOW } = constants
/** Where to write is said with each write, and nobody aligns buffers. */
const NOT_BELOW = O_APPEND | O_DIRECT
const { EEXIST } = os.constants.errno
const LISTED_AT_ONCE = 512
const PERMISSIONS = 0o7777
const S_ISGID = 0o2000
const SET_IDS = 0o6000

export interface FromFsOptions {
  /** Directory of the object that becomes the root. Default `/`. */
  readonly root?: string
  /** Refuse every change with EROFS. Default false. */
  readonly readonly?: boolean
  /**
   * The object's `rename` replaces what has the new name; default true. False: that is removed before, for
   * objects that do not count it (memfs 4: the directory cannot be removed after that).
   */
  readonly renameReplaces?: boolean
}

/** nlink, dev and ino as `lstat` has them. */
interface Identity {
  readonly nlink: number | bigint
  readonly dev: number | bigint
  readonly ino: number | bigint
  readonly mode: number | bigint
}

/** Two names of one file are one file to the kernel too. */
function keyed(stat: StatLike): StatLike {
  const { nlink, dev, ino, mode } = stat as unknown as Identity
  if (Number(nlink) < 2 || (Number(mode) & S_IFMT) === S_IFDIR) return stat
  return Object.assign(stat, { key: `${dev}:${ino}` })
}

/** `utimes` takes seconds, of which a double has a quarter of a microsecond. */
const seconds = (ns: bigint): number => Number(ns / 1000n) / 1e6

const nanoseconds = (stat: StatLike, name: 'atime' | 'mtime'): bigint => {
  const { [`${name}Ns`]: ns, [`${name}Ms`]: ms } = stat as unknown as Record<string, unknown>
  return typeof ns === 'bigint' ? ns : BigInt(Math.round(Number(ms) * 1e6))
}

/**
 * A file system on paths from anything shaped like `node:fs` or `node:fs/promises`: memfs, ZenFS, unionfs.
 * Operations are there where the object has their methods. For Node's own `fs` what it lacks comes from the
 * system: xattrs, devices, holes, renames with flags, times to the nanosecond.
 *
 * What is read and written is what this process may: mount it for others (`allowOther`) only with
 * `defaultPermissions`, which is then the default. New files are given to who made them where this process
 * may do that. A directory below `root` that is swapped for a symbolic link is followed: for a directory
 * that others may change, see examples/stackfs.
 *
 * Throws LayoutError for what is no such object.
 */
export function fromFs(fs: FsLike, options: FromFsOptions = {}): PathOps<OpenFile, undefined> {
  const ops = new FsOps(fs, options.root ?? '/', options.renameReplaces ?? true).ops()
  return options.readonly ? readonly(ops) : ops
}

/** Node's own: it takes and gives names as bytes, and its handles have descriptors. */
const isReal = (fs: unknown): boolean =>
  fs === nodeFs || fs === nodeFs.promises || (fs as FsLike).promises === nodeFs.promises

class FsOps {
  readonly #files
  readonly #real: boolean
  readonly #root: string
  readonly #renameReplaces: boolean
  /** This process's: what is made has its bits taken away once more. */
  readonly #umask = process.umask()

  constructor(fs: FsLike, root: string, renameReplaces: boolean) {
    this.#renameReplaces = renameReplaces
    this.#real = isReal(fs)
    this.#files = filesOf(fs, this.#real)
    this.#root = root.replace(/\/+$/, '')
  }

  /** Where it is in the object. */
  #at(path: string): string | Uint8Array {
    const full = `${this.#root}${path}`
    const there = full.length > 1 ? full.replace(/\/$/, '') : full
    return this.#real && !there.isWellFormed() ? nameBytes(there) : there
  }

  /** A method, to be called with the place of a path. */
  #on(name: string): ((path: string, ...args: readonly unknown[]) => Promise<unknown>) | undefined {
    const method = this.#files.method(name)
    return method === undefined ? undefined : (path, ...args) => method(this.#at(path), ...args)
  }

  ops(): PathOps<OpenFile, undefined> {
    const { getattr, readdir } = this
    return {
      getattr: getattr.bind(this),
      readdir: readdir.bind(this),
      ...this.#names(),
      ...this.#attributes(),
      ...this.#data(),
      ...(this.#real && this.#system()),
    }
  }

  /** What this system's files can besides. What is made there belongs to who made it, too. */
  #system(): Partial<PathOps<OpenFile, undefined>> {
    const ops = systemOps((path) => this.#at(path))
    const { mknod } = ops
    return {
      ...ops,
      ...(mknod && {
        mknod: async (path, mode, rdev, ctx) => {
          await mknod(path, mode, rdev, ctx)
          await this.#made(path, mode & PERMISSIONS, ctx)
        },
      }),
      tmpfile: async (path, mode, flags, ctx) => {
        const file = await this.#files.open(this.#at(path), (flags & ~NOT_BELOW) | O_TMPFILE, mode)
        try {
          if (this.#givesAway(ctx))
            await file.call('chown', ctx.uid, await this.#groupIn(path, ctx))
          await file.call('chmod', mode)
          return file
        } catch (error) {
          await file.call('close')
          throw error
        }
      },
    }
  }

  async getattr(path: string | null, file: OpenFile | undefined): Promise<StatLike> {
    if (path === null) {
      if (file === undefined) throw errno('ESTALE')
      return keyed(await file.stat())
    }
    const stat = this.#files.method('lstat') ?? (this.#files.method('stat') as Call)
    return keyed((await stat(this.#at(path), { bigint: true })) as StatLike)
  }

  async readdir(path: string | null): Promise<Listing> {
    if (path === null) return []
    const place = this.#at(path)
    if (!this.#real) {
      const list = this.#files.method('readdir') as Call
      return (await list(place, { withFileTypes: true })) as Listing
    }
    const directory = await nodeFs.promises.opendir(place as string, {
      // The border: the type of `encoding` leaves out what readdir takes.
      encoding: 'buffer' as BufferEncoding,
      bufferSize: LISTED_AT_ONCE,
    })
    return withStrings(directory)
  }

  #names(): Partial<PathOps<OpenFile, undefined>> {
    const [mkdir, unlink, rmdir] = [this.#on('mkdir'), this.#on('unlink'), this.#on('rmdir')]
    const [symlink, readlink] = [this.#files.method('symlink'), this.#on('readlink')]
    const [rename, link] = [this.#on('rename'), this.#on('link')]
    return {
      ...(mkdir && {
        mkdir: async (path, mode, ctx) => {
          await mkdir(path, { mode })
          await this.#made(path, mode, ctx)
        },
      }),
      ...(unlink && { unlink: (path) => unlink(path) }),
      ...(rmdir && { rmdir: (path) => rmdir(path) }),
      ...(symlink && {
        symlink: async (target, path, ctx) => {
          await symlink(this.#real ? nameBytes(target) : target, this.#at(path))
          await this.#made(path, undefined, ctx)
        },
      }),
      ...(readlink && {
        readlink: async (path) =>
          (await readlink(path, { encoding: this.#real ? 'buffer' : 'utf8' })) as string,
      }),
      // Of two parameters: flags are refused before.
      ...(rename && {
        rename: async (from, to) => {
          if (!this.#renameReplaces) await this.#free(from, to)
          await rename(from, this.#at(to))
        },
      }),
      ...(link && { link: (from, to) => link(from, this.#at(to)) }),
    }
  }

  /** Remove what a rename is to replace, where it may be. Throws EISDIR, ENOTDIR, ENOTEMPTY. */
  async #free(from: string, to: string): Promise<void> {
    const isDirectory = async (path: string) =>
      (Number((await this.getattr(path, undefined)).mode) & S_IFMT) === S_IFDIR
    const source = await isDirectory(from)
    const target = await isDirectory(to).catch(() => undefined)
    if (target === undefined) return
    if (source !== target) throw errno(target ? 'EISDIR' : 'ENOTDIR')
    await this.#on(target ? 'rmdir' : 'unlink')?.(to)
  }

  #attributes(): Partial<PathOps<OpenFile, undefined>> {
    const [chmod, truncate, statfs] = [this.#on('chmod'), this.#on('truncate'), this.#on('statfs')]
    const chown = this.#on('lchown') ?? this.#on('chown')
    const utimes = this.#on('lutimes') ?? this.#on('utimes')
    /** By the open file where the name is gone. */
    const either = (
      path: string | null,
      file: OpenFile | undefined,
      name: string,
      by: (path: string, ...args: readonly unknown[]) => Promise<unknown>,
      ...args: readonly unknown[]
    ) => {
      if (path !== null) return by(path, ...args)
      if (file === undefined) throw errno('ESTALE')
      return file.call(name, ...args)
    }
    return {
      ...(chmod && {
        chmod: (path, mode, file) => either(path, file, 'chmod', chmod, mode),
      }),
      ...(chown && {
        chown: async (path, uid, gid, file) => {
          const now = uid === -1 || gid === -1 ? await this.getattr(path, file) : { uid, gid }
          const ids = [uid === -1 ? Number(now.uid) : uid, gid === -1 ? Number(now.gid) : gid]
          await either(path, file, 'chown', chown, ...ids)
        },
      }),
      ...(truncate && {
        // By the open file where there is one: its mode may forbid by now what it was opened for.
        truncate: (path, size, file) =>
          file === undefined ? truncate(path as string, size) : file.call('truncate', size),
      }),
      ...(utimes && {
        utimens: async (path, atime, mtime, file) => {
          const both = atime !== null && mtime !== null
          const now = both ? {} : await this.getattr(path, file)
          const times = [
            seconds(atime ?? nanoseconds(now, 'atime')),
            seconds(mtime ?? nanoseconds(now, 'mtime')),
          ]
          await either(path, file, 'utimes', utimes, ...times)
        },
      }),
      ...(statfs && {
        statfs: async (path) => {
          const found = (await statfs(path)) as Record<string, number | bigint>
          const [bsize = 4096, blocks = 0, bfree = 0, bavail = 0, files = 0, ffree = 0] = [
            'bsize',
            'blocks',
            'bfree',
            'bavail',
            'files',
            'ffree',
          ].map((name) => (found[name] === undefined ? undefined : Number(found[name])))
          return { bsize, frsize: bsize, blocks, bfree, bavail, files, ffree, namelen: 255 }
        },
      }),
    }
  }

  #data(): Partial<PathOps<OpenFile, undefined>> {
    if (this.#files.method('open') === undefined) return this.#whole()
    const open = (path: string, flags: number, mode: number) =>
      this.#files.open(this.#at(path), flags & ~NOT_BELOW, mode)
    return {
      open: (path, flags) => open(path, flags | O_NOFOLLOW, 0),
      create: async (path, mode, flags, ctx) => {
        const file = await open(path, flags | O_CREAT | O_EXCL, mode).catch((error) => {
          // It was made behind the kernel's back: it is to look, and check modes, before it opens it. To
          // give it to who asks would give away somebody else's.
          const asked = (flags & O_EXCL) !== 0
          throw !asked && errnoOf(error) === EEXIST ? errno('ESTALE') : error
        })
        try {
          await this.#made(path, mode, ctx)
          return file
        } catch (error) {
          await file.call('close')
          throw error
        }
      },
      read: async (_path, file, size, offset) => {
        if (file.fd !== undefined) return fdRange(file.fd, offset, size)
        const bytes = Buffer.allocUnsafe(size)
        return bytes.subarray(0, await file.read(bytes, offset))
      },
      // In the same turn where it can be: the kernel may read a page again while a write to it is under way,
      // and notices that it was too early by a time of modification that ext4 keeps to 4 ms.
      write: (_path, file, data, offset) =>
        file.fd === undefined ? file.write(data, offset) : writeTo(data, file.fd, offset),
      release: (_path, file) => file.call('close'),
      fsync: (_path, dataOnly, file) => file.call(dataOnly ? 'datasync' : 'sync'),
    }
  }

  /** Of an object that has `readFile` only. */
  #whole(): Partial<PathOps<OpenFile, undefined>> {
    const readFile = this.#on('readFile')
    if (readFile === undefined) return {}
    return {
      read: async (path, _file, size, offset) => {
        if (path === null) throw errno('ESTALE')
        const bytes = (await readFile(path)) as Uint8Array
        return bytes.subarray(offset, offset + size)
      },
    }
  }

  /** What was made belongs to who made it, and has the mode that was asked for. */
  async #made(path: string, mode: number | undefined, ctx: PathContext): Promise<void> {
    const chown = this.#on('lchown') ?? this.#on('chown')
    const given = this.#givesAway(ctx)
    if (given) {
      const directory = path.slice(0, path.lastIndexOf('/')) || '/'
      await chown?.(path, ctx.uid, await this.#groupIn(directory, ctx))
    }
    // After chown(2), which takes set-id bits away.
    const taken = given ? this.#umask | SET_IDS : this.#umask
    if (mode !== undefined && (mode & taken) !== 0) await this.#on('chmod')?.(path, mode)
  }

  /** Who asks is another one, and root may make it his. */
  #givesAway({ uid, gid }: PathContext): boolean {
    return process.getuid?.() === 0 && (uid !== 0 || gid !== process.getgid?.())
  }

  /** In a directory with set-group-id everything belongs to its group. */
  async #groupIn(directory: string, ctx: PathContext): Promise<number> {
    const { mode, gid } = await this.getattr(directory, undefined)
    return (Number(mode) & S_ISGID) === 0 ? ctx.gid : Number(gid)
  }
}

/** With names as strings that lose no byte. */
async function* withStrings(directory: nodeFs.Dir): AsyncGenerator<nodeFs.Dirent> {
  for await (const dirent of directory) {
    // The border: with `encoding: 'buffer'` names are bytes.
    dirent.name = nameOf(dirent.name as unknown as Uint8Array)
    yield dirent
  }
}
