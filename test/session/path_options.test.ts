// libfuse's fuse_config: how paths and attributes are shown to the kernel.
import { constants } from 'node:os'
import t from 'tap'
import { FakeKernel } from '../../lib/fake_kernel.ts'
import { type PathOptions, Session } from '../../lib/index.ts'
import * as c from '../../protocol/constants.ts'
import * as s from '../../protocol/structs.ts'
import { gate, serve } from './paths.ts'

const { ENOSYS } = constants.errno
const words = (bytes: Uint8Array): Uint32Array =>
  new Uint32Array(Uint8Array.prototype.slice.call(bytes).buffer)
const STAT = { size: 3, mode: 0o640, uid: 1, gid: 2, ino: 77, mtime: 5 } as const
const good = (path: string | null) => (path === '/' ? ({ type: 'directory' } as const) : STAT)

const shown: readonly (readonly [PathOptions, Readonly<Record<string, unknown>>])[] = [
  [{}, { mode: 0o100640, uid: 1, gid: 2, ino: 77n }],
  [
    { setUid: 5, setGid: 6 },
    { uid: 5, gid: 6 },
  ],
  [{ umask: 0o027 }, { mode: 0o100750 }],
  [{ useIno: false }, { ino: 2n }],
]
for (const [options, expected] of shown) {
  t.test(`attributes with ${JSON.stringify(options)}`, async (t) => {
    const { lookup, getattr } = await serve(t, { getattr: good }, options)
    const { payload } = await getattr(await lookup('f'))
    t.match(s.fuse_attr_out.decode(words(payload), 0).attr, expected)
  })
}

t.test('timeouts: of names, of attributes, and of there being none', async (t) => {
  const options = { entryTimeout: 2.5, attrTimeout: 3, negativeTimeout: 4 }
  const getattr = (path: string | null) => (path === '/none' ? null : good(path))
  const { kernel } = await serve(t, { getattr }, options)
  const entry = async (name: string) =>
    s.fuse_entry_out.decode(words((await kernel.request(c.FUSE_LOOKUP, [name])).payload), 0)
  t.match(await entry('f'), { entry_valid: 2, entry_valid_nsec: 5e8, attr_valid: 3 })
  t.match(await entry('none'), { nodeid: 0, entry_valid: 4 })
})

t.test('nullpathOk: who gets a handle gets no path', async (t) => {
  const asked: unknown[] = []
  const ops = {
    getattr: good,
    open: () => 'handle',
    read(path: string | null, fh: string) {
      asked.push([path, fh])
      return Buffer.alloc(0)
    },
  }
  const { lookup, open, read } = await serve(t, ops, { nullpathOk: true })
  const f = await lookup('f')
  await read(f, await open(f))
  t.same(asked, [[null, 'handle']])
})

/** FOPEN_* that a file is opened with, twice, and what it looked like in between. */
async function flags(t: Parameters<typeof serve>[0], options: PathOptions, change: boolean) {
  let mtime = 1
  const { lookup, kernel, getattr } = await serve(
    t,
    {
      getattr: (path) => (path === '/' ? { type: 'directory' } : { size: 3, mtime }),
      open: () => 1,
    },
    options,
  )
  const f = await lookup('f')
  const open = async () => {
    const part = kernel.struct(s.fuse_open_in, { flags: 0, open_flags: 0 })
    const { payload } = await kernel.request(c.FUSE_OPEN, [part], { nodeid: f })
    return s.fuse_open_out.decode(words(payload), 0).open_flags
  }
  const first = await open()
  if (change) mtime++
  await getattr(f)
  return [first, await open()]
}

const { FOPEN_DIRECT_IO, FOPEN_KEEP_CACHE, FOPEN_NOFLUSH, FOPEN_PARALLEL_DIRECT_WRITES } = c
const opens: readonly (readonly [PathOptions, boolean, readonly [number, number]])[] = [
  [{}, false, [0, 0]],
  [{ kernelCache: true }, true, [FOPEN_KEEP_CACHE, FOPEN_KEEP_CACHE]],
  [{ autoCache: true }, false, [0, FOPEN_KEEP_CACHE]],
  [{ autoCache: true }, true, [0, 0]],
  [{ directIo: true }, false, [FOPEN_DIRECT_IO, FOPEN_DIRECT_IO]],
  [
    { directIo: true, parallelDirectWrites: true },
    false,
    [
      FOPEN_DIRECT_IO | FOPEN_PARALLEL_DIRECT_WRITES,
      FOPEN_DIRECT_IO | FOPEN_PARALLEL_DIRECT_WRITES,
    ],
  ],
]
for (const [options, change, expected] of opens) {
  const what = change ? 'changed' : 'unchanged'
  t.test(`a file that is opened again ${what}, ${JSON.stringify(options)}`, async (t) => {
    // Without `flush` no close(2) asks for it.
    t.same(
      await flags(t, options, change),
      expected.map((bits) => bits | FOPEN_NOFLUSH),
    )
  })
}

t.test('remember: a number is kept after it was forgotten, or not', async (t) => {
  for (const [remember, same] of [
    [0, false],
    [Number.POSITIVE_INFINITY, true],
    [3600, true],
  ] as const) {
    const { lookup, forget } = await serve(t, { getattr: good }, { remember })
    const f = await lookup('f')
    forget(f)
    t.equal((await lookup('f')) === f, same, `remember ${remember}`)
  }
})

t.test('interrupts: false: the kernel is told to send none, and the handler goes on', async (t) => {
  const kernel = new FakeKernel()
  const { opened, open } = gate()
  let aborted: boolean | undefined
  const ops = {
    async getattr({ signal }: { readonly signal: AbortSignal }) {
      await opened
      aborted = signal.aborted
      return { attr: { mode: 0o40755 } }
    },
  }
  new Session(kernel, ops, { interrupts: false }).start()
  await kernel.init()
  const part = kernel.struct(s.fuse_getattr_in, { getattr_flags: 0, fh: 0 })
  const message = kernel.message(c.FUSE_GETATTR, [part])
  const reply = kernel.expectReply(message)
  kernel.deliver(message)
  const unique = message.readBigUInt64LE(8)
  const interrupt = kernel.struct(s.fuse_interrupt_in, { unique })
  const told = await kernel.request(c.FUSE_INTERRUPT, [interrupt], { unique: unique | 1n })
  t.equal(told.error, -ENOSYS)
  open()
  t.equal((await reply).error, 0)
  t.equal(aborted, false)
})
