// How a mount comes and goes, whatever ends it. Each case has processes of its own.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readdirSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import {
  cannotMount,
  type Ended,
  forceUmount,
  freeDir,
  freshDir,
  isMounted,
  type Mounted,
  mountExample,
  mountType,
  runExample,
  start,
  umount,
  within,
} from './mount.ts'

const skip = cannotMount('memfs')
const PATIENCE = 20_000
const slowEnd = fileURLToPath(new URL('slow_end.mjs', import.meta.url))

/** What a process of its own gets from `stat DIR`; never this one, which might hang in it. */
function statError(dir: string): string {
  try {
    execFileSync('stat', ['-c', '%i', dir], {
      stdio: ['ignore', 'ignore', 'pipe'],
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C' },
      timeout: PATIENCE,
    })
    return ''
  } catch (error) {
    return String((error as { stderr?: unknown }).stderr ?? error)
  }
}

async function unmounted(dir: string): Promise<void> {
  while (isMounted(dir)) await new Promise((resolve) => setImmediate(resolve))
}

async function ends(t: Test, { dir, ended, stderr }: Mounted): Promise<void> {
  const { code, signal } = await within(PATIENCE, 'the end of memfs', ended)
  t.equal(code, 0, `exit status 0 (signal ${signal}, stderr '${stderr()}')`)
  t.notOk(isMounted(dir), 'nothing is mounted any more')
  t.strictSame(readdirSync(dir), [], 'the directory below is empty again')
}

t.setTimeout(300_000)

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  t.test(`${signal} unmounts and ends with status 0`, { skip }, async (t) => {
    const mounted = await mountExample(t, 'memfs')
    t.ok(isMounted(mounted.dir), 'mounted when it says so')
    writeFileSync(join(mounted.dir, 'f'), 'x')
    mounted.child.kill(signal)
    await ends(t, mounted)
  })
}

t.test('a second signal while it unmounts does no harm', { skip }, async (t) => {
  const mounted = await mountExample(t, slowEnd)
  mounted.child.kill('SIGTERM')
  await within(PATIENCE, 'the umount', unmounted(mounted.dir))
  // `destroy` is under way. One that came when Node takes its handlers away would end it, as any process.
  mounted.child.kill('SIGINT')
  mounted.child.kill('SIGUSR2')
  await ends(t, mounted)
})

t.test('umount from outside ends it with status 0', { skip }, async (t) => {
  const mounted = await mountExample(t, 'memfs')
  umount(mounted.dir)
  await ends(t, mounted)
})

t.test('a lazy umount from outside ends it with status 0', { skip }, async (t) => {
  const mounted = await mountExample(t, 'memfs')
  umount(mounted.dir, '-l')
  await ends(t, mounted)
})

t.test('the mount has type fuse, and its contents go with it', { skip }, async (t) => {
  const first = await start('memfs')
  t.match(mountType(first.dir), /^fuse(\.|$)/)
  writeFileSync(join(first.dir, 'f'), 'x')
  first.child.kill('SIGTERM')
  await ends(t, first)
  const second = await start('memfs', {}, first.dir)
  t.strictSame(readdirSync(second.dir), [], 'a new mount starts empty')
  await second.stop()
})

t.test(
  'kill -9 leaves ENOTCONN; after umount the same directory mounts again',
  { skip },
  async (t) => {
    const mounted = await start('memfs')
    const { dir } = mounted
    t.teardown(() => freeDir(dir))
    mounted.child.kill('SIGKILL')
    t.equal((await within(PATIENCE, 'the end of memfs', mounted.ended)).signal, 'SIGKILL')
    t.match(statError(dir), /Transport endpoint is not connected/)
    umount(dir)
    t.notOk(isMounted(dir))
    const again = await start('memfs', {}, dir)
    writeFileSync(join(dir, 'f'), 'x')
    t.strictSame(readdirSync(dir), ['f'])
    await again.stop()
  },
)

t.test(
  'SIGTERM ends it even while files are open and a shell stands in it',
  { skip },
  async (t) => {
    const mounted = await mountExample(t, 'memfs', { options: 'allow_other' })
    writeFileSync(join(mounted.dir, 'f'), 'x')
    const fd = openSync(join(mounted.dir, 'f'), 'r+')
    const shell = spawn('sh', ['-c', 'echo ready; read -r line'], {
      cwd: mounted.dir,
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    await once(shell.stdout, 'data')
    mounted.child.kill('SIGTERM')
    await ends(t, mounted)
    // Nobody is there any more.
    t.throws(() => writeSync(fd, 'y'), { code: 'ENOTCONN' })
    closeSync(fd)
    shell.stdin.end('\n')
    await once(shell, 'close')
  },
)

t.test('two mounts at once do not meet', { skip }, async (t) => {
  const [a, b] = await Promise.all([mountExample(t, 'memfs'), mountExample(t, 'memfs')])
  writeFileSync(join(a.dir, 'only-in-a'), 'x')
  t.strictSame(readdirSync(a.dir), ['only-in-a'])
  t.strictSame(readdirSync(b.dir), [])
  await a.stop()
  writeFileSync(join(b.dir, 'still-here'), 'x')
  t.strictSame(readdirSync(b.dir), ['still-here'])
})

t.test(
  'a directory name with spaces, commas and backslashes can be mounted on',
  { skip },
  async (t) => {
    const parent = freshDir()
    const dir = join(parent, 'a b,c\\d\té')
    t.teardown(() => {
      freeDir(dir)
      rmSync(parent, { recursive: true })
    })
    execFileSync('mkdir', [dir])
    const mounted = await start('memfs', {}, dir)
    t.ok(isMounted(dir))
    await mounted.stop()
  },
)

t.test('a relative mount point is the one of the working directory', { skip }, async (t) => {
  const dir = freshDir()
  t.teardown(() => freeDir(dir))
  const { examplePath } = await import('./mount.ts')
  const child = spawn(process.execPath, [examplePath('memfs'), '.'], { cwd: dir })
  const closed = once(child, 'close')
  await within(PATIENCE, 'the line of memfs', once(child.stdout, 'data'))
  t.ok(isMounted(dir))
  child.kill('SIGTERM')
  t.equal((await within(PATIENCE, 'the end of memfs', closed))[0], 0)
})

t.test('--help explains itself on stdout and ends with status 0', { skip }, async (t) => {
  for (const flag of ['--help', '-h']) {
    const { code, stdout } = await runExample('memfs', [flag])
    t.equal(code, 0, flag)
    t.match(stdout, /usage/i)
    t.match(stdout, /-o/)
    t.match(stdout, /allow_other/)
  }
})

t.test(
  'wrong arguments end with status 1 and words on stderr that name them',
  { skip },
  async (t) => {
    const dir = freshDir()
    const file = join(freshDir(), 'a-file')
    writeFileSync(file, '')
    t.teardown(() => {
      freeDir(dir)
      forceUmount(file)
      rmSync(join(file, '..'), { recursive: true })
    })
    const cases = {
      'no mount point': { args: [], says: /mount ?point/i },
      'a mount point that is missing': { args: ['/no/such/dir'], says: /\/no\/such\/dir/ },
      'a mount point that is a file': { args: [file], says: /a-file/ },
      'two mount points': { args: [dir, '/second/one'], says: /second|mount ?point/i },
      'an unknown option': { args: [dir, '-o', 'frobnicate'], says: /frobnicate/ },
      'an unknown option among known ones': {
        args: [dir, '-o', 'allow_other,frobnicate=7,ro'],
        says: /frobnicate/,
      },
      'an unknown flag': { args: [dir, '--frobnicate'], says: /frobnicate/ },
      'a value that is no number': {
        args: [dir, '-o', 'attr_timeout=soon'],
        says: /attr_timeout|soon/,
      },
      'a negative timeout': { args: [dir, '-o', 'entry_timeout=-1'], says: /entry_timeout|-1/ },
      'a max_read out of range': {
        args: [dir, '-o', 'max_read=99999999999'],
        says: /max_read|99999999999/,
      },
      '-o without a value': { args: [dir, '-o'], says: /-o/ },
    }
    for (const [what, { args, says }] of Object.entries(cases)) {
      let ended: Ended
      try {
        ended = await runExample('memfs', args)
      } catch (error) {
        t.fail(`${what}: ended by itself`, { found: String(error) })
        continue
      }
      const { code, stdout, stderr } = ended
      t.equal(code, 1, `${what}: status`)
      t.match(stderr, says, `${what}: stderr`)
      t.notMatch(stderr, /\n\s+at /, `${what}: no stack`)
      t.notMatch(stdout, /^mounted/m, `${what}: stdout`)
      t.notOk(isMounted(dir), `${what}: nothing mounted`)
    }
  },
)
