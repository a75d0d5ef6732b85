import t from 'tap'
import { errno } from '../../lib/errno.ts'
import * as c from '../../protocol/constants.ts'
import * as s from '../../protocol/structs.ts'
import { runChild } from '../child.ts'
import { bytesOf, deferred, partsOf, serve, turn } from './harness.ts'

const entry = { nodeid: 7, attr: { mode: 0 } }

t.test('requests and errors are counted by operation', async (t) => {
  const { kernel, session } = await serve(t, {
    lookup(_req, _parent, name) {
      if (name === 'gone') return null
      if (name === 'secret') throw errno('EACCES')
      return entry
    },
    async getattr() {
      throw errno('EIO')
    },
    unlink() {},
  })
  for (const name of ['a', 'b', 'gone', 'secret']) await kernel.request(c.FUSE_LOOKUP, [name])
  await kernel.request(c.FUSE_GETATTR, partsOf('getattr'))
  await kernel.request(c.FUSE_UNLINK, ['a'])
  await kernel.request(c.FUSE_RMDIR, ['a'])
  kernel.post(c.FUSE_FORGET, [bytesOf(s.fuse_forget_in)])
  const stats = session.stats()
  t.match(stats, {
    init: { count: 1, errors: 0 },
    lookup: { count: 4, errors: 2, pending: 0, oldest: 0 },
    getattr: { count: 1, errors: 1 },
    unlink: { count: 1, errors: 0 },
    rmdir: { count: 1, errors: 1 },
    forget: { count: 1, errors: 0 },
  })
  t.same(Object.keys(stats).sort(), ['forget', 'getattr', 'init', 'lookup', 'rmdir', 'unlink'])
})

t.test('an answer that cannot be encoded counts as one error', async (t) => {
  const { kernel, session } = await serve(t, { lookup: () => ({ nodeid: -1, attr: { mode: 0 } }) })
  await kernel.request(c.FUSE_LOOKUP, ['a'])
  t.match(session.stats()['lookup'], { count: 1, errors: 1 })
})

t.test('every asynchronous request is timed, one in 16 of the others', async (t) => {
  const { kernel, session } = await serve(t, {
    lookup: () => entry,
    async getattr() {
      await turn()
      return { attr: { mode: 0 } }
    },
  })
  for (let i = 0; i < 320; i++) await kernel.request(c.FUSE_LOOKUP, ['a'])
  for (let i = 0; i < 10; i++) await kernel.request(c.FUSE_GETATTR, partsOf('getattr'))
  const { lookup, getattr } = session.stats()
  t.equal(lookup?.timed, 20)
  t.equal(getattr?.timed, 10)
  for (const operation of [lookup, getattr]) {
    const { histogram = [], timed, p50 = 0, p99 = 0 } = operation ?? {}
    t.equal(
      histogram.reduce((sum, n) => sum + n, 0),
      timed,
      'the histogram has them all',
    )
    t.ok(p50 > 0 && p50 <= p99, 'quantiles are in order', { p50, p99 })
  }
})

t.test('latencies are in the bucket of their size', async (t) => {
  const answer = deferred<typeof entry>()
  const { kernel, session } = await serve(t, { lookup: () => answer.promise })
  const reply = kernel.request(c.FUSE_LOOKUP, ['a'])
  const began = performance.now()
  while (performance.now() - began < 5) await turn()
  const waiting = session.stats()['lookup']
  t.match(waiting, { count: 1, pending: 1, timed: 0 })
  t.ok((waiting?.oldest ?? 0) >= 4, 'milliseconds', { found: waiting?.oldest })
  answer.resolve(entry)
  await reply
  const took = performance.now() - began
  const { histogram = [], p50 = 0 } = session.stats()['lookup'] ?? {}
  const bucket = histogram.indexOf(1)
  t.ok(2 ** bucket >= 4e6, 'not less than it waited', { bucket })
  t.ok(2 ** (bucket - 1) <= took * 1e6 + 1e6, 'not more than it can have waited', { bucket, took })
  t.equal(p50, 2 ** bucket / 1000, 'microseconds')
})

t.test('an opcode that nobody knows is counted under its number', async (t) => {
  const { kernel, session } = await serve(t, {})
  for (const opcode of [60, 64, 4096, 2 ** 31]) await kernel.request(opcode)
  t.same(Object.keys(session.stats()).sort(), [
    'init',
    'opcode 2147483648',
    'opcode 4096',
    'opcode 60',
    'opcode 64',
  ])
})

t.test('DEBUG=devfuse:wire writes a line a message', async (t) => {
  const child = new URL('trace_child.ts', import.meta.url)
  const { status, stdout, stderr } = runChild(child, {
    env: { DEBUG: 'devfuse:wire', DEBUG_COLORS: 'no' },
  })
  t.equal(status, 0, 'the child ends well', { stderr })
  t.equal(stdout, 'done\n')
  const lines = stderr.split('\n').filter((line) => line.includes('devfuse:wire'))
  const wanted = [
    /-> 2 INIT/,
    /<- 2 INIT ok/,
    /-> 100 LOOKUP.*node 1 .*uid 1000 gid 1001 pid 42/,
    /<- 100 LOOKUP ok.*nodeid:7/,
    /-> 102 LOOKUP/,
    /<- 102 LOOKUP ENOENT/,
    /-> 104 READ/,
    /<- 104 READ ok <3 bytes>/,
    /-> 106 UNLINK/,
    /<- 106 UNLINK ENOSYS/,
    /-> 108 FORGET/,
    /<- notify invalEntry/,
    /-> 110 LOOKUP/,
    /<- 110 LOOKUP.*NOT DELIVERED: ENOENT/,
  ]
  let at = 0
  for (const pattern of wanted) {
    const found = lines.findIndex((line, i) => i >= at && pattern.test(line))
    t.ok(found >= 0, String(pattern), found < 0 ? { lines } : {})
    if (found >= 0) at = found
  }
  const quiet = runChild(child)
  t.same([quiet.status, quiet.stderr], [0, ''], 'without it nothing is written')
})
