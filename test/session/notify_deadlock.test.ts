import { readdirSync, readFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { errno } from '../../lib/errno.ts'
import type { MountedSession } from '../../lib/mount.ts'
import { addon } from '../../lib/native.ts'
import type { Notifier } from '../../lib/notify.ts'
import type { LowLevelOps } from '../../lib/ops.ts'
import { notifyMessage } from '../../protocol/notify.ts'
import { type Deferred, deferred, turn } from './harness.ts'
import { mounted, noMount, type Real, within } from './real.ts'

const skip = noMount()

const [S_IFDIR, S_IFREG] = [0o040755, 0o100644]
const FOPEN_KEEP_CACHE = 2
/** Seconds for which the kernel believes everything. */
const LONG = 3600
const POLLIN = 1

interface File {
  readonly nodeid: number
  content: string
}

type Method<K extends keyof LowLevelOps> = NonNullable<LowLevelOps[K]>

/** A directory of files that the kernel may cache for an hour; it counts what it is asked. */
class Cached implements LowLevelOps {
  readonly files = new Map<string, File>([
    ['a', { nodeid: 2, content: 'first' }],
    ['b', { nodeid: 3, content: 'other' }],
  ])
  /** By operation and name or content: `lookup a`. */
  readonly asked: string[] = []
  /** What runs before an answer is given. */
  before: (what: string) => unknown = () => undefined
  readonly forgotten: Deferred<number> = deferred<number>()
  #next = 100

  count(what: string): number {
    return this.asked.filter((each) => each === what).length
  }

  #of(nodeid: number): File {
    const found = [...this.files.values()].find((file) => file.nodeid === nodeid)
    if (found === undefined) throw errno('ESTALE')
    return found
  }

  #attr(nodeid: number) {
    if (nodeid === 1) return { ino: 1n, mode: S_IFDIR, nlink: 2 }
    return { ino: BigInt(nodeid), mode: S_IFREG, nlink: 1, size: this.#of(nodeid).content.length }
  }

  #entry(nodeid: number) {
    return { nodeid, entry_valid: LONG, attr_valid: LONG, attr: this.#attr(nodeid) }
  }

  /** Answer at once, or after what `before` returns. */
  #answer<T>(what: string, answer: () => T): T | Promise<T> {
    this.asked.push(what)
    const waiting = this.before(what)
    return waiting instanceof Promise ? waiting.then(answer) : answer()
  }

  lookup: Method<'lookup'> = (_req, _parent, name) =>
    this.#answer(`lookup ${name}`, () => {
      const file = this.files.get(name)
      return file === undefined ? null : this.#entry(file.nodeid)
    })

  getattr: Method<'getattr'> = (_req, nodeid) => {
    if (nodeid === 1) return { attr_valid: LONG, attr: this.#attr(1) }
    return this.#answer(`getattr ${nodeid}`, () => ({ attr_valid: LONG, attr: this.#attr(nodeid) }))
  }

  open: Method<'open'> = () => ({ fh: 1, open_flags: FOPEN_KEEP_CACHE })

  read: Method<'read'> = (_req, nodeid, { offset, size }) =>
    this.#answer(`read ${nodeid}`, () =>
      Buffer.from(this.#of(nodeid).content.slice(offset, offset + size)),
    )

  write: Method<'write'> = (_req, nodeid, { size, offset }, data) =>
    this.#answer(`write ${nodeid}`, () => {
      const file = this.#of(nodeid)
      file.content = file.content.slice(0, offset) + Buffer.from(data).toString()
      return { size }
    })

  mkdir: Method<'mkdir'> = (_req, _parent, _args, name) =>
    this.#answer(`mkdir ${name}`, () => {
      const nodeid = this.#next++
      return { nodeid, attr: { mode: S_IFDIR, ino: BigInt(nodeid) } }
    })

  unlink: Method<'unlink'> = (_req, _parent, name) =>
    this.#answer(`unlink ${name}`, () => void this.files.delete(name))

  rename: Method<'rename'> = (_req, _parent, _args, name, newname) =>
    this.#answer(`rename ${name}`, () => {
      const file = this.files.get(name)
      if (file === undefined) throw errno('ENOENT')
      this.files.delete(name)
      this.files.set(newname, file)
    })

  forget: Method<'forget'> = (_req, nodeid) => this.forgotten.resolve(nodeid)
}

type Use = (t: Test, real: Real, fs: Cached, notify: Notifier) => Promise<void>

function onMount(name: string, use: Use): void {
  t.test(name, { skip }, async (t) => {
    const fs = new Cached()
    await mounted(t, fs, (real) => use(t, real, fs, real.session.notify))
  })
}

// The kernel blocks such a notification: what the tests below are about.

/** Threads of the addon that wait in the kernel without listening to signals. */
const blockedThreads = (): string[] =>
  readdirSync('/proc/self/task').filter((task) => {
    try {
      const stat = readFileSync(`/proc/self/task/${task}/stat`, 'utf8')
      return / D /.test(stat.slice(stat.lastIndexOf(')')))
    } catch {
      return false
    }
  })

/** The descriptor of the device, which a session keeps to itself. */
function deviceOf(session: MountedSession): number {
  const before = readdirSync('/proc/self/fd').map(Number)
  const devices = before.filter((fd) => {
    try {
      return readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8').includes('fuse_connection')
    } catch {
      return false
    }
  })
  if (devices.length !== 1) throw new Error(`${devices.length} devices in ${session.mountpoint}`)
  return devices[0] as number
}

onMount(
  'the kernel blocks INVAL_ENTRY while a LOOKUP in that directory waits',
  async (t, real, fs) => {
    const fd = deviceOf(real.session)
    let written = false
    const result = deferred<number>()
    fs.before = async () => {
      fs.before = () => undefined
      const bytes = notifyMessage.invalEntry(1, 'a', 0)
      addon().writeAsync(fd, bytes, bytes.length, (count) => {
        written = true
        result.resolve(count)
      })
      while (!written && blockedThreads().length === 0) await turn()
      t.equal(written, false, 'it waits for the answer')
    }
    t.equal(await real.client().call('size @/a'), '5')
    t.equal(await within(result.promise, 'the notification'), 34, 'and is done after it')
  },
)

// Notifications from within handlers.

/** What the client does, which request runs the notification, and which one it is. */
const inside: readonly (readonly [
  string,
  string,
  string,
  string,
  (notify: Notifier) => Promise<boolean>,
])[] = [
  ['INVAL_ENTRY in a LOOKUP of the name', 'size @/a', '5', 'lookup a', (n) => n.invalEntry(1, 'a')],
  [
    'INVAL_ENTRY in a LOOKUP of another name',
    'size @/a',
    '5',
    'lookup a',
    (n) => n.invalEntry(1, 'b'),
  ],
  ['EXPIRE in a LOOKUP', 'size @/a', '5', 'lookup a', (n) => n.expireEntry(1, 'a')],
  ['DELETE in a LOOKUP', 'size @/a', '5', 'lookup a', (n) => n.delete(1, 3, 'b')],
  ['INVAL_INODE of the directory in a LOOKUP', 'size @/a', '5', 'lookup a', (n) => n.invalInode(1)],
  ['INVAL_ENTRY in a MKDIR', 'mkdir @/new', '0', 'mkdir new', (n) => n.invalEntry(1, 'new')],
  ['INVAL_ENTRY in an UNLINK', 'unlink @/a', '0', 'unlink a', (n) => n.invalEntry(1, 'a')],
  ['DELETE in an UNLINK', 'unlink @/a', '0', 'unlink a', (n) => n.delete(1, 2, 'a')],
  ['INVAL_ENTRY in a RENAME', 'rename @/a @/c', '0', 'rename a', (n) => n.invalEntry(1, 'c')],
]
const opened: typeof inside = [
  ['INVAL_INODE in a READ', 'read 0 5 0', 'first', 'read 2', (n) => n.invalInode(2)],
  [
    'INVAL_INODE of a range in a READ',
    'read 0 5 0',
    'first',
    'read 2',
    (n) => n.invalInode(2, 0, 4096),
  ],
  [
    'STORE in a READ',
    'read 0 5 0',
    'first|store',
    'read 2',
    (n) => n.store(2, 0, Buffer.from('store')),
  ],
  ['PRUNE in a READ', 'read 0 5 0', 'first', 'read 2', (n) => n.prune([2])],
  ['INVAL_ENTRY in a READ', 'read 0 5 0', 'first', 'read 2', (n) => n.invalEntry(1, 'a')],
  ['INVAL_INODE in a WRITE', 'write 0 0 again', '5', 'write 2', (n) => n.invalInode(2)],
  [
    'STORE in a WRITE',
    'write 0 0 again',
    '5',
    'write 2',
    (n) => n.store(2, 0, Buffer.from('store')),
  ],
]

for (const [opens, cases] of [
  [false, inside],
  [true, opened],
] as const) {
  for (const [name, command, answer, request, call] of cases) {
    for (const awaited of [true, false]) {
      onMount(
        `${name}, ${awaited ? 'awaited' : 'not awaited'}`,
        async (t, { session, client }, fs, notify) => {
          const told: unknown[] = []
          fs.before = (what) => {
            if (what !== request) return undefined
            fs.before = () => undefined
            const sent = call(notify).then((value) => told.push(value))
            return awaited ? sent : undefined
          }
          const user = client()
          if (opens) t.equal(await user.call('open @/a'), '0')
          t.match(await user.call(command), new RegExp(`^(${answer})$`), 'the call comes back')
          while (told.length === 0) await turn()
          t.same(told, [true], 'the handler is told at once')
          t.match(await user.call('size @/b'), /^5$|^!ENOENT$/, 'and the mount goes on')
          t.equal(session.stats()['lookup']?.pending, 0)
        },
      )
    }
  }
}

onMount('two handlers that notify about each other’s file', async (t, { client }, fs, notify) => {
  const both = deferred()
  let waiting = 0
  fs.before = async (what) => {
    const other = what === 'read 2' ? 3 : what === 'read 3' ? 2 : 0
    if (other === 0) return
    if (++waiting === 2) both.resolve()
    await both.promise
    await notify.invalInode(other)
  }
  const [one, two] = [client(), client()]
  await one.call('open @/a')
  await two.call('open @/b')
  t.same(await Promise.all([one.call('read 0 5 0'), two.call('read 0 5 0')]), ['first', 'other'])
})

onMount(
  'a notification about a file whose READ comes while it is written',
  async (t, { client }, fs, notify) => {
    fs.before = async (what) => {
      if (what === 'read 2') for (let i = 0; i < 50; i++) await notify.invalInode(3)
      if (what === 'read 3') for (let i = 0; i < 50; i++) await notify.invalInode(2)
    }
    const [one, two] = [client(), client()]
    await one.call('open @/a')
    await two.call('open @/b')
    for (let i = 0; i < 20; i++) {
      t.same(await Promise.all([one.call('read 0 5 0'), two.call('read 0 5 0')]), [
        'first',
        'other',
      ])
      await Promise.all([notify.invalInode(2), notify.invalInode(3)])
    }
  },
)

t.test('a file that somebody waits for a lock on is told of at once', { skip }, async (t) => {
  const asked = deferred()
  const free = deferred()
  const fs = Object.assign(new Cached(), {
    getlk: () => ({ lk: { start: 0, end: 0, type: 2, pid: 0 } }),
    setlk: () => undefined,
    setlkw() {
      asked.resolve()
      return free.promise
    },
  })
  const options = { capabilities: { FUSE_CAP_POSIX_LOCKS: true } }
  const use = async ({ client, session }: Real) => {
    const [waiter, user] = [client(), client()]
    await waiter.call('open @/a')
    const locked = waiter.call('lock 0')
    await within(asked.promise, 'SETLKW')
    t.equal(await user.call('size @/a'), '5')
    const before = fs.count('getattr 2')
    t.equal(await within(session.notify.invalInode(2), 'the notification'), true)
    t.equal(await user.call('size @/a'), '5')
    t.equal(fs.count('getattr 2'), before + 1, 'the attributes are asked for again')
    free.resolve()
    t.equal(await locked, '0')
  }
  await mounted(t, fs, use, options)
})

// What they do.

onMount(
  'a name is looked up once, and again after invalEntry',
  async (t, { client }, fs, notify) => {
    const user = client()
    for (let i = 0; i < 3; i++) t.equal(await user.call('size @/a'), '5')
    t.equal(fs.count('lookup a'), 1, 'the kernel believes it')
    t.equal(await notify.invalEntry(1, 'a'), true)
    t.equal(await user.call('size @/a'), '5')
    t.equal(fs.count('lookup a'), 2)
    t.equal(await notify.invalEntry(1, 'never seen'), false, 'a name that is not cached')
    t.equal(await notify.invalEntry(99, 'a'), false, 'a directory that is not known')
  },
)

onMount('a name expires although it is in use', async (t, { client }, fs, notify) => {
  const user = client()
  t.equal(await user.call('open @/a'), '0')
  t.equal(await notify.expireEntry(1, 'a'), true)
  t.equal(await user.call('size @/a'), '5')
  t.equal(fs.count('lookup a'), 2)
  t.equal(await user.call('read 0 5 0'), 'first', 'the open file lives on')
})

onMount(
  'a deleted name is gone, and whoever watches hears of it',
  async (t, { client }, fs, notify) => {
    const user = client()
    const watcher = client()
    t.equal(await watcher.call('watch @/a'), '0')
    t.equal(await user.call('size @/a'), '5')
    fs.files.delete('a')
    t.equal(await user.call('size @/a'), '5', 'the kernel does not know')
    t.equal(await notify.delete(1, 2, 'a'), true)
    t.equal(await user.call('size @/a'), '!ENOENT')
    t.equal(await watcher.call('event 0'), '400', 'IN_DELETE_SELF')
  },
)

onMount('attributes are asked for again after invalInode', async (t, { client }, fs, notify) => {
  const user = client()
  t.equal(await user.call('size @/a'), '5')
  const file = fs.files.get('a') as File
  file.content = 'longer now'
  t.equal(await user.call('size @/a'), '5', 'the kernel does not know')
  t.equal(await notify.invalInode(2, -1), true)
  t.equal(await user.call('size @/a'), '10')
  t.equal(await notify.invalInode(99), false, 'an inode that is not known')
})

onMount('data is read again after invalInode', async (t, { client }, fs, notify) => {
  const user = client()
  await user.call('open @/a')
  t.equal(await user.call('read 0 5 0'), 'first')
  const file = fs.files.get('a') as File
  file.content = 'again'
  t.equal(await user.call('read 0 5 0'), 'first', 'from the page cache')
  t.equal(await notify.invalInode(2, -1), true)
  t.equal(await user.call('read 0 5 0'), 'first', 'attributes alone change nothing')
  t.equal(await notify.invalInode(2, 0, 0), true)
  t.equal(await user.call('read 0 5 0'), 'again')
})

onMount('stored data is read without asking', async (t, { client }, fs, notify) => {
  const user = client()
  await user.call('open @/a')
  // Of the size that the file has: with AUTO_INVAL_DATA the kernel asks for it first.
  t.equal(await notify.store(2, 0, Buffer.from('store')), true)
  t.equal(await user.call('read 0 10 0'), 'store')
  t.equal(fs.count('read 2'), 0)
  t.equal(await notify.store(99, 0, Buffer.from('x')), false, 'an inode that is not known')
})

onMount('cached data is retrieved', async (t, { client }, fs, notify) => {
  const user = client()
  await user.call('open @/a')
  t.equal((await notify.retrieve(2, 0, 5)).length, 0, 'nothing is cached yet')
  t.equal(await user.call('read 0 5 0'), 'first')
  const text = async (offset: number, size: number) =>
    Buffer.from(await within(notify.retrieve(2, offset, size), 'retrieve')).toString()
  t.equal(await text(0, 5), 'first')
  t.equal(await text(1, 3), 'irs')
  t.equal(await text(0, 4096), 'first', 'no further than the file')
  t.equal(await text(4096, 10), '')
  t.same(await Promise.all([text(0, 1), text(1, 1), text(2, 1)]), ['f', 'i', 'r'])
  t.equal((await notify.retrieve(99, 0, 5)).length, 0, 'an inode that is not known')
  t.equal(fs.count('read 2'), 1)
})

onMount('retrieve awaited in a READ of the same file', async (t, { client }, fs, notify) => {
  const user = client()
  await user.call('open @/a')
  await notify.store(2, 0, Buffer.alloc(4096, 0x73))
  const got: number[] = []
  fs.before = async (what) => {
    if (what === 'read 2') got.push((await notify.retrieve(2, 0, 4096)).length)
  }
  fs.files.set('a', { nodeid: 2, content: 'x'.repeat(9000) })
  await notify.invalInode(2, -1)
  t.equal(await user.call('size @/a'), '9000')
  t.equal(await user.call('read 0 5 8192'), 'xxxxx')
  t.ok(got.length > 0)
})

t.test('poll sleeps until it is woken', { skip }, async (t) => {
  const fs = new Cached()
  let ready = 0
  const waiting = deferred<number>()
  const ops: LowLevelOps = Object.assign(fs, {
    poll(_req: unknown, _nodeid: number, { kh, flags }: { kh: number; flags: number }) {
      if ((flags & 1) !== 0) waiting.resolve(kh)
      return { revents: ready }
    },
  })
  await mounted(t, ops, async ({ session, client }) => {
    const user = client()
    await user.call('open @/a')
    t.equal(await user.call('poll 0 0'), '0', 'not ready')
    const polled = user.call('poll 0')
    const kh = await within(waiting.promise, 'POLL')
    ready = POLLIN
    t.equal(await session.notify.poll(kh), true)
    t.equal(await polled, '1', 'POLLIN')
    t.equal(await session.notify.poll(12_345), true, 'a number that nobody has is no error')
  })
})

t.test('an unanswered request is sent again after resend', { skip }, async (t) => {
  const fs = new Cached()
  const first = deferred()
  const answers: boolean[] = []
  const arrived = deferred()
  const { lookup } = fs
  const ops: LowLevelOps = Object.assign(fs, {
    lookup: ((req, parent, name) => {
      answers.push(req.resent)
      if (req.resent) return lookup?.call(fs, req, parent, name) ?? null
      arrived.resolve()
      return first.promise.then(() => null)
    }) satisfies LowLevelOps['lookup'],
  })
  await mounted(t, ops, async ({ session, client }) => {
    const size = client().call('size @/a')
    await within(arrived.promise, 'LOOKUP')
    t.equal(await session.notify.resend(), true)
    t.equal(await size, '5', 'the second one is answered')
    t.same(answers, [false, true])
    first.resolve()
    await turn()
    t.equal(session.stats()['lookup']?.pending, 0, 'the first one goes nowhere')
  })
})

const minorOf = ({ session }: Real): number => session.connection.minor

t.test('every name is looked up again after incEpoch', { skip }, async (t) => {
  const fs = new Cached()
  await mounted(t, fs, async (real) => {
    if (minorOf(real) < 44) {
      t.pass('inc_epoch', { skip: 'the kernel is older than 7.44' })
      return
    }
    const user = real.client()
    for (const name of ['a', 'b', 'a', 'b']) t.equal(await user.call(`size @/${name}`), '5')
    t.same([fs.count('lookup a'), fs.count('lookup b')], [1, 1])
    t.equal(await real.session.notify.incEpoch(), true)
    for (const name of ['a', 'b']) t.equal(await user.call(`size @/${name}`), '5')
    t.same([fs.count('lookup a'), fs.count('lookup b')], [2, 2])
  })
})

t.test('an unused inode is forgotten after prune', { skip }, async (t) => {
  const fs = new Cached()
  await mounted(t, fs, async (real) => {
    if (minorOf(real) < 45) {
      t.pass('prune', { skip: 'the kernel is older than 7.45' })
      return
    }
    const user = real.client()
    t.equal(await user.call('size @/a'), '5')
    t.equal(await real.session.notify.prune([2, 99]), true)
    t.equal(await within(fs.forgotten.promise, 'FORGET'), 2)
    t.equal(await user.call('size @/a'), '5')
    t.equal(fs.count('lookup a'), 2)
  })
})
