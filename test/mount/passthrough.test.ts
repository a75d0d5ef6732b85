// Files that the kernel reads and writes itself (FUSE_PASSTHROUGH), on real mounts.
import { execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import {
  attrOut,
  entry,
  FOPEN_DIRECT_IO,
  FOPEN_KEEP_CACHE,
  FOPEN_NOFLUSH,
  fdRange,
  mountLowLevel,
} from '../../lib/index.ts'
import { mountAt } from '../../lib/mountinfo.ts'
import { posix } from '../../lib/posix.ts'
import { bytesOf, type LowerOptions, mountLower, type ServedLower, sys } from './lower.ts'
import { cannotMount, freeDir, freshDir, isMounted, within } from './mount.ts'

const run = promisify(execFile)
const skip = cannotMount()
const MiB = 1024 * 1024
const capabilities = { FUSE_CAP_PASSTHROUGH: true } as const

async function passing(t: Test, lowerOptions: LowerOptions = {}): Promise<ServedLower> {
  const fs = await mountLower(t, { capabilities }, lowerOptions)
  fs.answer = (fd) => ({ backing: fd })
  return fs
}

const sizeOf = (line = ''): number => (JSON.parse(line) as { size: number }).size

t.test('the kernel reads, writes, maps and splices by itself', { skip }, async (t) => {
  const fs = await passing(t)
  const content = randomBytes(2 * MiB)
  writeFileSync(fs.below('a'), content)
  t.ok((await bytesOf(fs.at('a'), 65_536)).equals(content))
  t.ok((await bytesOf(fs.at('a'), 65_536, 'direct')).equals(content), 'O_DIRECT')

  const opened = ['open', fs.at('a'), 'RDWR', 0] as const
  await sys(opened, ['pwrite', 0, 'written', 100])
  t.equal(readFileSync(fs.below('a')).subarray(100, 107).toString(), 'written')

  const mapped = await sys(
    opened,
    ['map', 0, MiB, 'rw'],
    ['map_get', 0, 100, 7],
    ['map_put', 0, 200, 'mapped'],
    ['msync', 0],
  )
  t.equal(mapped[2], Buffer.from('written').toString('hex'))
  t.equal(readFileSync(fs.below('a')).subarray(200, 206).toString(), 'mapped')
  const apart = await sys(
    opened,
    ['map_private', 0, MiB],
    ['map_put', 0, 200, 'nobody'],
    ['map_get', 0, 200, 6],
  )
  t.equal(apart[3], Buffer.from('nobody').toString('hex'))
  t.equal(readFileSync(fs.below('a')).subarray(200, 206).toString(), 'mapped', 'a private mapping')

  const target = ['open', fs.at('b'), 'RDWR|CREAT', 644] as const
  const [, , sent] = await sys(['open', fs.at('a'), 'RDONLY', 0], target, [
    'sendfile',
    1,
    0,
    0,
    MiB,
  ])
  t.equal(Number(sent), MiB, 'splice')
  t.ok(readFileSync(fs.below('b')).equals(readFileSync(fs.below('a')).subarray(0, MiB)))

  t.same([fs.seen.read, fs.seen.write], [0, 0], 'nobody asked for it')
  t.equal(fs.session.connection.passthrough, 'active')
})

for (const timeout of [0, 1000]) {
  t.test(`size and times follow, attributes valid for ${timeout} s`, { skip }, async (t) => {
    const fs = await passing(t, { timeout })
    writeFileSync(fs.below('a'), 'first')
    const appended = await sys(
      ['open', fs.at('a'), 'WRONLY|APPEND', 0],
      ['write', 0, ' second'],
      ['fstat', 0],
      ['write', 0, ' third'],
    )
    t.equal(sizeOf(appended[2]), 12)
    t.equal(sizeOf((await sys(['stat', fs.at('a')]))[0]), 18)
    t.equal((await bytesOf(fs.at('a'), 4096)).toString(), 'first second third')
    const { stdout } = await run('stat', ['-c', '%Y %s', fs.at('a')])
    const { mtimeMs, size } = statSync(fs.below('a'))
    t.equal(stdout, `${Math.floor(mtimeMs / 1000)} ${size}\n`)
    const cut = await sys(
      ['open', fs.at('a'), 'RDWR', 0],
      ['ftruncate', 0, 5],
      ['fstat', 0],
      ['pread', 0, 100, 0],
    )
    t.equal(sizeOf(cut[2]), 5)
    t.equal(statSync(fs.below('a')).size, 5)
  })
}

/** Each a way to answer an open; 0 to 3. */
const answers: readonly ((fd: number) => ReturnType<ServedLower['answer']>)[] = [
  (fd) => ({ backing: fd }),
  (fd) => ({ backing: fd, open_flags: FOPEN_KEEP_CACHE }),
  () => ({}),
  () => ({ open_flags: FOPEN_DIRECT_IO }),
  () => ({ open_flags: FOPEN_KEEP_CACHE }),
]

t.test('opens of all kinds beside each other never fail', { skip }, async (t) => {
  const fs = await mountLower(t, {
    capabilities: { ...capabilities, FUSE_CAP_DIRECT_IO_ALLOW_MMAP: true },
  })
  let n = 0
  const kinds = new Set<number>()
  fs.answer = (fd) => {
    // Some order that is no pattern: a step that has no factor in common with the ways.
    n = (n * 7 + 3) % 1009
    const kind = n % answers.length
    kinds.add(kind)
    return answers[kind]?.(fd) ?? {}
  }
  const content = randomBytes(10_000)
  writeFileSync(fs.below('a'), content)
  const hex = content.subarray(0, 20).toString('hex')
  // Two overlapping opens a round, and three processes at once.
  const round = (i: number) => [
    ['open', fs.at('a'), 'RDWR', 0],
    ['pread', 2 * i, 20, 0],
    ['open', fs.at('a'), 'RDONLY', 0],
    ['close', 2 * i],
    ['pread', 2 * i + 1, 20, 0],
    ['close', 2 * i + 1],
  ]
  const rounds = Array.from({ length: 30 }, (_, i) => round(i)).flat()
  for (let i = 0; i < 4; i++) {
    const all = await Promise.all([1, 2, 3].map(() => sys(...rounds)))
    for (const lines of all) t.equal(lines.filter((line) => line.includes(hex)).length, 60)
  }
  t.equal(kinds.size, answers.length)
  t.equal(fs.session.stats()['open']?.errors, 0)
})

t.test(
  'a file of a mount that is stacked too deep is served the plain way',
  { skip },
  async (t) => {
    const below = await passing(t)
    // Every program that this process starts closes it, see the README: without a FLUSH.
    below.answer = (fd) => ({ backing: fd, open_flags: FOPEN_NOFLUSH })
    const content = randomBytes(100_000)
    writeFileSync(below.below('a'), content)
    for (const [maxStackDepth, passthrough] of [
      [1, /^ELOOP: /],
      [2, /^active$/],
    ] as const) {
      const dir = freshDir()
      t.teardown(() => freeDir(dir))
      const file = { mode: 0o100644, nlink: 1, size: content.length }
      const handle = await open(below.at('a'))
      const session = await mountLowLevel(
        dir,
        {
          lookup: (_req, _parent, name) => (name === 'a' ? entry(2, file) : null),
          getattr: (_req, nodeid) => attrOut(nodeid === 1 ? { mode: 0o40755, nlink: 2 } : file),
          open: () => ({ fh: handle.fd, backing: handle.fd }),
          read: (_req, _nodeid, { fh, offset, size }) => fdRange(fh, offset, size),
        },
        { capabilities, maxStackDepth },
      )
      t.ok((await bytesOf(`${dir}/a`, 65_536)).equals(content))
      t.match(session.connection.passthrough, passthrough)
      t.equal((session.stats()['read']?.count ?? 0) > 0, maxStackDepth === 1)
      await session.unmount()
      await handle.close()
    }
  },
)

const CAP_SYS_ADMIN = 1 << 21

/** Without the capability, in this thread, for as long as `use` takes. */
async function withoutAdmin(use: () => Promise<void>): Promise<void> {
  const sets = new Uint8Array(24)
  posix.capget(sets)
  const less = new Uint32Array(sets.slice().buffer)
  less[0] = (less[0] ?? 0) & ~CAP_SYS_ADMIN
  posix.capset(new Uint8Array(less.buffer))
  try {
    await use()
  } finally {
    posix.capset(sets)
  }
}

t.test('without CAP_SYS_ADMIN it is served the plain way', { skip }, async (t) => {
  const fs = await passing(t)
  writeFileSync(fs.below('a'), 'content')
  await withoutAdmin(async () => {
    t.equal((await bytesOf(fs.at('a'), 4096)).toString(), 'content')
  })
  t.match(fs.session.connection.passthrough, /^EPERM: /)
  t.ok(fs.seen.read > 0)
  const before = fs.seen.read
  writeFileSync(fs.below('b'), 'other')
  t.equal((await bytesOf(fs.at('b'), 4096)).toString(), 'other')
  t.ok(fs.seen.read > before, 'and it is not tried again')
})

t.test('an overlay lends its files where the depth allows it', { skip }, async (t) => {
  const [lowerdir, upperdir, merged] = [freshDir(), freshDir(), freshDir()]
  t.teardown(async () => {
    freeDir(merged)
    await run('rm', ['-r', lowerdir, upperdir])
  })
  await run('mkdir', [`${upperdir}/upper`, `${upperdir}/work`])
  writeFileSync(`${lowerdir}/a`, 'from below')
  const layers = `lowerdir=${lowerdir},upperdir=${upperdir}/upper,workdir=${upperdir}/work`
  await run('mount', ['-t', 'overlay', '-o', layers, 'x', merged])
  for (const [maxStackDepth, passthrough] of [
    [1, /^ELOOP: /],
    [2, /^active$/],
  ] as const) {
    const fs = await mountLower(t, { capabilities, maxStackDepth })
    fs.answer = (fd) => ({ backing: fd })
    symlinkSync(`${merged}/a`, fs.below('a'))
    t.equal((await bytesOf(fs.at('a'), 4096)).toString(), 'from below')
    t.match(fs.session.connection.passthrough, passthrough)
    t.equal(fs.seen.read > 0, maxStackDepth === 1)
    await fs.session.unmount()
  }
})

for (const how of ['unmount', 'abort'] as const) {
  t.test(`no backing file outlives the ${how}`, { skip }, async (t) => {
    // umount(8) succeeds only where nothing of it is open any more.
    const disk = freshDir()
    t.teardown(() => freeDir(disk))
    await run('mount', ['-t', 'tmpfs', 'x', disk])
    writeFileSync(`${disk}/a`, 'content\n')
    const fs = await passing(t)
    symlinkSync(`${disk}/a`, fs.below('a'))
    const reader = spawn('sh', [
      '-c',
      'exec 3< "$0"; read line <&3; echo $line; exec sleep 60',
      fs.at('a'),
    ])
    const exited = once(reader, 'exit')
    const [line] = (await once(reader.stdout, 'data')) as [Buffer]
    t.equal(line.toString(), 'content\n')
    t.equal(fs.seen.read, 0, 'it is passed through')
    if (how === 'abort') {
      const device = mountAt(fs.session.mountpoint)?.device
      writeFileSync(`/sys/fs/fuse/connections/${device?.split(':')[1]}/abort`, '1')
    } else void fs.session.unmount({ lazy: true })
    reader.kill('SIGKILL')
    await exited
    await within(10_000, 'the end', fs.session.closed)
    await run('umount', [disk])
    t.notOk(isMounted(disk))
  })
}
