// A lower file system that refuses, fills up, dies or goes away: the caller is told why, and the mount
// lives on.
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { errorCode } from './error_code.ts'
import { lowerDir } from './lower_dir.ts'
import { cannotMount, mountExample } from './mount.ts'
import { sys } from './sys.ts'

const skip = cannotMount('stackfs')
const MIB = 2 ** 20
const always = 'allow_other'
const configurations = {
  'nothing cached': `${always},cache=never`,
  'everything cached': `${always},cache=always`,
  'write-back cache': `${always},writeback_cache`,
  passthrough: `${always},passthrough`,
}

const run = (file: string, ...args: string[]): void => {
  execFileSync(file, args, { stdio: ['ignore', 'ignore', 'pipe'] })
}

/** A directory that another file system is mounted on; at the end of the test that goes, too. */
function lowerMount(t: Test, ...words: string[]): string {
  const dir = lowerDir(t)
  run('mount', ...words, dir)
  t.teardown(() => run('umount', '-l', dir))
  return dir
}

const tmpfs = (t: Test, options: string): string =>
  lowerMount(t, '-t', 'tmpfs', '-o', `mode=755,${options}`, 'none')

/** An ext4 of its own in a file. */
function ext4(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'devfuse-image-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const image = join(folder, 'image')
  writeFileSync(image, '')
  truncateSync(image, 32 * MIB)
  run('mkfs.ext4', '-q', '-F', image)
  return lowerMount(t, '-o', 'loop', image)
}

/** RELEASE is not waited for by close(2): until it has come the file is in use. */
async function remount(lower: string, how: 'ro' | 'rw'): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      run('mount', '-o', `remount,${how}`, lower)
      return
    } catch (error) {
      if (tries === 100) throw error
      await delay(20)
    }
  }
}

const changes: Record<string, (dir: string) => unknown> = {
  create: (dir) => writeFileSync(join(dir, 'new'), 'new'),
  'open for writing': (dir) => openSync(join(dir, 'f'), 'r+'),
  truncate: (dir) => truncateSync(join(dir, 'f'), 0),
  mkdir: (dir) => mkdirSync(join(dir, 'new')),
  symlink: (dir) => symlinkSync('f', join(dir, 'new')),
  link: (dir) => linkSync(join(dir, 'f'), join(dir, 'new')),
  rename: (dir) => renameSync(join(dir, 'f'), join(dir, 'new')),
  unlink: (dir) => unlinkSync(join(dir, 'f')),
  chmod: (dir) => chmodSync(join(dir, 'f'), 0o600),
  utimes: (dir) => utimesSync(join(dir, 'f'), 1, 2),
  setxattr: (dir) => sys(['setxattr', join(dir, 'f'), 'user.x', 'y', 0]),
}

t.setTimeout(300_000)

for (const [name, options] of Object.entries(configurations)) {
  t.test(`LOWER turns read-only and back, ${name}`, { skip }, async (t) => {
    const lower = tmpfs(t, 'size=4m')
    writeFileSync(join(lower, 'f'), 'text')
    const mounted = await mountExample(t, 'stackfs', { args: [lower], options })
    const { dir } = mounted
    writeFileSync(join(dir, 'g'), 'dirty, perhaps')
    await remount(lower, 'ro')
    for (const [what, change] of Object.entries(changes)) {
      t.equal(
        errorCode(() => change(dir)),
        'EROFS',
        what,
      )
    }
    t.same(readdirSync(dir).sort(), ['f', 'g'])
    t.equal(readFileSync(join(dir, 'f'), 'utf8'), 'text')
    t.equal(readFileSync(join(dir, 'g'), 'utf8'), 'dirty, perhaps')
    await remount(lower, 'rw')
    writeFileSync(join(dir, 'f'), 'more')
    t.equal(readFileSync(join(lower, 'f'), 'utf8'), 'more')
    t.equal(mounted.stderr(), '')
  })

  t.test(`LOWER is full, ${name}`, { skip }, async (t) => {
    const lower = tmpfs(t, 'size=2m,nr_inodes=40')
    const mounted = await mountExample(t, 'stackfs', { args: [lower], options })
    const { dir } = mounted
    const [file, other] = [join(dir, 'f'), join(dir, 'other')]
    t.equal(
      errorCode(() => {
        const fd = openSync(file, 'w')
        try {
          for (let i = 0; i < 4; i++) writeSync(fd, Buffer.alloc(MIB, i))
          // By a write-back cache this is the first to know.
          fsyncSync(fd)
        } finally {
          closeSync(fd)
        }
      }),
      'ENOSPC',
      'write and fsync',
    )
    writeFileSync(other, '')
    t.equal(
      errorCode(() => sys(['open', other, 'RDWR', 0], ['fallocate', 0, 0, 0, 4 * MIB])),
      'ENOSPC',
      'fallocate',
    )
    t.ok(statfsSync(dir).bavail <= 1, 'statfs says so')
    unlinkSync(file)
    // RELEASE comes later than close(2), and until then the file takes room.
    while (statfsSync(dir).bavail * statfsSync(dir).bsize < 1.5 * MIB) await delay(10)
    writeFileSync(other, Buffer.alloc(MIB, 7))
    sys(['open', other, 'RDWR', 0], ['fsync', 0])
    t.ok(readFileSync(join(lower, 'other')).equals(Buffer.alloc(MIB, 7)), 'there is room again')
    const inodes = errorCode(() => {
      for (let i = 0; i < 50; i++) writeFileSync(join(dir, `${i}`), '')
    })
    t.equal(inodes, 'ENOSPC', 'create without an inode left')
    for (const what of ['mkdir', 'symlink'])
      t.equal(
        errorCode(() => changes[what]?.(dir)),
        'ENOSPC',
        what,
      )
    t.equal(mounted.stderr(), '')
  })

  t.test(`the disk below LOWER dies, ${name}`, { skip }, async (t) => {
    const lower = ext4(t)
    for (const file of ['f', 'g']) writeFileSync(join(lower, file), 'text')
    const mounted = await mountExample(t, 'stackfs', { args: [lower], options })
    const { dir } = mounted
    t.equal(readFileSync(join(dir, 'f'), 'utf8'), 'text')
    const held = openSync(join(dir, 'g'), 'r+')
    sys(['open', lower, 'RDONLY|DIRECTORY', 0], ['shutdown', 0])
    for (const what of ['create', 'mkdir', 'chmod', 'truncate', 'unlink']) {
      t.equal(
        errorCode(() => changes[what]?.(dir)),
        'EIO',
        what,
      )
    }
    t.equal(
      errorCode(() => {
        writeSync(held, 'more')
        fsyncSync(held)
      }),
      'EIO',
      'write and fsync',
    )
    // What a write-back cache still has is lost now, and close(2) says so.
    t.match(String(errorCode(() => closeSync(held))), /^(undefined|EIO)$/)
    t.equal(statSync(dir).isDirectory(), true, 'the mount lives')
    t.equal(mounted.stderr(), '')
    await mounted.stop()
  })
}

t.test('what a mapping has no room for is told by msync', { skip }, async (t) => {
  const lower = tmpfs(t, 'size=2m')
  const { dir } = await mountExample(t, 'stackfs', { args: [lower], options: always })
  const [file, filler] = [join(dir, 'f'), join(lower, 'filler')]
  writeFileSync(file, '')
  truncateSync(file, 65536)
  t.equal(
    errorCode(() => writeFileSync(filler, Buffer.alloc(4 * MIB))),
    'ENOSPC',
  )
  const put = [
    ['open', file, 'RDWR', 0],
    ['map', 0, 65536, 'rw'],
    ['map_put', 0, 0, 'text'],
  ]
  t.equal(
    errorCode(() => sys(...put, ['msync', 0])),
    'ENOSPC',
  )
  rmSync(filler)
  sys(...put, ['msync', 0])
  t.equal(readFileSync(join(lower, 'f'), 'utf8').slice(0, 4), 'text')
})

t.test('LOWER is served by somebody who is killed', { skip }, async (t) => {
  const uncached = `${always},entry_timeout=0,attr_timeout=0`
  const below = await mountExample(t, 'memfs', { options: uncached })
  writeFileSync(join(below.dir, 'f'), 'text')
  const options = `${always},cache=never,passthrough`
  const mounted = await mountExample(t, 'stackfs', { args: [below.dir], options })
  const { dir } = mounted
  t.equal(readFileSync(join(dir, 'f'), 'utf8'), 'text')
  const held = openSync(join(dir, 'f'), 'r+')
  below.child.kill('SIGKILL')
  await below.ended
  const gone = /^(ENOTCONN|ECONNABORTED)$/
  const cases: Record<string, () => unknown> = {
    stat: () => lstatSync(join(dir, 'f')),
    list: () => readdirSync(dir),
    write: () => writeSync(held, 'more'),
    fsync: () => fsyncSync(held),
    ...Object.fromEntries(
      ['create', 'mkdir'].map((what) => [what, () => changes[what]?.(dir)] as const),
    ),
  }
  for (const [what, act] of Object.entries(cases)) t.match(errorCode(act), gone, what)
  closeSync(held)
  t.equal(mounted.child.exitCode, null, 'stackfs lives')
  await mounted.stop()
})

t.test('LOWER is unmounted lazily and goes on for as long as we are', { skip }, async (t) => {
  const lower = lowerDir(t)
  run('mount', '-t', 'tmpfs', '-o', 'size=4m', 'none', lower)
  writeFileSync(join(lower, 'f'), 'text')
  const options = `${always},cache=never`
  const mounted = await mountExample(t, 'stackfs', { args: [lower], options })
  const { dir } = mounted
  run('umount', '-l', lower)
  t.notOk(existsSync(join(lower, 'f')))
  t.equal(readFileSync(join(dir, 'f'), 'utf8'), 'text')
  mkdirSync(join(dir, 'd'))
  writeFileSync(join(dir, 'd/new'), 'new')
  t.equal(statSync(join(dir, 'd/new')).size, 3)
  t.same(readdirSync(dir).sort(), ['d', 'f'])
  t.same(readdirSync(lower), [], 'nothing of it is where LOWER was')
})
