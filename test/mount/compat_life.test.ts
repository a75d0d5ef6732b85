// devfuse/compat: mounting, unmounting, timeouts and options of fuse-native's class.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, rmdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import Fuse, { type FuseOptions, type Handlers } from '../../lib/compat.ts'
import {
  mountCompat,
  mounting,
  Recorder,
  sys,
  TEXT,
  unmounting,
  unmountingAt,
} from './compat_calls.ts'
import { run } from './living.ts'
import { cannotMount, freeDir, freshDir, isMounted, mountType, start, within } from './mount.ts'

const skip = cannotMount()
const child = fileURLToPath(new URL('compat_child.cjs', import.meta.url))
const skipChild = cannotMount(child) || cannotMount('hello')
const [FILE, DIRECTORY] = [0o100000, 0o040000]
const quiet = { handleSignals: false } as const
const root = { mode: DIRECTORY | 0o755 }
const file = { mode: FILE | 0o644, size: TEXT.length, mtime: new Date(1000) }
const getattr: Handlers['getattr'] = (path, cb) =>
  void (path.includes('none') ? cb(Fuse.ENOENT) : cb(0, path === '/' ? root : file))

t.test('a program of its own, in CommonJS', { skip: skipChild }, async (t) => {
  const { dir, child: server, ended, stderr } = await start(child, { options: 'debug' })
  t.teardown(() => freeDir(dir))
  t.teardown(() => server.kill('SIGKILL'))
  t.equal((await run('cat', [join(dir, 'hello')])).stdout, 'hello\n')
  t.equal((await run('ls', [dir])).stdout, 'hello\n')
  t.match(stderr(), /getattr\("\/hello"\): null, an object with members mode, size/)
  t.match(stderr(), /read\("\/hello", 42, 4096 bytes, 4096, 0\): 6/)
  server.kill('SIGTERM')
  const { code, stdout } = await within(20_000, 'the end', ended)
  t.equal(code, 0)
  t.match(stdout, /unmounted/)
  t.notOk(isMounted(dir))
})

t.test('import and require give the class', { skip: skipChild }, async (t) => {
  const cwd = fileURLToPath(new URL('../..', import.meta.url))
  const print = "console.log(typeof Fuse, Fuse.name, Fuse.ENOENT, typeof new Fuse('/').mount)"
  const expected = 'function Fuse -2 function\n'
  const esm = `import Fuse from 'devfuse/compat'; ${print}`
  const cjs = `const Fuse = require('devfuse/compat'); ${print}`
  const node = (type: string, code: string) =>
    run(process.execPath, [`--input-type=${type}`, '-e', code], { cwd })
  t.match(await node('module', esm), { stdout: expected, stderr: '' })
  t.match(await node('commonjs', cjs), { stdout: expected })
})

t.test('a Fuse is mounted once', { skip }, async (t) => {
  const { fuse, dir } = await mountCompat(t, { getattr })
  t.match(fuse, { mnt: dir, opening: false, opened: true, closing: false, closed: false })
  await mounting(fuse)
  t.pass('mounted it is already')
  await Promise.all([unmounting(fuse), unmounting(fuse)])
  t.notOk(isMounted(dir))
  t.ok(fuse.closed)
  await t.rejects(mounting(fuse), /make another one/)
  await unmounting(fuse)
  await mountCompat(t, { getattr }, {}, dir)
  t.ok(isMounted(dir), 'another one can')
})

t.test('unmounting before it is mounted, and while', { skip }, async (t) => {
  const dir = freshDir()
  t.teardown(() => freeDir(dir))
  const never = new Fuse(dir, { getattr }, quiet)
  await unmounting(never)
  await t.rejects(mounting(never), /make another one/)
  const order: string[] = []
  const fuse = new Fuse(dir, { getattr }, quiet)
  const mounted = mounting(fuse).then(() => order.push('mounted'))
  const unmounted = unmounting(fuse).then(() => order.push('unmounted'))
  await Promise.all([mounted, unmounted])
  t.strictSame(order, ['mounted', 'unmounted'])
  t.notOk(isMounted(dir))
})

t.test('places that cannot be mounted on', { skip }, async (t) => {
  const { dir } = await mountCompat(t, { getattr })
  const fails = async (place: string, options: FuseOptions, code: string) =>
    t.rejects(mounting(new Fuse(place, { getattr }, { ...quiet, ...options })), { code })
  await fails(join(dir, 'none'), {}, 'ENOENT')
  await fails(fileURLToPath(import.meta.url), {}, 'ENOTDIR')
  await fails(dir, {}, 'EBUSY')
  await fails(dir, { force: true }, 'EBUSY')
  await fails('/proc', { mkdir: true, force: true }, 'EBUSY')
})

t.test('it may be tried again', { skip }, async (t) => {
  const above = freshDir()
  const dir = join(above, 'later')
  t.teardown(() => freeDir(above))
  t.teardown(() => freeDir(dir))
  const fuse = new Fuse(dir, { getattr }, { ...quiet })
  await t.rejects(mounting(fuse), { code: 'ENOENT' })
  await run('mkdir', [dir])
  await mounting(fuse)
  t.ok(isMounted(dir))
  await unmounting(fuse)
})

t.test('mkdir makes the mount point', { skip }, async (t) => {
  const above = freshDir()
  const dir = join(above, 'a', 'b')
  t.teardown(() => freeDir(above))
  t.teardown(() => rmdirSync(join(above, 'a')))
  const { fuse } = await mountCompat(t, { getattr }, { mkdir: true }, dir)
  await unmounting(fuse)
  t.ok(statSync(dir).isDirectory(), 'and leaves it')
  await mountCompat(t, { getattr }, { mkdir: true }, dir)
})

t.test('force takes away what a dead server has left', { skip: skipChild }, async (t) => {
  const { dir, child: server, ended } = await start(child)
  t.teardown(() => freeDir(dir))
  server.kill('SIGKILL')
  await ended
  t.ok(isMounted(dir))
  await t.rejects(mounting(new Fuse(dir, { getattr }, quiet)), { code: 'EFUSE_STALE_MOUNT' })
  const { fuse } = await mountCompat(t, { getattr }, { force: true }, dir)
  t.match(await sys(['stat', `${dir}/f`]), [/"size":6/])
  await unmounting(fuse)
  t.notOk(isMounted(dir), 'nothing is left below')
})

t.test('Fuse.unmount', { skip: skipChild }, async (t) => {
  const { dir, child: server, ended } = await start(child)
  t.teardown(() => freeDir(dir))
  server.kill('SIGKILL')
  await ended
  await unmountingAt(dir)
  t.notOk(isMounted(dir), 'a dead one')
  const { fuse } = await mountCompat(t, { getattr }, {}, dir)
  await unmountingAt(dir)
  t.notOk(isMounted(dir), 'our own')
  await unmounting(fuse)
  t.pass('which then is unmounted already')
  await t.rejects(unmountingAt(dir), { code: 'EINVAL' }, 'nothing')
  await t.rejects(unmountingAt('/proc'), { code: 'EINVAL' }, 'no FUSE')
  await t.rejects(unmountingAt(join(dir, 'none')), { code: 'ENOENT' })
  t.ok(existsSync('/proc/self'))
})

t.test('open files are served after unmounting', { skip }, async (t) => {
  const recorder = new Recorder()
  const { fuse, dir } = await mountCompat(t, recorder.handlers)
  const code = `exec 3<'${dir}/f'; echo open; read line; cat <&3`
  const reader = spawn('sh', ['-c', code], { stdio: ['pipe', 'pipe', 'inherit'] })
  t.teardown(() => reader.kill('SIGKILL'))
  await once(reader.stdout, 'data')
  await unmounting(fuse)
  t.notOk(isMounted(dir))
  t.equal(recorder.count('release'), 0)
  reader.stdin.end('\n')
  const [text] = await once(reader.stdout, 'data')
  t.equal(String(text), TEXT)
})

t.test('what init says', { skip }, async (t) => {
  const dir = freshDir()
  t.teardown(() => freeDir(dir))
  const mountWith = (init: Handlers['init'], options: FuseOptions = {}) =>
    mounting(new Fuse(dir, { getattr, ...(init && { init }) }, { ...quiet, ...options }))
  await t.rejects(
    mountWith((cb) => cb(Fuse.EACCES)),
    { code: 'EACCES' },
  )
  await t.rejects(
    mountWith(() => {}, { timeout: { init: 10 } }),
    { code: 'ETIMEDOUT' },
  )
  await t.rejects(
    mountWith(() => {
      throw new Error('oops')
    }),
    /oops/,
  )
  t.notOk(isMounted(dir))
  const { fuse } = await mountCompat(
    t,
    { getattr, init: (cb) => void setImmediate(cb, 0) },
    {},
    dir,
  )
  t.ok(fuse.opened)
})

t.test('error is called where it ends otherwise', { skip }, async (t) => {
  const dir = freshDir()
  t.teardown(() => freeDir(dir))
  const told = new Promise<void>((resolve) => {
    const error: Handlers['error'] = (cb) => {
      cb(0)
      resolve()
    }
    void mountCompat(t, { getattr, error }, {}, dir).then(() => freeDir(dir))
  })
  // freeDir aborts the connection.
  await within(20_000, 'a call of error', told)
  t.pass('it is called')
})

t.test('what takes too long is ETIMEDOUT', { skip }, async (t) => {
  const late: (() => void)[] = []
  const kept: Buffer[] = []
  const handlers: Handlers = {
    getattr,
    readlink: (_path, cb) => void late.push(() => cb(0, 'target')),
    open: (_path, _flags, cb) => cb(0, 1),
    read: (_path, _fd, _buffer, _length, _position, cb) => void late.push(() => cb(1)),
    write(_path, _fd, buffer, length, _position, cb) {
      kept.push(buffer)
      if (kept.length > 1) cb(length)
      else late.push(() => cb(length))
    },
    listxattr: (_path, cb) => void late.push(() => cb(0, [])),
  }
  const { dir, reports } = await mountCompat(t, handlers, { timeout: 50 })
  const open = ['open', `${dir}/f`, 'RDWR', 0] as const
  t.equal((await sys(open, ['pread', 0, 1, 0]))[1], '!ETIMEDOUT')
  t.equal((await sys(['listxattr', `${dir}/f`, 10]))[0], '!ETIMEDOUT')
  t.equal((await sys(open, ['pwrite', 0, 'first', 0]))[1], '!ETIMEDOUT')
  t.strictSame(await sys(open, ['pwrite', 0, 'other', 0]), ['0', '5'])
  t.equal(String(kept[0]), 'first', 'what was to be written stays what it was')
  t.ok(late.length >= 3, 'the kernel tries to read twice')
  for (const cb of late) cb()
  t.match(await sys(['stat', `${dir}/f`]), [/"size":6/], 'what comes later harms nobody')
  t.strictSame(reports, [])
})

t.test('timeouts by name', { skip }, async (t) => {
  let answer = () => {}
  const asked = new Promise<void>((resolve) => {
    answer = resolve
  })
  let late = () => {}
  const handlers: Handlers = {
    getattr,
    access: () => {},
    statfs(_path, cb) {
      late = () => cb(0, { bsize: 512, frsize: 512 })
      answer()
    },
  }
  const { dir } = await mountCompat(t, handlers, { timeout: { default: 50, statfs: false } })
  const figures = sys(['statvfs', dir])
  await asked
  t.strictSame(await sys(['access', `${dir}/f`, 'R_OK']), ['!ETIMEDOUT'], 'later, and over')
  late()
  t.match(await figures, [/"bsize":512/], 'as long as it takes')
})

t.test('options that show', { skip }, async (t) => {
  const options = { uid: 5, gid: 6, umask: '027', subtype: 'native', readOnly: true } as const
  const { dir } = await mountCompat(t, { getattr }, options)
  t.match(await sys(['stat', `${dir}/f`]), [/"mode":33256,"nlink":1,"uid":5,"gid":6/])
  t.equal(mountType(dir), 'fuse.native')
  t.strictSame(await sys(['truncate', `${dir}/f`, 0]), ['!EROFS'])
})

t.test('options as fuse-native takes them', { skip }, async (t) => {
  const options = { allowOther: 1, fsname: '', maxRead: 0, attrTimeout: '0', displayFolder: 'x' }
  // What programs in JavaScript say.
  const { dir } = await mountCompat(t, { getattr }, { ...(options as object), name: 'x' })
  const { stdout } = await run('cat', [join(dir, 'f')], { uid: 65_534 })
  t.equal(stdout, '')
  t.match(await run('stat', [join(dir, 'f')], { uid: 65_534 }), { code: 0 })
})

t.test('options that are wrong, or cannot be done', async (t) => {
  const wrong: Readonly<Record<string, readonly [options: object, says: RegExp]>> = {
    modules: [{ modules: 'subdir' }, /modules: devfuse cannot do that/],
    fd: [{ fd: 3 }, /fd: devfuse cannot do that/],
    userId: [{ userId: 1 }, /userId: devfuse cannot do that/],
    umask: [{ umask: 18 }, /umask: expected octal digits/],
    uid: [{ uid: 'root' }, /uid: expected a number/],
    attrTimeout: [{ attrTimeout: 'long' }, /attrTimeout: expected a number/],
    typo: [{ allowOthers: true }, /allowOthers: there is no such option/],
  }
  for (const [name, [options, says]] of Object.entries(wrong)) {
    const dir = freshDir()
    t.teardown(() => freeDir(dir))
    await t.rejects(mounting(new Fuse(dir, { getattr }, options as FuseOptions)), says, name)
    t.notOk(isMounted(dir))
  }
})

t.test('what is no file system of callbacks', (t) => {
  const make = (handlers: object, options: object = {}) => new Fuse('/', handlers, options)
  t.throws(() => make({ getattr: 'no' }), /getattr: expected a function, got "no"/)
  t.throws(() => make({}, { timeout: -1 }), /timeout: expected milliseconds above 0/)
  t.throws(() => make({}, { timeout: '1' }), /timeout: expected milliseconds above 0/)
  t.throws(() => make({}, { timeout: { read: Number.NaN } }), /timeout.read: expected/)
  t.throws(() => make({}, { timeout: { reed: 1 } }), /timeout: expected names of callbacks/)
  t.throws(() => new Fuse('/').mount('no' as never), /callback: expected a function/)
  t.throws(() => new Fuse('/').unmount('no' as never), /callback: expected a function/)
  t.throws(() => Fuse.unmount('/', undefined as never), /callback: expected a function/)
  t.equal(new Fuse('/').timeout, 15_000)
  t.equal(new Fuse('/', {}, { timeout: false }).timeout, 0)
  t.doesNotThrow(() => make({ force: true, other: 1 }), 'others are not looked at')
  t.doesNotThrow(() => make({}, { timeout: { default: 1, read: false, write: Infinity } }))
  t.end()
})

t.test('without a callback, errors are reported', { skip }, async (t) => {
  const report = new Promise((resolve) => {
    const options = { ...quiet, onError: resolve }
    new Fuse(fileURLToPath(import.meta.url), { getattr }, options).mount()
  })
  t.match(await report, { code: 'ENOTDIR' })
})

t.test('whether it can be used here', { skip }, async (t) => {
  const configured = new Promise((resolve, reject) => {
    Fuse.isConfigured((error, yes) => (error ? reject(error) : resolve(yes)))
  })
  t.equal(await configured, true)
  for (const name of ['configure', 'unconfigure', 'beforeMount', 'beforeUnmount'] as const) {
    await new Promise<void>((resolve, reject) => {
      Fuse[name]((error) => (error ? reject(error) : resolve()))
    })
    t.pass(name)
  }
})
