import { constants, readFileSync } from 'node:fs'
import { constants as os } from 'node:os'
import t, { type Test } from 'tap'
import { AT_FDCWD, posix } from '../../lib/posix.ts'
import {
  addon,
  closed,
  cstring,
  EBADF,
  EINVAL,
  inChild,
  openDescriptors,
  openDirectory,
  printed,
  temporaryDirectory,
  unavailable,
} from './addon.ts'

const MNT_DETACH = 2
const { O_CREAT, O_RDWR } = constants

function open(t: Test, text: string): number {
  const fd = closed(t, posix.openat(openDirectory(t), 'file', O_CREAT | O_RDWR, 0o600))
  posix.pwrite(fd, Buffer.from(text), 0, 0)
  return fd
}

const content = (fd: number) => readFileSync(`/proc/self/fd/${fd}`, 'latin1')

/** For a child to mount on. It goes whatever the child does. */
function mountpoint(t: Test): void {
  const directory = temporaryDirectory(t)
  t.teardown(() => addon.umount2(cstring(directory), MNT_DETACH))
  process.env.DIRECTORY = directory
}

t.test('they do what the others do', async (t) => {
  const fd = open(t, '0123456789')
  const into = Buffer.alloc(16)
  t.equal(await posix.preadAsync(fd, into.subarray(1, 5), 3), 4)
  t.equal(into.toString('latin1', 0, 6), '\x003456\0')
  t.equal(await posix.preadAsync(fd, into, 2 ** 53 - 1), 0)
  t.equal(await posix.pwriteAsync(fd, Buffer.from('ab'), 1), 2)
  t.equal(content(fd), '0ab3456789')
  t.equal(await posix.copyFileRangeAsync(fd, 1, fd, 20, 3, 0), 3)
  t.equal(content(fd).slice(20), 'ab3')
  t.equal(await posix.fallocateAsync(fd, 0, 0, 30), 0)
  t.equal(content(fd).length, 30)
  t.equal(await posix.fsyncAsync(fd), 0)
  t.equal(await posix.fdatasyncAsync(fd), 0)
  t.equal(await posix.syncfsAsync(fd), 0)
})

t.test('they resolve with -errno', async (t) => {
  const fd = open(t, '')
  const into = new Uint8Array(1)
  t.equal(await posix.preadAsync(-1, into, 0), EBADF)
  t.equal(await posix.pwriteAsync(2 ** 31 - 1, into, 0), EBADF)
  t.equal(await posix.pwriteAsync(fd, into, 2 ** 53 - 1), -os.errno.EFBIG)
  t.equal(await posix.copyFileRangeAsync(fd, 0, -1, 0, 1, 0), EBADF)
  t.equal(await posix.copyFileRangeAsync(-1, 0, fd, 0, 1, 0), EBADF)
  t.equal(await posix.fallocateAsync(fd, 0, 0, 0), EINVAL)
  t.equal(await posix.fsyncAsync(-1), EBADF)
  const pipe = closed(t, posix.openat(AT_FDCWD, '/dev/null', 0, 0))
  t.equal(await posix.fdatasyncAsync(pipe), EINVAL)
})

t.test('the descriptor may be closed, and the number used again', async (t) => {
  const dir = openDirectory(t)
  const fd = posix.openat(dir, 'first', O_CREAT | O_RDWR, 0o600)
  const written = posix.pwriteAsync(fd, Buffer.from('first'), 0)
  posix.close(fd)
  const second = closed(t, posix.openat(dir, 'second', O_CREAT | O_RDWR, 0o600))
  t.equal(second, fd)
  t.equal(await written, 5)
  t.equal(content(second), '')
})

t.test('no duplicate is open any more when a promise settles', async (t) => {
  const fd = open(t, 'x')
  const into = new Uint8Array(1)
  const before = openDescriptors()
  for (let round = 0; round < 50; round++) {
    const results = [
      await posix.preadAsync(fd, into, 0),
      await posix.copyFileRangeAsync(fd, 0, fd, 1, 1, 0),
      await posix.copyFileRangeAsync(fd, 0, -1, 1, 1, 0),
      await posix.fdatasyncAsync(fd),
    ]
    t.same(results, [1, 1, EBADF, 0])
    t.equal(openDescriptors(), before)
  }
})

t.test('an array lives as long as its call', { skip: unavailable() }, async (t) => {
  mountpoint(t)
  const result = inChild(async ({ addon: { posix }, device, until }) => {
    const { fd, unmount } = await device(String(process.env.DIRECTORY))
    const collect = globalThis.gc as () => void
    let count = 0
    const start = () => {
      const array = new Uint8Array(1 << 20)
      posix.preadAsync(fd, array, 0, (result) => {
        count = result
      })
      return new WeakRef(array)
    }
    const array = start()
    for (let turn = 0; turn < 5; turn++) await new Promise((done) => setTimeout(done, 5))
    collect()
    console.log(array.deref()?.length)
    unmount()
    await until(() => count !== 0)
    console.log(count)
    await until(() => {
      collect()
      return array.deref() === undefined
    })
  }, '--expose-gc')
  t.same(result, printed(`${1 << 20}\n${-os.errno.ENODEV}\n`))
})

t.test('a process exits under a call', { skip: unavailable() }, async (t) => {
  mountpoint(t)
  const result = inChild(async ({ addon: { posix }, device, addonThreads, until }) => {
    const { fd } = await device(String(process.env.DIRECTORY))
    posix.preadAsync(fd, new Uint8Array(1 << 16), 0, () => console.log('read'))
    await until(() => addonThreads().length > 0)
    process.exit(5)
  })
  t.same(result, { ...printed(''), status: 5 })
})

t.test('a worker ends under calls, which end later', { skip: unavailable() }, async (t) => {
  mountpoint(t)
  const result = inChild(async ({ worker, device, addonThreads, until }) => {
    const { fd, unmount } = await device(String(process.env.DIRECTORY))
    for (const end of ['terminate', 'exit']) {
      const one = worker(
        ({ addon: { posix }, require, addonThreads, until }) => {
          const { workerData } =
            require('node:worker_threads') as typeof import('node:worker_threads')
          for (let call = 0; call < 10; call++)
            posix.preadAsync(workerData.fd, new Uint8Array(1 << 20), 0, () => console.log('read'))
          if (workerData.end === 'exit')
            until(() => addonThreads().length >= 20).then(() => process.exit())
        },
        { fd, end },
      )
      const exit = new Promise((done) => one.on('exit', done))
      await until(() => addonThreads().length >= 10)
      if (end === 'terminate') one.terminate()
      console.log(end, await exit)
    }
    console.log(addonThreads().length >= 20, unmount())
    // The one that has mounted waits for more.
    await until(() => addonThreads().length <= 1)
  })
  t.same(result, printed('terminate 1\nexit 0\ntrue 0\n'))
})

t.test('in a worker: a copy, which arrives', async (t) => {
  process.env.DIRECTORY = temporaryDirectory(t)
  const result = inChild(async ({ worker }) => {
    const one = worker(async ({ addon: { posix } }) => {
      const fd = posix.openat(-1, `${process.env.DIRECTORY}/file`, 0o102, 0o600)
      const bytes = Buffer.from('content')
      const written = new Promise((done) => posix.pwriteAsync(fd, bytes, 2, done))
      bytes.fill('x')
      console.log(await written)
      const into = Buffer.alloc(12, '.')
      const read = new Promise((done) => posix.preadAsync(fd, into.subarray(1), 1, done))
      console.log(await read, JSON.stringify(into.toString('latin1')))
      const gone = new Uint8Array(100)
      const late = new Promise((done) => posix.preadAsync(fd, gone, 0, done))
      structuredClone(gone.buffer, { transfer: [gone.buffer] })
      console.log(await late, gone.length)
      console.log(await new Promise((done) => posix.preadAsync(fd, new Uint8Array(0), 0, done)))
    })
    await new Promise((done) => one.on('exit', done))
  })
  t.same(result, printed('7\n8 ".\\u0000content..."\n9 0\n0\n'))
})
