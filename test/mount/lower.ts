// A small low-level file system over the files of one directory: what it has to say of their data is
// where it lies.
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
import type { Test } from 'tap'
import {
  attrOut,
  dirents,
  entry,
  FATTR_SIZE,
  type FuseRequest,
  fdRange,
  type LowLevelOps,
  type OpenOut,
  writeTo,
} from '../../lib/index.ts'

export interface Lower {
  /** Where the files are. */
  readonly directory: string
  readonly ops: LowLevelOps
  /** Requests that came, by operation. */
  readonly seen: { open: number; read: number; write: number; release: number }
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
  const seen = { open: 0, read: 0, write: 0, release: 0 }

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
      return fdRange(fh, offset, size)
    },
    write(_req, _nodeid, { fh, offset }, data) {
      seen.write++
      return { size: writeTo(data, fh, offset) }
    },
    release(_req, _nodeid, { fh }) {
      seen.release++
      closeSync(fh)
    },
  }
  const self: Lower = { directory, ops, seen, answer: () => ({}) }
  return self
}
