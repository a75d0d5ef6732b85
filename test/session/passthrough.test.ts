// Backing files without a kernel: what is answered to an open, and when an id is given back.
import { closeSync, openSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import type { LowLevelOps, OpenOut } from '../../lib/ops.ts'
import * as c from '../../protocol/constants.ts'
import * as s from '../../protocol/structs.ts'
import {
  decoded,
  type Kernel,
  partsOf,
  type Served,
  type ServeOptions,
  serve,
  turn,
} from './harness.ts'

const [EIO, EPERM, ENOSYS, ELOOP, EINVAL] = [5, 1, 38, 40, 22]
const [DIRECT, KEEP, THROUGH] = [c.FOPEN_DIRECT_IO, c.FOPEN_KEEP_CACHE, c.FOPEN_PASSTHROUGH]
const PASSTHROUGH = { FUSE_CAP_PASSTHROUGH: true } as const

/** Descriptors of two files. */
function files(t: Test): readonly [number, number] {
  const here = fileURLToPath(import.meta.url)
  const fds = [
    openSync(here, 'r'),
    openSync(fileURLToPath(new URL('harness.ts', import.meta.url)), 'r'),
  ]
  t.teardown(() => {
    for (const fd of fds) closeSync(fd)
  })
  return fds as unknown as readonly [number, number]
}

interface Opening extends Served {
  /** What the next open answers. */
  next: unknown
  open(nodeid: number): Promise<ReturnType<typeof decoded<typeof s.fuse_open_out.members>>>
  release(nodeid: number, fh: number): Promise<number>
  readonly released: number[]
}

async function opening(
  t: Test,
  more: Partial<LowLevelOps> = {},
  options: ServeOptions = {},
): Promise<Opening> {
  const released: number[] = []
  const served = await serve(
    t,
    {
      open: () => self.next as OpenOut,
      release: (_req, _nodeid, { fh }) => void released.push(fh),
      ...more,
    },
    { capabilities: PASSTHROUGH, ...options },
  )
  const self: Opening = {
    ...served,
    next: {},
    released,
    open: async (nodeid) =>
      decoded(
        s.fuse_open_out,
        await served.kernel.request(c.FUSE_OPEN, partsOf('open'), { nodeid }),
      ),
    release: async (nodeid, fh) =>
      (await served.kernel.request(c.FUSE_RELEASE, partsOf('release', { fh }), { nodeid })).error,
  }
  return self
}

const ids = (kernel: Kernel): number[] => [...kernel.backing.keys()]

t.test('an open with a backing file is passed through until its last release', async (t) => {
  const [fd] = files(t)
  const fs = await opening(t)
  fs.next = { fh: 1, open_flags: KEEP | c.FOPEN_NOFLUSH, backing: fd }
  const flags = THROUGH | c.FOPEN_NOFLUSH
  t.match(await fs.open(5), { fh: 1, open_flags: flags, backing_id: 1 }, 'without what EIO follows')
  fs.next = { fh: 2, backing: fd }
  t.match(await fs.open(5), { fh: 2, open_flags: THROUGH, backing_id: 1 }, 'one id an inode')
  t.match(await fs.open(6), { backing_id: 2 }, 'and another one for another')
  await fs.release(5, 1)
  t.same(ids(fs.kernel), [1, 2])
  await fs.release(5, 2)
  t.same(ids(fs.kernel), [2])
  await fs.release(6, 2)
  t.same([ids(fs.kernel), fs.released, fs.errors], [[], [1, 2, 2], []])
  t.equal(fs.session.connection?.passthrough, 'active')
})

t.test('cached and passed-through opens of one inode never meet', async (t) => {
  const [fd] = files(t)
  const fs = await opening(t)
  fs.next = { fh: 1 }
  t.match(await fs.open(5), { open_flags: 0, backing_id: 0 })
  fs.next = { fh: 2, open_flags: KEEP, backing: fd }
  t.match(await fs.open(5), { open_flags: KEEP, backing_id: 0 }, 'plain beside a cached one')
  await fs.release(5, 1)
  t.match(await fs.open(5), { open_flags: KEEP, backing_id: 0 }, 'still one')
  await fs.release(5, 2)
  await fs.release(5, 2)
  fs.next = { fh: 3, backing: fd }
  t.match(await fs.open(5), { open_flags: THROUGH, backing_id: 1 })
  fs.next = { fh: 4, open_flags: KEEP }
  const served = { open_flags: DIRECT | THROUGH, backing_id: 1 }
  t.match(await fs.open(5), served, 'direct beside a backing file, and with it')
  await fs.release(5, 3)
  t.same(ids(fs.kernel), [1])
  await fs.release(5, 4)
  t.same(ids(fs.kernel), [])
  fs.next = { fh: 5, open_flags: DIRECT }
  t.match(await fs.open(5), { open_flags: DIRECT, backing_id: 0 })
  fs.next = { fh: 6, backing: fd }
  t.match(await fs.open(5), { open_flags: THROUGH, backing_id: 2 }, 'direct ones bear it')
})

t.test('an id is given back at the end of the session', async (t) => {
  const [fd] = files(t)
  const fs = await opening(t)
  for (const nodeid of [5, 6]) {
    fs.next = { fh: nodeid, backing: fd }
    await fs.open(nodeid)
  }
  fs.session.close()
  await fs.session.closed
  t.same(ids(fs.kernel), [], 'an aborted connection would keep it')
})

t.test('where direct files can be mapped they count as cached', async (t) => {
  const [fd] = files(t)
  const capabilities = { ...PASSTHROUGH, FUSE_CAP_DIRECT_IO_ALLOW_MMAP: true }
  const fs = await opening(t, {}, { capabilities })
  fs.next = { fh: 1, open_flags: DIRECT }
  await fs.open(5)
  fs.next = { fh: 2, backing: fd }
  t.match(await fs.open(5), { open_flags: 0, backing_id: 0 })
})

t.test('another backing file than the one in use is served by the file system', async (t) => {
  const [fd, other] = files(t)
  const fs = await opening(t)
  fs.next = { fh: 1, backing: fd }
  await fs.open(5)
  fs.next = { fh: 2, backing: other }
  t.match(await fs.open(5), { fh: 2, open_flags: DIRECT | THROUGH, backing_id: 1 })
  t.same(ids(fs.kernel), [1])
})

t.test('all opens may have one handle', async (t) => {
  const [fd] = files(t)
  const fs = await opening(t)
  fs.next = { backing: fd }
  await fs.open(5)
  fs.next = {}
  t.match(await fs.open(5), { open_flags: DIRECT | THROUGH })
  await fs.release(5, 0)
  t.same(ids(fs.kernel), [1], 'the other one has it still')
  await fs.release(5, 0)
  t.same(ids(fs.kernel), [])
  t.equal(await fs.release(5, 0), 0, 'one too many harms nothing')
})

for (const [number, reason, again] of [
  [EPERM, /^EPERM: the process lacks CAP_SYS_ADMIN/, false],
  [ELOOP, /^ELOOP: .*maxStackDepth/, true],
  [EINVAL, /^EINVAL: .*not a regular file/, true],
  [23, /^ENFILE: the kernel refused/, true],
] as const) {
  t.test(`the kernel says no: ${reason}`, async (t) => {
    const [fd] = files(t)
    const fs = await opening(t)
    fs.kernel.backingError = number
    fs.next = { fh: 1, open_flags: KEEP, backing: fd }
    t.match(await fs.open(5), { fh: 1, open_flags: KEEP, backing_id: 0 })
    t.match(fs.session.connection?.passthrough, reason)
    t.same(fs.errors, [], 'it is no mistake of anybody')
    await fs.release(5, 1)
    fs.kernel.backingError = 0
    t.match(await fs.open(5), { open_flags: again ? THROUGH : KEEP })
    t.equal(fs.session.connection?.passthrough === 'active', again)
  })
}

t.test('what is no descriptor is a plain open', async (t) => {
  const fs = await opening(t)
  for (const backing of [-1, 1_000_000, 1.5, Number.NaN, 'x', null, {}]) {
    fs.next = { fh: 1, backing }
    t.match(await fs.open(5), { open_flags: 0, backing_id: 0 })
    t.match(fs.session.connection?.passthrough, /^EBADF: /)
    await fs.release(5, 1)
  }
  t.same([ids(fs.kernel), fs.errors], [[], []])
})

t.test('flags that exclude a backing file win', async (t) => {
  const [fd] = files(t)
  const fs = await opening(t)
  for (const open_flags of [c.FOPEN_STREAM, c.FOPEN_NONSEEKABLE]) {
    fs.next = { fh: 1, open_flags, backing: fd }
    t.match(await fs.open(5), { open_flags, backing_id: 0 })
    await fs.release(5, 1)
  }
  t.same(ids(fs.kernel), [])
  fs.next = { fh: 1, open_flags: DIRECT, backing: fd }
  t.match(await fs.open(5), { open_flags: DIRECT | THROUGH, backing_id: 1 }, 'mapped through only')
})

t.test('without the capability a backing file means nothing', async (t) => {
  const [fd] = files(t)
  const fs = await opening(t, {}, { capabilities: {} })
  fs.next = { fh: 1, open_flags: KEEP, backing: fd }
  t.match(await fs.open(5), { fh: 1, open_flags: KEEP, backing_id: 0 })
  t.same(ids(fs.kernel), [])
  t.equal(fs.session.connection?.passthrough, 'not asked for')
})

for (const putsOff of [false, true]) {
  const when = putsOff ? 'as is found later' : 'at once'
  t.test(`an open whose caller is gone gives the id back, ${when}`, async (t) => {
    const [fd] = files(t)
    const fs = await opening(t, {}, { putsOff })
    fs.next = { fh: 1, backing: fd }
    fs.kernel.deliver(fs.kernel.message(c.FUSE_OPEN, partsOf('open'), { nodeid: 5 }))
    await turn()
    t.same([fs.kernel.unwanted, ids(fs.kernel), fs.released], [1, [], [1]])
    fs.next = { fh: 2 }
    t.match(await fs.open(5), { open_flags: 0 }, 'it is not taken for open')
  })
}

for (const name of ['create', 'tmpfile'] as const) {
  const opcode = name === 'create' ? c.FUSE_CREATE : c.FUSE_TMPFILE
  t.test(`${name} opens with a backing file too`, async (t) => {
    const [fd] = files(t)
    const entry = { nodeid: 7, attr: { mode: 0o100644 } }
    const forgotten: number[] = []
    const fs = await opening(t, {
      [name]: async () => ({ entry, open: { fh: 3, backing: fd } }),
      forget: (_req, nodeid) => void forgotten.push(nodeid),
    })
    const reply = await fs.kernel.request(opcode, partsOf(name))
    t.equal(decoded(s.fuse_entry_out, reply).nodeid, 7)
    t.match(decoded(s.fuse_open_out, reply, s.fuse_entry_out.size), {
      fh: 3,
      open_flags: THROUGH,
      backing_id: 1,
    })
    fs.next = { fh: 4 }
    t.match(await fs.open(7), { open_flags: DIRECT | THROUGH }, 'it is open')
    await fs.release(7, 3)
    await fs.release(7, 4)
    t.same(ids(fs.kernel), [])
    fs.kernel.deliver(fs.kernel.message(opcode, partsOf(name)))
    await turn()
    t.same([ids(fs.kernel), forgotten, fs.released], [[], [7], [3, 4, 3]], 'undone')
  })
}

t.test('an answer that is none takes and gives back nothing', async (t) => {
  const [fd] = files(t)
  const fs = await opening(t)
  fs.next = { fh: 0, backing: fd }
  await fs.open(5)
  for (const garbage of [undefined, null, 42, 'x', { fh: -1 }, { fh: 'x', backing: fd }]) {
    fs.next = garbage
    const { error } = await fs.kernel.request(c.FUSE_OPEN, partsOf('open'), { nodeid: 5 })
    t.equal(error, -EIO)
  }
  t.same(ids(fs.kernel), [1], 'the other open is as it was')
  fs.next = { fh: 9 }
  t.match(await fs.open(5), { open_flags: DIRECT | THROUGH })
  await fs.release(5, 9)
  await fs.release(5, 0)
  t.same(ids(fs.kernel), [])
})

t.test('release is noticed where the file system has no such method', async (t) => {
  const [fd] = files(t)
  const { kernel } = await serve(
    t,
    { open: () => ({ fh: 1, backing: fd }) },
    { capabilities: PASSTHROUGH },
  )
  await kernel.request(c.FUSE_OPEN, partsOf('open'), { nodeid: 5 })
  t.same(ids(kernel), [1])
  const { error } = await kernel.request(c.FUSE_RELEASE, partsOf('release', { fh: 1 }), {
    nodeid: 5,
  })
  t.same([error, ids(kernel)], [-ENOSYS, []])
})

t.test('methods keep their this', async (t) => {
  class FileSystem implements LowLevelOps {
    #fh = 8
    released = 0
    open(): OpenOut {
      return { fh: this.#fh }
    }
    release(): void {
      this.released = this.#fh
    }
  }
  const ops = new FileSystem()
  const { kernel } = await serve(t, ops, { capabilities: PASSTHROUGH })
  const reply = await kernel.request(c.FUSE_OPEN, partsOf('open'), { nodeid: 5 })
  t.equal(decoded(s.fuse_open_out, reply).fh, 8)
  await kernel.request(c.FUSE_RELEASE, partsOf('release', { fh: 8 }), { nodeid: 5 })
  t.equal(ops.released, 8)
})
