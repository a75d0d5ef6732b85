// devfuse's commands on real mounts, each in a process of its own.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { livingMounts } from '../../lib/living_mounts.ts'
import { mountFor, type Ran, run, twoFiles } from './living.ts'
import { cannotMount, freeDir, freshDir, isMounted, mountExample, start, within } from './mount.ts'
import { plainEnv } from './plain_env.ts'
import { newWorld, noWorld } from './world.ts'

const skip = cannotMount('memfs')
const root = fileURLToPath(new URL('../..', import.meta.url))
const PROGRAM = 'dist/lib/cli/devfuse.js'
const PATIENCE = 15_000

const command = (...words: string[]): string[] => [
  ...['-u', 'NODE_OPTIONS', process.execPath, join(root, PROGRAM), ...words],
]
const devfuse = (...words: string[]): Promise<Ran> => run('env', command(...words))

function folder(t: Test): string {
  const path = mkdtempSync(join(tmpdir(), 'devfuse-cli-'))
  chmodSync(path, 0o755)
  t.teardown(() => rmSync(path, { recursive: true }))
  return path
}

interface Shown {
  readonly mountpoint: string
  readonly pids: number[]
  readonly [key: string]: unknown
}

const ps = async (...words: string[]): Promise<Shown[]> =>
  JSON.parse((await devfuse('ps', '--json', ...words)).stdout)
const shownAt = async (dir: string, ...words: string[]) =>
  (await ps(...words)).filter(({ mountpoint }) => mountpoint === dir)

t.test('help goes to stdout, and what is wrong is named, with status 2', async (t) => {
  for (const words of [
    ['--help'],
    ['help'],
    ['probe', '-h'],
    ['help', 'ps'],
    ['umount', '--help'],
  ]) {
    t.match(await devfuse(...words), { code: 0, stdout: /^usage: devfuse /, stderr: '' })
  }
  t.match(await devfuse('--version'), { code: 0, stdout: /^\d+\.\d+\.\d+\n$/ })
  t.match(await devfuse('mount', '--help'), {
    code: 0,
    stdout: /memfs .*\n.*memfs_path.*\n.*stackfs/,
  })
  t.match(await devfuse('mount', 'memfs', '--help'), { code: 0, stdout: /size=BYTES/ })
  const wrong: Record<string, RegExp> = {
    '': /^devfuse: expected a command; see devfuse --help\n$/,
    umonut: /^devfuse: there is no command "umonut"; did you mean umount\?/,
    'help prob': /no command "prob"; did you mean probe\?/,
    'ps --jsn':
      /^devfuse ps: there is no flag "--jsn"; did you mean --json\?; see devfuse ps --help\n$/,
    'ps x': /expected no "x"/,
    'probe x': /expected no "x"/,
    umount: /expected one mount point/,
    'umount --timeout=soon /x': /--timeout: expected milliseconds, got "soon"/,
    mount: /expected a file system/,
    'mount memsf /x': /no file system "memsf"; did you mean memfs\?/,
    'mount /no/such.js /x': /there is no \/no\/such.js/,
    'mount memfs': /expected one mount point, got 0/,
    'mount memfs /tmp -o nosuch': /-o nosuch: there is no such option/,
  }
  for (const [words, stderr] of Object.entries(wrong)) {
    const ran = await devfuse(...words.split(' ').filter(Boolean))
    t.match(ran, { code: 2, stdout: '', stderr }, words)
    t.notMatch(ran.stderr, /\n\s+at /, 'no stack')
  }
})

t.test('probe is readable, and the same in JSON', { skip }, async (t) => {
  const { code, stdout } = await devfuse('probe')
  t.equal(code, 0)
  for (const line of [
    /^Node \d+\.\d+\.\d+, Linux .*, FUSE 7\.\d+$/m,
    /^ {2}mount\(2\) +yes {2}mounts and unmounts$/m,
    /^ {2}ExtFUSE +no {3}EFUSE_NO_EXTFUSE: FUSE_INIT does not offer it/m,
    /^ {2}FUSE_ASYNC_READ +yes {2}7\.6$/m,
    /^ {2}FUSE_FILE_OPS +no {3}7\.9$/m,
    /^ {2}max_user_bgreq +\d+$/m,
  ]) {
    t.match(stdout, line)
  }
  const json = JSON.parse((await devfuse('probe', '--json')).stdout)
  t.match(json, { mount: { ok: true }, extfuse: { ok: false, code: 'EFUSE_NO_EXTFUSE' } })
})

t.test('without the addon probe says so with status 1, and ps works', async (t) => {
  const env = { DEVFUSE_ADDON: '/nowhere.node' }
  t.match(await run('env', command('probe'), { env }), {
    code: 1,
    stdout: /no +EFUSE_NO_ADDON: /,
  })
  t.match(await run('env', command('ps'), { env }), { code: 0, stdout: /^MOUNTPOINT / })
  const umount = await run('env', command('umount', '/x'), { env })
  t.match(umount, { code: 1, stderr: /^devfuse umount: .*not built/ })
})

/** `devfuse mount` until it says that it is mounted. */
async function mounting(t: Test, words: readonly string[], dir: string): Promise<ChildProcess> {
  t.teardown(() => freeDir(dir))
  const child = spawn('env', command('mount', ...words), {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: plainEnv(),
  })
  const [line] = await within(
    PATIENCE,
    'the line',
    once(child.stdout as NodeJS.ReadableStream, 'data'),
  )
  t.equal(String(line), `mounted ${dir}\n`)
  return child
}

t.test('mount: an example, with what stands before the mount point', { skip }, async (t) => {
  const [lower, dir] = [folder(t), freshDir()]
  writeFileSync(join(lower, 'file'), 'below')
  const child = await mounting(t, ['stackfs', lower, dir, '-o', 'ro'], dir)
  const closed = once(child, 'close')
  t.match(await run('cat', [join(dir, 'file')]), { stdout: 'below' })
  t.match(await run('touch', [join(dir, 'new')]), { code: 1, stderr: /Read-only/ })
  child.kill('SIGTERM')
  t.same(await closed, [0, null])
  t.notOk(isMounted(dir))
})

const OPS = `{
  lookup: (req, parent, name) => name === 'x' ? entry(2, { mode: 0o100444, nlink: 1, size: 0 }) : null,
  getattr: () => attrOut({ mode: 0o40755, nlink: 2 }),
}`
const library = new URL('../../dist/lib/index.js', import.meta.url)
const IMPORTS = `import { attrOut, entry } from ${JSON.stringify(library)}\n`
const MODULES = {
  object: `export default ${OPS}`,
  paths: `export default { getattr: (path) => (path === '/' ? { type: 'directory' } : {}) }`,
  function: `export default async ({ operands }) => {
    if (operands[0] !== 'what') throw new Error('for whom?')
    return ${OPS}
  }`,
  command: `export default {
    name: 'mine', about: 'Mine.', words: {}, plan: () => ({ ops: ${OPS} })
  }`,
}

t.test("mount: a module's default export", { skip }, async (t) => {
  const place = folder(t)
  for (const [kind, text] of Object.entries(MODULES)) {
    const module = join(place, `${kind}.mjs`)
    writeFileSync(module, IMPORTS + text)
    const dir = freshDir()
    const words = kind === 'function' ? [module, 'what', dir] : [module, dir]
    const child = await mounting(t, words, dir)
    const closed = once(child, 'close')
    t.match(await run('ls', ['-d', join(dir, 'x')]), { code: 0 }, kind)
    t.match(await devfuse('umount', dir), { code: 0, stdout: '', stderr: '' })
    t.same(await closed, [0, null])
  }
  for (const text of ['export const x = 1', 'export default { a: 1 }', 'export default 7']) {
    writeFileSync(join(place, 'none.mjs'), text)
    const ran = await devfuse('mount', join(place, 'none.mjs'), place)
    t.match(ran, { code: 2, stderr: /none.mjs: the default export is no file system/ })
  }
  writeFileSync(join(place, 'bad.mjs'), "throw new Error('a mistake')")
  t.match(await devfuse('mount', join(place, 'bad.mjs'), place), {
    code: 1,
    stderr: 'devfuse mount: a mistake\n',
  })
})

t.test('ps tells who serves what, how long and what waits', { skip }, async (t) => {
  const mounted = await mountExample(t, 'memfs')
  const other = await mountFor(t)
  t.match(await shownAt(mounted.dir), [
    { type: 'fuse.memfs', source: 'memfs', state: 'alive', pids: [mounted.child.pid], waiting: 0 },
  ])
  const [shown] = await shownAt(other.mountpoint)
  t.same(shown?.pids, [process.pid], 'another one by another process')
  t.equal(`0:${shown?.connection}`, other.device)
  const { age } = shown as unknown as { age: number }
  t.ok(age >= 0 && age < 60, `${age} s`)
  const { stdout } = await devfuse('ps')
  t.match(
    stdout,
    new RegExp(`^${mounted.dir} +fuse.memfs +memfs +alive +${mounted.child.pid} +\\d+s +0$`, 'm'),
  )
})

t.test('a dead one is shown as such, and umount takes it away', { skip }, async (t) => {
  const { dir, child, ended } = await start('memfs')
  t.teardown(() => freeDir(dir))
  child.kill('SIGKILL')
  await ended
  t.match(await shownAt(dir), [{ state: 'dead', pids: [], devfuse: false }])
  t.match(await devfuse('ps'), { stdout: new RegExp(`^${dir} +fuse.memfs +memfs +dead +- `, 'm') })
  t.match(await devfuse('umount', dir), { code: 0, stderr: '' })
  t.notOk(isMounted(dir))
})

t.test('where the kernel does not tell who serves what, ps says who might', { skip }, async (t) => {
  const { mountpoint } = await mountFor(t)
  const at = (pids: number[]) =>
    livingMounts(
      pids.map((pid) => ({ pid, connections: new Set(), uncertain: true, devfuse: true })),
    ).find((mount) => mount.mountpoint === mountpoint)
  t.match(at([41, 42]), { state: 'unknown', pids: [41, 42], certain: false, devfuse: true })
  t.match(at([]), { state: 'dead', pids: [], devfuse: false }, 'nobody serves anything')
})

t.test('auto_unmount: fusermount3, which waits, is not taken for a server', { skip }, async (t) => {
  const mounted = await mountExample(t, 'memfs', { options: 'auto_unmount,allow_other' })
  t.match(await shownAt(mounted.dir), [{ devfuse: true }])
  t.same((await shownAt(mounted.dir))[0]?.pids, [mounted.child.pid])
})

t.test(
  'output that cannot be written is no success, a reader that leaves no failure',
  async (t) => {
    const quoted = command('ps', '--json')
      .map((word) => `'${word}'`)
      .join(' ')
    const full = await run('sh', ['-c', `env ${quoted} > /dev/full`])
    t.match(full, { code: 1, stderr: /^devfuse: .*ENOSPC/ })
    const piped = await run('sh', ['-c', `{ env ${quoted}; echo status $? >&2; } | true`])
    t.match(piped, { stderr: 'status 0\n' })
  },
)

t.test('one in another mount namespace, and one that is mounted nowhere', { skip }, async (t) => {
  const dir = freshDir()
  t.teardown(() => freeDir(dir))
  const memfs = join(root, 'dist/examples/memfs.js')
  const child = spawn(
    'env',
    ['-u', 'NODE_OPTIONS', 'unshare', '--mount', process.execPath, memfs, dir],
    { stdio: ['pipe', 'pipe', 'inherit'], env: plainEnv() },
  )
  const closed = once(child, 'close')
  await within(PATIENCE, 'its line', once(child.stdout as NodeJS.ReadableStream, 'data'))
  t.match(await shownAt(dir), [{ state: 'alive', pids: [child.pid], inNamespaceOf: child.pid }])
  t.match(await devfuse('ps'), { stdout: `${dir} (of ${child.pid})` })
  // Somebody who stays in it keeps it alive when it is detached.
  const stay = spawn(
    'nsenter',
    [`--target=${child.pid}`, '--mount', 'sh', '-c', `cd ${dir}; echo; cat`],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: plainEnv(),
    },
  )
  const left = once(stay, 'close')
  await within(PATIENCE, 'somebody in it', once(stay.stdout as NodeJS.ReadableStream, 'data'))
  await run('nsenter', [`--target=${child.pid}`, '--mount', 'umount', '-l', dir])
  const detached = (await ps()).filter(({ pids }) => pids.includes(child.pid ?? 0))
  t.match(detached, [{ state: 'alive', inNamespaceOf: undefined }])
  t.equal(detached[0]?.mountpoint, undefined)
  t.match(await devfuse('ps'), { stdout: /^\(detached\) /m })
  stay.stdin?.end()
  await left
  t.same(await closed, [0, null])
})

/** A file system that answers nothing from the first lookup on, and somebody who waits for it. */
async function stuck(t: Test) {
  let tell = () => {}
  const asked = new Promise<void>((resolve) => {
    tell = resolve
  })
  const session = await mountFor(
    t,
    {},
    {
      ...twoFiles,
      lookup() {
        tell()
        return new Promise(() => {})
      },
      getattr: () => new Promise(() => {}),
      statfs: () => new Promise(() => {}),
    },
  )
  const waiting = run('ls', [join(session.mountpoint, 'open')])
  await within(PATIENCE, 'the lookup', asked)
  return { session, waiting }
}

t.test('a stuck one is shown with what waits, and -f ends it', { skip }, async (t) => {
  const { session, waiting } = await stuck(t)
  const dir = session.mountpoint
  const [shown] = await shownAt(dir)
  t.ok(Number(shown?.waiting) >= 1, 'it waits')
  t.match(await devfuse('umount', dir), {
    code: 1,
    stderr: /: EBUSY: somebody uses it; -l detaches/,
  })
  const { code, stdout } = await devfuse('umount', '-f', '-v', '--timeout', '200', dir)
  t.equal(code, 0)
  t.equal(stdout, `${dir}: umount: EBUSY, lazy: timeout, abort: done\n`)
  t.match(await waiting, { code: 2, stderr: /Software caused connection abort|not connected/ })
  t.same(await session.closed, { reason: 'aborted' })
})

t.test('umount: -l lets who uses it go on', { skip }, async (t) => {
  const mounted = await mountExample(t, 'memfs')
  const child = spawn('sh', ['-c', `cd ${mounted.dir}; echo > new; echo; read x; ls`], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: plainEnv(),
  })
  await within(PATIENCE, 'somebody in it', once(child.stdout as NodeJS.ReadableStream, 'data'))
  t.match(await devfuse('umount', mounted.dir), { code: 1, stderr: /EBUSY/ })
  t.match(await devfuse('umount', '-l', mounted.dir), { code: 0, stderr: '' })
  t.notOk(isMounted(mounted.dir))
  const listed = once(child.stdout as NodeJS.ReadableStream, 'data')
  child.stdin?.end('\n')
  t.equal(String((await listed)[0]), 'new\n')
  t.equal((await within(PATIENCE, 'its end', mounted.ended)).code, 0)
})

t.test('umount: by a link to a stuck one, by .., by a relative path', { skip }, async (t) => {
  const place = folder(t)
  const { session, waiting } = await stuck(t)
  mkdirSync(join(place, 'a'))
  symlinkSync(session.mountpoint, join(place, 'link'))
  symlinkSync('../link', join(place, 'a', 'again'))
  const args = ['umount', '-f', '--timeout', '50', 'a/again/../none', './a/../a/again/']
  const ran = await run('env', command(...args), { cwd: place })
  t.match(ran, { code: 1, stderr: 'devfuse umount: a/again/../none: not mounted\n' })
  t.notOk(isMounted(session.mountpoint))
  await waiting
})

t.test('umount refuses what is not FUSE, and goes on with the others', { skip }, async (t) => {
  const mounted = await start('memfs')
  t.teardown(() => freeDir(mounted.dir))
  const { code, stderr } = await devfuse('umount', '/proc', '/nowhere', mounted.dir)
  t.equal(code, 1)
  t.match(stderr, '/proc: not a FUSE file system: proc\ndevfuse umount: /nowhere: not mounted\n')
  t.equal((await mounted.ended).code, 0)
})

t.test('as nobody', { skip: await noWorld() }, async (t) => {
  const world = await newWorld(t)
  const program = join(world.package, PROGRAM)
  const asNobody = (...words: string[]) =>
    world.run('env', ['-u', 'NODE_OPTIONS', process.execPath, program, ...words])

  await t.test('ps sees the own ones only, umount needs fusermount3', async (t) => {
    const [ours, theirs] = [world.directory(), world.directory()]
    const memfs = world.example('memfs', ours, '')
    const roots = world.example('memfs', theirs, '', { uid: 0 })
    await Promise.all([memfs.said, roots.said])
    const shown: Shown[] = JSON.parse((await asNobody('ps', '--json', '--all')).stdout)
    const at = (dir: string) => shown.find(({ mountpoint }) => mountpoint === dir)
    t.match(at(ours), { state: 'alive', pids: [memfs.child.pid], devfuse: true })
    t.match(at(theirs), { state: 'unknown', pids: [] })
    t.match(await asNobody('umount', theirs), { code: 1, stderr: /: EPERM: only root and who/ })
    t.match(await asNobody('umount', ours), { code: 0, stderr: '' })
    t.same(world.mounts(ours), [])
    await memfs.ended
    roots.child.kill('SIGTERM')
    await roots.ended
  })

  await t.test('a dead one of his own', async (t) => {
    const dir = world.directory()
    const memfs = world.example('memfs', dir, '')
    await memfs.said
    memfs.child.kill('SIGKILL')
    await memfs.ended
    const shown: Shown[] = JSON.parse((await asNobody('ps', '--json')).stdout)
    t.match(
      shown.find(({ mountpoint }) => mountpoint === dir),
      { state: 'dead' },
    )
    t.match(await asNobody('umount', dir), { code: 0, stderr: '' })
    t.same(world.mounts(dir), [])
  })

  await t.test('probe tells by which way he mounts', async (t) => {
    const { code, stdout } = await asNobody('probe')
    t.equal(code, 0)
    t.match(stdout, /^ {2}mount\(2\) +no +EFUSE_NOT_PERMITTED: .*--cap-add SYS_ADMIN/m)
    t.match(stdout, /^ {2}fusermount3 +yes /m)
  })
})
