import t from 'tap'
import type { FuseRequest } from '../../lib/context.ts'
import { InterruptedError } from '../../lib/context.ts'
import { errno } from '../../lib/errno.ts'
import * as c from '../../protocol/constants.ts'
import * as s from '../../protocol/structs.ts'
import { bytesOf, deferred, type Kernel, partsOf, serve, settled, turn } from './harness.ts'

const [EINTR, EAGAIN] = [4, 11]
const attr = { attr: { mode: 0 } }

/** INTERRUPT for `unique`, with a number of its own as the kernel's. */
const interrupt = (unique: number) =>
  [
    c.FUSE_INTERRUPT,
    [bytesOf(s.fuse_interrupt_in, { unique: BigInt(unique) })],
    { unique: unique + 1 },
  ] as const
const post = (kernel: Kernel, unique: number): void => kernel.post(...interrupt(unique))

t.test('an interrupted request has an aborted signal, and its answer counts', async (t) => {
  let req: FuseRequest | undefined
  const answer = deferred<typeof attr>()
  const { kernel, errors } = await serve(t, {
    getattr(request) {
      req = request
      return answer.promise
    },
  })
  const reply = kernel.request(c.FUSE_GETATTR, partsOf('getattr'), { unique: 100 })
  const signal = req?.signal
  t.same([req?.interrupted, signal?.aborted], [false, false])
  post(kernel, 100)
  t.same([req?.interrupted, signal?.aborted], [true, true])
  t.ok(signal?.reason instanceof InterruptedError, 'the reason is an InterruptedError')
  t.match(signal?.reason, { name: 'AbortError', code: 'EINTR', errno: EINTR })
  post(kernel, 100)
  answer.resolve(attr)
  t.equal((await reply).error, 0, 'a result that came too late to give up')
  t.same([errors, kernel.unwanted], [[], 0], 'an INTERRUPT that was heard is not answered')
})

t.test('a signal first looked at after the interrupt is aborted', async (t) => {
  const { kernel, errors } = await serve(t, {
    async getattr(req) {
      await turn()
      req.signal.throwIfAborted()
      return attr
    },
  })
  const reply = kernel.request(c.FUSE_GETATTR, partsOf('getattr'), { unique: 100 })
  post(kernel, 100)
  t.equal((await reply).error, -EINTR, 'what throwIfAborted throws is EINTR')
  t.same(errors, [])
})

t.test('an INTERRUPT that comes before its request is kept for it', async (t) => {
  const seen: boolean[] = []
  const { kernel, errors } = await serve(t, {
    getattr(req) {
      seen.push(req.interrupted)
      if (req.interrupted) throw errno('EINTR')
      return attr
    },
  })
  post(kernel, 100)
  t.equal((await kernel.request(c.FUSE_GETATTR, partsOf('getattr'), { unique: 100 })).error, -EINTR)
  t.equal((await kernel.request(c.FUSE_GETATTR, partsOf('getattr'), { unique: 102 })).error, 0)
  t.same(seen, [true, false])
  t.same([errors, kernel.unwanted], [[], 0])
})

t.test('an INTERRUPT for nobody is answered EAGAIN when another request comes', async (t) => {
  for (const putsOff of [false, true]) {
    const { kernel, errors } = await serve(t, { getattr: () => attr }, { putsOff })
    const reply = kernel.request(...interrupt(100))
    t.equal(await settled(reply), false, 'its request may still come')
    const other = kernel.request(c.FUSE_GETATTR, partsOf('getattr'), { unique: 102 })
    t.equal(await settled(other), true)
    t.match(await other, { error: 0 })
    t.equal(await settled(reply), true)
    t.same(await reply, { error: -EAGAIN, payload: Buffer.alloc(0) })
    t.same([errors, kernel.refused], [[], []])
  }
})

t.test('of a thousand INTERRUPTs for nobody the oldest are given back', async (t) => {
  const { kernel, errors } = await serve(t, { getattr: () => attr })
  const replies = Array.from({ length: 1000 }, (_, i) => kernel.request(...interrupt(1000 + 2 * i)))
  await turn()
  t.ok(kernel.unanswered < 1000 && kernel.unanswered > 0, 'some are kept', {
    found: kernel.unanswered,
  })
  const kept = kernel.unanswered
  for (let i = 0; i < kept; i++) {
    await kernel.request(c.FUSE_GETATTR, partsOf('getattr'), { unique: 10_000 + 2 * i })
  }
  t.equal(kernel.unanswered, 0, 'each further request gives one back')
  for (const reply of replies) t.equal((await reply).error, -EAGAIN)
  t.same(errors, [])
})

t.test('a request that was answered meanwhile is not touched', async (t) => {
  let req: FuseRequest | undefined
  const { kernel } = await serve(t, {
    async getattr(request) {
      req = request
      return attr
    },
  })
  await kernel.request(c.FUSE_GETATTR, partsOf('getattr'), { unique: 100 })
  post(kernel, 100)
  t.equal(req?.interrupted, false)
})

t.test('an interrupt finds a request that was sent again, and the other way round', async (t) => {
  const seen: boolean[] = []
  const { kernel } = await serve(t, {
    async getattr(req) {
      await turn()
      seen.push(req.interrupted)
      return attr
    },
  })
  const resent = kernel.request(c.FUSE_GETATTR, partsOf('getattr'), { unique: 2n ** 63n + 100n })
  post(kernel, 100)
  await resent
  t.same(seen, [true])
})

t.test(
  'a write that waits for its turn is given up: EINTR, and the handler never sees it',
  async (t) => {
    const first = deferred<{ size: number }>()
    const seen: number[] = []
    const { kernel, errors } = await serve(
      t,
      {
        write(req, _nodeid, { size }) {
          seen.push(req.unique)
          return seen.length === 1 ? first.promise : { size }
        },
      },
      { maxInFlight: 1000 },
    )
    const write = (unique: number) =>
      kernel.request(c.FUSE_WRITE, [bytesOf(s.fuse_write_in, { size: 920 }), Buffer.alloc(920)], {
        unique,
      })
    const replies = [write(100), write(102)]
    t.equal(kernel.paused, true)
    kernel.resume()
    post(kernel, 102)
    t.equal((await (replies[1] as (typeof replies)[0])).error, -EINTR)
    first.resolve({ size: 920 })
    t.equal((await (replies[0] as (typeof replies)[0])).error, 0)
    t.same([seen, errors, kernel.held], [[100], [], 0])
  },
)

t.test('an INTERRUPT that is none is reported and not answered', async (t) => {
  const { kernel, errors } = await serve(t, { getattr: () => attr })
  kernel.post(c.FUSE_INTERRUPT, [Buffer.alloc(4)], { unique: 101 })
  t.match(errors, [{ name: 'ProtocolError', message: /fuse_interrupt_in takes 8 bytes/ }])
  t.same([kernel.unwanted, kernel.refused], [0, []])
})
