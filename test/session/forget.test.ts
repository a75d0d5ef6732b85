import t from 'tap'
import { errno } from '../../lib/errno.ts'
import type { LowLevelOps, OperationName } from '../../lib/ops.ts'
import * as c from '../../protocol/constants.ts'
import { DirentPlusWriter } from '../../protocol/dirent.ts'
import * as s from '../../protocol/structs.ts'
import { bytesOf, deferred, opcodeOf, partsOf, type ServeOptions, serve, turn } from './harness.ts'

const EIO = 5
const attr = { mode: 0o100644 }
const entry = (nodeid: number) => ({ nodeid, attr })

const one = (nlookup: number) => [bytesOf(s.fuse_forget_in, { nlookup })]
const batch = (...nodeids: number[]) => [
  bytesOf(s.fuse_batch_forget_in, { count: nodeids.length }),
  ...nodeids.map((nodeid) => bytesOf(s.fuse_forget_one, { nodeid, nlookup: nodeid * 10 })),
]

t.test('FORGET is never answered, with or without a handler', async (t) => {
  const got: unknown[] = []
  const handlers: readonly (readonly [string, LowLevelOps])[] = [
    ['none', {}],
    ['forget', { forget: (_req, nodeid, { nlookup }) => void got.push([nodeid, nlookup]) }],
    [
      'batch_forget',
      {
        batch_forget: (_req, _nodeid, _args, all) =>
          void got.push(...all.map((f) => [f.nodeid, f.nlookup])),
      },
    ],
    [
      'both',
      {
        forget: (_req, nodeid, { nlookup }) => void got.push([nodeid, nlookup]),
        batch_forget: (_req, _nodeid, _args, all) =>
          void got.push(...all.map((f) => [f.nodeid, f.nlookup])),
      },
    ],
  ]
  for (const [what, ops] of handlers) {
    const { kernel, errors } = await serve(t, ops)
    kernel.post(c.FUSE_FORGET, one(3), { nodeid: 7 })
    kernel.post(c.FUSE_BATCH_FORGET, batch(8, 9), { nodeid: 0 })
    kernel.post(c.FUSE_BATCH_FORGET, batch(), { nodeid: 0 })
    const want =
      what === 'none'
        ? []
        : [
            [7, 3],
            [8, 80],
            [9, 90],
          ]
    t.same(got.splice(0), want, `handlers: ${what}`)
    await turn()
    t.same([kernel.unwanted, kernel.refused, errors], [0, [], []], 'nothing was written')
  }
})

t.test(
  'a forget that fails is reported, never answered, and keeps no other from being forgotten',
  async (t) => {
    const got: number[] = []
    const fail = (nodeid: number) => {
      got.push(nodeid)
      throw new Error(`forget ${nodeid}`)
    }
    const { kernel, errors } = await serve(t, { forget: (_req, nodeid) => fail(nodeid) })
    kernel.post(c.FUSE_FORGET, one(1), { nodeid: 7 })
    t.match(errors.splice(0), [{ message: 'forget 7' }])
    kernel.post(c.FUSE_BATCH_FORGET, batch(8, 9, 10))
    t.same(got, [7, 8, 9, 10])
    t.ok(errors.length > 0, 'it is reported')
    const later = await serve(t, {
      forget: (async (_req: unknown, nodeid: number) => fail(nodeid)) as never,
    })
    later.kernel.post(c.FUSE_FORGET, one(1), { nodeid: 11 })
    later.kernel.post(c.FUSE_BATCH_FORGET, batch(12))
    await turn()
    t.match(later.errors, [{ message: 'forget 11' }, { message: 'forget 12' }], 'a rejection too')
    t.equal(kernel.unwanted + later.kernel.unwanted, 0)
  },
)

t.test('a FORGET that is none is reported and not answered', async (t) => {
  const { kernel, errors } = await serve(t, { forget: () => t.fail('called') })
  kernel.post(c.FUSE_FORGET, [Buffer.alloc(4)])
  kernel.post(c.FUSE_BATCH_FORGET, [Buffer.alloc(4)])
  kernel.post(c.FUSE_BATCH_FORGET, [
    bytesOf(s.fuse_batch_forget_in, { count: 2 }),
    bytesOf(s.fuse_forget_one),
  ])
  kernel.post(c.FUSE_BATCH_FORGET, [bytesOf(s.fuse_batch_forget_in, { count: 2 ** 32 - 1 })])
  t.equal(errors.length, 4)
  t.match(
    errors,
    errors.map(() => ({ name: 'ProtocolError' })),
  )
  const cut = kernel.message(c.FUSE_FORGET, one(1))
  cut.writeUInt32LE(1000, 0)
  kernel.deliver(cut)
  kernel.post(c.FUSE_FORGET, one(1), { nodeid: 2n ** 60n })
  t.match(errors.slice(4), [{ name: 'ProtocolError' }, { code: 'EOVERFLOW' }])
  t.same([kernel.unwanted, kernel.refused], [0, []])
})

t.test('FORGET passes while writes wait', async (t) => {
  const answer = deferred<{ size: number }>()
  const got: number[] = []
  const { kernel } = await serve(
    t,
    { write: () => answer.promise, forget: (_req, nodeid) => void got.push(nodeid) },
    { maxInFlight: 1000 },
  )
  const write = (size: number) =>
    kernel.request(c.FUSE_WRITE, [bytesOf(s.fuse_write_in, { size }), Buffer.alloc(size)])
  const replies = [write(920), write(10)]
  t.equal(kernel.held, 2)
  t.equal(kernel.paused, false)
  kernel.post(c.FUSE_FORGET, one(1), { nodeid: 7 })
  kernel.post(c.FUSE_BATCH_FORGET, batch(8))
  t.same(got, [7, 8])
  answer.resolve({ size: 10 })
  await Promise.all(replies)
})

/** A listing with two entries that count, and three that do not. */
function listing(size = 4096): DirentPlusWriter {
  const writer = new DirentPlusWriter(size)
  writer.add('.', { nodeid: 1, attr: { mode: 0o40755 } }, 1)
  writer.add('..', { nodeid: 1, attr: { mode: 0o40755 } }, 2)
  writer.add('a', entry(7), 3)
  writer.add('unknown', { nodeid: 0, attr: { mode: 0 } }, 4)
  writer.add('b', entry(8), 5)
  return writer
}

const forget7 = ['forget 7 1']
/** What an answer took hold of, and how it is given back when the kernel has dropped the request. */
const undelivered: readonly (readonly [OperationName, string, unknown, readonly string[]])[] = [
  ['lookup', 'an entry', entry(7), forget7],
  ['lookup', 'nothing', null, []],
  ['lookup', 'a negative entry', { nodeid: 0, attr: { mode: 0 } }, []],
  ['mknod', 'an entry', entry(7), forget7],
  ['mkdir', 'an entry', entry(7), forget7],
  ['symlink', 'an entry', entry(7), forget7],
  ['link', 'an entry', entry(7), forget7],
  ['create', 'an open file', { entry: entry(7), open: { fh: 3 } }, ['release 7 3', ...forget7]],
  ['tmpfile', 'an open file', { entry: entry(7), open: {} }, ['release 7 0', ...forget7]],
  ['open', 'a handle', { fh: 3 }, ['release 5 3']],
  ['open', 'handle 0', {}, ['release 5 0']],
  ['opendir', 'a handle', { fh: 4 }, ['releasedir 5 4']],
  ['readdirplus', 'a writer', listing(), ['forget 7 1', 'forget 8 1']],
  ['readdirplus', 'bytes', listing().bytes, ['forget 7 1', 'forget 8 1']],
  ['readdirplus', 'the end', new DirentPlusWriter(0), []],
  ['readdir', 'the end', new Uint8Array(0), []],
  ['getattr', 'attributes', { attr }, []],
  ['statfs', 'figures', { st: {} }, []],
  ['unlink', 'success', undefined, []],
]
/** The same where the answer cannot be put on the wire: the caller gets EIO. */
const unencodable: typeof undelivered = [
  ['lookup', 'a bad mode', { nodeid: 7, attr: { mode: -1 } }, forget7],
  ['lookup', 'no attributes', { nodeid: 7 }, forget7],
  ['lookup', 'a bad nodeid', { nodeid: -1, attr }, []],
  ['lookup', 'a nodeid that is a text', { nodeid: '7', attr }, []],
  ['mkdir', 'a bad timeout', { nodeid: 7, entry_valid: -1, attr }, forget7],
  [
    'create',
    'a bad mode',
    { entry: { nodeid: 7, attr: { mode: 0.5 } }, open: { fh: 3 } },
    ['release 7 3', ...forget7],
  ],
  [
    'create',
    'bad flags',
    { entry: entry(7), open: { fh: 3, open_flags: -1 } },
    ['release 7 3', ...forget7],
  ],
  ['create', 'a bad handle', { entry: entry(7), open: { fh: 0.5 } }, forget7],
  ['create', 'no open file', { entry: entry(7) }, forget7],
  ['open', 'bad flags', { fh: 3, open_flags: 2 ** 32 }, ['release 5 3']],
  ['open', 'a handle that is none', { fh: 0.5 }, []],
  ['open', 'a handle that is an object', { fh: {} }, []],
  ['open', 'nothing', undefined, []],
  ['opendir', 'bad flags', { fh: 4, open_flags: 2 ** 32 }, ['releasedir 5 4']],
  ['readdirplus', 'more than was asked', listing(), ['forget 7 1', 'forget 8 1']],
]

interface Recorder extends LowLevelOps {
  log: string[]
}

function recorder(name: OperationName, answer: () => unknown): Recorder {
  const log: string[] = []
  return {
    log,
    [name]: answer,
    forget: (_req, nodeid, { nlookup }) => void log.push(`forget ${nodeid} ${nlookup}`),
    release: (_req, nodeid, { fh }) => void log.push(`release ${nodeid} ${fh}`),
    releasedir: (_req, nodeid, { fh }) => void log.push(`releasedir ${nodeid} ${fh}`),
  }
}

const ways: readonly (readonly [string, boolean, ServeOptions])[] = [
  ['at once', false, {}],
  ['at once, written with the next read', false, { putsOff: true }],
  ['later', true, {}],
  ['later, written at once', true, { putsOff: true }],
]

t.test('what a reply took hold of is given back where nobody waits for it', async (t) => {
  for (const [how, later, options] of ways) {
    for (const [name, what, value, steps] of undelivered) {
      const ops = recorder(name, () => (later ? Promise.resolve(value) : value))
      const { kernel, errors } = await serve(t, ops, options)
      const answered = await kernel.request(opcodeOf(name), partsOf(name, { size: 4096 }), {
        nodeid: 5,
      })
      t.ok(answered.error <= 0)
      t.same(ops.log, [], `${name} of ${what}, ${how}: nothing is undone where it is taken`)
      kernel.post(opcodeOf(name), partsOf(name, { size: 4096 }), { nodeid: 5 })
      await turn()
      t.equal(kernel.unwanted, 1)
      t.same(ops.log, steps, `${name} of ${what}, ${how}: undone`)
      t.same(errors, [])
      kernel.post(opcodeOf(name), partsOf(name, { size: 4096 }), { nodeid: 5 })
      await turn()
      t.same(ops.log, [...steps, ...steps], 'each time')
    }
  }
})

t.test('what a reply took hold of is given back where it cannot be encoded', async (t) => {
  for (const [how, later, options] of ways) {
    for (const [name, what, value, steps] of unencodable) {
      const ops = recorder(name, () => (later ? Promise.resolve(value) : value))
      const { kernel, errors } = await serve(t, ops, options)
      const reply = await kernel.request(opcodeOf(name), partsOf(name, { size: 10 }), { nodeid: 5 })
      t.equal(reply.error, -EIO, `${name} of ${what}, ${how}`)
      t.same(ops.log, steps)
      t.equal(errors.length, 1)
    }
  }
})

t.test('a request dropped while its handler runs', async (t) => {
  const answer = deferred<ReturnType<typeof entry>>()
  const ops = recorder('lookup', () => answer.promise)
  const { kernel } = await serve(t, ops)
  const message = kernel.message(c.FUSE_LOOKUP, ['a'], { unique: 100 })
  void kernel.expectReply(message)
  kernel.deliver(message)
  kernel.drop(100)
  answer.resolve(entry(7))
  await turn()
  t.same(ops.log, forget7)
})

t.test('an error that nobody waits for undoes nothing', async (t) => {
  for (const [, , options] of ways) {
    const ops = recorder('lookup', () => {
      throw errno('ENOENT')
    })
    const { kernel, errors } = await serve(t, ops, options)
    kernel.post(c.FUSE_LOOKUP, ['a'])
    await turn()
    t.same([ops.log, errors, kernel.unwanted], [[], [], 1])
  }
})

t.test('an answer is not undone because the next one is not delivered', async (t) => {
  const ops = recorder('lookup', () => entry(7))
  ops.getattr = () => ({ attr })
  ops.unlink = () => {
    throw errno('ENOENT')
  }
  const { kernel } = await serve(t, ops, { putsOff: true })
  t.equal((await kernel.request(c.FUSE_LOOKUP, ['a'])).error, 0)
  kernel.post(c.FUSE_GETATTR, partsOf('getattr'))
  t.equal((await kernel.request(c.FUSE_LOOKUP, ['a'])).error, 0)
  kernel.post(c.FUSE_UNLINK, ['a'])
  t.equal((await kernel.request(c.FUSE_LOOKUP, ['a'])).error, 0)
  kernel.post(c.FUSE_FORGET, one(1), { nodeid: 9 })
  await turn()
  t.same(ops.log, ['forget 9 1'])
})

t.test('without forget, batch_forget gives back', async (t) => {
  const got: unknown[] = []
  const { kernel } = await serve(t, {
    lookup: () => entry(7),
    batch_forget: (_req, _nodeid, args, all) => void got.push([args, all]),
  })
  kernel.post(c.FUSE_LOOKUP, ['a'])
  t.same(got, [[{ count: 1 }, [{ nodeid: 7, nlookup: 1 }]]])
})

t.test('giving back that fails is reported, and the rest is given back', async (t) => {
  const log: string[] = []
  const fail = (what: string) => {
    log.push(what)
    throw new Error(what)
  }
  const { kernel, errors } = await serve(t, {
    create: () => ({ entry: entry(7), open: { fh: 3 } }),
    readdirplus: () => listing(),
    open: () => ({ fh: 4 }),
    opendir: () => ({ fh: 5 }),
    forget: (_req, nodeid) => fail(`forget ${nodeid}`),
    release: (_req, _nodeid, { fh }) => fail(`release ${fh}`),
    releasedir: async (_req, _nodeid, { fh }) => fail(`releasedir ${fh}`),
  })
  kernel.post(c.FUSE_CREATE, partsOf('create'))
  kernel.post(c.FUSE_READDIRPLUS, partsOf('readdirplus', { size: 4096 }))
  kernel.post(c.FUSE_OPEN, partsOf('open'))
  kernel.post(c.FUSE_OPENDIR, partsOf('opendir'))
  await turn()
  const all = ['release 3', 'forget 7', 'forget 7', 'forget 8', 'release 4', 'releasedir 5']
  t.same(log, all)
  t.same(
    errors.map((error) => (error as Error).message),
    all,
  )
  t.same(kernel.refused, [])
})

t.test('a reply that the kernel finds wrong is undone, reported and replaced by EIO', async (t) => {
  const ops = recorder('lookup', () => entry(7))
  const { kernel, errors } = await serve(t, ops)
  const { send } = kernel
  let refuse = true
  kernel.send = (length) => {
    if (!refuse) return send.call(kernel, length)
    refuse = false
    return -22
  }
  t.equal((await kernel.request(c.FUSE_LOOKUP, ['a'])).error, -EIO)
  t.same(ops.log, forget7)
  t.match(errors, [{ name: 'ProtocolError', message: 'the kernel refused the reply to lookup' }])
  t.equal((await kernel.request(c.FUSE_LOOKUP, ['a'])).error, 0)
})
