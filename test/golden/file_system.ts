import type { FuseRequest } from '../../lib/context.ts'
import { errno } from '../../lib/errno.ts'
import type { OperationName } from '../../lib/ops.ts'

/** Answers as golden files have them (see `revive`): a small file system, for recording only. */

const [S_IFMT, S_IFDIR, S_IFREG, S_IFLNK, S_IFCHR] = [
  0o170000, 0o040000, 0o100000, 0o120000, 0o020000,
]

const times = {
  atime: 1_700_000_000,
  mtime: -1,
  ctime: 1_700_000_002,
  atimensec: 1,
  mtimensec: 999_999_999,
}
const attrOf = (nodeid: number, mode: number, size: number) => ({
  ino: `${nodeid}n`,
  size,
  blocks: 1,
  ...times,
  mode,
  nlink: 1,
  gid: nodeid === 1 ? 1234 : 0,
  blksize: 4096,
})
const entryOf = (nodeid: number, mode: number, size = 5) => ({
  nodeid,
  generation: '1n',
  entry_valid: 1,
  attr_valid: 1,
  entry_valid_nsec: 500_000_000,
  attr: attrOf(nodeid, mode, size),
})

type Answers = Partial<
  Record<OperationName, (req: FuseRequest, nodeid: number, ...rest: never[]) => unknown>
>

/** Names are looked up in one directory, made ones get the next nodeid. */
export function fileSystem(): Answers {
  const modes = new Map<number, number>([
    [1, S_IFDIR | 0o775],
    [2, S_IFREG | 0o644],
    [3, S_IFLNK | 0o777],
  ])
  const names = new Map<string, number>([
    ['file', 2],
    ['link', 3],
  ])
  let next = 16
  const make = (name: string, mode: number) => {
    const nodeid = next++
    modes.set(nodeid, mode)
    names.set(name, nodeid)
    return entryOf(nodeid, mode)
  }
  const known = (name: string) =>
    names.get(name) ?? (name.startsWith('many') ? make(name, S_IFREG | 0o644).nodeid : 0)
  const attributes = (nodeid: number) => ({
    attr_valid: 1,
    attr: attrOf(nodeid, modes.get(nodeid) ?? 0, 5),
  })
  const drop = (_req: FuseRequest, _parent: number, name: string) => void names.delete(name)
  const move = (
    _req: FuseRequest,
    _parent: number,
    _args: unknown,
    name: string,
    newname: string,
  ) => {
    names.set(newname, names.get(name) ?? 0)
    names.delete(name)
  }
  return {
    lookup(_req, _parent, name: string) {
      const nodeid = known(name)
      return nodeid === 0 ? null : entryOf(nodeid, modes.get(nodeid) ?? 0)
    },
    forget() {},
    batch_forget() {},
    getattr: (_req, nodeid) => attributes(nodeid),
    setattr: (_req, nodeid) => attributes(nodeid),
    readlink: () => 'file',
    symlink: (_req, _parent, name: string) => make(name, S_IFLNK | 0o777),
    mknod: (_req, _parent, { mode }: { mode: number }, name: string) => make(name, mode || S_IFCHR),
    mkdir: (_req, _parent, { mode }: { mode: number }, name: string) =>
      make(name, S_IFDIR | (mode & ~S_IFMT)),
    unlink: drop,
    rmdir: drop,
    rename: move,
    rename2: move,
    link(_req, _parent, { oldnodeid }: { oldnodeid: number }, name: string) {
      names.set(name, oldnodeid)
      return entryOf(oldnodeid, modes.get(oldnodeid) ?? 0)
    },
    open: () => ({ fh: 4_294_967_297 }),
    read: () => ({ hex: Buffer.from('hello').toString('hex') }),
    write: (_req, _nodeid, { size }: { size: number }) => ({ size }),
    statfs: () => ({
      st: {
        blocks: 1000,
        bfree: 500,
        bavail: 400,
        files: 100,
        ffree: 50,
        bsize: 4096,
        namelen: 255,
        frsize: 4096,
      },
    }),
    release() {},
    fsync() {},
    setxattr() {},
    getxattr: () => ({ hex: Buffer.from('value').toString('hex') }),
    listxattr: () => ['user.name', 'user.other'],
    removexattr() {},
    flush() {},
    opendir: () => ({ fh: 7, open_flags: 8 }),
    readdir: (_req, _nodeid, { offset }: { offset: bigint }) => ({
      dirents:
        offset > 0n
          ? []
          : [
              { name: '.', ino: 1, off: 1, mode: S_IFDIR },
              { name: 'file', ino: 2, off: 2, mode: S_IFREG },
              { name: 'link', ino: 3, off: 3, mode: S_IFLNK },
            ],
    }),
    readdirplus: (_req, _nodeid, { offset }: { offset: bigint }) => ({
      direntsplus:
        offset > 0n
          ? []
          : [
              { name: '.', entry: { nodeid: 0, attr: { ino: '1n', mode: S_IFDIR } }, off: 1 },
              { name: 'file', entry: entryOf(2, S_IFREG | 0o644), off: 2 },
            ],
    }),
    releasedir() {},
    fsyncdir() {},
    access() {},
    create: (_req, _parent, { mode }: { mode: number }, name: string) => ({
      entry: entryOf(make(name, mode).nodeid, mode, 0),
      open: { fh: 9 },
    }),
    tmpfile: (_req, _parent, { mode }: { mode: number }) => ({
      entry: entryOf(next++, mode, 0),
      open: { fh: 10 },
    }),
    getlk: () => ({ lk: { start: '0n', end: '9223372036854775807n', type: 1, pid: 42 } }),
    setlk() {},
    async setlkw(req, _nodeid, { lk }: { lk: { start: bigint } }) {
      if (lk.start < 1000n) return
      await new Promise((resolve) => req.signal.addEventListener('abort', resolve))
      throw errno('EINTR')
    },
    bmap: (_req, _nodeid, { block }: { block: number }) => ({ block: block + 100 }),
    ioctl: () => ({ result: 1, data: { hex: '2b000000' } }),
    poll: (_req, _nodeid, { events }: { events: number }) => ({ revents: events }),
    fallocate() {},
    lseek: (_req, _nodeid, { offset }: { offset: number }) => ({ offset }),
    copy_file_range: (_req, _nodeid, { len }: { len: number }) => ({ size: len }),
    copy_file_range_64: (_req, _nodeid, { len }: { len: number }) => ({ bytes_copied: len }),
    setupmapping() {},
    removemapping() {},
    syncfs() {},
    statx: (_req, nodeid) => ({
      attr_valid: 1,
      stat: {
        mask: 0xfff,
        mode: modes.get(nodeid) ?? 0,
        nlink: 1,
        ino: `${nodeid}n`,
        size: 5,
        atime: { tv_sec: 1 },
        btime: { tv_sec: -2, tv_nsec: 3 },
        ctime: {},
        mtime: {},
      },
    }),
  }
}
