// What READ answers from a file, and what WRITE writes to one, without a mount.
import { closeSync, openSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { fdRange, writeTo } from '../../lib/fd_range.ts'
import type { LowLevelOps, ReadAnswer } from '../../lib/ops.ts'
import * as c from '../../protocol/constants.ts'
import * as s from '../../protocol/structs.ts'
import {
  bytesOf,
  deferred,
  type Kernel,
  partsOf,
  type ServeOptions,
  serve,
  turn,
} from './harness.ts'

const [EIO, EBADF, EISDIR] = [5, 9, 21]
const content = Buffer.from(Array.from({ length: 10_000 }, (_, i) => i % 251))

function file(t: Test): { readonly path: string; readonly fd: number } {
  const path = join(tmpdir(), `devfuse-range-${process.pid}`)
  writeFileSync(path, content)
  const fd = openSync(path, 'r+')
  t.teardown(() => {
    closeSync(fd)
    rmSync(path)
  })
  return { path, fd }
}

const read = (kernel: Kernel, offset: number, size: number, header = {}) =>
  kernel.request(c.FUSE_READ, partsOf('read', { offset, size }), header)

/** A file system that reads from a file; `slow` as if on a slow disk. */
async function reading(t: Test, slow: boolean, options: ServeOptions = {}) {
  const { fd, path } = file(t)
  const served = await serve(
    t,
    { read: (_req, _nodeid, { offset, size }) => fdRange(fd, offset, size) },
    options,
  )
  served.kernel.slow = slow
  return { ...served, fd, path }
}

for (const slow of [false, true]) {
  const how = slow ? 'later' : 'at once'
  t.test(`a range is sent as it lies in the file, ${how}`, async (t) => {
    const { kernel, errors } = await reading(t, slow)
    for (const [offset, size] of [
      [0, 1],
      [17, 4096],
      [4096, 5000],
      [9999, 1],
    ] as const) {
      const { error, payload } = await read(kernel, offset, size)
      t.equal(error, 0)
      t.ok(payload.equals(content.subarray(offset, offset + size)), `${size} bytes at ${offset}`)
    }
    t.same([errors, kernel.refused], [[], []])
  })

  t.test(`a file that is shorter gives a shorter answer, ${how}`, async (t) => {
    const { kernel, path } = await reading(t, slow)
    t.equal((await read(kernel, 9000, 4096)).payload.length, 1000)
    t.equal((await read(kernel, 10_000, 4096)).payload.length, 0, 'at its end')
    t.equal((await read(kernel, 20_000, 4096)).payload.length, 0, 'behind it')
    truncateSync(path, 10)
    t.equal((await read(kernel, 0, 4096)).payload.length, 10, 'it got shorter')
    t.same(kernel.refused, [], 'the header says as much')
  })

  t.test(`what the file answers is what the caller gets, ${how}`, async (t) => {
    const directory = openSync('/', 'r')
    t.teardown(() => closeSync(directory))
    const { kernel, session, errors } = await serve(t, {
      read: (_req, nodeid, { offset, size }) =>
        fdRange(nodeid === 1 ? directory : 1_000_000, offset, size),
    })
    kernel.slow = slow
    t.equal((await read(kernel, 0, 100, { nodeid: 1 })).error, -EISDIR)
    t.equal((await read(kernel, 0, 100, { nodeid: 2 })).error, -EBADF)
    t.same(errors, [], 'it is no mistake')
    await turn()
    t.match(session.stats()['read'], { count: 2, errors: 2, pending: 0 })
  })

  t.test(`nobody waits for the answer any more, ${how}`, async (t) => {
    const { kernel, session, errors } = await reading(t, slow)
    const message = kernel.message(c.FUSE_READ, partsOf('read', { size: 100 }))
    kernel.deliver(message)
    await turn()
    t.equal(kernel.unwanted, 1, 'the reply was made, and ENOENT')
    t.same([errors, session.stats()['read']?.pending], [[], 0])
    t.equal((await read(kernel, 0, 100)).payload.length, 100, 'others go on')
  })
}

t.test('a promise of a range', async (t) => {
  const { fd } = file(t)
  const { kernel, session } = await serve(t, {
    read: async (_req, _nodeid, { offset, size }) => fdRange(fd, offset, size),
  })
  for (const slow of [false, true]) {
    kernel.slow = slow
    const { payload } = await read(kernel, 5, 500)
    t.ok(payload.equals(content.subarray(5, 505)))
  }
  await turn()
  t.match(session.stats()['read'], { count: 2, errors: 0, pending: 0 })
})

t.test('a range of nothing asks no file', async (t) => {
  const { kernel } = await serve(t, { read: () => fdRange(1_000_000, 0, 0) })
  const { error, payload } = await read(kernel, 0, 100)
  t.same([error, payload.length], [0, 0])
})

t.test('what is no range is refused, and a longer one than was asked for', async (t) => {
  const wrong: readonly (() => ReadAnswer)[] = [
    () => fdRange(-1, 0, 1),
    () => fdRange(2 ** 31, 0, 1),
    () => fdRange(0.5, 0, 1),
    () => fdRange(0, -1, 1),
    () => fdRange(0, 2 ** 53, 1),
    () => fdRange(0, 0, -1),
    () => fdRange(0, 0, Number.NaN),
    () => fdRange('0' as never, 0, 1),
    () => fdRange(0, 0, 101),
  ]
  let next = 0
  const { kernel, errors } = await serve(t, { read: () => (wrong[next++] as () => ReadAnswer)() })
  for (const _ of wrong) t.equal((await read(kernel, 0, 100)).error, -EIO)
  t.equal(errors.length, wrong.length)
  for (const error of errors) t.match(error, { name: 'LayoutError', message: /^(fdRange|read): / })
})

t.test('a request that waits for its file counts as waiting', async (t) => {
  const { kernel, session } = await reading(t, true)
  const ready = read(kernel, 0, 100, { nodeid: 5 })
  t.match(session.stats()['read'], { count: 1, pending: 1 })
  let told = false
  void session.notify.invalInode(5, 0, 0).then(() => {
    told = true
  })
  await Promise.resolve()
  t.equal(kernel.notifications.length, 0, 'it may hold the lock on its inode')
  t.equal((await ready).payload.length, 100)
  await turn()
  t.ok(told && kernel.notifications.length === 1, 'and then the notification goes')
  t.match(session.stats()['read'], { count: 1, pending: 0, errors: 0 })
})

t.test('an interrupt does not take the answer away', async (t) => {
  const { kernel } = await reading(t, true)
  const message = kernel.message(c.FUSE_READ, partsOf('read', { size: 100 }), { unique: 900 })
  const reply = kernel.expectReply(message)
  kernel.deliver(message)
  kernel.post(c.FUSE_INTERRUPT, [bytesOf(s.fuse_interrupt_in, { unique: 900n })], { unique: 901 })
  const { error, payload } = await reply
  t.same([error, payload.length], [0, 100])
})

t.test(
  'answers that wait for a disk are limited in bytes, in the order in which they came',
  async (t) => {
    const { kernel, session } = await reading(t, true, { maxInFlight: 5000 })
    const order: number[] = []
    const replies = [0, 1, 2, 3, 4].map(async (i) => {
      const { payload } = await read(kernel, i, 3000)
      t.ok(payload.equals(content.subarray(i, i + 3000)))
      order.push(i)
    })
    t.equal(session.stats()['read']?.pending, 5)
    t.equal(kernel.later, 2, '6,000 bytes are under way')
    await Promise.all(replies)
    t.same(order, [0, 1, 2, 3, 4])
  },
)

t.test('a write waits for memory that answers have taken', async (t) => {
  const written: number[] = []
  const { fd } = file(t)
  const { kernel } = await serve(
    t,
    {
      read: (_req, _nodeid, { offset, size }) => fdRange(fd, offset, size),
      write(_req, _nodeid, { offset, size }) {
        written.push(offset)
        return { size }
      },
    },
    { maxInFlight: 1000 },
  )
  kernel.slow = true
  const reply = read(kernel, 0, 2000)
  const after = kernel.request(c.FUSE_WRITE, [
    bytesOf(s.fuse_write_in, { size: 4, offset: 77 }),
    Buffer.alloc(4),
  ])
  t.same(written, [])
  await Promise.all([reply, after])
  t.same(written, [77])
})

t.test('the end of a session does not wait for room', async (t) => {
  const { kernel, session } = await reading(t, true, { maxInFlight: 1000 })
  for (let i = 0; i < 3; i++) void read(kernel, i, 2000)
  session.close()
  t.match(await session.closed, { reason: 'unmounted' })
})

t.test('writeTo writes the payload where it is told', async (t) => {
  const { fd, path } = file(t)
  const { kernel, errors } = await serve(t, {
    write: (_req, nodeid, { offset }, data) => ({
      size: writeTo(data, nodeid === 1 ? fd : 1_000_000, offset),
    }),
  })
  const write = (nodeid: number) =>
    kernel.request(
      c.FUSE_WRITE,
      [bytesOf(s.fuse_write_in, { size: 5, offset: 100 }), Buffer.from('12345')],
      { nodeid },
    )
  const { error, payload } = await write(1)
  t.same([error, payload.readUInt32LE()], [0, 5])
  t.equal(readFileSync(path).subarray(100, 105).toString(), '12345')
  t.equal((await write(2)).error, -EBADF, 'it throws what the system says')
  t.same(errors, [])
  t.throws(() => writeTo(Buffer.from('x'), 1_000_000, 0), { code: 'EBADF', errno: EBADF })
})

t.test('a handler whose answer comes too late is told to nobody', async (t) => {
  const { fd } = file(t)
  const answer = deferred<ReadAnswer>()
  const ops: LowLevelOps = { read: () => answer.promise }
  const { kernel, errors } = await serve(t, ops)
  kernel.slow = true
  const message = kernel.message(c.FUSE_READ, partsOf('read', { size: 100 }), { unique: 500 })
  void kernel.expectReply(message)
  kernel.deliver(message)
  kernel.drop(500)
  answer.resolve(fdRange(fd, 0, 100))
  await turn()
  await turn()
  t.same([kernel.unwanted, errors], [1, []])
})
