import t from 'tap'
import type { Notifier } from '../../lib/notify.ts'
import type { LowLevelOps } from '../../lib/ops.ts'
import * as c from '../../protocol/constants.ts'
import { notifyMessage } from '../../protocol/notify.ts'
import * as s from '../../protocol/structs.ts'
import { bytesOf, deferred, partsOf, type Served, serve, settled, start, turn } from './harness.ts'

const [ENOENT, EPERM, ENODEV] = [2, 1, 19]
const attr = { mode: 0o100644 }
const entry = (nodeid: number) => ({ nodeid, attr })

interface Case {
  readonly name: string
  readonly since: number
  /** Takes locks in the kernel: written on a thread of its own. */
  readonly locks: boolean
  call(notify: Notifier): Promise<unknown>
  readonly bytes: Buffer
}
const cases: readonly Case[] = [
  {
    name: 'invalInode',
    since: 12,
    locks: true,
    call: (n) => n.invalInode(5),
    bytes: notifyMessage.invalInode(5, 0, 0),
  },
  {
    name: 'invalInode of a range',
    since: 12,
    locks: true,
    call: (n) => n.invalInode(5, 10, 20),
    bytes: notifyMessage.invalInode(5, 10, 20),
  },
  {
    name: 'invalEntry',
    since: 12,
    locks: true,
    call: (n) => n.invalEntry(5, 'a'),
    bytes: notifyMessage.invalEntry(5, 'a', 0),
  },
  {
    name: 'expireEntry',
    since: 38,
    locks: true,
    call: (n) => n.expireEntry(5, 'a'),
    bytes: notifyMessage.invalEntry(5, 'a', 1),
  },
  {
    name: 'delete',
    since: 18,
    locks: true,
    call: (n) => n.delete(5, 6, 'a'),
    bytes: notifyMessage.delete(5, 6, 'a'),
  },
  {
    name: 'store',
    since: 15,
    locks: true,
    call: (n) => n.store(5, 1, Buffer.from('x')),
    bytes: notifyMessage.store(5, 1, Buffer.from('x')),
  },
  {
    name: 'prune',
    since: 45,
    locks: true,
    call: (n) => n.prune([5, 6]),
    bytes: notifyMessage.prune([5, 6]),
  },
  { name: 'poll', since: 11, locks: false, call: (n) => n.poll(7), bytes: notifyMessage.poll(7) },
  {
    name: 'resend',
    since: 40,
    locks: false,
    call: (n) => n.resend(),
    bytes: notifyMessage.resend(),
  },
  {
    name: 'incEpoch',
    since: 44,
    locks: false,
    call: (n) => n.incEpoch(),
    bytes: notifyMessage.incEpoch(),
  },
]

t.test('each notification is written, and true where the kernel took it', async (t) => {
  const { kernel, session } = await serve(t, {})
  for (const { name, call, bytes } of cases) {
    t.equal(await call(session.notify), true, name)
    t.ok(kernel.notifications.pop()?.equals(bytes), `${name}: its bytes`)
    t.equal(kernel.notifications.length, 0)
  }
})

/** Make the fake kernel answer every notification with -errno. */
function refuse({ kernel }: Served, number: number): void {
  kernel.onNotify = () => -number
  kernel.sendNow = () => -number
}

t.test('ENOENT is false: the kernel knew nothing of it', async (t) => {
  const served = await serve(t, {})
  refuse(served, ENOENT)
  for (const { name, call } of cases) t.equal(await call(served.session.notify), false, name)
  t.same(
    Buffer.from(await served.session.notify.retrieve(5, 0, 10)),
    Buffer.alloc(0),
    'retrieve: nothing',
  )
})

t.test('any other error of the kernel rejects, with its name', async (t) => {
  const served = await serve(t, {})
  refuse(served, EPERM)
  for (const { name, call } of cases) {
    await t.rejects(
      call(served.session.notify),
      { code: 'EPERM', errno: -EPERM, syscall: /^notify\.\w+$/ },
      name,
    )
  }
  await t.rejects(served.session.notify.retrieve(5, 0, 10), { code: 'EPERM' })
  refuse(served, ENODEV)
  for (const { name, call } of cases) {
    await t.rejects(call(served.session.notify), { code: 'ENODEV' }, `${name} after the end`)
  }
})

t.test(
  'a notification that the minor version does not have is ENOSYS, and not written',
  async (t) => {
    const retrieve: Case = {
      name: 'retrieve',
      since: 15,
      locks: false,
      call: (n) => n.retrieve(1, 0, 1),
      bytes: notifyMessage.retrieve(1, 1, 0, 1),
    }
    for (const { name, since, call } of [...cases, retrieve]) {
      const { kernel, session } = await serve(t, {}, { init: { minor: since - 1 } })
      await t.rejects(call(session.notify), { code: 'ENOSYS' }, `${name} in 7.${since - 1}`)
      t.equal(kernel.notifications.length, 0)
      if (name === 'retrieve') continue
      const newer = await serve(t, {}, { init: { minor: since } })
      t.equal(await call(newer.session.notify), true, `${name} in 7.${since}`)
    }
  },
)

t.test('before INIT there is nobody to notify', async (t) => {
  const { kernel, session } = start(t, {})
  for (const { name, call } of cases)
    await t.rejects(call(session.notify), { code: 'ENODEV' }, name)
  t.equal(kernel.notifications.length, 0)
})

t.test('a value out of range rejects and is not written', async (t) => {
  const { kernel, session } = await serve(t, {})
  const { notify } = session
  const bad: readonly Promise<unknown>[] = [
    notify.invalInode(-1),
    notify.invalInode(1.5),
    notify.invalInode(2 ** 53),
    notify.invalEntry(1, ''),
    notify.invalEntry(1, 'a/b'),
    notify.expireEntry(1, 'a\0'),
    notify.delete(1, -2, 'a'),
    notify.store(1, -1, Buffer.alloc(1)),
    notify.retrieve(1, 0, -1),
    notify.poll(Number.NaN),
    notify.prune([]),
  ]
  for (const promise of bad) await t.rejects(promise, { name: 'LayoutError' })
  t.equal(kernel.notifications.length, 0)
})

// Held back while the kernel may hold a lock for whoever waits for our answer.

async function answerAfter<T>(call: () => Promise<unknown>, value: T): Promise<T> {
  await call()
  return value
}

/** A request about inode 5 whose handler notifies before it answers. */
const inside: readonly (readonly [
  string,
  (call: () => Promise<unknown>) => Partial<LowLevelOps>,
  number,
  Buffer[],
])[] = [
  [
    'LOOKUP in it',
    (call) => ({ lookup: () => answerAfter(call, entry(9)) }),
    c.FUSE_LOOKUP,
    [Buffer.from('a\0')],
  ],
  [
    'LOOKUP in it, not awaited',
    (call) => ({
      lookup() {
        void call()
        return entry(9)
      },
    }),
    c.FUSE_LOOKUP,
    [Buffer.from('a\0')],
  ],
  [
    'READ of it',
    (call) => ({ read: () => answerAfter(call, Buffer.alloc(0)) }),
    c.FUSE_READ,
    [bytesOf(s.fuse_read_in)],
  ],
  [
    'READ of it, later',
    (call) => ({ read: async () => answerAfter(() => turn().then(call), Buffer.alloc(0)) }),
    c.FUSE_READ,
    [bytesOf(s.fuse_read_in)],
  ],
  [
    'WRITE of it, that fails',
    (call) => ({
      write: async () => {
        await call()
        throw new Error('x')
      },
    }),
    c.FUSE_WRITE,
    [bytesOf(s.fuse_write_in)],
  ],
  [
    'RENAME into it',
    (call) => ({ rename: async () => void (await call()) }),
    c.FUSE_RENAME,
    [bytesOf(s.fuse_rename_in, { newdir: 5 }), Buffer.from('a\0b\0')],
  ],
  [
    'RENAME2 into it',
    (call) => ({ rename2: async () => void (await call()) }),
    c.FUSE_RENAME2,
    [bytesOf(s.fuse_rename2_in, { newdir: 5 }), Buffer.from('a\0b\0')],
  ],
  [
    'LINK to it',
    (call) => ({ link: () => answerAfter(call, entry(9)) }),
    c.FUSE_LINK,
    [bytesOf(s.fuse_link_in, { oldnodeid: 5 }), Buffer.from('a\0')],
  ],
  [
    'COPY_FILE_RANGE to it',
    (call) => ({ copy_file_range: () => answerAfter(call, { size: 0 }) }),
    c.FUSE_COPY_FILE_RANGE,
    [bytesOf(s.fuse_copy_file_range_in, { nodeid_out: 5 })],
  ],
]

t.test(
  'a handler may await a notification about its own inode: it follows the answer',
  async (t) => {
    for (const [where, make, opcode, parts] of inside) {
      for (const { name, call, bytes } of cases.filter(({ locks }) => locks)) {
        let told: unknown
        const served: { notify?: Notifier } = {}
        const ops = make(async () => {
          told = await call(served.notify as Notifier)
        })
        const { kernel, session } = await serve(t, ops)
        served.notify = session.notify
        const unanswered: number[] = []
        kernel.onNotify = () => {
          unanswered.push(kernel.unanswered)
          return 0
        }
        const nodeid =
          where.startsWith('LOOKUP') || where.startsWith('READ') || where.startsWith('WRITE')
            ? 5
            : 4
        const reply = kernel.request(opcode, parts, { nodeid })
        t.equal(await settled(reply), true, `${where}: ${name} does not hang`)
        await turn()
        t.equal(told, true, 'it is promised at once')
        t.same(unanswered, [0], 'it is written once, after the answer')
        t.ok(kernel.notifications[0]?.equals(bytes), 'as it was')
      }
    }
  },
)

t.test('a notification about another inode does not wait', async (t) => {
  const answer = deferred<ReturnType<typeof entry>>()
  const { kernel, session } = await serve(t, { lookup: () => answer.promise })
  const reply = kernel.request(c.FUSE_LOOKUP, ['a'], { nodeid: 5 })
  t.equal(await session.notify.invalEntry(6, 'a'), true)
  t.equal(kernel.notifications.length, 1)
  t.equal(await session.notify.invalEntry(5, 'a'), true)
  t.equal(kernel.notifications.length, 1, 'one about this one does')
  for (const { name, call } of cases.filter(({ locks }) => !locks)) {
    t.equal(await call(session.notify), true, `${name} takes no lock`)
  }
  t.equal(kernel.notifications.length, 4)
  answer.resolve(entry(9))
  await reply
  await turn()
  t.equal(kernel.notifications.length, 5)
})

t.test('it waits for the last of several requests about the inode', async (t) => {
  const answers = [deferred<ReturnType<typeof entry>>(), deferred<ReturnType<typeof entry>>()]
  let n = 0
  const { kernel, session } = await serve(t, {
    lookup: () => (answers[n++] as (typeof answers)[0]).promise,
  })
  const replies = [
    kernel.request(c.FUSE_LOOKUP, ['a'], { nodeid: 5 }),
    kernel.request(c.FUSE_LOOKUP, ['b'], { nodeid: 5 }),
  ]
  await session.notify.invalEntry(5, 'a')
  answers[1]?.resolve(entry(9))
  await replies[1]
  await turn()
  t.equal(kernel.notifications.length, 0)
  answers[0]?.resolve(entry(9))
  await replies[0]
  await turn()
  t.equal(kernel.notifications.length, 1)
})

t.test(
  'a notification that was held and that the kernel refuses is no news to anyone',
  async (t) => {
    const { kernel, session, errors } = await serve(t, {
      lookup: async () => {
        t.equal(await session.notify.invalEntry(5, 'a'), true)
        return entry(9)
      },
    })
    kernel.onNotify = () => -EPERM
    await kernel.request(c.FUSE_LOOKUP, ['a'], { nodeid: 5 })
    await turn()
    t.same([kernel.notifications.length, errors], [1, []])
  },
)

t.test('those about one inode keep their order, those about others do not wait', async (t) => {
  const { kernel, session } = await serve(t, {})
  const writes: ReturnType<typeof deferred<number>>[] = []
  kernel.onNotify = () => {
    const write = deferred<number>()
    writes.push(write)
    return write.promise
  }
  const { notify } = session
  const done = [
    notify.store(5, 0, Buffer.from('1')),
    notify.invalInode(5),
    notify.store(5, 0, Buffer.from('2')),
    notify.invalInode(6),
  ]
  await turn()
  const offered = () => kernel.notifications.map((bytes) => [bytes.readUInt32LE(4), bytes.at(16)])
  t.same(
    offered(),
    [
      [4, 5],
      [2, 6],
    ],
    'one an inode is under way',
  )
  writes[0]?.resolve(0)
  await turn()
  t.same(offered().slice(2), [[2, 5]])
  writes[2]?.resolve(-ENOENT)
  await turn()
  t.same(offered().slice(3), [[4, 5]], 'a failed one lets the next go')
  writes[1]?.resolve(0)
  writes[3]?.resolve(0)
  t.same(await Promise.all(done), [true, false, true, true])
})

t.test('a transport that throws holds up no later notification', async (t) => {
  const { kernel, session } = await serve(t, {})
  kernel.onNotify = () => {
    throw new Error('no thread')
  }
  const first = session.notify.invalInode(5)
  const second = session.notify.invalInode(5, 1, 1)
  await t.rejects(first, { message: 'no thread' })
  await t.rejects(second, { message: 'no thread' })
  t.equal(kernel.notifications.length, 2, 'both were tried')
})

t.test('those that were held keep their order, before later ones', async (t) => {
  const { kernel, session } = await serve(t, {
    async lookup() {
      await session.notify.store(5, 1, Buffer.from('1'))
      await session.notify.store(5, 2, Buffer.from('2'))
      return entry(9)
    },
  })
  const reply = kernel.request(c.FUSE_LOOKUP, ['a'], { nodeid: 5 })
  void reply.then(() => session.notify.store(5, 3, Buffer.from('3')))
  await reply
  await turn()
  await turn()
  t.same(
    kernel.notifications.map((bytes) => bytes.readUInt32LE(24)),
    [1, 2, 3],
  )
})

t.test('at the end those that wait are dropped', async (t) => {
  const answer = deferred<ReturnType<typeof entry>>()
  const { kernel, session } = await serve(t, { lookup: () => answer.promise })
  void kernel.request(c.FUSE_LOOKUP, ['a'], { nodeid: 5 })
  await session.notify.invalEntry(5, 'a')
  kernel.unmount()
  answer.resolve(entry(9))
  await session.closed
  t.equal(kernel.notifications.length, 0)
})

// Retrieving.

const retrieved = (unique: number, data: Buffer, size = data.length) =>
  [c.FUSE_NOTIFY_REPLY, [bytesOf(s.fuse_notify_retrieve_in, { size }), data], { unique }] as const
const uniqueOf = (notification: Buffer | undefined) => Number(notification?.readBigUInt64LE(16))

t.test('retrieve resolves with what the kernel sends', async (t) => {
  const { kernel, session, errors } = await serve(t, {})
  const all = [session.notify.retrieve(5, 0, 10), session.notify.retrieve(5, 4096, 10)]
  await turn()
  const uniques = kernel.notifications.map(uniqueOf)
  t.not(uniques[0], uniques[1], 'each has its number')
  const data = Buffer.from('second')
  kernel.post(...retrieved(uniques[1] ?? 0, data))
  kernel.post(...retrieved(uniques[0] ?? 0, Buffer.from('first')))
  kernel.post(c.FUSE_FORGET, [bytesOf(s.fuse_forget_in)])
  t.equal(Buffer.from((await all[0]) ?? []).toString(), 'first')
  t.equal(
    Buffer.from((await all[1]) ?? []).toString(),
    'second',
    'a copy: other messages came since',
  )
  t.same([kernel.unwanted, kernel.refused, errors], [0, [], []], 'NOTIFY_REPLY is not answered')
})

t.test('a NOTIFY_REPLY for nobody is ignored, one that is none is reported', async (t) => {
  const { kernel, errors } = await serve(t, {})
  kernel.post(...retrieved(99, Buffer.from('x')))
  t.same(errors, [])
  kernel.post(...retrieved(99, Buffer.from('x'), 2))
  kernel.post(c.FUSE_NOTIFY_REPLY, [Buffer.alloc(8)], { unique: 1 })
  t.match(errors, [{ name: 'ProtocolError' }, { name: 'ProtocolError' }])
  t.same([kernel.unwanted, kernel.refused], [0, []])
})

t.test('the end rejects what is not retrieved yet', async (t) => {
  const { kernel, session } = await serve(t, {})
  const waiting = session.notify.retrieve(5, 0, 10)
  await turn()
  kernel.unmount()
  await t.rejects(waiting, { code: 'ENODEV' })
})

t.test('retrieve may be awaited in a handler of the same inode', async (t) => {
  const { kernel, session } = await serve(t, {
    read: async () => await session.notify.retrieve(5, 0, 4),
  })
  const reply = kernel.request(c.FUSE_READ, [bytesOf(s.fuse_read_in, { size: 4 })], { nodeid: 5 })
  await turn()
  kernel.post(...retrieved(uniqueOf(kernel.notifications[0]), Buffer.from('page')))
  t.equal((await reply).payload.toString(), 'page')
  t.same(partsOf('getattr').length, 1)
})
