// What READ and WRITE carry, on real mounts: ranges of files, and how far the kernel reads ahead.
import { execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import {
  attrOut,
  entry,
  FOPEN_DIRECT_IO,
  FOPEN_NOFLUSH,
  fdRange,
  type LowLevelOps,
  mountLowLevel,
  type OperationStats,
} from '../../lib/index.ts'
import { mountAt } from '../../lib/mountinfo.ts'
import { raiseReadahead } from '../../lib/readahead.ts'
import { bytesOf, dropCache, mountLower } from './lower.ts'
import { cannotMount, freeDir, freshDir, within } from './mount.ts'

const run = promisify(execFile)
const skip = cannotMount()
const KiB = 1024
const MiB = KiB * KiB

for (const splice of [true, false]) {
  for (const direct of [false, true]) {
    const how = `${direct ? 'direct' : 'buffered'}, ${splice ? 'spliced' : 'copied'}`
    t.test(`ranges of a file, ${how}`, { skip }, async (t) => {
      const fs = await mountLower(t, { capabilities: { FUSE_CAP_SPLICE_WRITE: splice } })
      fs.answer = () => (direct ? { open_flags: FOPEN_DIRECT_IO } : {})
      for (const size of [0, 1, 4095, 4096, 65_535, 65_536, 70_001, MiB, 3 * MiB + 17]) {
        const content = randomBytes(size)
        writeFileSync(fs.below('a'), content)
        for (const block of [4096, 65_536, 100_000, MiB, 2 * MiB]) {
          const found = await bytesOf(fs.at('a'), block)
          t.ok(found.equals(content), `${size} bytes in blocks of ${block}`)
        }
      }
    })
  }
}

t.test('pages may be moved instead of copied', { skip }, async (t) => {
  const fs = await mountLower(t, { capabilities: { FUSE_CAP_SPLICE_MOVE: true } })
  const content = randomBytes(4 * MiB + 5)
  writeFileSync(fs.below('a'), content)
  for (let i = 0; i < 2; i++) t.ok((await bytesOf(fs.at('a'), MiB)).equals(content))
  t.ok(readFileSync(fs.below('a')).equals(content), 'the file still has them')
})

t.test('what is not in the page cache is read on a thread', { skip }, async (t) => {
  const fs = await mountLower(t)
  const content = randomBytes(8 * MiB + 1234)
  for (const direct of [0, FOPEN_DIRECT_IO]) {
    fs.answer = () => ({ open_flags: direct })
    writeFileSync(fs.below('a'), content)
    await dropCache(fs.below('a'))
    t.ok((await bytesOf(fs.at('a'), MiB)).equals(content))
  }
  const { errors, pending, count, timed } = fs.session.stats()['read'] as OperationStats
  t.same([errors, pending], [0, 0])
  // One in 16 is timed in any case.
  t.ok(timed > count / 16 + 1, `${timed} of ${count} outlast the wake in which they came`)
})

t.test('a file that gets shorter under its readers', { skip }, async (t) => {
  const fs = await mountLower(t)
  fs.answer = () => ({ open_flags: FOPEN_DIRECT_IO })
  writeFileSync(fs.below('a'), Buffer.alloc(2 * MiB, 'x'))
  const readers = [4096, 65_536, 200_000, MiB].map(async (block) => {
    for (let i = 0; i < 20; i++) {
      const bytes = await bytesOf(fs.at('a'), block)
      if (bytes.some((byte) => byte !== 0x78 && byte !== 0)) throw new Error('foreign bytes')
    }
  })
  let busy = true
  const cutting = (async () => {
    for (let i = 0; busy; i++) {
      truncateSync(fs.below('a'), [70_001, MiB, 3, 2 * MiB, 0][i % 5] ?? 0)
      await new Promise((resolve) => setImmediate(resolve))
    }
  })()
  await Promise.all(readers)
  busy = false
  await cutting
  t.match(fs.session.stats()['read'], { errors: 0, pending: 0 })
})

/** One file `a` of 1 MiB whose READs wait until they are let go. */
function gated(): { readonly ops: LowLevelOps; readonly waiting: (() => void)[] } {
  const waiting: (() => void)[] = []
  const file = { mode: 0o100644, nlink: 1, size: MiB }
  return {
    waiting,
    ops: {
      lookup: (_req, _parent, name) => (name === 'a' ? entry(2, file) : null),
      // Every program that this process starts closes the file: a FLUSH while it waits for the start.
      open: () => ({ open_flags: FOPEN_NOFLUSH }),
      getattr: (_req, nodeid) => attrOut(nodeid === 1 ? { mode: 0o40755, nlink: 2 } : file),
      read: (_req, _nodeid, { size }) =>
        new Promise((resolve) => waiting.push(() => resolve(Buffer.alloc(size, 'y')))),
    },
  }
}

/** Aborts the mount if the test has not ended by then: this thread may hang in the kernel. */
function watchdog(t: Test, mountpoint: string): void {
  const minor = mountAt(mountpoint)?.device.split(':')[1]
  const bark = `sleep 20; echo 1 > /sys/fs/fuse/connections/${minor}/abort`
  const child = spawn('sh', ['-c', bark], { stdio: 'ignore', detached: true })
  t.teardown(() => process.kill(-(child.pid as number), 'SIGKILL'))
}

t.test('a range of a file of our own mount keeps nobody waiting', { skip }, async (t) => {
  const [near, far] = [freshDir(), freshDir()]
  t.teardown(() => [near, far].forEach(freeDir))
  const slow = gated()
  const below = await mountLowLevel(far, slow.ops)
  watchdog(t, far)
  let handle: FileHandle | undefined
  const session = await mountLowLevel(near, {
    ...slow.ops,
    open: async () => {
      handle = await open(join(far, 'a'))
      return { fh: handle.fd }
    },
    release: async () => handle?.close(),
    read: (_req, _nodeid, { fh, offset, size }) => fdRange(fh, offset, size),
  })
  const content = bytesOf(join(near, 'a'), MiB)
  while (slow.waiting.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
  const { stdout } = await within(10_000, 'stat', run('stat', ['-c', '%s', join(near, 'a')]))
  t.equal(stdout, `${MiB}\n`, 'others are served meanwhile')
  t.ok((session.stats()['read']?.pending ?? 0) > 0)
  const timer = setInterval(() => slow.waiting.splice(0).forEach((go) => void go()), 5)
  t.ok((await within(10_000, 'the bytes', content)).equals(Buffer.alloc(MiB, 'y')))
  clearInterval(timer)
  await session.unmount({ lazy: true })
  await below.unmount({ lazy: true })
})

t.test('what writeTo writes arrives', { skip }, async (t) => {
  const fs = await mountLower(t)
  const content = randomBytes(3 * MiB + 7)
  writeFileSync(fs.below('source'), content)
  await run('cp', [fs.below('source'), fs.at('a')])
  t.ok(readFileSync(fs.below('a')).equals(content))
  t.ok(fs.seen.write > 0)
})

const kibOf = (mountpoint: string): number =>
  Number(readFileSync(`/sys/class/bdi/${mountAt(mountpoint)?.device}/read_ahead_kb`, 'utf8'))

for (const [asked, inForce] of [
  [undefined, MiB],
  [64 * KiB, 64 * KiB],
  [128 * KiB, 128 * KiB],
  [3 * MiB, 3 * MiB],
  [0, 0],
] as const) {
  t.test(`maxReadahead: ${asked}`, { skip }, async (t) => {
    const options = asked === undefined ? {} : { maxReadahead: asked }
    const { session } = await mountLower(t, options)
    t.equal(session.connection.maxReadahead, inForce)
    t.equal(kibOf(session.mountpoint) * KiB, inForce)
  })
}

t.test('the kernel reads ahead as far as it says', { skip }, async (t) => {
  for (const [maxReadahead, size] of [
    [128 * KiB, 128 * KiB],
    [512 * KiB, 512 * KiB],
    [4 * MiB, MiB],
  ] as const) {
    const fs = await mountLower(t, { maxReadahead })
    writeFileSync(fs.below('a'), Buffer.alloc(8 * MiB))
    await bytesOf(fs.at('a'), 4096)
    t.equal(fs.seen.biggest, size, 'at most what one request may carry')
  }
})

t.test("a readahead that may not be set is the kernel's", async (t) => {
  t.equal(raiseReadahead('0:999999', MiB), undefined)
})
