import { constants } from 'node:fs'
import { LayoutError } from '../../protocol/words.ts'
import { errno } from '../errno.ts'
import type { Answer } from '../ops.ts'
import type { Attributes, PathOps } from '../path_ops.ts'
import { then } from '../then.ts'
import { type Caller, check } from './caller.ts'
import type { HandlerName } from './handlers.ts'
import { attributesOf, EMPTY_ROOT, entriesOf, statfsOf } from './stat.ts'

const { S_IFMT, S_IFREG } = constants
const PERMISSIONS = 0o7777
/** (uid_t)-1, as chown(2) has it. */
const UNCHANGED = 2 ** 32 - 1
/** libfuse's path of an open file or directory that has none any more, for what must be released. */
const NO_PATH = '-'

/** Throws ENOENT: handlers know paths only. */
function named(path: string | null): string {
  if (path === null) throw errno('ENOENT')
  return path
}

const handleOf = (fh: unknown): unknown => fh ?? 0

/** Whole ones, as libfuse's: before 1970, too, the fraction is dropped downwards. */
function milliseconds(ns: bigint): number {
  const fraction = ((ns % 1_000_000n) + 1_000_000n) % 1_000_000n
  return Number((ns - fraction) / 1_000_000n)
}

/** Throws LayoutError for what is no count, and the error that it is. */
function countOf(count: unknown, most: number, name: HandlerName): number {
  if (count === undefined || count === null) return 0
  if (Number.isInteger(count) && (count as number) >= 0 && (count as number) <= most) {
    return count as number
  }
  if (typeof count !== 'number' || count < 0) check(count, name)
  throw new LayoutError(`${name}: callback`, `0 to ${most} bytes, or an error`, count)
}

/** The methods of the path API for the handlers that are there. */
export function pathOps(caller: Caller): PathOps {
  /** What has nothing to tell but a code. */
  const done = (name: HandlerName, ...args: readonly unknown[]): Answer<void> =>
    caller.call(name, args, (code) => check(code, name))

  /** What tells a value behind its code. */
  const value = (name: HandlerName, ...args: readonly unknown[]): Answer<unknown> =>
    caller.call(name, args, (code, value) => {
      check(code, name)
      return value
    })

  const stat = (name: HandlerName, ...args: readonly unknown[]) =>
    caller.call(name, args, (code, stat) => {
      check(code, name)
      return attributesOf(stat, name)
    })

  function look(path: string | null, fh?: unknown): Answer<Attributes & { mode: number }> {
    if (fh !== undefined && caller.has('fgetattr')) return stat('fgetattr', named(path), fh)
    if (caller.has('getattr')) return stat('getattr', named(path))
    if (path !== '/') throw errno('EPERM')
    return EMPTY_ROOT
  }

  function utimens(
    path: string,
    atime: bigint | null,
    mtime: bigint | null,
    fh: unknown,
  ): Answer<void> {
    const set = (atime: unknown, mtime: unknown) => done('utimens', path, atime, mtime)
    if (atime !== null && mtime !== null) return set(milliseconds(atime), milliseconds(mtime))
    return then(look(path, fh), (now) =>
      set(
        atime === null ? now.atime : milliseconds(atime),
        mtime === null ? now.mtime : milliseconds(mtime),
      ),
    )
  }

  const all: Required<Pick<PathOps, Method>> = {
    init: () => done('init'),
    getattr: look,
    access: (path, mask) => done('access', path, mask),
    statfs: (path) => then(value('statfs', path), statfsOf),
    chmod: (path, mode, fh) =>
      then(look(path, fh), (now) =>
        done('chmod', named(path), (now.mode & S_IFMT) | (mode & PERMISSIONS)),
      ),
    chown: (path, uid, gid) =>
      done('chown', named(path), uid < 0 ? UNCHANGED : uid, gid < 0 ? UNCHANGED : gid),
    truncate: (path, size, fh) =>
      fh !== undefined && caller.has('ftruncate')
        ? done('ftruncate', named(path), fh, size)
        : truncateByPath(named(path), size),
    utimens: (path, atime, mtime, fh) => utimens(named(path), atime, mtime, fh),

    readlink: (path) => then(value('readlink', path), (target) => target as string),
    // As libfuse does: a regular file is created where that can be done.
    mknod: (path, mode, rdev) =>
      (mode & S_IFMT) === S_IFREG && caller.has('create')
        ? then(value('create', path, mode), (fd) => release(path, fd))
        : done('mknod', path, mode, rdev),
    mkdir: (path, mode) => done('mkdir', path, mode),
    unlink: (path) => done('unlink', path),
    rmdir: (path) => done('rmdir', path),
    symlink: (target, path) => done('symlink', target, path),
    // Two parameters: what has flags is refused before.
    rename: (from, to) => done('rename', from, to),
    link: (from, to) => done('link', from, to),

    open: (path, flags) => then(value('open', path, flags), handleOf),
    create: (path, mode) => then(value('create', path, S_IFREG | mode), handleOf),
    read: (path, fh, size, offset) => {
      // Zeros: of what a handler says it has filled, and has not, nothing of ours must be seen.
      const buffer = Buffer.alloc(size)
      return caller.call('read', [named(path), handleOf(fh), buffer, size, offset], (count) =>
        buffer.subarray(0, countOf(count, size, 'read')),
      )
    },
    write: (path, fh, data, offset) => {
      // A copy: handlers go on with it after a timeout, when the view would be another request's.
      const buffer = Buffer.from(data)
      const args = [named(path), handleOf(fh), buffer, data.length, offset]
      return caller.call('write', args, (count) => countOf(count, data.length, 'write'))
    },
    flush: (path, fh) => done('flush', named(path), handleOf(fh)),
    release,
    fsync: (path, dataOnly, fh) => done('fsync', named(path), Number(dataOnly), handleOf(fh)),

    opendir: (path, flags) => then(value('opendir', path, flags), handleOf),
    readdir: (path) =>
      caller.call('readdir', [named(path)], (code, names, stats) => {
        check(code, 'readdir')
        return entriesOf(names, stats)
      }),
    releasedir: (path, fh) => done('releasedir', path ?? NO_PATH, handleOf(fh)),
    fsyncdir: (path, dataOnly, fh) => done('fsyncdir', named(path), Number(dataOnly), handleOf(fh)),

    setxattr: (path, name, data, flags) =>
      done('setxattr', path, name, Buffer.from(data), 0, flags),
    getxattr: (path, name) => then(value('getxattr', path, name, 0), xattrOf),
    listxattr: (path) => then(value('listxattr', path), listOf),
    removexattr: (path, name) => done('removexattr', path, name),
  }

  function release(path: string | null, fh: unknown): Answer<void> {
    if (caller.has('release')) return done('release', path ?? NO_PATH, handleOf(fh))
  }

  function truncateByPath(path: string, size: number): Answer<void> {
    if (!caller.has('truncate')) throw errno('ENOSYS')
    return done('truncate', path, size)
  }

  const there = (name: string): boolean =>
    name === 'getattr' ||
    caller.has(name as HandlerName) ||
    (name === 'truncate' && caller.has('ftruncate'))
  // The border: `getattr` stays, and the others may be absent.
  return Object.fromEntries(
    Object.entries(all).filter(([name]) => there(name)),
  ) as unknown as PathOps
}

type Method = Extract<HandlerName, keyof PathOps>

function xattrOf(value: unknown): Uint8Array | null {
  if (value === undefined || value === null) return null
  if (value instanceof Uint8Array) return value
  throw new LayoutError('getxattr: callback', 'a Buffer', value)
}

function listOf(names: unknown): readonly string[] {
  if (names === undefined || names === null) return []
  if (Array.isArray(names)) return names
  throw new LayoutError('listxattr: callback', 'an array of names', names)
}
