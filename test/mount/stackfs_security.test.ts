// What must not be reached through stackfs: by its users, or because of somebody who changes LOWER.
import { execFileSync, spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  closeSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { compile } from './compile.mjs'
import { errorCode } from './error_code.ts'
import { lowerDir } from './lower_dir.ts'
import { cannotMount, mountExample } from './mount.ts'
import { type Op, sys } from './sys.ts'

const skip = cannotMount('stackfs')
const NOBODY = 65534
const O_PATH = 0o10000000
const ROUNDS = 400
const configurations = {
  'nothing cached': 'allow_other,cache=never',
  'default timeouts': 'allow_other',
  'everything cached': 'allow_other,cache=always',
  passthrough: 'allow_other,passthrough',
}

const asNobody = (...ops: Op[]): string[] => sys(['as', NOBODY, NOBODY], ...ops).slice(1)
const codeForNobody = (...ops: Op[]) => errorCode(() => asNobody(...ops))

/** Owner, mode, times, size, names and contents of a folder and its files. */
const stateOf = (dir: string) =>
  [dir, ...readdirSync(dir).map((name) => join(dir, name))].map((path) => {
    const { uid, gid, mode, mtimeNs, ctimeNs, size, nlink } = lstatSync(path, { bigint: true })
    const content = path === dir ? '' : readFileSync(path, 'utf8')
    const xattrs = sys(['listxattr', path, 1000]).at(-1)
    return { path, uid, gid, mode, mtimeNs, ctimeNs, size, nlink, content, xattrs }
  })

/** A folder that only root may enter, with two files. */
function secrets(t: Test): string {
  const outside = lowerDir(t)
  for (const name of ['f', 'victim', 'secret']) writeFileSync(join(outside, name), 'secret')
  sys(['setxattr', join(outside, 'f'), 'user.x', 'secret', 0])
  chmodSync(join(outside, 'f'), 0o600)
  chmodSync(outside, 0o700)
  return outside
}

/** LOWER for race.c. */
function raceTrack(t: Test, outside: string): string {
  const lower = lowerDir(t)
  const own = ['f', 'd', 'd/f', 'own'].map((name) => join(lower, name))
  mkdirSync(join(lower, 'd'))
  for (const path of own) {
    if (!existsSync(path)) writeFileSync(path, 'mine')
    chownSync(path, NOBODY, NOBODY)
  }
  symlinkSync(join(outside, 'f'), join(lower, 'flink'))
  symlinkSync(outside, join(lower, 'dlink'))
  chmodSync(lower, 0o777)
  return lower
}

t.setTimeout(300_000)

// What is cached for longer is not asked for again, and the swap goes unseen.
const races = {
  'nothing cached': 'allow_other,cache=never',
  'names cached for a moment': 'allow_other,entry_timeout=0.001',
  'attributes cached': 'allow_other,cache=always,entry_timeout=0',
  passthrough: 'allow_other,passthrough,entry_timeout=0.001',
}

for (const [name, options] of Object.entries(races)) {
  t.test(`names swapped for links lead nowhere, ${name}`, { skip }, async (t) => {
    const outside = secrets(t)
    const lower = raceTrack(t, outside)
    const mounted = await mountExample(t, 'stackfs', { args: [lower], options })
    const before = stateOf(outside)
    const race = compile(new URL('race.c', import.meta.url))
    const { status, stdout, stderr } = spawnSync(race, [lower, mounted.dir, String(ROUNDS)], {
      encoding: 'utf8',
      timeout: 120_000,
    })
    t.equal(status, 0, `${stdout}${stderr}`)
    t.same(stateOf(outside), before, 'nothing outside has changed')
    const counts = Object.values(JSON.parse(stdout) as Record<string, [number, number]>)
    t.ok(
      counts.some(([ok, failed]) => ok > 0 && failed > 0),
      'both were met',
    )
    t.equal(mounted.stderr(), '')
  })
}

t.test('a folder that is moved away does not take the mount with it', { skip }, async (t) => {
  const lower = lowerDir(t)
  const elsewhere = lowerDir(t)
  mkdirSync(join(lower, 'd'))
  writeFileSync(join(lower, 'd/f'), 'mine')
  writeFileSync(join(lower, 'beside'), '')
  writeFileSync(join(elsewhere, 'secret'), 'secret')
  const { dir } = await mountExample(t, 'stackfs', { args: [lower], options: 'cache=never' })
  const held = openSync(join(dir, 'd'), O_PATH)
  const there = `/proc/self/fd/${held}`
  renameSync(join(lower, 'd'), join(elsewhere, 'd'))
  t.equal(
    errorCode(() => statSync(join(dir, 'd'))),
    'ENOENT',
  )
  t.equal(readFileSync(`${there}/f`, 'utf8'), 'mine', 'whoever is in it stays in it')
  t.equal(
    errorCode(() => statSync(`${there}/../secret`)),
    'ENOENT',
  )
  t.same(readdirSync(`${there}/..`), ['beside'], '".." is where it was')
  for (const path of ['../secret', 'd/../../secret', '../../..']) {
    t.notSame(
      errorCode(() => statSync(join(there, path, 'secret'))),
      undefined,
      path,
    )
  }
  closeSync(held)
})

t.test('a link to somewhere else is the one who follows its own affair', { skip }, async (t) => {
  const outside = secrets(t)
  const lower = lowerDir(t)
  symlinkSync(join(outside, 'f'), join(lower, 'absolute'))
  symlinkSync(`../../../../../../..${outside}/f`, join(lower, 'relative'))
  const { dir } = await mountExample(t, 'stackfs', { args: [lower], options: 'allow_other' })
  for (const name of ['absolute', 'relative']) {
    t.equal(codeForNobody(['open', join(dir, name), 'RDONLY', 0]), 'EACCES', name)
    t.equal(codeForNobody(['chmod', join(dir, name), '777']), 'EACCES', name)
    t.equal(codeForNobody(['open', join(dir, name), 'WRONLY|CREAT|TRUNC', 0]), 'EACCES', name)
  }
})

/** Paths of root's, and their modes. */
const guarded: Readonly<Record<string, number>> = {
  closed: 0o700,
  'closed/f': 0o666,
  f: 0o600,
  sticky: 0o1777,
  'sticky/f': 0o666,
  unlisted: 0o711,
  'unlisted/f': 0o644,
  group: 0o640,
}

function guardedTree(t: Test): string {
  const lower = lowerDir(t)
  for (const folder of ['closed', 'sticky', 'unlisted']) mkdirSync(join(lower, folder))
  for (const [path, mode] of Object.entries(guarded)) {
    if (!existsSync(join(lower, path))) writeFileSync(join(lower, path), 'x')
    chmodSync(join(lower, path), mode)
  }
  chownSync(join(lower, 'group'), 0, NOBODY)
  return lower
}

const attemptsOn = (at: string): readonly Op[] => [
  ['stat', at],
  ['open', at, 'RDONLY', 0],
  ['open', at, 'WRONLY', 0],
  ['open', at, 'RDONLY|DIRECTORY', 0],
  ['truncate', at, 1],
  ['chmod', at, '777'],
  ['chown', at, NOBODY, NOBODY],
  ['utimens', at, '1', '2', 0],
  ['unlink', at],
  ['rename', at, `${at}-2`, 0],
  ['linkat', at, `${at}-3`, 0],
  ['mkdir', join(at, 'new'), '755'],
  ['setxattr', at, 'trusted.x', 'y', 0],
  ['access', at, 'R_OK|X_OK'],
]

/** How all attempts of somebody else end; some of them are allowed. */
function attempts(root: string): string[] {
  const all = Object.keys(guarded).flatMap((path) =>
    attemptsOn(join(root, path)).map((op) => ({ path, op })),
  )
  const lines = asNobody(...all.map(({ op }) => ['try', ...op]))
  return lines.map((line, i) => {
    const { path, op } = all[i] ?? { path: 'none', op: [] }
    return `${op[0]} ${path}: ${line.startsWith('!') ? line : 'ok'}`
  })
}

for (const [name, options] of Object.entries(configurations)) {
  t.test(`another user is refused what LOWER refuses him, ${name}`, { skip }, async (t) => {
    const { dir } = await mountExample(t, 'stackfs', { args: [guardedTree(t)], options })
    t.same(attempts(dir), attempts(guardedTree(t)))
  })
}

t.test('without allow_other it is one user alone', { skip }, async (t) => {
  const lower = lowerDir(t)
  writeFileSync(join(lower, 'f'), 'x', { mode: 0o666 })
  const { dir } = await mountExample(t, 'stackfs', { args: [lower] })
  t.equal(codeForNobody(['stat', dir]), 'EACCES')
  t.equal(codeForNobody(['open', join(dir, 'f'), 'RDONLY', 0]), 'EACCES')
  t.equal(readFileSync(join(dir, 'f'), 'utf8'), 'x')
})

t.test('a LOWER that is closed to others is closed on the mount, too', { skip }, async (t) => {
  const lower = secrets(t)
  const { dir } = await mountExample(t, 'stackfs', { args: [lower], options: 'allow_other' })
  t.equal(codeForNobody(['open', dir, 'RDONLY|DIRECTORY', 0]), 'EACCES')
  t.equal(codeForNobody(['open', join(dir, 'victim'), 'RDONLY', 0]), 'EACCES')
})

t.test('neither set-user-id programs nor devices do anything', { skip }, async (t) => {
  const lower = lowerDir(t)
  copyFileSync(execFileSync('which', ['id'], { encoding: 'utf8' }).trim(), join(lower, 'id'))
  chmodSync(join(lower, 'id'), 0o4755)
  sys(['mknod', join(lower, 'null'), 'CHR', '666', 1, 3])
  const { dir } = await mountExample(t, 'stackfs', { args: [lower], options: 'allow_other' })
  const as = { uid: NOBODY, gid: NOBODY, encoding: 'utf8' } as const
  t.equal(execFileSync(join(dir, 'id'), ['-u'], as).trim(), String(NOBODY))
  t.equal(codeForNobody(['open', join(dir, 'null'), 'RDWR', 0]), 'EACCES')
  t.equal(
    errorCode(() => openSync(join(dir, 'null'), 'r')),
    'EACCES',
  )
})

t.test('what is made belongs to who has made it', { skip }, async (t) => {
  const lower = lowerDir(t)
  chmodSync(lower, 0o777)
  const { dir } = await mountExample(t, 'stackfs', { args: [lower], options: 'allow_other' })
  asNobody(
    ['open', join(dir, 'f'), 'WRONLY|CREAT', '4755'],
    ['mkdir', join(dir, 'd'), '755'],
    ['symlink', 'f', join(dir, 'l')],
    ['mknod', join(dir, 'p'), 'FIFO', '644', 0, 0],
  )
  for (const name of ['f', 'd', 'l', 'p']) {
    const { uid, gid } = lstatSync(join(lower, name))
    t.same([uid, gid], [NOBODY, NOBODY], name)
  }
  writeFileSync(join(dir, 'root'), '')
  t.equal(statSync(join(lower, 'root')).uid, 0, 'and root has its own rights again')
  utimesSync(join(dir, 'f'), 1, 2)
  t.equal(statSync(join(lower, 'f')).mtimeMs, 2000)
})
