// One file system, five ways to read a file that lies in the page cache of the lower file system.
//
//   node peer_handlers.mjs MOUNTPOINT KIND LOWER_FILE
//
// memory: bytes that are there; pread: a system call in the same turn; range: fdRange;
// pool: fs.promises, on libuv's threads; thread: preadAsync, a thread of the addon's.

import { fstatSync, openSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { attrOut, entry, errno, fdRange, mountLowLevel } from '../../dist/lib/index.js'
import { posix } from '../../dist/lib/posix.js'

const [mountpoint = '', kind = '', lower = ''] = process.argv.slice(2)

const NODEID = 2
const FOPEN_DIRECT_IO = 1
const root = { ino: 1, mode: 0o040755, nlink: 2 }
const fd = openSync(lower, 'r')
const handle = await open(lower)
const file = { ino: NODEID, mode: 0o100644, size: fstatSync(fd).size }
const buffer = new Uint8Array(1 << 20)

/** @typedef {{ offset: number, size: number }} Range */
const ways = {
  memory: (/** @type {Range} */ { size }) => buffer.subarray(0, size),
  pread: (/** @type {Range} */ { offset, size }) =>
    buffer.subarray(0, posix.pread(fd, buffer.subarray(0, size), offset, 0)),
  range: (/** @type {Range} */ { offset, size }) => fdRange(fd, offset, size),
  pool: async (/** @type {Range} */ { offset, size }) => {
    const { bytesRead } = await handle.read(buffer, 0, size, offset)
    return buffer.subarray(0, bytesRead)
  },
  thread: async (/** @type {Range} */ { offset, size }) =>
    buffer.subarray(0, await posix.preadAsync(fd, buffer.subarray(0, size), offset)),
}
const way = ways[/** @type {keyof typeof ways} */ (kind)]
if (way === undefined) throw new Error(`KIND: one of ${Object.keys(ways).join(' ')}`)

await mountLowLevel(mountpoint, {
  lookup(_req, _parent, name) {
    if (name !== 'big') throw errno('ENOENT')
    return entry(NODEID, file)
  },
  getattr: (_req, nodeid) => attrOut(nodeid === NODEID ? file : root),
  open: () => ({ fh: 0, open_flags: FOPEN_DIRECT_IO }),
  read: (_req, _nodeid, args) => way(args),
})
