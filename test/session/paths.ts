// A file system on paths before a kernel in memory.
import { constants } from 'node:os'
import type { Test } from 'tap'
import { FakeKernel, type FakeReply } from '../../lib/fake_kernel.ts'
import { highLevel, type PathOps, type PathOptions, Session } from '../../lib/index.ts'
import * as c from '../../protocol/constants.ts'
import { type Dirent, readDirents } from '../../protocol/dirent.ts'
import { nameBytes } from '../../protocol/names.ts'
import * as s from '../../protocol/structs.ts'

const { ENOENT } = constants.errno

/** Words that start where a struct can be read. */
const words = (bytes: Uint8Array): Uint32Array =>
  new Uint32Array(Uint8Array.prototype.slice.call(bytes).buffer)

export interface Served {
  readonly kernel: FakeKernel
  /** What was reported, as text. */
  readonly errors: string[]
  /** How many files the library knows, the root among them. */
  readonly known: () => number
  lookup(name: string, parent?: number): Promise<number>
  forget(nodeid: number, nlookup?: number): void
  getattr(nodeid: number): Promise<FakeReply>
  open(nodeid: number): Promise<number>
  opendir(nodeid?: number): Promise<number>
  release(nodeid: number, fh: number): Promise<FakeReply>
  read(nodeid: number, fh: number): Promise<FakeReply>
  unlink(name: string): Promise<FakeReply>
  rename(name: string, newname: string): Promise<FakeReply>
  readdir(fh: number, offset?: number, size?: number): Promise<Dirent[]>
  readdirplus(fh: number, offset?: number, size?: number): Promise<Dirent[]>
}

const readArgs = (fh: number, offset: number, size: number) => ({
  fh,
  offset,
  size,
  read_flags: 0,
  lock_owner: 0n,
  flags: 0,
})
const releaseArgs = (fh: number) => ({ fh, flags: 0, release_flags: 0, lock_owner: 0n })

/** Throws where a request fails. */
function payload({ error, payload }: FakeReply): Buffer {
  if (error !== 0) throw new Error(`errno ${-error}`)
  return payload
}

export async function serve<FH, DH>(
  t: Test,
  ops: PathOps<FH, DH>,
  options: PathOptions = {},
): Promise<Served> {
  const errors: string[] = []
  const kernel = new FakeKernel()
  const { ops: lowLevel, capabilities, layer } = highLevel(ops, options)
  const onError = (error: unknown) => errors.push(String(error))
  const session = new Session(kernel, lowLevel, { capabilities, onError })
  session.start()
  await kernel.init()
  t.teardown(async () => {
    kernel.unmount()
    await session.closed
    if (kernel.refused.length > 0) throw new Error(`refused: ${kernel.refused}`)
  })
  const list =
    (opcode: number, plus: boolean) =>
    async (fh: number, offset = 0, size = 4096) => {
      const part = kernel.struct(s.fuse_read_in, readArgs(fh, offset, size))
      return [...readDirents(payload(await kernel.request(opcode, [part])), plus)]
    }
  const opened = async (opcode: number, nodeid: number) => {
    const part = kernel.struct(s.fuse_open_in, { flags: 0, open_flags: 0 })
    const reply = await kernel.request(opcode, [part], { nodeid })
    return s.fuse_open_out.decode(words(payload(reply)), 0).fh ?? 0
  }
  return {
    kernel,
    errors,
    known: () => layer.nodes.size,
    async lookup(name, parent = 1) {
      const { error, payload } = await kernel.request(c.FUSE_LOOKUP, [name], { nodeid: parent })
      if (error === -ENOENT) return 0
      if (error !== 0) throw new Error(`errno ${-error}`)
      return s.fuse_entry_out.decode(words(payload), 0).nodeid
    },
    forget(nodeid, nlookup = 1) {
      kernel.post(c.FUSE_FORGET, [kernel.struct(s.fuse_forget_in, { nlookup })], { nodeid })
    },
    getattr(nodeid) {
      const part = kernel.struct(s.fuse_getattr_in, { getattr_flags: 0, fh: 0 })
      return kernel.request(c.FUSE_GETATTR, [part], { nodeid })
    },
    open: (nodeid) => opened(c.FUSE_OPEN, nodeid),
    opendir: (nodeid = 1) => opened(c.FUSE_OPENDIR, nodeid),
    release: (nodeid, fh) =>
      kernel.request(c.FUSE_RELEASE, [kernel.struct(s.fuse_release_in, releaseArgs(fh))], {
        nodeid,
      }),
    read: (nodeid, fh) =>
      kernel.request(c.FUSE_READ, [kernel.struct(s.fuse_read_in, readArgs(fh, 0, 4096))], {
        nodeid,
      }),
    unlink: (name) => kernel.request(c.FUSE_UNLINK, [name]),
    rename: (name, newname) =>
      kernel.request(c.FUSE_RENAME2, [
        kernel.struct(s.fuse_rename2_in, { newdir: 1, flags: 0 }),
        Buffer.concat([nameBytes(name), Buffer.of(0), nameBytes(newname), Buffer.of(0)]),
      ]),
    readdir: list(c.FUSE_READDIR, false),
    readdirplus: list(c.FUSE_READDIRPLUS, true),
  }
}

export const names = (entries: readonly Dirent[]): string[] =>
  entries.map(({ name }) => name.toString())

/** A promise and what settles it. */
export function gate<T = void>(): {
  readonly opened: Promise<T>
  open(value: T): void
} {
  let open!: (value: T) => void
  const opened = new Promise<T>((resolve) => {
    open = resolve
  })
  return { opened, open }
}
