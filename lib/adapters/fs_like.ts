import { promisify } from 'node:util'
import { LayoutError } from '../../protocol/words.ts'
import type { StatLike } from '../path_ops.ts'

/**
 * Anything shaped like `node:fs` or `node:fs/promises`: it has `promises`, or its methods return promises,
 * or they take a callback. Methods that it lacks are operations that the mount lacks.
 */
export interface FsLike {
  readonly promises?: unknown
  readonly lstat?: unknown
  readonly stat?: unknown
  readonly readdir?: unknown
  readonly open?: unknown
}

export type Call = (...args: readonly unknown[]) => Promise<unknown>
type Methods = Readonly<Record<string, unknown>>

/** An open file, whatever kind of handle the object has for it. */
export interface OpenFile {
  /** Of the system, where it is one. */
  readonly fd: number | undefined
  stat(): Promise<StatLike>
  read(into: Uint8Array, offset: number): Promise<number>
  write(data: Uint8Array, offset: number): Promise<number>
  /** By the names that the methods of FileHandle have: chmod, chown, utimes, truncate, sync, datasync, close. */
  call(name: string, ...args: readonly unknown[]): Promise<unknown>
}

/** An object's methods, all as promises. */
export interface Files {
  /** Undefined where the object has none by that name. */
  method(name: string): Call | undefined
  open(path: unknown, flags: number, mode: number): Promise<OpenFile>
}

const BIG = { bigint: true }

/** What reading and writing gives: a count, or an object that has it. */
function countOf(result: unknown, member: 'bytesRead' | 'bytesWritten'): number {
  if (typeof result === 'number') return result
  return Number((result as Methods | null)?.[member])
}

/** A FileHandle. */
class HandleFile implements OpenFile {
  readonly #handle: Methods
  readonly fd: number | undefined

  constructor(handle: object, real: boolean) {
    // The border: methods are looked for by name.
    this.#handle = handle as Methods
    this.fd = real ? Number(this.#handle['fd']) : undefined
  }

  call(name: string, ...args: readonly unknown[]): Promise<unknown> {
    const method = this.#handle[name]
    if (typeof method !== 'function') return Promise.reject({ code: 'ENOSYS' })
    return method.apply(this.#handle, args)
  }

  stat(): Promise<StatLike> {
    return this.call('stat', BIG) as Promise<StatLike>
  }

  async read(into: Uint8Array, offset: number): Promise<number> {
    return countOf(await this.call('read', into, 0, into.length, offset), 'bytesRead')
  }

  async write(data: Uint8Array, offset: number): Promise<number> {
    return countOf(await this.call('write', data, 0, data.length, offset), 'bytesWritten')
  }
}

/** What a descriptor's methods are called. */
const BY_DESCRIPTOR: Readonly<Record<string, string>> = {
  chmod: 'fchmod',
  chown: 'fchown',
  utimes: 'futimes',
  truncate: 'ftruncate',
  sync: 'fsync',
  datasync: 'fdatasync',
  close: 'close',
}

/** A descriptor of an object that takes callbacks. */
class DescriptorFile implements OpenFile {
  readonly #files: Files
  readonly #descriptor: unknown
  readonly fd = undefined

  constructor(files: Files, descriptor: unknown) {
    this.#files = files
    this.#descriptor = descriptor
  }

  #call(name: string, ...args: readonly unknown[]): Promise<unknown> {
    const method = this.#files.method(name)
    return method === undefined
      ? Promise.reject({ code: 'ENOSYS' })
      : method(this.#descriptor, ...args)
  }

  call(name: string, ...args: readonly unknown[]): Promise<unknown> {
    return this.#call(BY_DESCRIPTOR[name] ?? name, ...args)
  }

  stat(): Promise<StatLike> {
    return this.#call('fstat', BIG) as Promise<StatLike>
  }

  async read(into: Uint8Array, offset: number): Promise<number> {
    return countOf(await this.#call('read', into, 0, into.length, offset), 'bytesRead')
  }

  async write(data: Uint8Array, offset: number): Promise<number> {
    return countOf(await this.#call('write', data, 0, data.length, offset), 'bytesWritten')
  }
}

/** @param real handles are of the system, so that their descriptors may be used. */
function ofPromises(methods: Methods, real: boolean): Files {
  const method = (name: string): Call | undefined => {
    const found = methods[name]
    return typeof found === 'function' ? async (...args) => found.apply(methods, args) : undefined
  }
  return {
    method,
    async open(path, flags, mode) {
      const handle = await method('open')?.(path, flags, mode)
      if (typeof handle !== 'object' || handle === null) {
        throw new LayoutError('open', 'a FileHandle', handle)
      }
      return new HandleFile(handle, real)
    },
  }
}

function ofCallbacks(methods: Methods): Files {
  const files: Files = {
    method(name) {
      const found = methods[name]
      return typeof found === 'function' ? promisify(found.bind(methods)) : undefined
    },
    async open(path, flags, mode) {
      return new DescriptorFile(files, await files.method('open')?.(path, flags, mode))
    },
  }
  return files
}

/** Throws LayoutError for what has not even `readdir` and `lstat` or `stat`. */
export function filesOf(fs: FsLike, real: boolean): Files {
  if (typeof fs !== 'object' || fs === null) {
    throw new LayoutError('fromFs', 'an object like node:fs', fs)
  }
  const inner = fs.promises
  const methods = (typeof inner === 'object' && inner !== null ? inner : fs) as Methods
  const has = (name: string) => typeof methods[name] === 'function'
  if (!has('readdir') || !(has('lstat') || has('stat'))) {
    throw new LayoutError('fromFs', 'an object with readdir and lstat, like node:fs', fs)
  }
  // The promise form has no descriptors.
  return has('fstat') ? ofCallbacks(methods) : ofPromises(methods, real)
}
