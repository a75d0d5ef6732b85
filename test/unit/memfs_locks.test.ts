import t from 'tap'
import { F_RDLCK, F_UNLCK, F_WRLCK, type Lock, LockList, Waiters } from '../../examples/locks.ts'
import { random, seed } from './random.ts'

const { below } = random()

const lock = (owner: number, type: number, start: number, end: number): Lock => ({
  owner: BigInt(owner),
  type,
  start: BigInt(start),
  end: BigInt(end),
  fh: owner,
  pid: owner,
})
const whole = (owner: number, type = F_WRLCK): Lock => ({
  ...lock(owner, type, 0, 0),
  end: 0x7fff_ffff_ffff_ffffn,
})
const never = new AbortController().signal

t.test(`ranges follow a model of single bytes (seed ${seed})`, async (t) => {
  const BYTES = 24
  const OWNERS = 3
  const list = new LockList()
  const model = Array.from({ length: OWNERS }, () => new Array<number>(BYTES).fill(F_UNLCK))
  for (let i = 0; i < 20_000; i++) {
    const owner = below(OWNERS)
    const type = below(3)
    const start = below(BYTES)
    const end = start + below(BYTES - start)
    const against = model.some(
      (bytes, other) =>
        other !== owner &&
        type !== F_UNLCK &&
        bytes
          .slice(start, end + 1)
          .some((b) => b === F_WRLCK || (b === F_RDLCK && type === F_WRLCK)),
    )
    const set = list.set(lock(owner, type, start, end))
    if (set === against) throw new Error(`step ${i}: ${set ? 'set' : 'refused'}`)
    if (set) model[owner]?.fill(type, start, end + 1)
  }
  for (let owner = 0; owner < OWNERS; owner++) list.release(BigInt(owner))
  t.ok(list.idle)
})

t.test('neighbours of one owner and type become one lock', async (t) => {
  const list = new LockList()
  for (const [start, end] of [
    [0, 9],
    [20, 29],
    [10, 19],
  ] as const) {
    list.set(lock(1, F_RDLCK, start, end))
  }
  t.same(list.conflicts(lock(2, F_WRLCK, 5, 5)), [lock(1, F_RDLCK, 0, 29)])
  list.set(lock(1, F_UNLCK, 10, 19))
  t.same(list.conflicts(lock(2, F_WRLCK, 0, 99)), [
    lock(1, F_RDLCK, 0, 9),
    lock(1, F_RDLCK, 20, 29),
  ])
})

t.test('those who wait are served in the order in which they came', async (t) => {
  const list = new LockList()
  const order: number[] = []
  list.set(whole(0))
  const waiting = [1, 2, 3].map((owner) =>
    list.wait(whole(owner), never).then(() => {
      order.push(owner)
      list.release(BigInt(owner))
    }),
  )
  list.release(0n)
  await Promise.all(waiting)
  t.same(order, [1, 2, 3])
  t.ok(list.idle)
})

t.test('readers are let in together, past a writer who can not be', async (t) => {
  const list = new LockList()
  list.set(lock(0, F_WRLCK, 0, 9))
  list.set(lock(9, F_RDLCK, 50, 59))
  let written = false
  const writer = list.wait(lock(1, F_WRLCK, 0, 59), never).then(() => {
    written = true
  })
  const readers = [2, 3].map((owner) => list.wait(lock(owner, F_RDLCK, 0, 9), never))
  list.release(0n)
  await Promise.all(readers)
  t.notOk(written)
  for (const owner of [2n, 3n, 9n]) list.release(owner)
  await writer
  t.ok(written)
})

t.test('an interrupted wait is EINTR, before and during, and leaves nothing', async (t) => {
  const list = new LockList()
  list.set(whole(0))
  const abort = new AbortController()
  const waiting = list.wait(whole(1), abort.signal)
  abort.abort()
  await t.rejects(waiting, { code: 'EINTR' })
  await t.rejects(list.wait(whole(2), abort.signal), { code: 'EINTR' })
  list.release(0n)
  t.ok(list.idle)
})

t.test('a wait that closes a cycle is found, whichever way round', async (t) => {
  const waiters = new Waiters()
  const [a, b, c] = [new LockList(), new LockList(), new LockList()]
  a.set(whole(1))
  b.set(whole(2))
  c.set(whole(3))
  void a.wait(whole(2), never, waiters)
  void b.wait(whole(3), never, waiters)
  t.ok(waiters.closesCycle(c, whole(1)))
  t.notOk(waiters.closesCycle(c, whole(4)))
  b.release(2n)
  t.notOk(waiters.closesCycle(a, whole(3)), '3 has b now, and 2 only waits')
})
