// Paths stay true while handlers work with them.
import { constants } from 'node:os'
import t from 'tap'
import type { PathOps } from '../../lib/index.ts'
import * as c from '../../protocol/constants.ts'
import * as s from '../../protocol/structs.ts'
import { gate, serve } from './paths.ts'

const { EINTR } = constants.errno
const ORDINARY = { size: 1 }

/** A directory /d and a file /d/f; each call is noted, and one of them waits. */
function slow(waits: string) {
  const calls: string[] = []
  const held = gate()
  const note = (call: string) => {
    calls.push(call)
    return call === waits ? held.opened : undefined
  }
  const ops = {
    async getattr(path) {
      await note(`getattr ${path}`)
      return path === '/' || path === '/d' || path === '/e' ? { type: 'directory' } : ORDINARY
    },
    open: () => 'handle',
    async read(path) {
      await note(`read ${path}`)
      return Buffer.from(`read ${path}`)
    },
    async rename(from, to) {
      await note(`rename ${from} ${to}`)
    },
    async unlink(path) {
      await note(`unlink ${path}`)
    },
  } satisfies PathOps
  return { ops, calls, held }
}

/** Everything that can go on has gone on. */
const settled = () => new Promise((resolve) => setImmediate(resolve))

t.test(
  'a rename waits for a slow handler below it, and then the path is the new one',
  async (t) => {
    const { ops, calls, held } = slow('read /d/f')
    const { lookup, open, read, rename } = await serve(t, ops)
    const d = await lookup('d')
    const f = await lookup('f', d)
    const fh = await open(f)
    const reading = read(f, fh)
    const renaming = rename('d', 'e')
    await settled()
    t.notOk(calls.includes('rename /d /e'), 'it waits')
    held.open()
    t.equal((await reading).payload.toString(), 'read /d/f')
    t.equal((await renaming).error, 0)
    t.equal((await read(f, fh)).payload.toString(), 'read /e/f')
  },
)

t.test('with pathLocks: false it does not wait', async (t) => {
  const { ops, calls, held } = slow('read /d/f')
  const { lookup, open, read, rename } = await serve(t, ops, { pathLocks: false })
  const f = await lookup('f', await lookup('d'))
  const reading = read(f, await open(f))
  t.equal((await rename('d', 'e')).error, 0)
  t.ok(calls.includes('rename /d /e'))
  held.open()
  await reading
})

t.test('what needs a path below waits for a rename under way', async (t) => {
  const { ops, calls, held } = slow('rename /d /e')
  const { lookup, getattr, rename } = await serve(t, ops)
  const d = await lookup('d')
  const f = await lookup('f', d)
  const renaming = rename('d', 'e')
  const asking = getattr(f)
  await settled()
  const before = calls.length
  held.open()
  t.equal((await renaming).error, 0)
  t.equal((await asking).error, 0)
  t.same(calls.slice(before), ['getattr /e/f'], 'and gets the new one')
})

t.test(
  'who comes by a path waits for a rename that waits, who has the file open does not',
  async (t) => {
    const { ops, calls, held } = slow('read /d/f')
    const { lookup, open, read, getattr, rename, kernel } = await serve(t, ops)
    const d = await lookup('d')
    const f = await lookup('f', d)
    const g = await lookup('g', d)
    const fh = await open(f)
    const other = await open(g)
    const reading = read(f, fh)
    const renaming = rename('d', 'e')
    const asking = getattr(g)
    await settled()
    t.notOk(calls.includes('getattr /d/g', calls.length - 1), 'a new one by path waits')
    t.equal((await read(g, other)).payload.toString(), 'read /d/g')
    held.open()
    await Promise.all([reading, renaming, asking])
    t.equal(calls.at(-1), 'getattr /e/g')
    t.equal(kernel.unanswered, 0)
  },
)

t.test('an interrupted caller waits no longer, and nobody waits for him', async (t) => {
  const { ops, held } = slow('read /d/f')
  const { lookup, open, read, getattr, kernel } = await serve(t, ops)
  const d = await lookup('d')
  const f = await lookup('f', d)
  const reading = read(f, await open(f))
  const message = kernel.message(c.FUSE_RENAME2, [
    kernel.struct(s.fuse_rename2_in, { newdir: 1, flags: 0 }),
    Buffer.from('d\0e\0'),
  ])
  const renaming = kernel.expectReply(message)
  kernel.deliver(message)
  const asking = getattr(d)
  await settled()
  const unique = message.readBigUInt64LE(8)
  kernel.post(c.FUSE_INTERRUPT, [kernel.struct(s.fuse_interrupt_in, { unique })], {
    unique: unique | 1n,
  })
  t.equal((await renaming).error, -EINTR)
  t.equal((await asking).error, 0)
  held.open()
  await reading
})

t.test('handlers that answer at once never wait', async (t) => {
  const calls: string[] = []
  const { lookup, rename, unlink } = await serve(t, {
    getattr: (path) => (path === '/' ? { type: 'directory' } : ORDINARY),
    rename: (from, to) => void calls.push(`${from} ${to}`),
    unlink: (path) => void calls.push(path),
  })
  await lookup('f')
  t.equal((await rename('f', 'g')).error, 0)
  t.equal((await unlink('g')).error, 0)
  t.same(calls, ['/f /g', '/g'])
})
