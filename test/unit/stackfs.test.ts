// stackfs against a kernel in memory: what a real one never asks, or not in that order.
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { InodeNumbers } from '../../examples/stackfs/inode_numbers.ts'
import { Lower } from '../../examples/stackfs/lower.ts'
import { settings } from '../../examples/stackfs/options.ts'
import { stackfs } from '../../examples/stackfs/stackfs.ts'
import { FakeKernel } from '../../lib/fake_kernel.ts'
import * as fuse from '../../lib/index.ts'

const { ESTALE, EEXIST, EISDIR, ENXIO, EBADF } = constants.errno
const O_RDWR = 2

interface Mounted {
  readonly lower: string
  readonly kernel: FakeKernel
  /** Descriptors of this process. */
  open(): number
  lookup(name: string, parent?: number): Promise<number>
  error(opcode: number, parts: (string | Uint8Array)[], nodeid?: number): Promise<number>
}

async function mount(t: Test): Promise<Mounted> {
  const lower = mkdtempSync(join(tmpdir(), 'devfuse-lower-'))
  t.teardown(() => rmSync(lower, { recursive: true }))
  const kernel = new FakeKernel()
  const { ops } = stackfs(new Lower(lower), '/nowhere', settings({}, 1000))
  new fuse.Session(kernel, ops, { onError: (error) => t.error(error) }).start()
  await kernel.init()
  const entry = (payload: Buffer) => {
    const words = new Uint32Array(new Uint8Array(payload).buffer)
    return fuse.fuse_entry_out.decode(words, 0).nodeid
  }
  return {
    lower,
    kernel,
    open: () => readdirSync('/proc/self/fd').length,
    async lookup(name, parent = 1) {
      const { error, payload } = await kernel.request(fuse.FUSE_LOOKUP, [name], { nodeid: parent })
      return error === 0 ? entry(payload) : error
    },
    error: async (opcode, parts, nodeid = 1) =>
      (await kernel.request(opcode, parts, { nodeid })).error,
  }
}

const listing = (kernel: FakeKernel, fh: number): Buffer =>
  kernel.struct(fuse.fuse_read_in, {
    fh,
    offset: 0,
    size: 4096,
    read_flags: 0,
    lock_owner: 0n,
    flags: 0,
  })

const u64 = (...numbers: number[]): Buffer => {
  const bytes = Buffer.alloc(8 * numbers.length)
  numbers.forEach((number, i) => void bytes.writeBigUInt64LE(BigInt(number), 8 * i))
  return bytes
}

t.test('no name leads out', async (t) => {
  const { lower, lookup, error } = await mount(t)
  mkdirSync(join(lower, 'd'))
  symlinkSync('/etc', join(lower, 's'))
  const [d, s] = [await lookup('d'), await lookup('s')]
  t.ok(d > 1 && s > 1)
  for (const name of ['.', '..']) {
    t.equal(await lookup(name), -ESTALE)
    t.equal(await lookup(name, d), -ESTALE)
  }
  t.not(await error(fuse.FUSE_LOOKUP, ['passwd'], s), 0, 'a symbolic link is no directory')
  t.not(await error(fuse.FUSE_MKDIR, [u64(0), 'x'], s), 0)
  const open = Buffer.alloc(8)
  t.equal(await error(fuse.FUSE_OPENDIR, [open], s), -constants.errno.ENOTDIR)
  t.equal(await error(fuse.FUSE_OPEN, [open], s), -ENXIO, 'nor is it opened')
  t.equal(await error(fuse.FUSE_OPEN, [open], d), -EISDIR)
})

t.test('an inode is what it was, whatever has its name now', async (t) => {
  const { lower, kernel, lookup } = await mount(t)
  writeFileSync(join(lower, 'f'), 'mine')
  const f = await lookup('f')
  renameSync(join(lower, 'f'), join(lower, 'away'))
  symlinkSync('/etc/passwd', join(lower, 'f'))
  const { payload } = await kernel.request(fuse.FUSE_OPEN, [Buffer.alloc(8)], { nodeid: f })
  const fh = Number(payload.readBigUInt64LE())
  t.equal(readFileSync(fh, 'utf8'), 'mine')
  t.equal(await lookup('away'), f)
  await kernel.request(fuse.FUSE_RELEASE, [u64(fh, 0, 0)], { nodeid: f })
})

t.test('what is forgotten is closed, and its number is never given again', async (t) => {
  const { lower, kernel, lookup, open } = await mount(t)
  for (let i = 0; i < 100; i++) writeFileSync(join(lower, `${i}`), '')
  const before = open()
  const nodes: number[] = []
  for (let i = 0; i < 100; i++) nodes.push(await lookup(`${i}`))
  t.equal(open(), before + 100)
  t.same(new Set(nodes).size, 100)
  t.equal(await lookup('5'), nodes[5])
  for (const node of nodes) kernel.post(fuse.FUSE_FORGET, [u64(1)], { nodeid: node })
  t.equal(open(), before + 1, 'one is known by a second lookup')
  const again = await lookup('6')
  t.ok(again > Math.max(...nodes))
  t.equal(await lookup('5'), nodes[5])
})

t.test('a file that somebody else makes first is looked at again, not opened', async (t) => {
  const { lower, kernel, open } = await mount(t)
  writeFileSync(join(lower, 'f'), 'theirs')
  const before = open()
  const create = (flags: number) =>
    kernel.request(fuse.FUSE_CREATE, [
      kernel.struct(fuse.fuse_create_in, { flags, mode: 0o644, umask: 0, open_flags: 0 }),
      'f',
    ])
  t.equal((await create(O_RDWR)).error, -ESTALE)
  t.equal((await create(O_RDWR | 0o200)).error, -EEXIST, 'O_EXCL')
  t.equal(open(), before)
})

t.test('what nobody takes is given back', async (t) => {
  const { lower, kernel, open } = await mount(t)
  mkdirSync(join(lower, 'd'))
  for (let i = 0; i < 10; i++) writeFileSync(join(lower, `d/${i}`), '')
  const before = open()
  // Not as a request: the answer finds nobody waiting.
  kernel.post(fuse.FUSE_LOOKUP, ['d'])
  const create = { flags: O_RDWR, mode: 0o644, umask: 0, open_flags: 0 }
  kernel.post(fuse.FUSE_CREATE, [kernel.struct(fuse.fuse_create_in, create), 'f'])
  t.equal(open(), before)
  const { payload } = await kernel.request(fuse.FUSE_OPENDIR, [Buffer.alloc(8)])
  const fh = Number(payload.readBigUInt64LE())
  const opened = open()
  kernel.post(fuse.FUSE_READDIRPLUS, [listing(kernel, fh)])
  t.equal(open(), opened, 'entries too')
  await kernel.request(fuse.FUSE_RELEASEDIR, [u64(fh, 0, 0)])
  t.equal(open(), before)
})

t.test('a handle that was never given is refused', async (t) => {
  const { kernel, error } = await mount(t)
  const read = listing(kernel, 12_345)
  t.equal(await error(fuse.FUSE_READDIR, [read]), -EBADF)
  t.equal(await error(fuse.FUSE_READDIRPLUS, [read]), -EBADF)
})

t.test('inodes of different devices never have the same number', async (t) => {
  const root = { major: 8, minor: 1 }
  const numbers = new InodeNumbers(root)
  const devices = [undefined, { major: 8, minor: 2 }, { major: 0, minor: 77 }]
  const inos = [
    1n,
    2n,
    2n ** 40n - 1n,
    2n ** 40n,
    2n ** 52n,
    2n ** 53n - 1n,
    2n ** 53n,
    2n ** 64n - 1n,
  ]
  const shown = devices.flatMap((device) => inos.map((ino) => numbers.listed(device, ino)))
  t.equal(new Set(shown.map(String)).size, devices.length * inos.length)
  t.same(
    devices.flatMap((device) => inos.map((ino) => numbers.listed(device, ino))),
    shown,
    'and keep it',
  )
  for (const ino of [1n, 2n ** 40n, 2n ** 53n, 2n ** 64n - 1n]) {
    t.equal(BigInt(numbers.listed(undefined, ino)), ino, "LOWER's own are as they are")
  }
})
