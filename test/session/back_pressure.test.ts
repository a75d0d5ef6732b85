import t from 'tap'
import type { LowLevelOps } from '../../lib/ops.ts'
import * as c from '../../protocol/constants.ts'
import * as s from '../../protocol/structs.ts'
import {
  bytesOf,
  type Deferred,
  deferred,
  type Kernel,
  partsOf,
  serve,
  settled,
  turn,
} from './harness.ts'

const entry = { nodeid: 7, attr: { mode: 0o100644 } }

/** A WRITE whose message has `length` bytes, its data marked. */
function write(kernel: Kernel, mark: number, length: number, nodeid = 5) {
  const size = length - 80
  const parts = [bytesOf(s.fuse_write_in, { size, offset: mark }), Buffer.alloc(size, mark)]
  return kernel.request(c.FUSE_WRITE, parts, { nodeid })
}

/** Writes that wait until they are told, by their mark. */
function slowWrites(): { ops: LowLevelOps; seen: number[]; finish(mark: number): Promise<void> } {
  const seen: number[] = []
  const waiting = new Map<number, Deferred<{ size: number }>>()
  return {
    seen,
    ops: {
      write(_req, _nodeid, { offset, size }, data) {
        seen.push(offset)
        const answer = deferred<{ size: number }>()
        waiting.set(offset, answer)
        return answer.promise.then(() => {
          if (data.some((byte) => byte !== offset)) throw new Error(`data of ${offset} changed`)
          return { size }
        })
      },
      lookup: () => entry,
    },
    finish(mark) {
      waiting.get(mark)?.resolve({ size: 0 })
      return turn()
    },
  }
}

t.test('writes beyond the limit wait in the order in which they came', async (t) => {
  const { ops, seen, finish } = slowWrites()
  const { kernel, errors } = await serve(t, ops, { maxInFlight: 1000 })
  const replies = [1, 2, 3, 4, 5, 6].map((mark) => write(kernel, mark, 500))
  t.same(seen, [1, 2], '1,000 bytes are under way')
  t.equal(kernel.held, 4, 'as much again is kept')
  t.equal(kernel.paused, true, 'and no more is read')
  await finish(2)
  t.same(seen, [1, 2, 3], 'one is done, the next begins')
  await finish(1)
  await finish(3)
  t.same(seen, [1, 2, 3, 4, 5])
  t.equal(kernel.paused, false, 'reading goes on')
  for (const mark of [4, 5, 6]) await finish(mark)
  t.same(seen, [1, 2, 3, 4, 5, 6])
  for (const reply of replies) t.equal((await reply).error, 0)
  t.same([errors, kernel.held, kernel.refused], [[], 0, []])
})

t.test('a write bigger than the limit is served alone', async (t) => {
  const { ops, seen, finish } = slowWrites()
  const { kernel } = await serve(t, ops, { maxInFlight: 1000 })
  const replies = [write(kernel, 1, 50_000), write(kernel, 2, 50_000), write(kernel, 3, 90)]
  t.same(seen, [1])
  await finish(1)
  t.same(seen, [1, 2])
  await finish(2)
  await finish(3)
  for (const reply of replies) t.equal((await reply).error, 0)
  t.same([seen, kernel.held, kernel.paused], [[1, 2, 3], 0, false])
})

t.test('what carries no payload passes while writes wait', async (t) => {
  const { ops, seen, finish } = slowWrites()
  const { kernel } = await serve(t, ops, { maxInFlight: 1000 })
  const replies = [write(kernel, 1, 1000), write(kernel, 2, 100)]
  t.same([seen, kernel.paused], [[1], false])
  t.equal((await kernel.request(c.FUSE_LOOKUP, ['a'])).error, 0)
  await finish(1)
  await finish(2)
  for (const reply of replies) t.equal((await reply).error, 0)
})

t.test('writes that are answered at once never wait', async (t) => {
  const seen: number[] = []
  const { kernel } = await serve(
    t,
    {
      write(_req, _nodeid, { offset, size }) {
        seen.push(offset)
        return { size }
      },
    },
    { maxInFlight: 100 },
  )
  for (let mark = 0; mark < 20; mark++) {
    t.equal((await write(kernel, mark, 1000)).error, 0)
    t.same([kernel.held, kernel.paused], [0, false])
  }
  t.equal(seen.length, 20)
})

t.test('writes that waited and are then answered at once free the next', async (t) => {
  for (const length of [1000, 500, 90]) {
    const first = deferred<{ size: number }>()
    const seen: number[] = []
    const { kernel } = await serve(
      t,
      {
        write(_req, _nodeid, { offset, size }) {
          seen.push(offset)
          return offset === 0 ? first.promise : { size }
        },
      },
      { maxInFlight: 1000 },
    )
    const replies = [
      write(kernel, 0, 1000),
      ...Array.from({ length: 29 }, (_, i) => write(kernel, i + 1, length)),
    ]
    t.same([seen, kernel.paused], [[0], true])
    first.resolve({ size: 1 })
    for (const reply of replies) t.equal((await reply).error, 0)
    t.same(seen, [...Array(30).keys()], `all in order, of ${length} bytes`)
    t.same([kernel.held, kernel.paused], [0, false])
  }
})

t.test('a handler that rejects frees the next', async (t) => {
  let n = 0
  const { kernel, errors } = await serve(
    t,
    {
      async write() {
        n++
        throw new Error('disk full')
      },
    },
    { maxInFlight: 1000 },
  )
  const replies = [write(kernel, 1, 1000), write(kernel, 2, 1000), write(kernel, 3, 1000)]
  for (const reply of replies) t.equal((await reply).error, -5)
  t.same([n, errors.length, kernel.held, kernel.paused], [3, 3, 0, false])
})

t.test('at the end everything that waits is given back', async (t) => {
  const { ops, seen, finish } = slowWrites()
  const { kernel, session } = await serve(t, ops, { maxInFlight: 1000 })
  for (const mark of [1, 2, 3]) void write(kernel, mark, 1000)
  kernel.unmount()
  await finish(1)
  t.same(await session.closed, { reason: 'unmounted' })
  t.same([seen, kernel.held], [[1], 0])
})

t.test(
  'a handler that awaits a notification about an inode whose write waits behind it',
  async (t) => {
    const seen: number[] = []
    const begin = deferred()
    const { kernel, session, errors } = await serve(
      t,
      {
        async write(_req, nodeid, { size }) {
          seen.push(nodeid)
          await begin.promise
          if (nodeid === 5) await session.notify.invalInode(6)
          return { size }
        },
      },
      { maxInFlight: 1000 },
    )
    const replies = [write(kernel, 1, 1000, 5)]
    // As in the kernel: the notification waits for the lock that the write of inode 6 holds.
    const answered = deferred<number>()
    kernel.onNotify = () => answered.promise
    replies.push(write(kernel, 2, 200, 6))
    void replies[1]?.then(() => answered.resolve(0))
    t.same([seen, kernel.held], [[5], 2], 'the second one waits')
    begin.resolve()
    await turn()
    await turn()
    t.equal(kernel.unanswered, 0, 'both are answered')
    t.same(seen, [5, 6])
    await turn()
    t.equal(kernel.notifications.length, 1, 'and the notification went out')
    t.same(errors, [])
  },
)

// How long a payload may be looked at.

t.test(
  'a payload is the message itself until the handler settles, then it is overwritten',
  async (t) => {
    let view: Uint8Array = new Uint8Array(0)
    const answer = deferred<{ size: number }>()
    const { kernel, errors } = await serve(t, {
      write(_req, _nodeid, _args, data) {
        view = data
        return answer.promise
      },
      lookup: () => entry,
    })
    const reply = write(kernel, 0x61, 90)
    for (let i = 0; i < 10; i++) await kernel.request(c.FUSE_LOOKUP, ['another message'.repeat(20)])
    t.equal(Buffer.from(view).toString(), 'aaaaaaaaaa', 'other messages come in other memory')
    answer.resolve({ size: 10 })
    await reply
    await turn()
    t.same([...new Set(view)], [0xdb], 'poison')
    t.same([errors, kernel.held], [[], 0])
  },
)

t.test('poison follows every way in which a handler settles', async (t) => {
  let view: Uint8Array = new Uint8Array(0)
  let how: () => unknown = () => undefined
  const { kernel, errors } = await serve(t, {
    write(_req, _nodeid, _args, data) {
      view = data
      return how() as { size: number }
    },
  })
  const ways: Readonly<Record<string, () => unknown>> = {
    'a value': () => ({ size: 10 }),
    'a promise': async () => ({ size: 10 }),
    'a value that is none': () => 'garbage',
    'an error': () => {
      throw new Error('x')
    },
    'a rejection': async () => {
      throw new Error('x')
    },
  }
  for (const [what, way] of Object.entries(ways)) {
    how = way
    await write(kernel, 0x61, 90)
    await turn()
    t.same([...new Set(view)], [0xdb], what)
  }
  t.equal(errors.length, 3)
})

t.test('without poison a payload is left alone', async (t) => {
  let view: Uint8Array = new Uint8Array(0)
  const { kernel } = await serve(
    t,
    {
      write(_req, _nodeid, { size }, data) {
        view = data
        return { size }
      },
    },
    { poison: false },
  )
  await write(kernel, 0x61, 90)
  t.equal(Buffer.from(view).toString(), 'aaaaaaaaaa')
})

t.test('a reply may be made of the payload', async (t) => {
  for (const later of [false, true]) {
    const { kernel } = await serve(t, {
      ioctl(_req, _nodeid, _args, data) {
        const answer = { result: 0, data }
        return later ? turn().then(() => answer) : answer
      },
    })
    const data = Buffer.alloc(6000, 0x62)
    const args = bytesOf(s.fuse_ioctl_in, { in_size: 6000, out_size: 6000 })
    const reply = await kernel.request(c.FUSE_IOCTL, [args, data])
    t.ok(reply.payload.subarray(16).equals(data), later ? 'later' : 'at once')
  }
})

t.test('a name outlives its message', async (t) => {
  const names: string[] = []
  const { kernel } = await serve(t, {
    async lookup(_req, _parent, name) {
      await turn()
      names.push(name)
      return entry
    },
  })
  const replies = ['a', 'b', 'ü\udcff'].map((name) => kernel.request(c.FUSE_LOOKUP, [name]))
  await Promise.all(replies)
  t.same(names, ['a', 'b', 'ü\udcff'])
  t.equal(await settled(kernel.request(c.FUSE_GETATTR, partsOf('getattr'))), true)
})
