import { readdirSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import t, { type Test } from 'tap'
import type { FuseRequest } from '../../lib/context.ts'
import type { FakeReply } from '../../lib/fake_kernel.ts'
import { fuse_ll_ops } from '../../lib/fuse_ll_ops.ts'
import type { LowLevelOps } from '../../lib/ops.ts'
import * as c from '../../protocol/constants.ts'
import type { AnyStruct } from '../../protocol/layout.ts'
import * as s from '../../protocol/structs.ts'
import {
  bytesOf,
  deferred,
  type Served,
  type ServeOptions,
  serve,
  start,
  turn,
} from '../session/harness.ts'
import { type Golden, layoutOf, membersOf, read, requestFields, revive, shown } from './format.ts'

/**
 * Requests as this kernel sent them: what the handler gets is what the file says, and the reply is
 * byte for byte the one that the kernel took. record.ts writes the files.
 */

const files = readdirSync(new URL('.', import.meta.url)).filter((name) => name.endsWith('.txt'))
const golden = new Map(
  files.map((name) => [basename(name, '.txt'), read(new URL(name, import.meta.url))] as const),
)
const named = (name: string): Golden => {
  const found = golden.get(name)
  if (found === undefined) throw new Error(`there is no ${name}.txt`)
  return found
}

/** Fields that a handler sees; not the first one, `len`. */
const isSeen = ({ value, name }: { value: string; name: string }, i: number): boolean =>
  i > 0 && value !== 'padding' && name !== 'total_extlen' && !name.startsWith('ext.')

/** What a handler got, as the file says it. */
function seenBy(golden: Golden, req: FuseRequest, rest: readonly unknown[]): [string, string][] {
  const row = fuse_ll_ops[golden.opcode]
  const layout = layoutOf(golden.opcode, golden.options)
  const { opcode, unique, nodeid, uid, gid, pid } = req
  const header = Object.entries({ opcode, unique, nodeid, uid, gid, pid })
  const seen: [string, string][] = header.map(([name, value]) => [name, String(value)])
  const left = [...rest]
  if (layout !== null) seen.push(...membersOf(layout, left.shift()))
  for (let i = 0; i < (row?.names ?? 0); i++)
    seen.push([i === 0 ? 'name' : 'name2', shown('', left.shift())])
  if (typeof row?.data === 'string') seen.push(['data', shown('', left.shift())])
  else if (row?.data) {
    const shape: AnyStruct = row.data
    const records = left.shift() as readonly unknown[]
    for (const [i, record] of records.entries()) seen.push(...membersOf(shape, record, `[${i}].`))
  }
  if (left.length > 0) throw new Error(`${left.length} arguments too many`)
  return seen
}

interface Call {
  readonly method: string
  readonly req: FuseRequest
  readonly seen: readonly [string, string][]
}

/** Every method, which notes what it gets and answers what the file says. */
function handlers(golden: Golden, calls: Call[]): LowLevelOps {
  const methods = Object.values(fuse_ll_ops).map(({ name }) => [
    name,
    (req: FuseRequest, _nodeid: number, ...rest: unknown[]) => {
      calls.push({ method: name, req, seen: seenBy(golden, req, rest) })
      if (golden.reply !== undefined && golden.reply.readInt32LE(4) < 0) {
        if (golden.answer === undefined) throw { errno: golden.reply.readInt32LE(4) }
      }
      return revive(golden.answer, (rest[0] as { size?: number } | undefined)?.size ?? 0)
    },
  ])
  return Object.fromEntries(methods) as LowLevelOps
}

/** The reply with its header, as the kernel saw it. */
const whole = (golden: Golden, { error, payload }: FakeReply): string => {
  const unique = golden.request.readBigUInt64LE(8)
  const head = bytesOf(s.fuse_out_header, { len: 16 + payload.length, error, unique })
  return Buffer.concat([head, payload]).toString('hex')
}

function serveGolden(t: Test, golden: Golden, calls: Call[]): Promise<Served> {
  return serve(t, handlers(golden, calls), { ...(golden.options as ServeOptions), poison: false })
}

const fieldsOf = (golden: Golden): [string, string][] =>
  golden.requestFields.filter(isSeen).map(({ name, value }) => [name, value])

t.test('a file says of its bytes what buffer-layout says', async (t) => {
  for (const [name, { request, requestFields: fields, options, title }] of golden) {
    t.same(fields, requestFields(request, options), name)
    t.match(title, /^[A-Z0-9_ ]+ \(\d+\), (recorded on Linux \S+, FUSE 7\.\d+|constructed: )/)
    t.equal(
      Number(/\((\d+)\)/.exec(title)?.[1]),
      request.readUInt32LE(4),
      'its title names its opcode',
    )
  }
})

t.test('there is a file for every opcode', async (t) => {
  const opcodes = new Set([...golden.values()].map(({ opcode }) => opcode))
  const all = Object.entries(c)
    .filter(([name]) => /^FUSE_[A-Z0-9_]+$/.test(name))
    .filter(
      ([name, value]) =>
        fuse_ll_ops[Number(value)] && nameOf(name) === fuse_ll_ops[Number(value)]?.name,
    )
  t.ok(all.length >= 45, 'the opcodes are found', { found: all.length })
  for (const [name, value] of all) t.ok(opcodes.has(Number(value)), name)
  for (const opcode of [
    c.FUSE_INIT,
    c.FUSE_INTERRUPT,
    c.FUSE_DESTROY,
    c.FUSE_NOTIFY_REPLY,
    c.CUSE_INIT,
  ]) {
    t.ok(opcodes.has(opcode), `opcode ${opcode}`)
  }
})
const nameOf = (constant: string): string => constant.replace(/^FUSE_/, '').toLowerCase()

t.test('the handler gets what is in the request, and its answer is the reply', async (t) => {
  let replayed = 0
  for (const [name, one] of golden) {
    const row = fuse_ll_ops[one.opcode]
    if (row === undefined) continue
    replayed++
    await t.test(name, async (t) => {
      const calls: Call[] = []
      const { kernel, errors } = await serveGolden(t, one, calls)
      const reply = one.reply === undefined ? undefined : kernel.expectReply(one.request)
      kernel.deliver(one.request)
      t.equal(calls[0]?.method, row.name)
      t.same(calls[0]?.seen, fieldsOf(one), 'what it got')
      const umask = one.requestFields.find((field) => field.name === 'umask')?.value ?? '0o0'
      t.equal(shown('umask', calls[0]?.req.umask), umask, 'req.umask')
      const groups = one.requestFields.filter((field) => field.name === 'ext.group')
      t.same(
        calls[0]?.req.groups.map(String),
        groups.map(({ value }) => value),
        'req.groups',
      )
      if (reply !== undefined)
        t.equal(whole(one, await reply), one.reply?.toString('hex'), 'the reply')
      await turn()
      t.same([calls.length, errors, kernel.refused, kernel.unwanted], [1, [], [], 0])
    })
  }
  t.ok(replayed > 45, 'most were replayed', { found: replayed })
})

t.test('INIT is agreed as it was', async (t) => {
  const one = named('init')
  const calls: Call[] = []
  const { kernel, session } = start(t, handlers(one, calls))
  const reply = kernel.expectReply(one.request)
  kernel.deliver(one.request)
  t.equal(whole(one, await reply), one.reply?.toString('hex'))
  t.match(await session.ready, { major: 7, minor: 45 })
  t.same(calls, [])
})

t.test('INTERRUPT reaches the request that it names', async (t) => {
  const one = named('interrupt')
  const target = one.request.readBigUInt64LE(40)
  t.equal(one.request.readBigUInt64LE(8), target | 1n, 'its own number is the other one with bit 0')
  const interrupted = named('setlkw_interrupted')
  t.equal(interrupted.request.readBigUInt64LE(8), target, 'recorded together')
  const answer = deferred()
  let req: FuseRequest | undefined
  const { kernel, errors } = await serve(t, {
    setlkw(request) {
      req = request
      return answer.promise
    },
  })
  const reply = kernel.expectReply(interrupted.request)
  kernel.deliver(interrupted.request)
  t.equal(req?.signal.aborted, false)
  kernel.deliver(one.request)
  t.equal(req?.signal.aborted, true)
  answer.reject(req?.signal.reason)
  t.equal(whole(interrupted, await reply), interrupted.reply?.toString('hex'))
  t.same([errors, kernel.unwanted, kernel.refused], [[], 0, []])
})

t.test('NOTIFY_REPLY brings what was retrieved', async (t) => {
  const one = named('notify_reply')
  const { kernel, session, errors } = await serve(t, {})
  const data = session.notify.retrieve(2, 0, 5)
  await turn()
  t.equal(
    kernel.notifications[0]?.readBigUInt64LE(16),
    one.request.readBigUInt64LE(8),
    'the first one',
  )
  kernel.deliver(one.request)
  const [field] = one.requestFields.slice(-1)
  t.same([field?.name, shown('', await data)], ['data', field?.value])
  t.same([errors, kernel.unwanted, kernel.refused], [[], 0, []])
})

t.test('DESTROY and CUSE_INIT, which no method serves', async (t) => {
  for (const name of ['destroy', 'cuse_init']) {
    const one = named(name)
    const { kernel, errors } = await serve(t, {})
    const reply = kernel.expectReply(one.request)
    kernel.deliver(one.request)
    t.equal(whole(one, await reply), one.reply?.toString('hex'), name)
    t.same(errors, [])
  }
})

t.test('a request cut short anywhere is EIO, or says less and is served', async (t) => {
  for (const [name, one] of golden) {
    const row = fuse_ll_ops[one.opcode]
    if (row === undefined || one.reply === undefined) continue
    const { kernel, errors } = await serveGolden(t, one, [])
    const outcomes = new Set<number>()
    for (let length = 40; length < one.request.length; length++) {
      const cut = Buffer.from(one.request.subarray(0, length))
      cut.writeUInt32LE(length, 0)
      cut.writeUInt16LE(0, 36)
      const reply = kernel.expectReply(cut)
      kernel.deliver(cut)
      outcomes.add((await reply).error)
    }
    const own = one.reply.readInt32LE(4)
    const strange = [...outcomes].filter((error) => error !== -5 && error !== own)
    t.same(strange, [], name)
    t.same([kernel.refused, kernel.unwanted, kernel.held], [[], 0, 0])
    t.ok(errors.every((error) => (error as Error).name === 'ProtocolError'))
  }
})

t.test('files are text that people can read', async (t) => {
  for (const name of files) {
    const text = readFileSync(new URL(name, import.meta.url), 'utf8')
    t.notMatch(text, /[^\x20-\x7e\n…]/, name)
  }
})
