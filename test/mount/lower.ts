// A small low-level file system over the files of one directory: what it has to say of their data is
// where it lies.

import { execFile } from 'node:child_process'
import {
  closeSync,
  constants,
  lstatSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Test } from 'tap'
import {
  attrOut,
  dirents,
  entry,
  FATTR_SIZE,
  type FuseRequest,
  fdRange,
  type LowLevelOps,
  type MountedSession,
  mountLowLevel,
  type OpenOut,
  writeTo,
} from '../../lib/index.ts'
import type { MountOptions } from '../../lib/mount.ts'
import { compile } from './compile.mjs'
import { freeDir, freshDir } from './mount.ts'

const run = promisify(execFile)

export interface Lower {
  /** Where the files are. */
  readonly directory: string
  readonly ops: LowLevelOps
  /** Requests that came, by operation, and the most bytes of a READ. */
  readonly seen: { open: number; read: number; write: number; release: number; biggest: number }
  /** What the next opens answer, beside the handle. */
  answer: (fd: number, flags: number) => Omit<OpenOut, 'fh'>
}

export interface LowerOptions {
  /** Seconds. */
  readonly timeout?: number
}

const { O_APPEND, O_CREAT, O_DIRECT, O_EXCL, O_RDONLY, O_RDWR } = constants
const O_ACCMODE = 3

/** Files named `a`, `b` and so on, inodes 2, 3 ...; created ones included. */
export function lower(t: Test, { timeout = 0 }: LowerOptions = {}): Lower {
  const directory = mkdtempSync(join(tmpdir(), 'devfuse-lower-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const names: string[] = []
  const handles = new Set<number>()
  const seen = { open: 0, read: 0, write: 0, release: 0, biggest: 0 }

  const nodeOf = (name: string): number => {
    if (!names.includes(name)) names.push(name)
    return names.indexOf(name) + 2
  }
  const pathOf = (nodeid: number): string => join(directory, names[nodeid - 2] ?? 'none')
  const attributes = (nodeid: number) => {
    if (nodeid === 1) return { mode: 0o40755, nlink: 2 }
    const { mode, size, nlink, mtimeMs } = statSync(pathOf(nodeid))
    return { mode, size, nlink, mtime: Math.floor(mtimeMs / 1000) }
  }
  const known = (name: string) => {
    const nodeid = nodeOf(name)
    return entry(nodeid, attributes(nodeid), { entryTimeout: timeout, attrTimeout: timeout })
  }
  /** The kernel has done O_APPEND; and whoever writes through a cache also reads. */
  const open = (nodeid: number, flags: number, more = 0, mode = 0): OpenOut => {
    seen.open++
    const kept = flags & ~(O_APPEND | O_ACCMODE | O_DIRECT)
    const access = (flags & O_ACCMODE) === O_RDONLY ? O_RDONLY : O_RDWR
    const fd = openSync(pathOf(nodeid), kept | access | more, mode)
    handles.add(fd)
    return { fh: fd, ...self.answer(fd, flags) }
  }

  const ops: LowLevelOps = {
    lookup: (_req, _parent, name) =>
      lstatSync(join(directory, name), { throwIfNoEntry: false }) === undefined
        ? null
        : known(name),
    getattr: (_req: FuseRequest, nodeid) => attrOut(attributes(nodeid), timeout),
    setattr(_req, nodeid, { valid, size }) {
      if (valid & FATTR_SIZE) truncateSync(pathOf(nodeid), size)
      return attrOut(attributes(nodeid), timeout)
    },
    readdir: (_req, _nodeid, args) =>
      dirents(
        args,
        readdirSync(directory).map((name) => ({ name, ino: nodeOf(name), mode: 0o100000 })),
      ),
    open: (_req, nodeid, { flags }) => open(nodeid, flags),
    create(_req, _parent, { flags, mode }, name) {
      const opened = open(nodeOf(name), flags, O_CREAT | (flags & O_EXCL), mode)
      return { entry: known(name), open: opened }
    },
    read(_req, _nodeid, { fh, offset, size }) {
      seen.read++
      seen.biggest = Math.max(seen.biggest, size)
      return fdRange(fh, offset, size)
    },
    write(_req, _nodeid, { fh, offset }, data) {
      seen.write++
      return { size: writeTo(data, fh, offset) }
    },
    release(_req, _nodeid, { fh }) {
      seen.release++
      handles.delete(fh)
      closeSync(fh)
    },
    // Where the connection was aborted nothing is released.
    destroy: () => handles.forEach((fd) => void closeSync(fd)),
  }
  const self: Lower = { directory, ops, seen, answer: () => ({}) }
  return self
}

export interface ServedLower extends Lower {
  readonly session: MountedSession
  /** A path on the mount. */
  at(name: string): string
  /** A path below it. */
  below(name: string): string
}

/** The same, mounted. Whatever is reported fails the test. */
export async function mountLower(
  t: Test,
  options: MountOptions = {},
  lowerOptions: LowerOptions = {},
): Promise<ServedLower> {
  const files = lower(t, lowerOptions)
  const dir = freshDir()
  t.teardown(() => freeDir(dir))
  const session = await mountLowLevel(dir, files.ops, {
    onError: (error) => t.error(error),
    ...options,
  })
  t.teardown(() => session.unmount({ lazy: true }))
  return Object.assign(files, {
    session,
    at: (name: string) => join(dir, name),
    below: (name: string) => join(files.directory, name),
  })
}

export type Op = readonly (string | number)[]

/** Operations of sys.c in one process; gives the lines that they print. */
export async function sys(...ops: readonly Op[]): Promise<string[]> {
  const words = ops.flatMap((op, i) => (i === 0 ? op : [':', ...op])).map(String)
  const { stdout } = await run(compile(new URL('sys.c', import.meta.url)), words, {
    timeout: 60_000,
    maxBuffer: 64 << 20,
  })
  return stdout.split('\n').slice(0, -1)
}

/** What a process reads from a file, in blocks of so many bytes. `flags` as dd(1) has them. */
export async function bytesOf(path: string, block: number, flags = ''): Promise<Buffer> {
  const how = flags === '' ? [] : [`iflag=${flags}`]
  const { stdout } = await run('dd', [`if=${path}`, `bs=${block}`, 'status=none', ...how], {
    encoding: 'buffer',
    maxBuffer: 64 << 20,
  })
  return stdout
}

/** Take a file's clean pages out of the page cache. */
export async function dropCache(path: string): Promise<void> {
  await run('dd', [
    `of=${path}`,
    'oflag=nocache',
    'conv=notrunc,fdatasync',
    'count=0',
    'status=none',
  ])
}
