// The file system of limit.c on devfuse's low-level API.
//
//   node peer_devfuse.mjs MOUNTPOINT [sync|async] [OPTIONS_AS_JSON]
//
// `async` has the same handlers as async functions that wait for nothing.

import { errno, mountLowLevel } from '../../dist/lib/index.js'

const [mountpoint = '', kind = 'sync', json = '{}'] = process.argv.slice(2)

const ROOT = 1
const F = 2
const BIG = 3
const S_IFDIR = 0o040755
const S_IFREG = 0o100644
const O_DIRECT = 0o40000
const FOPEN_DIRECT_IO = 1
const MAX = 1 << 20

// Page-aligned, as a buffer to read from should be: WebAssembly's memory is, an ArrayBuffer of
// malloc starts 16 bytes into its page.
const zeros = new Uint8Array(new WebAssembly.Memory({ initial: MAX / 65536 }).buffer)
// A page that was never written is the shared zero page.
zeros.fill(0)

/**
 * @param {number} ino
 * @param {number} mode
 * @param {number} size
 */
const attr = (ino, mode, size) => ({
  ino,
  size,
  blocks: size / 512,
  atime: 0,
  mtime: 0,
  ctime: 0,
  atimensec: 0,
  mtimensec: 0,
  ctimensec: 0,
  mode,
  nlink: mode === S_IFDIR ? 2 : 1,
  uid: 0,
  gid: 0,
  rdev: 0,
  blksize: 4096,
  flags: 0,
})

const attrs = [
  undefined,
  attr(ROOT, S_IFDIR, 0),
  attr(F, S_IFREG, 4096),
  attr(BIG, S_IFREG, 64 * MAX),
]

/** @param {number} nodeid */
const attrOf = (nodeid) => {
  const found = attrs[nodeid]
  if (found === undefined) throw errno('ENOENT')
  return found
}

const ops = {
  /** @type {(req: unknown, parent: number, name: string) => object | null} */
  lookup(_req, parent, name) {
    const nodeid = name === 'f' ? F : name === 'big' ? BIG : 0
    if (parent !== ROOT || nodeid === 0) return null
    return {
      nodeid,
      generation: 0,
      entry_valid: 0,
      attr_valid: 0,
      entry_valid_nsec: 0,
      attr_valid_nsec: 0,
      attr: attrOf(nodeid),
    }
  },
  /** @type {(req: unknown, nodeid: number, args: object) => object} */
  getattr(_req, nodeid, _args) {
    return { attr_valid: 0, attr_valid_nsec: 0, attr: attrOf(nodeid) }
  },
  /** @type {(req: unknown, nodeid: number, args: object) => object} */
  setattr(_req, nodeid, _args) {
    return { attr_valid: 0, attr_valid_nsec: 0, attr: attrOf(nodeid) }
  },
  /** @type {(req: unknown, nodeid: number, args: { flags: number }) => object} */
  open(_req, nodeid, args) {
    const open_flags = (args.flags & O_DIRECT) !== 0 ? FOPEN_DIRECT_IO : 0
    return { fh: nodeid, open_flags, backing_id: 0 }
  },
  /** @type {(req: unknown, nodeid: number, a: { offset: number, size: number }) => Uint8Array} */
  read(_req, nodeid, args) {
    const size = Math.max(0, Math.min(args.size, attrOf(nodeid).size - args.offset))
    return size === MAX ? zeros : zeros.subarray(0, size)
  },
  /** @type {(req: unknown, nodeid: number, args: { size: number }, data: Uint8Array) => object} */
  write(_req, _nodeid, args, _data) {
    return { size: args.size, padding: 0 }
  },
  release() {},
  flush() {},
  /** @type {(req: unknown, nodeid: number, args: object) => object} */
  opendir(_req, nodeid, _args) {
    return { fh: nodeid, open_flags: 0, backing_id: 0 }
  },
  readdir() {
    return zeros.subarray(0, 0)
  },
  releasedir() {},
}

/** @param {Record<string, (...args: any[]) => unknown>} table */
const asynchronous = (table) =>
  Object.fromEntries(
    Object.entries(table).map(([name, handler]) => [name, async (...args) => handler(...args)]),
  )

// A handler as a user writes it: `async getattr(req, nodeid, args)`, no rest arguments in between.
const handlers =
  kind === 'async'
    ? {
        ...asynchronous(ops),
        /** @type {typeof ops.getattr} */
        async getattr(_req, nodeid, _args) {
          return { attr_valid: 0, attr_valid_nsec: 0, attr: attrOf(nodeid) }
        },
      }
    : ops

const session = await mountLowLevel(mountpoint, handlers, {
  fsname: 'bench',
  ...JSON.parse(json),
})
console.log(`mounted ${mountpoint}`)
for (const signal of ['SIGTERM', 'SIGINT']) {
  process.once(signal, () => void session.unmount())
}
await session.closed
