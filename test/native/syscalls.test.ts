import { execFileSync } from 'node:child_process'
import { constants, readFileSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { WRITE_FAILED } from '../../lib/native.ts'
import {
  addon,
  cstring,
  EAGAIN,
  EBADF,
  EINVAL,
  ENOENT,
  EPERM,
  openDescriptors,
  pair,
  temporaryDirectory,
} from './addon.ts'

const FIONREAD = 0x541b
const FIONBIO = 0x5421
const FIOCLEX = 0x5451
const TIOCGWINSZ = 0x5413
const POLLIN = 1
const POLLOUT = 4
const POLLHUP = 16
const POLLNVAL = 32
const ENOTTY = -25
const EPIPE = -32
const room = Buffer.alloc(64)

/** What arrives at `fd` next. */
function received(fd: number): string | number {
  const count = addon.read(fd, room, 0, room.length)
  return count < 0 ? count : room.toString('latin1', 0, count)
}

t.test('pageSize is the page size', async (t) => {
  t.equal(addon.pageSize, Number(execFileSync('getconf', ['PAGESIZE'], { encoding: 'utf8' })))
})

t.test('open, read and close a file', async (t) => {
  const path = `${temporaryDirectory(t)}/file`
  writeFileSync(path, 'contents')
  const fd = addon.open(cstring(path), constants.O_RDONLY)
  t.equal(received(fd), 'contents')
  t.equal(received(fd), '', 'end of file')
  t.equal(addon.close(fd), 0)
  t.equal(addon.close(fd), EBADF)
})

t.test('open creates a file that is ours alone', async (t) => {
  const path = `${temporaryDirectory(t)}/new`
  const fd = addon.open(cstring(path), constants.O_CREAT | constants.O_WRONLY)
  t.equal(addon.write(fd, Buffer.from('abc'), 2), 2)
  addon.close(fd)
  t.equal(readFileSync(path, 'latin1'), 'ab')
})

t.test('a path need not be UTF-8', async (t) => {
  const path = Buffer.concat([Buffer.from(temporaryDirectory(t)), Buffer.from('/\xff\0', 'latin1')])
  writeFileSync(path.subarray(0, -1), 'x')
  const fd = addon.open(path, 0)
  t.ok(fd >= 0)
  addon.close(fd)
})

t.test('failures are negative errnos', async (t) => {
  t.equal(addon.open(cstring('/no/such/file'), 0), ENOENT)
  t.equal(addon.read(2 ** 31 - 1, room, 0, 1), EBADF)
  t.equal(addon.write(2 ** 31 - 1, room, 1), EBADF)
  t.equal(addon.writev(2 ** 31 - 1, room, 1, []), EBADF)
  t.equal(addon.ioctl(2 ** 31 - 1, FIONREAD, null), EBADF)
  t.ok([ENOENT, EPERM].includes(addon.umount2(cstring('/no/such/mount'), 0)))
  const directory = cstring(temporaryDirectory(t))
  t.ok([EINVAL, EPERM].includes(addon.umount2(directory, 0)), 'not a mount point')
})

t.test('read fills the part it is given, and nothing else', async (t) => {
  const [near, far] = pair(t)
  const bytes = Buffer.alloc(12, '.')
  addon.write(near, Buffer.from('0123456789'), 10)
  t.equal(addon.read(far, bytes.subarray(1), 2, 4), 4)
  t.equal(bytes.toString(), '...0123.....')
  t.equal(addon.read(far, bytes, 0, 12), EAGAIN, 'a packet is read once')
})

t.test('writev sends head and pieces as one packet', async (t) => {
  const [near, far] = pair(t)
  const pieces = [Buffer.from('one'), new Uint8Array(0), Buffer.from('two').subarray(1)]
  t.equal(addon.writev(near, Buffer.from('head!'), 4, pieces), 9)
  t.equal(received(far), 'headonewo')
  t.equal(addon.writev(near, Buffer.from('head'), 4, []), 4)
  t.equal(received(far), 'head')
  t.equal(addon.writev(near, Buffer.alloc(1), 1, Array(1023).fill(Buffer.alloc(2))), 2047)
})

t.test('an exchange writes, unless the length is 0, and then reads', async (t) => {
  const [near, far] = pair(t)
  const out = Buffer.from('answer')
  const exchange = addon.exchanger(near, out)
  t.equal(exchange(0, room), EAGAIN)
  t.equal(received(far), EAGAIN)
  addon.write(far, Buffer.from('next'), 4)
  t.equal(exchange(3, room.subarray(1)), 4)
  t.equal(room.toString('latin1', 1, 5), 'next')
  t.equal(received(far), 'ans')
})

t.test('an exchange whose write fails reads nothing', async (t) => {
  const [near, far] = addon.socketpair() as [number, number]
  const exchange = addon.exchanger(near, Buffer.alloc(8))
  addon.close(far)
  t.equal(exchange(8, room), -WRITE_FAILED + EPIPE)
  t.equal(exchange(0, room), 0, 'end of file')
  addon.close(near)
  t.equal(exchange(8, room), -WRITE_FAILED + EBADF)
  t.equal(exchange(0, room), EBADF)
})

t.test('shared memory works like any', async (t) => {
  const [near, far] = pair(t)
  const shared = new Uint8Array(new SharedArrayBuffer(4)).fill(65)
  t.equal(addon.write(near, shared, 4), 4)
  t.equal(received(far), 'AAAA')
})

t.test('a socketpair is non-blocking and keeps packets apart', async (t) => {
  const [near, far] = pair(t)
  t.equal(received(near), EAGAIN)
  addon.write(near, Buffer.from('a'), 1)
  addon.write(near, Buffer.from('bc'), 2)
  t.equal(received(far), 'a')
  t.equal(received(far), 'bc')
})

t.test('ioctl passes bytes, or null, and returns what the call returns', async (t) => {
  const [near, far] = pair(t)
  const count = new Uint32Array(1)
  addon.write(near, Buffer.from('abc'), 3)
  t.equal(addon.ioctl(far, FIONREAD, new Uint8Array(count.buffer)), 0)
  t.equal(count[0], 3)
  t.equal(addon.ioctl(near, FIOCLEX, null), 0)
  t.equal(addon.ioctl(near, TIOCGWINSZ, new Uint8Array(8)), ENOTTY)
  t.equal(addon.ioctl(near, FIONBIO, null), -14, 'EFAULT')
})

t.test('revents', async (t) => {
  const ends = addon.socketpair() as [number, number]
  t.equal(addon.revents(ends[0]), POLLOUT)
  addon.write(ends[1], room, 1)
  t.equal(addon.revents(ends[0]), POLLIN | POLLOUT)
  addon.close(ends[1])
  t.match(addon.revents(ends[0]) & POLLHUP, POLLHUP)
  addon.close(ends[0])
  t.equal(addon.revents(ends[0]), POLLNVAL)
})

t.test('no descriptor leaks', async (t) => {
  const before = openDescriptors()
  for (let round = 0; round < 2000; round++) {
    addon.close(addon.open(cstring('/dev/null'), 0))
    addon.open(cstring('/no/such/file'), 0)
    for (const fd of addon.socketpair() as [number, number]) addon.close(fd)
  }
  t.equal(openDescriptors(), before)
})

t.test('a child process inherits no descriptor', async (t) => {
  const path = `${temporaryDirectory(t)}/not-inherited`
  const fd = addon.open(cstring(path), constants.O_CREAT | constants.O_RDWR)
  const ends = pair(t)
  t.teardown(() => addon.close(fd))
  const sockets = ends.map((end) => execFileSync('readlink', [`/proc/${process.pid}/fd/${end}`]))
  const inherited = execFileSync('ls', ['-l', '/proc/self/fd'], { encoding: 'latin1' })
  for (const name of [path, ...sockets]) t.notMatch(inherited, name.toString().trim())
  for (const one of [fd, ...ends])
    t.match(readFileSync(`/proc/self/fdinfo/${one}`, 'latin1'), /^flags:\t02\d{6}$/m)
})
