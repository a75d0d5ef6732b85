import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { release, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Device, openDevice } from '../../lib/device.ts'
import { fuse_ll_ops, operationName } from '../../lib/fuse_ll_ops.ts'
import { addon, cstring } from '../../lib/native.ts'
import type { LowLevelOps, OperationName } from '../../lib/ops.ts'
import { Session } from '../../lib/session.ts'
import type { SessionOptions } from '../../lib/session_options.ts'
import type { Receiver, Transport } from '../../lib/transport.ts'
import * as c from '../../protocol/constants.ts'
import * as s from '../../protocol/structs.ts'
import { bytesOf } from '../session/harness.ts'
import { fileSystem } from './file_system.ts'
import { revive, write } from './format.ts'

/**
 * Records the golden files of this directory from the running kernel. As root:
 *
 *   TS_NODE_TRANSPILE_ONLY=1 node --import=@tapjs/typescript/import test/golden/record.ts
 */

const here = fileURLToPath(new URL('.', import.meta.url))

interface Exchange {
  readonly request: Buffer
  answer?: unknown
  reply?: Buffer
}

/** A device that keeps what passes through it. */
class Recorder implements Transport {
  readonly name = 'recorder'
  readonly exchanges: Exchange[] = []
  readonly #by = new Map<bigint, Exchange>()
  readonly #device: Device
  readonly out: Buffer

  constructor(device: Device) {
    this.#device = device
    this.out = device.out
  }

  start(receiver: Receiver): void {
    this.#device.start({
      receive: (message) => {
        const request = Buffer.from(message.bytes.subarray(0, message.length))
        const exchange: Exchange = { request }
        this.exchanges.push(exchange)
        this.#by.set(request.readBigUInt64LE(8), exchange)
        return receiver.receive(message)
      },
      turn: () => receiver.turn(),
      undelivered: (result) => receiver.undelivered(result),
      ended: (errno) => receiver.ended(errno),
    })
  }

  answered(unique: number, answer: unknown): void {
    const exchange = this.#by.get(BigInt(unique))
    if (exchange !== undefined) exchange.answer = answer
  }

  #keep(reply: Buffer): void {
    const exchange = this.#by.get(reply.readBigUInt64LE(8))
    if (exchange !== undefined) exchange.reply = reply
  }

  send(length: number): number {
    this.#keep(Buffer.from(this.out.subarray(0, length)))
    return this.#device.send(length)
  }

  sendPieces(length: number, pieces: readonly Uint8Array[]): number {
    this.#keep(Buffer.concat([this.out.subarray(0, length), ...pieces]))
    return this.#device.sendPieces(length, pieces)
  }

  agreed: Transport['agreed'] = (agreed) => this.#device.agreed(agreed)
  sendRange: Transport['sendRange'] = (...range) => this.#device.sendRange(...range)
  sendRangeLater: Transport['sendRangeLater'] = (...range) => this.#device.sendRangeLater(...range)
  openBacking: Transport['openBacking'] = (fd) => this.#device.openBacking(fd)
  closeBacking: Transport['closeBacking'] = (id) => this.#device.closeBacking(id)
  flush = (): void => this.#device.flush()
  sendNow = (bytes: Uint8Array): number => this.#device.sendNow(bytes)
  notify = (bytes: Uint8Array): Promise<number> => this.#device.notify(bytes)
  release: Transport['release'] = (message) => this.#device.release(message)
  pause = (): void => this.#device.pause()
  resume = (): void => this.#device.resume()
  close = (): void => this.#device.close()
}

/** The file system's methods; what each answers is kept with its request. */
function recorded(recorder: Recorder, without: readonly OperationName[]): LowLevelOps {
  const ops: Record<string, unknown> = {}
  for (const [name, answers] of Object.entries(fileSystem())) {
    if (without.includes(name as OperationName)) continue
    ops[name] = (...args: Parameters<typeof answers>) => {
      const [req, , third] = args
      const size = (third as { size?: number } | undefined)?.size ?? 0
      const done = (answer: unknown) => {
        recorder.answered(req.unique, answer)
        return revive(answer, size)
      }
      const answer = answers(...args)
      return answer instanceof Promise ? answer.then(done) : done(answer)
    }
  }
  return ops as LowLevelOps
}

interface Mount {
  readonly directory: string
  readonly recorder: Recorder
  readonly session: Session
}

const call = (run: (done: (result: number) => void) => void): Promise<number> => new Promise(run)

/** Mounted while `use` runs. */
async function mounted(
  { type = 'fuse', source = 'golden', data = '', options = {}, without = [] as OperationName[] },
  use: (mount: Mount) => Promise<void>,
): Promise<Exchange[]> {
  const directory = mkdtempSync(join(tmpdir(), 'devfuse-golden-'))
  const fd = openDevice()
  const recorder = new Recorder(new Device(fd))
  const session = new Session(recorder, recorded(recorder, without), options as SessionOptions)
  const words = `fd=${fd},rootmode=40000,user_id=0,group_id=0,allow_other${data}`
  const bytes = [source, directory, type, words].map(cstring) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ]
  const result = await call((done) =>
    addon().mountAsync(bytes[0], bytes[1], bytes[2], 0, bytes[3], done),
  )
  if (result < 0) throw new Error(`mount ${type}: ${result}`)
  // Not before: the device of no mount is an error to poll(2).
  session.start()
  try {
    await session.ready
    await use({ directory, recorder, session })
  } finally {
    await call((done) => addon().umountAsync(bytes[1], 0, done))
    await session.closed
    rmdirSync(directory)
  }
  return recorder.exchanges
}

const program = join(mkdtempSync(join(tmpdir(), 'devfuse-provoke-')), 'provoke')

function provoke(group: string, directory: string) {
  return spawn(program, [group, directory], { stdio: ['ignore', 'inherit', 'inherit'] })
}
const provoked = async (group: string, directory: string): Promise<void> => {
  await once(provoke(group, directory), 'exit')
}

const written = new Set<string>()
let minor = 0

function keep(file: string, title: string, exchange: Exchange | undefined, options = {}): void {
  if (exchange === undefined) {
    process.stdout.write(`${file}: nothing to record\n`)
    return
  }
  const opcode = exchange.request.readUInt32LE(4)
  const heading = `${operationName(opcode).toUpperCase()} (${opcode}), ${title}`
  const { request, answer, reply } = exchange
  const unanswered = [c.FUSE_FORGET, c.FUSE_BATCH_FORGET, c.FUSE_INTERRUPT, c.FUSE_NOTIFY_REPLY]
  const shown = unanswered.includes(opcode) ? undefined : reply
  writeFileSync(
    join(here, `${file}.txt`),
    write({ title: heading, opcode, options, request, requestFields: [], answer, reply: shown }),
  )
  written.add(file)
}

const is =
  (opcode: number) =>
  ({ request }: Exchange) =>
    request.readUInt32LE(4) === opcode
const isNamed = (opcode: number, name: string) => (exchange: Exchange) =>
  is(opcode)(exchange) && exchange.request.includes(name)

const here_ = () => `recorded on Linux ${release().split('-')[0]}, FUSE 7.${minor}`

async function plain(): Promise<void> {
  const exchanges = await mounted({}, async ({ directory, session }) => {
    minor = session.connection?.kernelMinor ?? 0
    await provoked('all', directory)
    const cache = provoke('cache', directory)
    // Until its page is cached: retrieve gives nothing before.
    let data = new Uint8Array(0) as Uint8Array
    while (data.length === 0) data = await session.notify.retrieve(2, 0, 5)
    cache.kill()
    await once(cache, 'exit')
    await provoked('many', directory)
    await session.notify.prune(Array.from({ length: 20 }, (_, i) => 20 + i))
  })
  for (const [opcode, { name }] of Object.entries(fuse_ll_ops)) {
    const found = exchanges.find(is(Number(opcode)))
    const answered = exchanges.find(
      (exchange) => is(Number(opcode))(exchange) && exchange.answer !== undefined,
    )
    if (found !== undefined) keep(name, here_(), answered ?? found)
  }
  keep('init', here_(), exchanges.find(is(c.FUSE_INIT)))
  keep('interrupt', here_(), exchanges.find(is(c.FUSE_INTERRUPT)))
  const full = exchanges.find(
    (exchange) => is(c.FUSE_NOTIFY_REPLY)(exchange) && exchange.request.length > 80,
  )
  keep('notify_reply', here_(), full)
  keep('lookup', here_(), exchanges.find(isNamed(c.FUSE_LOOKUP, 'file\0')))
  keep('lookup_negative', here_(), exchanges.find(isNamed(c.FUSE_LOOKUP, 'symlink\0')))
  keep('getxattr', here_(), exchanges.find(isNamed(c.FUSE_GETXATTR, 'user.name\0')))
  const interrupted = exchanges.findLast(is(c.FUSE_SETLKW))
  keep('setlkw_interrupted', here_(), interrupted)
}

async function lesser(): Promise<void> {
  const options = { capabilities: { FUSE_CAP_SETXATTR_EXT: false } }
  const without: OperationName[] = ['readdirplus', 'copy_file_range_64']
  const exchanges = await mounted({ options, without }, ({ directory }) =>
    provoked('all', directory),
  )
  const title = (why: string) => `${here_()}, ${why}`
  keep('readdir', title('without readdirplus'), exchanges.find(is(c.FUSE_READDIR)))
  keep(
    'copy_file_range',
    title('without copy_file_range_64'),
    exchanges.find(is(c.FUSE_COPY_FILE_RANGE)),
  )
  keep(
    'setxattr_compat',
    title('without SETXATTR_EXT'),
    exchanges.find(is(c.FUSE_SETXATTR)),
    options,
  )
}

async function grouped(): Promise<void> {
  const options = { capabilities: { FUSE_CAP_CREATE_SUPP_GROUP: true } }
  const exchanges = await mounted({ options }, ({ directory }) => provoked('group', directory))
  const found = exchanges.find(is(c.FUSE_CREATE))
  keep('create_group', `${here_()}, with CREATE_SUPP_GROUP`, found, options)
}

async function blockDevice(): Promise<void> {
  const image = join(tmpdir(), `devfuse-golden-${process.pid}.img`)
  writeFileSync(image, Buffer.alloc(1 << 20))
  const source = execFileSync('losetup', ['-f', '--show', image], { encoding: 'utf8' }).trim()
  try {
    const mount = { type: 'fuseblk', source, data: ',blksize=512' }
    const exchanges = await mounted(mount, ({ directory }) => provoked('all', directory))
    const title = `${here_()}, fuseblk on a loop device`
    for (const opcode of [c.FUSE_BMAP, c.FUSE_DESTROY, c.FUSE_SYNCFS]) {
      keep(operationName(opcode), title, exchanges.find(is(opcode)))
    }
  } finally {
    execFileSync('losetup', ['-d', source])
    rmSync(image)
  }
}

/** A request that this kernel does not send, put together from the structs. */
function constructed(opcode: number, parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts)
  const header = {
    len: 40 + body.length,
    opcode,
    unique: 1000n,
    nodeid: 2,
    uid: 1000,
    gid: 1001,
    pid: 42,
  }
  return Buffer.concat([bytesOf(s.fuse_in_header, header), body])
}

const success = (error = 0): Buffer => bytesOf(s.fuse_out_header, { len: 16, error, unique: 1000n })

function construct(): void {
  const ENOSYS = 38
  const missing: readonly (readonly [string, string, number, readonly Buffer[], number])[] = [
    [
      'setupmapping',
      'virtiofs sends it',
      c.FUSE_SETUPMAPPING,
      [
        bytesOf(s.fuse_setupmapping_in, {
          fh: 9,
          foffset: 2 ** 32,
          len: 2 ** 21,
          flags: 3n,
          moffset: 2 ** 22,
        }),
      ],
      0,
    ],
    [
      'removemapping',
      'virtiofs sends it',
      c.FUSE_REMOVEMAPPING,
      [
        bytesOf(s.fuse_removemapping_in, { count: 2 }),
        bytesOf(s.fuse_removemapping_one, { moffset: 2n ** 22n, len: 2n ** 21n }),
        bytesOf(s.fuse_removemapping_one, { moffset: 2n ** 63n, len: 4096n }),
      ],
      0,
    ],
    ['syncfs', 'virtiofs sends it', c.FUSE_SYNCFS, [bytesOf(s.fuse_syncfs_in)], 0],
    [
      'bmap',
      'fuseblk sends it',
      c.FUSE_BMAP,
      [bytesOf(s.fuse_bmap_in, { block: 3, blocksize: 512 })],
      0,
    ],
    ['destroy', 'fuseblk and virtiofs send it', c.FUSE_DESTROY, [], 0],
    [
      'cuse_init',
      'a character device sends it, and devfuse serves none',
      c.CUSE_INIT,
      [bytesOf(s.cuse_init_in, { major: 7, minor: 45, flags: 1 })],
      -ENOSYS,
    ],
    [
      'batch_forget',
      'this kernel sent single ones',
      c.FUSE_BATCH_FORGET,
      [
        bytesOf(s.fuse_batch_forget_in, { count: 2 }),
        bytesOf(s.fuse_forget_one, { nodeid: 7, nlookup: 1 }),
        bytesOf(s.fuse_forget_one, { nodeid: 2 ** 33, nlookup: 300 }),
      ],
      0,
    ],
  ]
  for (const [file, why, opcode, parts, error] of missing) {
    if (written.has(file)) continue
    const request = constructed(opcode, parts)
    const exchange: Exchange = { request, reply: success(error) }
    if (file === 'bmap') {
      exchange.answer = { block: 103 }
      exchange.reply = Buffer.concat([
        bytesOf(s.fuse_out_header, { len: 24, error: 0, unique: 1000n }),
        bytesOf(s.fuse_bmap_out, { block: 103 }),
      ])
    }
    keep(file, `constructed: ${why}`, exchange)
  }
}

execFileSync('cc', ['-std=gnu11', '-Wall', '-Wextra', '-o', program, join(here, 'provoke.c')], {
  stdio: 'inherit',
})
await plain()
await lesser()
await grouped()
await blockDevice().catch((error: unknown) => process.stdout.write(`fuseblk: ${error}\n`))
construct()
rmSync(join(program, '..'), { recursive: true })
const stale = readdirSync(here).filter(
  (file) => file.endsWith('.txt') && !written.has(file.slice(0, -4)),
)
process.stdout.write(
  `${written.size} files written${stale.length > 0 ? `, stale: ${stale.join(' ')}` : ''}\n`,
)
