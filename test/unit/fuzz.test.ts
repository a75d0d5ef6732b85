import { readdirSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { errno } from '../../lib/errno.ts'
import { fuse_ll_ops } from '../../lib/fuse_ll_ops.ts'
import type { LowLevelOps, OperationName } from '../../lib/ops.ts'
import { Session } from '../../lib/session.ts'
import * as c from '../../protocol/constants.ts'
import { read } from '../golden/format.ts'
import { garbage } from '../session/garbage.ts'
import { goodAnswers, Kernel, turn } from '../session/harness.ts'
import { type Random, random, seed } from './random.ts'

/**
 * A million messages, most of them wrong in some way, to handlers most of which are wrong in some
 * way: every request whose header can be read is answered exactly once.
 * DEVFUSE_SEED and DEVFUSE_FUZZ (messages) by environment.
 */

const MESSAGES = Number(process.env['DEVFUSE_FUZZ'] ?? 1_000_000)
const BATCH = 500

const UNANSWERED: readonly number[] = [
  c.FUSE_FORGET,
  c.FUSE_BATCH_FORGET,
  c.FUSE_INTERRUPT,
  c.FUSE_NOTIFY_REPLY,
]

const golden = readdirSync(new URL('../golden', import.meta.url))
  .filter((name) => name.endsWith('.txt'))
  .map((name) => read(new URL(`../golden/${name}`, import.meta.url)).request)

const wrong = Object.values(garbage)
const thrown: readonly unknown[] = [
  errno('ENOENT'),
  errno('EACCES'),
  { errno: -17 },
  { errno: 9999 },
  new Error('a bug'),
  'a text',
  undefined,
  null,
  Symbol('x'),
]

/** Too big to be copied, where it is not more than was asked. */
const big = Buffer.alloc(5000)

/** What a handler does this time; right more often than not. */
function behave(name: OperationName, r: Random): unknown {
  if (name === 'read' && r.oneIn(3)) return big
  switch (r.below(12)) {
    case 0:
      throw r.pick(thrown)
    case 1:
      return Promise.reject(r.pick(thrown))
    case 2:
      return r.pick(wrong)
    case 3:
      return Promise.resolve(r.pick(wrong))
    case 4:
    case 5:
      return turn().then(() => goodAnswers[name])
    case 6:
      return Promise.resolve(goodAnswers[name])
    default:
      return goodAnswers[name]
  }
}

const handlers = (r: Random): LowLevelOps =>
  Object.fromEntries(
    Object.values(fuse_ll_ops).map(({ name }) => [name, () => behave(name, r)]),
  ) as LowLevelOps

/** Counts replies that nobody waited for, and should have. */
class Counting extends Kernel {
  twice = 0
  readonly dropped = new Set<number>()

  override send(length: number): number {
    const unique = this.out.readUInt32LE(8)
    return this.#count(unique, super.send(length))
  }

  override sendPieces(length: number, pieces: readonly Uint8Array[]): number {
    const unique = this.out.readUInt32LE(8)
    return this.#count(unique, super.sendPieces(length, pieces))
  }

  #count(unique: number, result: number): number {
    // Odd numbers are INTERRUPTs, to which EAGAIN may come.
    if (result === -2 && unique % 2 === 0 && !this.dropped.delete(unique)) this.twice++
    return result
  }
}

const word = (r: Random): number =>
  r.oneIn(3) ? r.pick([0, 1, 2, 8, 40, 4096, 0xffff_ffff]) : r.word()

/** Some bytes of the body are others. */
function mutate(bytes: Buffer, r: Random): void {
  for (let n = r.below(4); n >= 0 && bytes.length > 40; n--) {
    const at = 40 + r.below(bytes.length - 40)
    if (r.oneIn(2)) bytes[at] = r.below(256)
    else if (at + 4 <= bytes.length) bytes.writeUInt32LE(word(r), at & ~3)
  }
}

function randomBody(r: Random): Buffer {
  const bytes = Buffer.alloc(40 + r.below(r.oneIn(20) ? 5000 : 160))
  for (let at = 40; at + 4 <= bytes.length; at += 4) bytes.writeUInt32LE(word(r), at)
  bytes.writeUInt32LE(r.oneIn(4) ? r.word() : r.below(56), 4)
  return bytes
}

/** An area of extensions behind the body, well-formed now and then. */
function extend(bytes: Buffer, r: Random): Buffer {
  const area = Buffer.alloc(8 * (1 + r.below(8)))
  for (let at = 0; at < area.length; at += 4)
    area.writeUInt32LE(r.oneIn(2) ? r.below(40) : word(r), at)
  const longer = Buffer.concat([bytes, area])
  longer.writeUInt16LE(r.oneIn(8) ? r.below(65_536) : area.length / 8, 36)
  return longer
}

/** The next message but for its `unique`. */
function nextMessage(r: Random): Buffer {
  const kind = r.below(10)
  let bytes = kind < 7 ? Buffer.from(r.pick(golden)) : randomBody(r)
  if (kind >= 2) mutate(bytes, r)
  if (kind === 3) bytes = bytes.subarray(0, 40 + r.below(bytes.length - 39))
  if (kind === 4) bytes = extend(bytes, r)
  if (kind === 5) bytes.writeBigUInt64LE((BigInt(r.word()) << 32n) | BigInt(r.word()), 16)
  bytes.writeUInt32LE(bytes.length, 0)
  if (kind === 6 && r.oneIn(2)) bytes.writeUInt32LE(word(r), 0)
  return bytes
}

const isUnanswered = (bytes: Buffer): boolean => UNANSWERED.includes(bytes.readUInt32LE(4))

interface Run {
  readonly kernel: Counting
  readonly session: Session
  sent: number
  awaited: number
  reported: number
}

async function begin(r: Random, putsOff: boolean): Promise<Run> {
  const kernel = new Counting(putsOff)
  const run: Run = {
    kernel,
    session: new Session(kernel, handlers(r), {
      maxInFlight: 4096,
      poison: true,
      onError: () => {
        run.reported++
      },
    }),
    sent: 0,
    awaited: 0,
    reported: 0,
  }
  run.session.start()
  await kernel.init()
  await run.session.ready
  return run
}

/** Deliver one message; its number says whether somebody waits for the reply. */
function deliver(run: Run, bytes: Buffer, unique: number, r: Random): void {
  const { kernel } = run
  run.sent++
  if (r.oneIn(200)) {
    kernel.deliver(bytes.subarray(0, r.below(40)))
    return
  }
  if (isUnanswered(bytes)) {
    bytes.writeUInt32LE(unique | 1, 8)
    if (bytes.readUInt32LE(4) === c.FUSE_INTERRUPT && bytes.length >= 48 && r.oneIn(2)) {
      bytes.writeBigUInt64LE(BigInt(unique - 4 * r.below(20)), 40)
    }
    kernel.deliver(bytes)
    return
  }
  bytes.writeUInt32LE(unique, 8)
  bytes.writeUInt32LE(r.oneIn(10) ? 0x8000_0000 : 0, 12)
  if (r.oneIn(20)) kernel.dropped.add(unique)
  else {
    void kernel.expectReply(bytes)
    run.awaited++
  }
  kernel.deliver(bytes)
}

async function settle({ kernel }: Run): Promise<void> {
  for (let i = 0; i < 200 && (kernel.unanswered > 0 || kernel.held > 0 || kernel.paused); i++)
    await turn()
}

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void
const heap = (): number => {
  collect()
  return process.memoryUsage().heapUsed
}

t.test(`${MESSAGES} messages, seed ${seed}`, async (t) => {
  // Most messages make an error: their stacks would take most of the time.
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0
  t.teardown(() => {
    Error.stackTraceLimit = stackTraceLimit
  })
  const r = random()
  const runs = [await begin(r, false), await begin(r, true)] as const
  const faults: string[] = []
  let early = 0
  for (let sent = 0; sent < MESSAGES && faults.length === 0; ) {
    const run = runs[(sent / BATCH) & 1] as Run
    for (let i = 0; i < BATCH; i++, sent++) {
      const bytes = nextMessage(r)
      const shown = () => `message ${sent}: ${bytes.toString('hex')}`
      try {
        deliver(run, bytes, 4 + 4 * (sent % 2 ** 29), r)
      } catch (error) {
        faults.push(`${shown()} threw ${String(error)}`)
      }
    }
    await settle(run)
    const { unanswered, held, paused, refused, twice } = run.kernel
    if (unanswered > 0 || held > 0 || paused || refused.length > 0 || twice > 0) {
      faults.push(
        `before message ${sent}: ${JSON.stringify({ unanswered, held, paused, refused, twice })}`,
      )
    }
    run.kernel.dropped.clear()
    if (early === 0 && sent >= MESSAGES / 4) early = heap()
  }
  t.same(faults, [], 'every request is answered exactly once, and nothing throws', { seed })
  const grown = heap() - early
  t.ok(grown < 16 * 1024 * 1024, 'memory does not grow', { grown })
  for (const { kernel, session, sent, awaited, reported } of runs) {
    t.ok(kernel.gathered.length > 0, 'some replies were gathered')
    t.comment({ sent, awaited, reported })
    t.ok(awaited > sent / 2, 'most messages are requests')
    t.ok(reported > sent / 20, 'mistakes are reported', { reported })
    t.same([kernel.unanswered, kernel.held, kernel.refused, kernel.twice], [0, 0, [], 0])
    const answer = await kernel.request(c.FUSE_DESTROY)
    t.equal(answer.error, 0, 'the session lives')
    session.close()
    await session.closed
  }
})
