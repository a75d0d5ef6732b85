// What the lower directory of stackfs may do to it: be big, change, vanish, lie elsewhere.
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  closeSync,
  constants,
  existsSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { errorCode } from './error_code.ts'
import { lowerDir } from './lower_dir.ts'
import {
  cannotMount,
  isMounted,
  type Mounted,
  mountExample,
  mountType,
  runExample,
} from './mount.ts'

const skip = cannotMount('stackfs')
const O_PATH = 0o10000000

/** A program that runs node after some words of sh(1). */
function nodeAfter(t: Test, words: string): string {
  const dir = mkdtempSync(join(tmpdir(), 'devfuse-node-'))
  t.teardown(() => rmSync(dir, { recursive: true }))
  const path = join(dir, 'node')
  writeFileSync(path, `#!/bin/sh\n${words} ${process.execPath} "$@"\n`, { mode: 0o755 })
  return path
}

const ino = (path: string): bigint => lstatSync(path, { bigint: true }).ino
const openBy = ({ child }: Mounted): number => readdirSync(`/proc/${child.pid}/fd`).length
t.setTimeout(600_000)

t.test('60,000 files in one directory by 1,024 descriptors', { skip }, async (t) => {
  const lower = lowerDir(t)
  const many = 60_000
  const name = (i: number) => `file-${i}`
  for (let i = 0; i < many; i++) writeFileSync(join(lower, name(i)), `${i}`)
  const node = nodeAfter(t, 'ulimit -n 1024; exec')
  const mounted = await mountExample(t, 'stackfs', { args: [lower], node })
  const { dir } = mounted
  const listed = execFileSync('ls', ['-U', '-l', dir], { encoding: 'utf8', maxBuffer: 64 << 20 })
  t.equal(listed.split('\n').length, many + 2, 'all are listed with attributes')
  t.ok(openBy(mounted) < 1024, 'by fewer descriptors than it may have')
  const wrong: string[] = []
  for (let i = 0; i < many; i += 7) {
    const k = (i * 31) % many
    if (ino(join(dir, name(k))) !== ino(join(lower, name(k)))) wrong.push(`number of ${k}`)
    if (readFileSync(join(dir, name(k)), 'utf8') !== `${k}`) wrong.push(`content of ${k}`)
  }
  t.same(wrong, [], 'each is itself')
  t.ok(openBy(mounted) < 1024)
  for (let i = 0; i < 1000; i++) renameSync(join(dir, name(i)), join(dir, `moved-${i}`))
  for (let i = 0; i < 1000; i += 50) {
    t.equal(readFileSync(join(dir, `moved-${i}`), 'utf8'), `${i}`)
  }
  execFileSync('sh', ['-c', 'cd "$0" && rm -f ./file-*', dir])
  t.equal(readdirSync(lower).length, 1000, 'they are removed')
  t.equal(mounted.stderr(), '')
})

const crowded = async (t: Test, node?: string): Promise<{ lower: string; mounted: Mounted }> => {
  const lower = lowerDir(t)
  for (let i = 0; i < 1000; i++) writeFileSync(join(lower, `${i}`), `${i}`)
  mkdirSync(join(lower, 'a/b/c'), { recursive: true })
  const options = 'max_fds=64'
  const words = node === undefined ? {} : { node }
  const mounted = await mountExample(t, 'stackfs', { args: [lower], options, ...words })
  return { lower, mounted }
}

for (const [how, words] of [
  ['by handles', undefined],
  ['without the right to open by handle', 'exec setpriv --bounding-set=-dac_read_search'],
] as const) {
  t.test(`an inode that was closed is found again ${how}`, { skip }, async (t) => {
    const node = words === undefined ? undefined : nodeAfter(t, words)
    const { lower, mounted } = await crowded(t, node)
    const { dir } = mounted
    const held = ['1', '2', '3', 'a/b/c'].map((name) => openSync(join(dir, name), O_PATH))
    const before = held.map((fd) => fstatSync(fd, { bigint: true }).ino)
    const crowd = () => execFileSync('sh', ['-c', 'cat "$0"/[4-9]* > /dev/null', dir])
    crowd()
    t.ok(openBy(mounted) < 130, 'most are closed')
    renameSync(join(dir, '2'), join(dir, 'two'))
    unlinkSync(join(dir, '3'))
    crowd()
    await new Promise((resolve) => setTimeout(resolve, 1100))
    const after = held.map((fd) => fstatSync(fd, { bigint: true }))
    t.same(
      after.map((stat) => stat.ino),
      before,
    )
    t.same(
      after.slice(0, 3).map((stat) => stat.nlink),
      [1n, 1n, 0n],
      'also the one without a name',
    )
    for (const fd of held) closeSync(fd)
    t.equal(readFileSync(join(dir, 'two'), 'utf8'), '2')
    // The directories above have been closed, too.
    writeFileSync(join(dir, 'a/b/c/new'), 'new')
    t.equal(readFileSync(join(lower, 'a/b/c/new'), 'utf8'), 'new')
  })
}

t.test('another inode under the same name is not taken for the former', { skip }, async (t) => {
  const { lower, mounted } = await crowded(t)
  const { dir } = mounted
  const held = openSync(join(dir, '1'), O_PATH)
  execFileSync('sh', ['-c', 'cat "$0"/[4-9]* > /dev/null', dir])
  // ext4 gives the number to the next one that is made there.
  unlinkSync(join(lower, '1'))
  writeFileSync(join(lower, 'new'), 'new')
  await new Promise((resolve) => setTimeout(resolve, 1100))
  t.equal(readFileSync(join(dir, 'new'), 'utf8'), 'new')
  t.equal(
    errorCode(() => fstatSync(held)),
    'ESTALE',
  )
  closeSync(held)
})

t.test('a directory swapped for a symbolic link leads nowhere', { skip }, async (t) => {
  const lower = lowerDir(t)
  mkdirSync(join(lower, 'd'))
  writeFileSync(join(lower, 'd/passwd'), 'mine')
  writeFileSync(join(lower, 'f'), 'mine')
  const options = 'entry_timeout=3600,attr_timeout=3600,direct_io'
  const { dir } = await mountExample(t, 'stackfs', { args: [lower], options })
  t.equal(statSync(join(dir, 'd/passwd')).size, 4)
  t.equal(statSync(join(dir, 'f')).size, 4)
  renameSync(join(lower, 'd'), join(lower, 'away'))
  symlinkSync('/etc', join(lower, 'd'))
  renameSync(join(lower, 'f'), join(lower, 'away/f'))
  symlinkSync('/etc/passwd', join(lower, 'f'))
  // The kernel still believes in both: what it names is what it has seen.
  t.equal(readFileSync(join(dir, 'd/passwd'), 'utf8'), 'mine')
  t.equal(readFileSync(join(dir, 'f'), 'utf8'), 'mine')
  t.equal(
    errorCode(() => statSync(join(dir, 'd/hostname'))),
    'ENOENT',
  )
  writeFileSync(join(dir, 'd/made'), '')
  t.ok(existsSync(join(lower, 'away/made')))
  t.notOk(existsSync('/etc/made'))
})

/** Looks again until it is so, for ten seconds; gives what it saw last. */
async function eventually<T>(look: () => T, expected: T): Promise<T> {
  for (let i = 0; i < 1000 && look() !== expected; i++) {
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  return look()
}

t.test('with watch what others change is seen, however long it is cached', { skip }, async (t) => {
  const lower = lowerDir(t)
  mkdirSync(join(lower, 'd'))
  for (const name of ['f', 'd/f', 'gone']) writeFileSync(join(lower, name), 'old')
  const options = 'cache=always,negative_timeout=3600,watch'
  const mounted = await mountExample(t, 'stackfs', { args: [lower], options })
  const at = (name: string) => join(mounted.dir, name)
  const text = (name: string) => () => readFileSync(at(name), 'utf8')
  for (const name of ['f', 'd/f', 'gone']) t.equal(text(name)(), 'old')
  t.notOk(existsSync(at('new')))
  t.same(readdirSync(mounted.dir).sort(), ['d', 'f', 'gone'])
  writeFileSync(join(lower, 'f'), 'changed')
  writeFileSync(join(lower, 'd/f'), 'also')
  unlinkSync(join(lower, 'gone'))
  writeFileSync(join(lower, 'new'), 'made')
  t.equal(await eventually(text('f'), 'changed'), 'changed')
  t.equal(await eventually(text('d/f'), 'also'), 'also')
  t.equal(await eventually(() => existsSync(at('gone')), false), false)
  t.equal(await eventually(() => existsSync(at('new')), true), true)
  t.equal(await eventually(() => readdirSync(mounted.dir).sort().join(), 'd,f,new'), 'd,f,new')
  chmodSync(join(lower, 'f'), 0o600)
  t.equal(await eventually(() => statSync(at('f')).mode & 0o777, 0o600), 0o600)
  renameSync(join(lower, 'd'), join(lower, 'e'))
  t.equal(await eventually(() => existsSync(at('e/f')) && !existsSync(at('d')), true), true)
  const made = execFileSync('sh', ['-c', 'mkdir here && cd here && sleep 0.3 && pwd -P'], {
    cwd: mounted.dir,
    encoding: 'utf8',
  })
  t.equal(made, `${at('here')}\n`, 'a directory in use keeps its name')
  t.equal(mounted.stderr(), '')
})

t.test('a lower directory that is removed takes nothing with it', { skip }, async (t) => {
  const lower = lowerDir(t)
  writeFileSync(join(lower, 'f'), 'text')
  const mounted = await mountExample(t, 'stackfs', { args: [lower] })
  const { dir } = mounted
  const held = openSync(join(dir, 'f'), 'r+')
  rmSync(lower, { recursive: true })
  await new Promise((resolve) => setTimeout(resolve, 1100))
  t.same(readdirSync(dir), [])
  t.equal(
    errorCode(() => statSync(join(dir, 'f'))),
    'ENOENT',
  )
  t.equal(
    errorCode(() => writeFileSync(join(dir, 'g'), '')),
    'ENOENT',
  )
  t.equal(fstatSync(held).nlink, 0)
  t.equal(readFileSync(held, 'utf8'), 'text')
  closeSync(held)
  t.equal(statSync(dir).nlink, 0)
  await mounted.stop()
})

t.test('a mount point inside of LOWER is no way into a circle', { skip }, async (t) => {
  const lower = lowerDir(t)
  const at = join(lower, 'at')
  mkdirSync(at)
  writeFileSync(join(lower, 'f'), '')
  const mounted = await mountExample(t, 'stackfs', { args: [lower, at].slice(0, 1) })
  // Seen from there, the mount is bound to where the walk would meet it.
  execFileSync('mount', ['--bind', mounted.dir, at])
  try {
    t.same(readdirSync(mounted.dir).sort(), ['at', 'f'])
    t.equal(
      errorCode(() => readdirSync(join(mounted.dir, 'at'))),
      'ELOOP',
    )
    t.match(
      execFileSync('ls', ['-l', mounted.dir], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
        timeout: 20_000,
      }),
      /f\n/,
    )
  } catch (error) {
    t.match(error, { status: 1 }, 'ls says that it cannot look at one')
  } finally {
    execFileSync('umount', [at])
  }
})

t.test('other file systems below LOWER', { skip }, async (t) => {
  const lower = lowerDir(t)
  const other = join(lower, 'other')
  mkdirSync(other)
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'none', other])
  t.teardown(() => execFileSync('umount', ['-l', other]))
  mkdirSync(join(other, 'd'))
  writeFileSync(join(other, 'd/f'), 'there')
  writeFileSync(join(lower, 'f'), 'here')
  const { dir } = await mountExample(t, 'stackfs', { args: [lower], options: 'max_fds=64' })
  t.equal(readFileSync(join(dir, 'other/d/f'), 'utf8'), 'there')
  t.ok(ino(join(dir, 'other/d/f')) >= 2 ** 52, 'its number is none of LOWER')
  t.equal(ino(join(dir, 'f')), ino(join(lower, 'f')))
  t.equal(
    errorCode(() => renameSync(join(dir, 'f'), join(dir, 'other/f'))),
    'EXDEV',
  )
  for (let i = 0; i < 300; i++) writeFileSync(join(dir, `other/${i}`), `${i}`)
  const wrong = Array.from({ length: 300 }, (_, i) => `${i}`).filter(
    (name) => readFileSync(join(dir, 'other', name), 'utf8') !== name,
  )
  t.same(wrong, [])
  t.equal(
    errorCode(() => writeFileSync(join(dir, 'other/big'), Buffer.alloc(2 ** 23))),
    'ENOSPC',
  )
  t.equal(readFileSync(join(dir, 'f'), 'utf8'), 'here')
  execFileSync('mount', ['-o', 'remount,ro', other])
  t.equal(
    errorCode(() => writeFileSync(join(dir, 'other/new'), '')),
    'EROFS',
  )
  t.equal(
    errorCode(() => writeFileSync(join(dir, 'other/1'), '')),
    'EROFS',
  )
})

t.test('noatime leaves access times alone', { skip }, async (t) => {
  const lower = lowerDir(t)
  const [file, folder] = [join(lower, 'f'), join(lower, 'd')]
  const reset = () => {
    for (const path of [file, folder]) utimesSync(path, 1, 2)
  }
  mkdirSync(folder)
  writeFileSync(file, 'text')
  for (const [options, atime] of [
    ['noatime,cache=never', 1],
    ['cache=never', undefined],
  ] as const) {
    reset()
    const mounted = await mountExample(t, 'stackfs', { args: [lower], options })
    readFileSync(join(mounted.dir, 'f'))
    readdirSync(join(mounted.dir, 'd'))
    await mounted.stop()
    for (const path of [file, folder]) {
      if (atime !== undefined) t.equal(statSync(path).atimeMs, 1000 * atime, `${options}: ${path}`)
      else t.ok(statSync(path).atimeMs > 1000, `${options}: ${path}`)
    }
  }
})

t.test('LOWER may be said by -o source=', { skip }, async (t) => {
  const lower = lowerDir(t)
  writeFileSync(join(lower, 'f'), '')
  const { dir } = await mountExample(t, 'stackfs', { options: `source=${lower}` })
  t.same(readdirSync(dir), ['f'])
  t.ok(isMounted(dir))
  t.equal(mountType(dir), 'fuse.stackfs')
})

t.test('mistakes are told', { skip }, async (t) => {
  const lower = lowerDir(t)
  const cases: [string[], RegExp][] = [
    [[lower], /LOWER/],
    [[], /mount point/],
    [[lower, lower, lower], /LOWER/],
    [[join(lower, 'none'), lower], /ENOENT/],
    [[lower, lower, '-o', 'cache=some'], /never, auto, always/],
  ]
  for (const [args, expected] of cases) {
    const { code, stderr } = await runExample('stackfs', args)
    t.equal(code, 1)
    t.match(stderr, expected)
  }
})

t.test('O_DIRECT reads and writes reach the lower file as they are', { skip }, async (t) => {
  const lower = lowerDir(t)
  const { dir } = await mountExample(t, 'stackfs', { args: [lower] })
  execFileSync('dd', ['if=/dev/urandom', `of=${join(lower, 'f')}`, 'bs=64k', 'count=4'], {
    stdio: 'ignore',
  })
  const direct = ['bs=64k', 'iflag=direct', 'oflag=direct']
  execFileSync('dd', [`if=${join(dir, 'f')}`, `of=${join(dir, 'g')}`, ...direct], {
    stdio: 'ignore',
  })
  t.ok(readFileSync(join(lower, 'g')).equals(readFileSync(join(lower, 'f'))))
  const fd = openSync(join(dir, 'f'), constants.O_RDONLY | (constants.O_DIRECT ?? 0))
  closeSync(fd)
})
