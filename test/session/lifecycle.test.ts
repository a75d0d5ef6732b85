import t from 'tap'
import { errno } from '../../lib/errno.ts'
import type { Connection } from '../../lib/init.ts'
import { NegotiationError } from '../../lib/init.ts'
import { Session } from '../../lib/session.ts'
import * as c from '../../protocol/constants.ts'
import * as s from '../../protocol/structs.ts'
import {
  bytesOf,
  decoded,
  deferred,
  goodAnswers,
  Kernel,
  methods,
  partsOf,
  serve,
  settled,
  start,
  turn,
} from './harness.ts'

const [EPERM, EIO, EACCES, ENODEV, EPROTO] = [1, 5, 13, 19, 71]
const attr = { mode: 0o100644 }
const getattr = () => ({ attr })

// Agreement.

t.test('INIT is answered, and ready says what was agreed', async (t) => {
  let agreed: Connection | undefined
  const { kernel, session } = start(t, {
    getattr,
    init(connection) {
      agreed = connection
    },
  })
  t.equal(session.connection, undefined)
  t.equal(await settled(session.ready), false)
  const reply = await kernel.init()
  t.equal(reply.payload.length, 64)
  t.match(decoded(s.fuse_init_out, reply), {
    major: 7,
    minor: 45,
    max_write: 1 << 20,
    max_pages: 256,
  })
  const connection = await session.ready
  t.equal(connection, agreed)
  t.equal(connection, session.connection)
  t.match(connection, { major: 7, minor: 45, kernelMinor: 45, maxWrite: 1 << 20 })
  t.equal(kernel.expected, 1 << 20, 'the transport knows the biggest message')
})

t.test('an init that takes its time holds the reply back', async (t) => {
  const prepared = deferred()
  const { kernel, session, errors } = start(t, { getattr, init: () => prepared.promise })
  const reply = kernel.init()
  t.equal(await settled(reply), false)
  t.equal((await kernel.init()).error, -EIO, 'a second INIT meanwhile')
  t.match(errors.splice(0), [{ name: 'ProtocolError', message: /second time/ }])
  prepared.resolve()
  t.equal((await reply).error, 0)
  await session.ready
  t.equal((await kernel.request(c.FUSE_GETATTR, partsOf('getattr'))).error, 0)
})

t.test('an init that throws refuses the mount', async (t) => {
  const cases: readonly (readonly [unknown, number])[] = [
    [errno('EACCES'), EACCES],
    [Object.assign(new Error('x'), { errno: -EPERM }), EPERM],
    [new Error('no configuration'), EPROTO],
    ['a text', EPROTO],
  ]
  for (const later of [false, true]) {
    for (const [error, number] of cases) {
      const { kernel, session, errors } = start(t, {
        init() {
          if (later) return Promise.reject(error)
          throw error
        },
      })
      t.equal((await kernel.init()).error, -number)
      t.equal(await session.ready.catch((found: unknown) => found), error)
      t.strictSame(await session.closed, { reason: 'error', error })
      t.equal(kernel.closed, true)
      t.equal(session.connection, undefined)
      t.same(errors, [], 'whoever awaits `ready` knows')
    }
  }
})

t.test('a kernel of another major version', async (t) => {
  const old = start(t, {})
  t.equal((await old.kernel.init({ major: 6 })).error, -EPROTO)
  await t.rejects(old.session.ready, {
    name: 'NegotiationError',
    message: /speaks FUSE 6.45, expected 7/,
  })
  t.match(await old.session.closed, { reason: 'error' })

  const { kernel, session } = start(t, { getattr })
  const first = await kernel.init({ major: 8, minor: 0 })
  t.equal(first.error, 0)
  t.match(decoded(s.fuse_init_out, first), { major: 7, minor: 45, flags: 0, max_write: 0 })
  t.equal(session.connection, undefined, 'not yet')
  t.equal((await kernel.init()).error, 0, 'it asks again in ours')
  t.match(await session.ready, { major: 7, minor: 45 })
  t.equal((await kernel.request(c.FUSE_GETATTR, partsOf('getattr'))).error, 0)
})

t.test('a capability that is required and not offered refuses the mount', async (t) => {
  const options = { capabilities: { FUSE_CAP_HANDLE_KILLPRIV_V2: 'required' } } as const
  const { kernel, session } = start(t, {}, options)
  t.equal((await kernel.init({ flags: 0 })).error, -EPROTO)
  await t.rejects(session.ready, { message: /FUSE_CAP_HANDLE_KILLPRIV_V2 is required/ })
})

t.test('options that make no sense are refused before a kernel is asked', async (t) => {
  const make = (options: object) => new Session(new Kernel(), {}, options)
  t.throws(() => make({ maxWrite: 1 }), NegotiationError)
  t.throws(() => make({ capabilities: { FUSE_CAP_ALLOW_IDMAP: true } }), /default_permissions/)
  t.doesNotThrow(() =>
    make({ capabilities: { FUSE_CAP_ALLOW_IDMAP: true }, defaultPermissions: true }),
  )
})

t.test('an INIT that is none is EPROTO', async (t) => {
  for (const length of [0, 4, 8, 40]) {
    const { kernel, session } = start(t, {})
    const body = bytesOf(s.fuse_init_in, { major: 7, minor: 45 }).subarray(0, length)
    t.equal((await kernel.request(c.FUSE_INIT, [body])).error, -EPROTO, `${length} bytes`)
    await t.rejects(session.ready)
  }
})

t.test('a second INIT is EIO and changes nothing', async (t) => {
  let calls = 0
  const { kernel, session, errors } = await serve(t, { getattr, init: () => void calls++ })
  const { connection } = session
  t.equal((await kernel.init({ minor: 8 })).error, -EIO)
  t.match(errors, [{ name: 'ProtocolError', message: 'FUSE_INIT came a second time' }])
  t.equal(session.connection, connection)
  t.equal(calls, 1)
  t.equal((await kernel.request(c.FUSE_GETATTR, partsOf('getattr'))).payload.length, 104)
})

t.test('a request before INIT is EIO, and no handler sees it', async (t) => {
  const { kernel, errors } = start(
    t,
    methods(() => t.fail('called')),
  )
  t.equal((await kernel.request(c.FUSE_GETATTR, partsOf('getattr'))).error, -EIO)
  t.equal((await kernel.request(c.FUSE_LOOKUP, ['a'])).error, -EIO)
  t.same([errors, kernel.refused], [[], []])
})

// Older kernels.

/** Bytes of replies by minor: entry, attr, statfs, create, INIT. */
const replySizes: readonly (readonly [number, number, number, number, number, number])[] = [
  [1, 120, 96, 48, 136, 8],
  [3, 120, 96, 48, 136, 8],
  [4, 120, 96, 80, 136, 8],
  [5, 120, 96, 80, 136, 24],
  [8, 120, 96, 80, 136, 24],
  [9, 128, 104, 80, 144, 24],
  [11, 128, 104, 80, 144, 24],
  [22, 128, 104, 80, 144, 24],
  [23, 128, 104, 80, 144, 64],
  [31, 128, 104, 80, 144, 64],
  [35, 128, 104, 80, 144, 64],
  [36, 128, 104, 80, 144, 64],
  [45, 128, 104, 80, 144, 64],
]

/** FUSE_INIT as a kernel of that minor sends it: 8 bytes before 7.6, 16 before 7.36. */
const initOf = (minor: number) =>
  bytesOf(s.fuse_init_in, { major: 7, minor, max_readahead: 65_536, flags: 0x3f_ffff }).subarray(
    0,
    minor < 6 ? 8 : minor < 36 ? 16 : 64,
  )

t.test('a kernel of an older minor sends and gets what it knows', async (t) => {
  for (const [minor, entrySize, attrSize, statfsSize, createSize, initSize] of replySizes) {
    const got: Record<string, unknown> = {}
    /** Answers, and remembers what it got. */
    const keep = <T>(name: string, what: unknown, answer: T): T => {
      got[name] = what
      return answer
    }
    const entry = { nodeid: 7, attr }
    const { kernel, session, errors } = start(t, {
      ...methods((name) => goodAnswers[name]),
      getattr: (_req, _nodeid, args) => keep('getattr', args, { attr: { ...attr, blksize: 4096 } }),
      read: (_req, _nodeid, args) => keep('read', args, Buffer.from('abc')),
      write: (_req, _nodeid, { size, flags }, data) =>
        keep('write', [size, flags, Buffer.from(data).toString()], { size }),
      mknod: (req, _parent, args, name) => keep('mknod', [args, name, req.umask], entry),
      create: (req, _parent, args, name) =>
        keep('create', [args, name, req.umask], { entry, open: { fh: 3 } }),
      release: (_req, _nodeid, args) => keep('release', args, undefined),
    })
    const init = await kernel.request(c.FUSE_INIT, [initOf(minor)])
    t.same([init.error, init.payload.length], [0, initSize], `INIT of 7.${minor}`)
    t.match(await session.ready, { minor, kernelMinor: minor })
    /** The struct as a kernel of this minor has it. */
    const cut = (bytes: Buffer, since: number, size: number) =>
      minor < since ? bytes.subarray(0, size) : bytes

    const attributes = await kernel.request(c.FUSE_GETATTR, [
      cut(bytesOf(s.fuse_getattr_in, { fh: 5, getattr_flags: 1 }), 9, 0),
    ])
    t.equal(attributes.payload.length, attrSize, 'GETATTR')
    t.same(got['getattr'], minor < 9 ? { getattr_flags: 0, fh: 0 } : { getattr_flags: 1, fh: 5 })
    t.equal((await kernel.request(c.FUSE_LOOKUP, ['a'])).payload.length, entrySize, 'LOOKUP')
    t.equal((await kernel.request(c.FUSE_STATFS)).payload.length, statfsSize, 'STATFS')

    const read = cut(bytesOf(s.fuse_read_in, { fh: 5, offset: 9, size: 3, flags: 0o100000 }), 9, 24)
    t.equal((await kernel.request(c.FUSE_READ, [read])).payload.toString(), 'abc', 'READ')
    t.match(got['read'], { fh: 5, offset: 9, size: 3, flags: minor < 9 ? 0 : 0o100000 })

    const write = cut(bytesOf(s.fuse_write_in, { fh: 5, size: 5, flags: 2 }), 9, 24)
    t.equal((await kernel.request(c.FUSE_WRITE, [write, Buffer.from('hello')])).error, 0, 'WRITE')
    t.same(got['write'], [5, minor < 9 ? 0 : 2, 'hello'])

    const mknod = cut(bytesOf(s.fuse_mknod_in, { mode: 0o644, rdev: 5, umask: 0o22 }), 12, 8)
    t.equal(
      (await kernel.request(c.FUSE_MKNOD, [mknod, 'node'])).payload.length,
      entrySize,
      'MKNOD',
    )
    const umask = minor < 12 ? 0 : 0o22
    t.same(got['mknod'], [{ mode: 0o644, rdev: 5, umask }, 'node', umask])

    const create = cut(bytesOf(s.fuse_create_in, { flags: 2, mode: 0o644, umask: 0o22 }), 12, 8)
    const made = await kernel.request(c.FUSE_CREATE, [create, 'file'])
    t.equal(made.payload.length, createSize, 'CREATE')
    t.equal(decoded(s.fuse_open_out, made, entrySize).fh, 3)
    t.match(got['create'], [{ flags: 2, mode: 0o644, umask }, 'file', umask])

    const release = cut(bytesOf(s.fuse_release_in, { fh: 5, lock_owner: 9n }), 8, 16)
    t.equal((await kernel.request(c.FUSE_RELEASE, [release])).error, 0, 'RELEASE')
    t.match(got['release'], { fh: 5, lock_owner: minor < 8 ? 0n : 9n })
    t.same([errors, kernel.refused], [[], []])
  }
})

t.test('a message shorter than its minor says is EIO, not an older form', async (t) => {
  const { kernel, errors } = await serve(
    t,
    methods((name) => goodAnswers[name]),
    { init: { minor: 31 } },
  )
  const old = bytesOf(s.fuse_write_in, { size: 5 }).subarray(0, 24)
  t.equal((await kernel.request(c.FUSE_WRITE, [old, Buffer.from('hello')])).error, -EIO)
  t.match(errors, [{ name: 'ProtocolError' }])
})

t.test('a kernel newer than ours is served as 7.45', async (t) => {
  const { session, kernel } = await serve(
    t,
    { getattr },
    { init: { minor: 50, flags2: 0xffff_ffff } },
  )
  t.match(session.connection, { minor: 45, kernelMinor: 50 })
  t.ok(session.connection?.offered.includes('bit 63'))
  t.equal((await kernel.request(c.FUSE_GETATTR, partsOf('getattr'))).payload.length, 104)
})

// The end.

t.test('closed says why', async (t) => {
  const ends: readonly (readonly [string, (kernel: Kernel, session: Session) => void, object])[] = [
    ['umount', (kernel) => kernel.unmount(), { reason: 'unmounted' }],
    ['the end of the file', (kernel) => kernel.unmount(0), { reason: 'unmounted' }],
    ['abort', (kernel) => kernel.unmount(103), { reason: 'aborted' }],
    [
      'EIO from the device',
      (kernel) => kernel.unmount(5),
      { reason: 'error', error: { code: 'EIO', syscall: 'read', path: '/dev/fuse' } },
    ],
  ]
  for (const [what, end, found] of ends) {
    const { kernel, session, errors } = await serve(t, { getattr })
    t.equal(await settled(session.closed), false)
    end(kernel, session)
    end(kernel, session)
    t.match(await session.closed, found, what)
    t.equal(kernel.closed, true, 'the transport is closed')
    t.same(errors, [])
  }
})

t.test('close ends the session from this side', async (t) => {
  const { kernel, session } = await serve(t, { getattr })
  session.close()
  t.notMatch(await session.closed, { reason: 'error' })
  t.equal(kernel.closed, true)
})

t.test('before INIT, the end rejects ready and resolves closed', async (t) => {
  const { kernel, session } = start(t, {})
  kernel.unmount()
  await t.rejects(session.ready, { code: 'ENODEV' })
  t.match(await session.closed, { reason: 'unmounted' })
})

t.test('the end during init', async (t) => {
  const prepared = deferred()
  const { kernel, session } = start(t, { init: () => prepared.promise })
  void kernel.init()
  kernel.unmount()
  prepared.resolve()
  await t.rejects(session.ready, { code: 'ENODEV' })
  t.match(await session.closed, { reason: 'unmounted' })
})

t.test('DESTROY is answered; destroy is called once, at the end', async (t) => {
  let calls = 0
  const { kernel, session } = await serve(t, { getattr, destroy: () => void calls++ })
  t.same(await kernel.request(c.FUSE_DESTROY), { error: 0, payload: Buffer.alloc(0) })
  t.equal(calls, 0, 'the kernel may still have questions')
  kernel.unmount()
  kernel.unmount()
  session.close()
  await session.closed
  t.equal(calls, 1)
})

t.test('closed waits for destroy; what it throws is reported', async (t) => {
  const cleaned = deferred()
  const slow = await serve(t, { destroy: () => cleaned.promise })
  slow.kernel.unmount()
  t.equal(await settled(slow.session.closed), false)
  cleaned.resolve()
  t.match(await slow.session.closed, { reason: 'unmounted' })
  for (const destroy of [
    () => Promise.reject(new Error('later')),
    () => {
      throw new Error('at once')
    },
  ]) {
    const { kernel, session, errors } = await serve(t, { destroy })
    kernel.unmount()
    t.match(await session.closed, { reason: 'unmounted' })
    t.match(errors, [{ message: /later|at once/ }])
  }
})

t.test('destroy waits for handlers, whose signals are aborted', async (t) => {
  const log: string[] = []
  const { kernel, session } = await serve(t, {
    async getattr(req) {
      await new Promise((resolve) => req.signal.addEventListener('abort', resolve))
      await turn()
      log.push(`getattr: ${req.signal.reason.message}`)
      return { attr }
    },
    destroy: () => void log.push('destroy'),
  })
  void kernel.request(c.FUSE_GETATTR, partsOf('getattr'))
  kernel.unmount()
  await session.closed
  t.same(log, ['getattr: the session ended', 'destroy'])
})

t.test(
  'a handler that never settles keeps destroy waiting for a second, and is then forgotten',
  async (t) => {
    const log: string[] = []
    const late = deferred<{ nodeid: number; attr: typeof attr }>()
    const { kernel, session, errors } = await serve(t, {
      lookup: () => late.promise,
      forget: () => void log.push('forget'),
      destroy: () => void log.push('destroy'),
    })
    void kernel.request(c.FUSE_LOOKUP, ['a'])
    const began = performance.now()
    kernel.unmount()
    await session.closed
    const waited = performance.now() - began
    t.ok(waited > 900 && waited < 10_000, 'about a second', { found: waited })
    t.same(log, ['destroy'])
    late.resolve({ nodeid: 7, attr })
    await turn()
    t.same(log, ['destroy'], 'nothing is called after destroy')
    t.same(errors, [])
  },
)

t.test('a handler that settles after the end gives back what it took', async (t) => {
  const log: string[] = []
  const { kernel, session, errors } = await serve(t, {
    async open(req) {
      await new Promise((resolve) => req.signal.addEventListener('abort', resolve))
      return { fh: 3 }
    },
    release: (_req, _nodeid, { fh }) => void log.push(`release ${fh}`),
    destroy: () => void log.push('destroy'),
  })
  void kernel.request(c.FUSE_OPEN, partsOf('open'))
  kernel.unmount()
  await session.closed
  t.same(log, ['release 3', 'destroy'])
  t.same(errors, [])
})

t.test('after the end nothing is sent', async (t) => {
  const { kernel, session } = await serve(t, { getattr })
  kernel.unmount()
  await session.closed
  await t.rejects(session.notify.invalInode(1), { code: 'ENODEV' })
  await t.rejects(session.notify.poll(1), { code: 'ENODEV' })
  t.same([kernel.notifications, ENODEV], [[], 19])
})

t.test('an onError that throws breaks nothing', async (t) => {
  const { kernel } = await serve(
    t,
    {
      getattr() {
        throw new Error('a bug')
      },
    },
    {
      onError() {
        throw new Error('another bug')
      },
    },
  )
  t.equal((await kernel.request(c.FUSE_GETATTR, partsOf('getattr'))).error, -EIO)
  t.equal((await kernel.request(c.FUSE_GETATTR, partsOf('getattr'))).error, -EIO)
})
