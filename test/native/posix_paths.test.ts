import { constants, readdirSync } from 'node:fs'
import { constants as os } from 'node:os'
import t from 'tap'
import { AT_EMPTY_PATH, AT_FDCWD, posix } from '../../lib/posix.ts'
import { nameBytes, nameOf } from '../../protocol/names.ts'
import { closed, EBADF, EINVAL, ENOENT, openDirectory } from './addon.ts'

const { O_CREAT, O_WRONLY } = constants
const ENAMETOOLONG = -os.errno.ENAMETOOLONG

/** The names in a directory that a descriptor is, as bytes. */
const names = (dir: number) => readdirSync(`/proc/self/fd/${dir}`, { encoding: 'buffer' })

t.test('a string is the bytes that nameBytes says', async (t) => {
  const cases = [
    'ascii',
    'h\u00e4',
    '\u0141atin',
    '\u65e5\u672c',
    '\ud83d\ude00',
    '\ufffd',
    '\ufeffbom',
    '\uffff',
    '\udc80',
    '\udcff',
    'a\udc80b\udcffc',
    'h\u00e4\udce4',
    '\ud83d\udc80', // a pair, though its second half alone would be a byte
    '\ud83d\ud83d\udc80',
    '\udc80\ud83d\udc80',
    '\ud800',
    '\udfff',
    '\udc7f\udd00',
    'x\ud800',
  ]
  for (const name of cases) {
    const dir = openDirectory(t)
    t.equal(posix.mknodat(dir, name, 0o100600, 0), 0)
    t.same(names(dir), [nameBytes(name)], JSON.stringify(name))
    t.equal(posix.faccessat2(dir, nameBytes(name), 0, 0), 0, 'and by its bytes')
  }
})

t.test('every byte but NUL and / can stand in a name', async (t) => {
  const dir = openDirectory(t)
  for (let byte = 1; byte < 256; byte++) {
    if (byte === 0x2f || byte === 0x2e) continue
    const name = nameOf(Buffer.of(byte))
    t.equal(posix.mknodat(dir, name, 0o100600, 0), 0, byte.toString(16))
  }
  const found = names(dir).map((name) => name.toString('hex'))
  t.same(new Set(found).size, 253)
  t.ok(found.every((hex) => hex.length === 2))
})

t.test('a flat string, a rope and a slice', async (t) => {
  const dir = openDirectory(t)
  const half = 'n'.repeat(100)
  const rope = `${half}${Math.floor(dir / 1000)}${half}`
  const slice = `\u0141${rope}`.slice(1)
  t.equal(posix.mknodat(dir, rope, 0o100600, 0), 0)
  t.equal(posix.faccessat2(dir, slice, 0, 0), 0)
  t.equal(posix.faccessat2(dir, Buffer.from(`/${rope}`).subarray(1), 0, 0), 0)
})

t.test('255 bytes are a name, 4095 a path, 4096 too long', async (t) => {
  const dir = openDirectory(t)
  for (const unit of ['a', '\u00e4', '\u65e5', '\udcff', '\ud83d\ude00', '\ufffd']) {
    const size = nameBytes(unit).length
    const full = unit.repeat(Math.floor(255 / size))
    t.equal(posix.mknodat(dir, full, 0o100600, 0), 0)
    t.equal(posix.mknodat(dir, full + unit, 0o100600, 0), ENAMETOOLONG, 'by the kernel')
    // The longest path in which each step is short: `./././full`.
    const path = (length: number) => `${'./'.repeat(2048)}${full}`.slice(-length)
    const rest = 4095 - nameBytes(full).length
    const longest = path(full.length + (rest & ~1))
    t.equal(posix.faccessat2(dir, longest, 0, 0), 0, `${nameBytes(longest).length} bytes`)
    const beyond = path(full.length + (rest & ~1) + 2)
    t.equal(posix.faccessat2(dir, beyond, 0, 0), ENAMETOOLONG)
    t.equal(posix.faccessat2(dir, nameBytes(beyond), 0, 0), ENAMETOOLONG)
    t.equal(posix.faccessat2(dir, unit.repeat(100_000), 0, 0), ENAMETOOLONG)
  }
  t.equal(posix.faccessat2(dir, `${'./'.repeat(2047)}.`, 0, 0), 0, 'exactly 4095')
  t.equal(posix.faccessat2(dir, './'.repeat(2048), 0, 0), ENAMETOOLONG, 'exactly 4096')
})

t.test('a NUL inside is EINVAL, wherever a path stands', async (t) => {
  const dir = openDirectory(t)
  const none = new Uint8Array(0)
  for (const bad of ['\0', 'a\0', '\0a', 'a\0b', '\ufffd\0', '\udc80\0', Buffer.from('a\0')]) {
    const results = [
      posix.openat(dir, bad, O_CREAT | O_WRONLY, 0o600),
      posix.symlinkat(bad, dir, 'ok'),
      posix.symlinkat('ok', dir, bad),
      posix.linkat(dir, '.', dir, bad, 0),
      posix.renameat2(dir, bad, dir, 'ok', 0),
      posix.getxattr('/', bad, none),
      posix.setxattrat(dir, bad, 0, 'user.a', none, 0),
      posix.nameToHandleAt(dir, bad, Buffer.alloc(136), 0),
      posix.fgetxattr(dir, bad, none),
    ]
    t.same(new Set(results), new Set([EINVAL]))
  }
  t.same(names(dir), [])
})

t.test("'' is the descriptor with AT_EMPTY_PATH, and nothing without", async (t) => {
  const dir = openDirectory(t)
  for (const empty of ['', new Uint8Array(0)]) {
    t.equal(posix.faccessat2(dir, empty, 0, AT_EMPTY_PATH), 0)
    t.equal(posix.faccessat2(dir, empty, 0, 0), ENOENT)
  }
})

t.test('bytes may lie in any memory', async (t) => {
  const dir = openDirectory(t)
  const shared = new Uint8Array(new SharedArrayBuffer(8))
  shared.set(Buffer.from('shared'), 1)
  t.equal(posix.mknodat(dir, shared.subarray(1, 7), 0o100600, 0), 0)
  t.equal(posix.faccessat2(dir, 'shared', 0, 0), 0)
  const detached = new Uint8Array(8)
  structuredClone(detached.buffer, { transfer: [detached.buffer] })
  t.equal(posix.faccessat2(dir, detached, 0, 0), ENOENT, 'none are left of a detached array')
})

type Bad = [name: keyof typeof posix, args: unknown[], error: string, message: RegExp]

const room = Buffer.alloc(256)
const bad: Bad[] = [
  ['openat', [], 'TypeError', /dirfd: expected an integer/],
  ['openat', ['3', 'a', 0, 0], 'TypeError', /dirfd: expected an integer/],
  ['openat', [2 ** 31, 'a', 0, 0], 'RangeError', /dirfd: expected an integer from -2147483648/],
  ['openat', [3, 5, 0, 0], 'TypeError', /path: expected a string or a Uint8Array/],
  ['openat', [3, null, 0, 0], 'TypeError', /path: expected a string or a Uint8Array/],
  ['openat', [3, Symbol('a'), 0, 0], 'TypeError', /path: expected a string or a Uint8Array/],
  ['openat', [3, new Uint16Array(2), 0, 0], 'TypeError', /path: expected a string or a Uint8Array/],
  ['openat', [3, 'a', 0.5, 0], 'TypeError', /flags: expected an integer/],
  ['openat', [3, 'a', 0, -1], 'RangeError', /mode: expected an integer from 0 to 4294967295/],
  ['openat', [3, 'a\0', 0, -1], 'RangeError', /mode/], // rather than the NUL's EINVAL
  ['linkat', [3, 'a', 3, 4, 0], 'TypeError', /newpath: expected a string/],
  ['symlinkat', [3, 3, 'a'], 'TypeError', /target: expected a string/],
  ['renameat2', [3, 'a', 3, 'b', -1], 'RangeError', /flags: expected an integer from 0/],
  ['readlinkat', [3, 'a', 'b'], 'TypeError', /into: expected a Uint8Array/],
  ['statx', [3, 'a', 0, 0, room.subarray(1)], 'TypeError', /into: .* at least 256 bytes/],
  ['fstatfs', [3, room.subarray(0, 119)], 'TypeError', /into: .* at least 120 bytes/],
  ['nameToHandleAt', [3, '', room.subarray(0, 135), 0], 'TypeError', /handle: .* at least 136/],
  ['openByHandleAt', [3, room.subarray(0, 7), 0], 'TypeError', /handle: expected as many bytes/],
  ['openByHandleAt', [3, Buffer.alloc(20, 13), 0], 'TypeError', /handle: expected as many bytes/],
  ['fchownat', [3, 'a', -2, 0, 0], 'RangeError', /uid: expected an integer from -1/],
  ['fchownat', [3, 'a', 0, 2 ** 32, 0], 'RangeError', /gid: expected an integer from -1/],
  ['utimensat', [3, 'a', 1.5, 0, 0, 0, 0], 'TypeError', /atime: expected an integer/],
  ['utimensat', [3, 'a', 0, 0, 2 ** 53, 0, 0], 'RangeError', /mtime: expected an integer/],
  ['utimensat', [3, 'a', 0, 0, 0, -1, 0], 'RangeError', /mtimensec: expected an integer/],
  ['utimensat', [3, 'a', 0, 0, 0, 0], 'TypeError', /flags: expected an integer/],
  ['ftruncate', [3, -1], 'RangeError', /length: expected an integer from 0 to 9007199254740991/],
  ['ftruncate', [3, 2 ** 53], 'RangeError', /length/],
  ['ftruncate', [3, 1n], 'TypeError', /length: expected an integer/],
  ['pread', [3, room, -2, 0], 'RangeError', /offset: expected an integer from -1/],
  ['pread', [3, 'a', 0, 0], 'TypeError', /into: expected a Uint8Array/],
  ['pwrite', [3, [1], 0, 0], 'TypeError', /bytes: expected a Uint8Array/],
  ['seekTo', [3, 2n ** 64n], 'TypeError', /cookie: expected 64 bits/],
  ['seekTo', [3, -(2n ** 63n) - 1n], 'TypeError', /cookie: expected 64 bits/],
  ['seekTo', [3, '1'], 'TypeError', /cookie: expected an integer/],
  ['fcntlLock', [3, 36, room.subarray(0, 31)], 'TypeError', /lock: .* at least 32 bytes/],
  ['setfsuid', [-1], 'RangeError', /uid: expected an integer from 0/],
  ['setfsgid', ['0'], 'TypeError', /gid: expected an integer/],
  ['setgroups', [[1, 2]], 'TypeError', /groups: expected a Uint32Array/],
  ['getgroups', [room], 'TypeError', /into: expected a Uint32Array/],
  ['capget', [room.subarray(0, 23)], 'TypeError', /into: .* at least 24 bytes/],
  ['capset', [room.subarray(0, 23)], 'TypeError', /sets: .* at least 24 bytes/],
]

for (const [name, args, error, message] of bad) {
  t.test(`${name}: ${error} ${message.source}`, async (t) => {
    const call = posix[name] as (...args: unknown[]) => unknown
    t.throws(() => call(...args), { name: error, message })
  })
}

t.test('what is asynchronous rejects instead', async (t) => {
  const reject = (
    name: keyof typeof posix,
    args: unknown[],
    error: { name?: string; message: RegExp },
  ) => t.rejects((posix[name] as (...args: unknown[]) => Promise<number>)(...args), error)
  await reject('fsyncAsync', ['3'], { name: 'TypeError', message: /^fd: / })
  await reject('preadAsync', [3, room], { message: /^offset: expected an integer/ })
  await reject('pwriteAsync', [3, 'a', 0], { message: /^bytes: expected a Uint8Array/ })
  await reject('fallocateAsync', [3, 0, -1, 1], { name: 'RangeError', message: /^offset/ })
  await reject('copyFileRangeAsync', [3, 0, 4, 0], { name: 'TypeError', message: /^length/ })
})

t.test('a function can be taken out, and called without `posix`', async (t) => {
  const { openat, close, pread } = posix
  const fd = openat(AT_FDCWD, '/dev/zero', 0, 0)
  t.equal(pread(fd, room, 0, 0), 256)
  t.equal(close(fd), 0)
  t.equal(close(fd), EBADF)
  closed(t, openat(AT_FDCWD, '/', 0, 0))
})
