// mount.fuse.devfuse, called as mount(8) calls it, and by mount(8) itself.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { type Ran, run } from './living.ts'
import { cannotMount, freeDir, freshDir, isMounted, within } from './mount.ts'
import { plainEnv } from './plain_env.ts'
import { newWorld, noWorld } from './world.ts'

const skip = cannotMount('memfs')
const root = fileURLToPath(new URL('../..', import.meta.url))
const PROGRAM = join(root, 'dist/lib/cli/mount_fuse.js')
const PATIENCE = 15_000

const words = (...args: string[]): string[] => [
  ...['-u', 'NODE_OPTIONS', process.execPath, PROGRAM, ...args],
]
const helper = (...args: string[]): Promise<Ran> => run('env', words(...args))

function folder(t: Test): string {
  const path = mkdtempSync(join(tmpdir(), 'devfuse-helper-'))
  chmodSync(path, 0o755)
  t.teardown(() => rmSync(path, { recursive: true }))
  return path
}

function mountPoint(t: Test): string {
  const dir = freshDir()
  t.teardown(() => freeDir(dir))
  return dir
}

const ended = (pid: number): Promise<void> =>
  within(
    PATIENCE,
    `the end of ${pid}`,
    (async () => {
      while (existsSync(`/proc/${pid}`)) await new Promise((resolve) => setTimeout(resolve, 20))
    })(),
  )

const lineOf = (dir: string): string =>
  readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .find((line) => line.split(' ')[4] === dir) ?? ''

t.test('it returns when the mount is usable, and a process stays behind', { skip }, async (t) => {
  const dir = mountPoint(t)
  const list = 'rw,nofail,x-systemd.automount,_netdev,user=joe,size=1m,allow_other'
  const { code, stdout, stderr } = await helper('memfs#a label', dir, '-v', '-o', list)
  t.match({ code, stderr }, { code: 0, stderr: '' })
  const pid = Number(/ by process (\d+)\n$/.exec(stdout)?.[1])
  t.match(lineOf(dir), / - fuse\.devfuse memfs\\043a\\040label rw,.*allow_other/)
  t.match(await run('sh', ['-c', `echo hello > ${dir}/f; cat ${dir}/f`]), { stdout: 'hello\n' })
  const process_ = await run('sh', [
    '-c',
    `readlink /proc/${pid}/cwd /proc/${pid}/fd/[012]; ps -o pgid= ${pid}`,
  ])
  t.match(process_.stdout, new RegExp(`^/\n(/dev/null\n){3} *${pid}\n$`), 'on its own')
  t.match(await run('umount', [dir]), { code: 0 })
  await ended(pid)
})

t.test('stackfs shows what stands behind the #; options win', { skip }, async (t) => {
  const [lower, dir] = [folder(t), mountPoint(t)]
  writeFileSync(join(lower, 'file'), 'below')
  t.match(await helper(`stackfs#${lower}`, dir, '-o', 'ro,fsname=mine', '-t', 'fuse.x'), {
    code: 0,
  })
  t.match(lineOf(dir), / ro,nosuid,nodev,.* - fuse\.x mine ro,/)
  t.match(await run('cat', [join(dir, 'file')]), { stdout: 'below' })
  await run('umount', [dir])
})

t.test('what is wrong: status 1, what fails: 32, and nothing stays', { skip }, async (t) => {
  const dir = mountPoint(t)
  const place = folder(t)
  const dies = join(place, 'dies.mjs')
  writeFileSync(dies, 'process.exit(3)')
  const throws = join(place, 'throws.mjs')
  writeFileSync(throws, "setInterval(() => {}, 1e6); throw new Error('a mistake')")
  const cases: [number, RegExp, ...string[]][] = [
    [1, /expected SOURCE and MOUNTPOINT, got 1 arguments/, 'memfs'],
    [1, /no file system "memsf"; did you mean memfs\?/, 'memsf', dir],
    [1, /-o nosuch: there is no such option/, 'memfs', dir, '-o', 'ro,nosuch'],
    [1, /-o remount: there is no such option/, 'memfs', dir, '-o', 'remount,ro'],
    [1, /-t ext4: expected fuse or fuse.SUBTYPE/, 'memfs', dir, '-t', 'ext4'],
    [1, /-N: run it in that namespace instead/, 'memfs', dir, '-N', '/proc/1/ns/mnt'],
    [1, /expected LOWER before the mount point/, 'stackfs', dir],
    [1, /there is no \/no\/such.mjs/, '/no/such.mjs#x', dir],
    [1, /there is no flag "-x"/, 'memfs', dir, '-x'],
    [32, /ENOENT: no such file or directory, stat '\/no\/such'/, 'memfs', '/no/such'],
    [32, /ENOENT: no such file or directory, lstat '\/no'/, 'stackfs#/no/lower', dir],
    [32, /its server has ended with 3/, dies, dir],
    [32, /mount.fuse.devfuse: a mistake\n$/, throws, dir],
  ]
  for (const [code, stderr, ...args] of cases) {
    const ran = await helper(...args)
    t.match(ran, { code, stdout: '', stderr }, args.join(' '))
    t.notMatch(ran.stderr, /\n\s+at /, 'no stack')
  }
  t.notOk(isMounted(dir))
  t.match(await helper('-h'), { code: 0, stdout: /^usage: mount.fuse.devfuse SOURCE/ })
})

t.test('-f mounts nothing, -s takes what nobody knows', { skip }, async (t) => {
  const dir = mountPoint(t)
  t.match(await helper('memfs', dir, '-fnv', '-o', 'ro'), { code: 0, stdout: '' })
  t.match(await helper('memfs', dir, '-f', '-o', 'nosuch'), { code: 1 })
  t.notOk(isMounted(dir))
  t.match(await helper('memfs', dir, '-s', '-n', '-o', 'nosuch=7,ro'), { code: 0 })
  t.match(lineOf(dir), / ro,/)
  await run('umount', [dir])
})

t.test('who waits for the end of its output is not kept waiting', { skip }, async (t) => {
  const dir = mountPoint(t)
  const quoted = words('memfs', dir).map((word) => `'${word}'`)
  const { code } = await run('sh', ['-c', `env ${quoted.join(' ')} 2>&1 | cat`])
  t.equal(code, 0)
  t.ok(isMounted(dir))
  await run('umount', [dir])
})

t.test('where mount(8) is killed before it is usable, nothing is mounted', { skip }, async (t) => {
  const dir = mountPoint(t)
  const place = folder(t)
  const slow = join(place, 'slow.mjs')
  const loading = join(place, 'loading')
  writeFileSync(
    slow,
    `import { writeFileSync } from 'node:fs'
     writeFileSync(${JSON.stringify(loading)}, String(process.pid))
     await new Promise((resolve) => setTimeout(resolve, 1e6))`,
  )
  const child = spawn('env', words(slow, dir), { stdio: 'ignore', env: plainEnv() })
  const closed = once(child, 'close')
  const pid = await within(
    PATIENCE,
    'the module',
    (async () => {
      for (;;) {
        const text = existsSync(loading) ? readFileSync(loading, 'utf8') : ''
        if (text !== '') return Number(text)
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    })(),
  )
  child.kill('SIGKILL')
  await closed
  await ended(pid)
  t.notOk(isMounted(dir))
})

/** A mount namespace whose /sbin has the helper, and whose /etc/fstab is `fstab`. */
const PRIVATE = `
set -e
mount --make-rprivate /
mount --bind "$1" "$(readlink -f /sbin)"
mount --bind "$2" /etc/fstab
shift 2
exec sh -e -c "$1"
`

t.test('mount -t, fstab, mount -a and umount', { skip }, async (t) => {
  const place = folder(t)
  const sbin = join(place, 'sbin')
  const [dir, second, lower] = [mountPoint(t), mountPoint(t), folder(t)]
  mkdirSync(sbin)
  chmodSync(PROGRAM, 0o755)
  symlinkSync(PROGRAM, join(sbin, 'mount.fuse.devfuse'))
  writeFileSync(join(lower, 'file'), 'below\n')
  const fstab = join(place, 'fstab')
  writeFileSync(
    fstab,
    `memfs#scratch ${dir} fuse.devfuse noauto,nofail,size=1m,allow_other 0 0
     stackfs#${lower} ${second} fuse.devfuse defaults,ro 0 0\n`,
  )
  // A server that stayed would keep the namespace.
  const script = `
    trap 'umount -lq ${dir} ${second} || true' EXIT
    mount -t fuse.devfuse -o size=2m memfs ${dir}
    findmnt -n -o FSTYPE,SOURCE ${dir}; stat -f -c %b:%S ${dir}; umount ${dir}
    mount ${dir}; touch ${dir}/x; findmnt -n -o FSTYPE,SOURCE,FS-OPTIONS ${dir}; umount ${dir}
    mount -a; mount -a; cat ${second}/file; grep -c ' ${second} ' /proc/self/mountinfo; umount ${second}
    mount -t fuse.devfuse -o nosuch memfs ${dir} || echo status $?
    mount -t fuse.devfuse memfs /no/such || echo status $?
  `
  const args = ['--mount', 'sh', '-c', PRIVATE, 'sh', sbin, fstab, script]
  const { code, stdout, stderr } = await run('env', ['-u', 'NODE_OPTIONS', 'unshare', ...args])
  t.equal(code, 0, stderr)
  const lines = stdout.split('\n')
  t.match(lines[0], /^fuse\.devfuse +memfs$/)
  t.match(lines[1], /^512:4096$/)
  t.match(lines[2], /^fuse\.devfuse +memfs#scratch +rw,.*allow_other/)
  t.same(lines.slice(3, 7), ['below', '1', 'status 1', 'status 32'], 'mount -a mounts it once')
  t.match(stderr, /-o nosuch: there is no such option/)
})

t.test('nobody, for whom fusermount3 mounts', { skip: await noWorld() }, async (t) => {
  const world = await newWorld(t)
  const dir = world.directory()
  const program = join(world.package, 'dist/lib/cli/mount_fuse.js')
  const args = ['-u', 'NODE_OPTIONS', process.execPath, program, 'memfs', dir, '-o', 'rw,user']
  t.match(await world.run('env', args), { code: 0, stderr: '' })
  t.match(world.mounts(dir), [/ - fuse\.devfuse memfs rw,user_id=65534/])
  t.match(await world.run('fusermount3', ['-u', dir]), { code: 0 })
})
