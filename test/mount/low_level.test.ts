// mountLowLevel on real mounts, served by this process; every system call on them comes from another.
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { connectionOf } from '../../lib/connection_number.ts'
import {
  attrOut,
  cloneDevice,
  dirents,
  entry,
  errno,
  type LowLevelOps,
  type MountedSession,
  mountLowLevel,
  NegotiationError,
  openDevice,
} from '../../lib/index.ts'
import { mounts } from '../../lib/mountinfo.ts'
import { addon, cstring } from '../../lib/native.ts'
import { cannotMount, freeDir, freshDir, isMounted, within } from './mount.ts'

const run = promisify(execFile)
const skip = cannotMount()
const text = Buffer.from('Hello, world\n')
const file = { mode: 0o100444, size: text.length, nlink: 1 }

const hello: LowLevelOps = {
  lookup: (_req, _parent, name) => (name === 'hello' ? entry(2, file) : null),
  getattr: (_req, nodeid) => attrOut(nodeid === 1 ? { mode: 0o40755, nlink: 2 } : file),
  readdir: (_req, _nodeid, args) => dirents(args, [{ name: 'hello', ino: 2, mode: file.mode }]),
  read: (_req, _nodeid, { offset, size }) => text.subarray(offset, offset + size),
}

/** An error as far as it matters. */
const like = (members: object): Error => members as Error

function place(t: Test): string {
  const dir = freshDir()
  t.teardown(() => freeDir(dir))
  return dir
}

async function end(child: ChildProcess): Promise<void> {
  const closed = once(child, 'exit')
  child.kill('SIGKILL')
  await closed
}

t.test('a file is listed and read through the kernel', { skip }, async (t) => {
  const dir = place(t)
  const session = await mountLowLevel(dir, hello, { fsname: 'a,b c', subtype: 'test' })
  t.equal(session.mountpoint, dir)
  t.equal((await run('ls', [dir])).stdout, 'hello\n')
  t.equal((await run('cat', [join(dir, 'hello')])).stdout, 'Hello, world\n')
  await t.rejects(run('cat', [join(dir, 'none')]), /No such file/)
  const mounted = mounts().find((mount) => mount.mountpoint === dir)
  t.match(mounted, { type: 'fuse.test', source: 'a,b c' })
  t.equal(session.connection.major, 7)
  t.ok((session.stats()['read']?.count ?? 0) > 0)
  await session.unmount()
  t.same(await session.closed, { reason: 'unmounted' })
  t.notOk(isMounted(dir))
  await session.unmount()
})

t.test('a busy mount refuses to go, goes on, and goes lazily', { skip }, async (t) => {
  const dir = place(t)
  const session = await mountLowLevel(dir, hello)
  // execFile with a cwd on the mount would block this thread: sh changes there by itself.
  const child = spawn('sh', ['-c', 'cd "$0" && echo here && exec sleep 60', dir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  if (child.stdout) await once(child.stdout, 'data')
  await t.rejects(session.unmount(), { code: 'EBUSY' })
  t.equal((await run('cat', [join(dir, 'hello')])).stdout, 'Hello, world\n')
  const gone = session.unmount({ lazy: true })
  await end(child)
  await within(10_000, 'the lazy unmount', gone)
  t.notOk(isMounted(dir))
})

t.test('await using unmounts', { skip }, async (t) => {
  const dir = place(t)
  const session = await mountLowLevel(dir, hello)
  await session[Symbol.asyncDispose]()
  t.notOk(isMounted(dir))
})

t.test('two mounts in one process do not know each other', { skip }, async (t) => {
  const [one, two] = [place(t), place(t)]
  const sessions = await Promise.all([mountLowLevel(one, hello), mountLowLevel(two, hello)])
  const both = [join(one, 'hello'), join(two, 'hello')]
  t.equal((await run('cat', both)).stdout, 'Hello, world\nHello, world\n')
  await sessions[0].unmount()
  t.equal((await run('cat', [both[1] ?? ''])).stdout, 'Hello, world\n')
  await sessions[1].unmount()
})

t.test('a moved mount and its bind mounts are all unmounted', { skip }, async (t) => {
  const [dir, moved, bound] = [place(t), place(t), place(t)]
  const session = await mountLowLevel(dir, hello)
  await run('mount', ['--bind', dir, bound])
  await run('mount', ['--bind', bound, moved])
  await run('umount', [dir])
  await within(10_000, 'the unmount', session.unmount())
  t.notOk(isMounted(moved) || isMounted(bound))
})

t.test('what is mounted over it is left alone', { skip }, async (t) => {
  const dir = place(t)
  const session = await mountLowLevel(dir, hello)
  const over = await mountLowLevel(dir, hello, { fsname: 'over' })
  await over.unmount()
  t.equal(mounts().filter((mount) => mount.mountpoint === dir).length, 1)
  await session.unmount()
})

t.test('umount(8) and abort end the session and say which', { skip }, async (t) => {
  const dir = place(t)
  const session = await mountLowLevel(dir, hello)
  await run('umount', [dir])
  t.same(await within(10_000, 'the end', session.closed), { reason: 'unmounted' })
  const again = await mountLowLevel(dir, hello)
  freeDirLater(t, dir)
  const device = mounts().find((mount) => mount.mountpoint === dir)?.device ?? ''
  const control = place(t)
  await run('mount', ['-t', 'fusectl', 'none', control])
  await run('sh', ['-c', `echo 1 > "$0/${device.split(':')[1]}/abort"`, control])
  t.same(await within(10_000, 'the end', again.closed), { reason: 'aborted' })
  await run('umount', [control])
  await run('umount', [dir])
})

function freeDirLater(t: Test, dir: string): void {
  t.teardown(() => {
    if (isMounted(dir)) freeDir(dir)
  })
}

t.test('what cannot be mounted rejects with the reason and leaves nothing', { skip }, async (t) => {
  const dir = place(t)
  const refused: [string, LowLevelOps, Parameters<typeof mountLowLevel>[2], Error | RegExp][] = [
    [join(dir, 'missing'), hello, {}, like({ code: 'ENOENT', syscall: 'realpath' })],
    [dir, hello, { maxWrite: 1 }, /maxWrite: expected 4096 to 16777216 bytes, got 1/],
    [dir, hello, { maxRead: 4095 }, /maxRead: expected 4096 to 4294967295 bytes, got 4095/],
    [dir, hello, { fsname: '' }, /fsname: expected a text/],
    [
      dir,
      hello,
      { capabilities: { FUSE_CAP_SUBMOUNTS: true } },
      /FUSE_CAP_SUBMOUNTS cannot be asked for/,
    ],
    [dir, hello, { capabilities: { FUSE_CAP_ALLOW_IDMAP: true } }, /needs default_permissions/],
    [dir, hello, { capabilities: { FUSE_CAP_POSIX_LOCKS: 'required' } }, /no method getlk/],
    [
      dir,
      {
        ...hello,
        init: () => {
          throw errno('EPERM')
        },
      },
      {},
      like({ code: 'EPERM' }),
    ],
    [
      dir,
      {
        ...hello,
        init: async () => {
          throw new Error('not today')
        },
      },
      {},
      /not today/,
    ],
  ]
  for (const [where, ops, options, reason] of refused) {
    await t.rejects(within(10_000, 'the refusal', mountLowLevel(where, ops, options)), reason)
    t.notOk(isMounted(dir))
  }
  t.ok(new NegotiationError('x') instanceof Error)
})

/** Mount without serving, as a privileged parent does. */
async function mountFor(t: Test, dir: string): Promise<number> {
  const fd = openDevice()
  const options = `fd=${fd},rootmode=40000,user_id=0,group_id=0`
  const result = await new Promise((resolve) => {
    const words = ['x', dir, 'fuse', options].map(cstring)
    const [source, target, type, data] = words as [Uint8Array, Uint8Array, Uint8Array, Uint8Array]
    addon().mountAsync(source, target, type, 0, data, resolve)
  })
  t.equal(result, 0)
  return fd
}

t.test('a device that somebody else has mounted is served as /dev/fd/N', { skip }, async (t) => {
  const dir = place(t)
  const fd = await mountFor(t, dir)
  const session = await mountLowLevel(`/dev/fd/${fd}`, hello)
  t.equal((await run('cat', [join(dir, 'hello')])).stdout, 'Hello, world\n')
  if (connectionOf(fd) === undefined) {
    t.throws(() => session.control.waiting, { code: 'EFUSE_NO_CONTROL' })
  } else {
    t.equal(session.control.waiting, 0, 'the descriptor tells the number of the connection')
  }
  await session.unmount()
  t.ok(isMounted(dir), 'who mounted it unmounts it')
  await run('umount', [dir])
  await t.rejects(mountLowLevel('/dev/fd/99999', hello), { code: 'EBADF' })
})

t.test('a cloned device serves the same connection', { skip }, async (t) => {
  const dir = place(t)
  const fd = await mountFor(t, dir)
  const session = await mountLowLevel(`/dev/fd/${cloneDevice(fd)}`, hello)
  t.equal((await run('cat', [join(dir, 'hello')])).stdout, 'Hello, world\n')
  await run('umount', [dir])
  t.same(await session.closed, { reason: 'unmounted' })
  addon().close(fd)
  t.throws(() => cloneDevice(fd), like({ syscall: 'ioctl FUSE_DEV_IOC_CLONE' }))
})

t.test('handlers that do everything wrong harm their callers only', { skip }, async (t) => {
  const dir = place(t)
  const errors: unknown[] = []
  const wrong: Record<string, () => unknown> = {
    throws: () => {
      throw new TypeError('a mistake')
    },
    rejects: () => Promise.reject('no error at all'),
    nothing: () => undefined,
    number: () => 42,
    negative: () => ({ ...entry(3, file), nodeid: -1 }),
    huge: () => entry(3, { ...file, size: 2 ** 60 }),
    modeless: () => ({ nodeid: 3, attr: {} }),
    badType: () => entry(3, { mode: 0o644 }),
    root: () => entry(1, { mode: 0o40755 }),
    twice: () => ({
      // biome-ignore lint/suspicious/noThenProperty: a thenable that settles twice is the point
      then: (f: (v: unknown) => void) => {
        f(null)
        f(entry(3, file))
      },
    }),
  }
  const ops: LowLevelOps = {
    ...hello,
    lookup: (_req, _parent, name) =>
      wrong[name] ? (wrong[name]() as null) : (hello.lookup?.(_req, _parent, name) ?? null),
    forget: () => {
      throw new Error('forget fails too')
    },
  }
  const session: MountedSession = await mountLowLevel(dir, ops, {
    onError: (error) => errors.push(error),
  })
  for (const name of Object.keys(wrong)) {
    await t.rejects(within(10_000, name, run('stat', [join(dir, name)])), name)
  }
  t.equal((await run('cat', [join(dir, 'hello')])).stdout, 'Hello, world\n')
  t.ok(errors.length >= 6)
  await session.unmount()
  t.equal(statSync(dir).isDirectory(), true)
})
