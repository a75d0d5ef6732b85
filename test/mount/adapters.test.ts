// What the adapters make of objects, on real mounts.
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { errorCode } from './error_code.ts'
import { lowerDir } from './lower_dir.ts'
import { cannotMount, mountExample } from './mount.ts'
import { posixTable } from './run.ts'
import { runWorkloads, short } from './workloads/index.ts'

const program = fileURLToPath(new URL('served.mjs', import.meta.url))
const skip = cannotMount('memfs_path')
const options = 'allow_other'

t.setTimeout(1_200_000)

const served = (t: Test, kind: string, ...args: string[]) =>
  mountExample(t, program, { args: [kind, ...args], options })

/** What a path cannot say: a directory without a name; and its length has an end before the kernel's. */
const PATHLESS =
  'a removed directory that is a working directory|directories can be nested fifty deep'
/** The lower directory is on ext4. */
const EXT4 = 'an extended attribute may have 64 KiB'
const OVERLAY = 'RENAME_EXCHANGE|RENAME_WHITEOUT|O_TMPFILE|SEEK_DATA and SEEK_HOLE'
const but = (...names: string[]) => new RegExp(`^(?!.*(${names.join('|')}))`)

t.test('fromFs(node:fs/promises): the POSIX checks', { skip }, async (t) => {
  const { dir, stderr } = await served(t, 'promises', lowerDir(t))
  await posixTable(t, dir, { features: ['all', '-acl'], only: but(PATHLESS, EXT4) })
  t.equal(stderr(), '', 'nothing went wrong unseen')
})

t.test('fromFs(node:fs/promises): the workloads', { skip }, async (t) => {
  const { dir } = await served(t, 'promises', lowerDir(t))
  await runWorkloads(t, dir)
})

t.test('fromFs(memfs): the workloads', { skip }, async (t) => {
  const { dir } = await served(t, 'memfs')
  // memfs 4 has no fallocate, lets nobody write to a file that was made read-only, not even who made it
  // (git), keeps no times of directories (cp -a, tar), and does not rename a symbolic link that leads nowhere.
  await runWorkloads(t, dir, short, /without mmap|sqlite|locks|listed/)
})

t.test('overlay(directory, memory): the POSIX checks', { skip }, async (t) => {
  const { dir, stderr } = await served(t, 'overlay', lowerDir(t))
  await posixTable(t, dir, { features: ['all', '-acl'], only: but(PATHLESS, OVERLAY) })
  t.equal(stderr(), '', 'nothing went wrong unseen')
})

t.test('fromFs with callbacks', { skip }, async (t) => {
  const lower = lowerDir(t)
  const { dir } = await served(t, 'callbacks', lower)
  mkdirSync(`${dir}/d`)
  writeFileSync(`${dir}/d/f`, 'text')
  symlinkSync('d/f', `${dir}/s`)
  t.equal(readFileSync(`${dir}/s`, 'utf8'), 'text')
  t.equal(readFileSync(`${lower}/d/f`, 'utf8'), 'text')
  t.same(readdirSync(dir), ['d', 's'])
})

/** A lower directory with something in it. */
function filled(t: Test): string {
  const lower = lowerDir(t)
  mkdirSync(`${lower}/d/e`, { recursive: true })
  writeFileSync(`${lower}/f`, 'lower f')
  writeFileSync(`${lower}/g`, 'lower g', { mode: 0o640 })
  writeFileSync(`${lower}/d/h`, 'lower h')
  return lower
}

const tree = (dir: string): string[] =>
  execFileSync('find', [dir, '-mindepth', '1', '-printf', '%P %y\\n'], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => line !== '')
    .sort()

t.test('overlay: changes go up, and the lower layer stays as it is', { skip }, async (t) => {
  const lower = filled(t)
  const before = tree(lower)
  const { dir } = await served(t, 'overlay', lower)
  t.same(tree(dir), before)

  writeFileSync(`${dir}/f`, ' and more', { flag: 'a' })
  t.equal(readFileSync(`${dir}/f`, 'utf8'), 'lower f and more', 'copied up')
  t.equal(readFileSync(`${lower}/f`, 'utf8'), 'lower f')

  execFileSync('chmod', ['600', `${dir}/g`])
  t.equal(statSync(`${dir}/g`).mode & 0o777, 0o600)
  t.equal(statSync(`${lower}/g`).mode & 0o777, 0o640)

  execFileSync('rm', ['-r', `${dir}/d`])
  t.same(tree(dir), ['f f', 'g f'])
  mkdirSync(`${dir}/d`)
  t.same(readdirSync(`${dir}/d`), [], 'what was in a removed directory does not come back')

  execFileSync('mv', [`${dir}/g`, `${dir}/d/moved`])
  t.equal(
    errorCode(() => statSync(`${dir}/g`)),
    'ENOENT',
  )
  t.equal(readFileSync(`${dir}/d/moved`, 'utf8'), 'lower g')
  t.same(tree(lower), before)
})

t.test('overlay: a directory of the lower layer is moved by copying', { skip }, async (t) => {
  const { dir } = await served(t, 'overlay', filled(t))
  execFileSync('mv', [`${dir}/d`, `${dir}/moved`])
  t.same(tree(dir), ['f f', 'g f', 'moved d', 'moved/e d', 'moved/h f'])
})

t.test("overlay: the names of its markers are nobody else's", { skip }, async (t) => {
  const { dir } = await served(t, 'overlay', filled(t))
  execFileSync('rm', [`${dir}/f`])
  t.equal(
    errorCode(() => statSync(`${dir}/.wh.f`)),
    'ENOENT',
  )
  t.equal(
    errorCode(() => writeFileSync(`${dir}/.wh.g`, '')),
    'EINVAL',
  )
  t.same(readdirSync(dir), ['d', 'g'])
})

t.test('readonly: everything can be read, every change is EROFS', { skip }, async (t) => {
  const { dir } = await served(t, 'readonly', filled(t))
  t.equal(readFileSync(`${dir}/d/h`, 'utf8'), 'lower h')
  const changes: Readonly<Record<string, () => unknown>> = {
    write: () => writeFileSync(`${dir}/f`, 'x'),
    create: () => writeFileSync(`${dir}/new`, 'x'),
    mkdir: () => mkdirSync(`${dir}/new`),
    unlink: () => unlinkSync(`${dir}/f`),
    rename: () => renameSync(`${dir}/f`, `${dir}/g`),
    chmod: () => chmodSync(`${dir}/f`, 0o600),
  }
  for (const [what, change] of Object.entries(changes)) t.equal(errorCode(change), 'EROFS', what)
})

t.test('prefix: a directory as the root', { skip }, async (t) => {
  const lower = filled(t)
  const { dir } = await served(t, 'prefix', lower)
  t.same(tree(dir), tree(lower))
  writeFileSync(`${dir}/d/new`, 'text')
  execFileSync('mv', [`${dir}/d/new`, `${dir}/newer`])
  t.equal(readFileSync(`${lower}/newer`, 'utf8'), 'text')
})

t.test("cached: own changes are seen, others' after the time", { skip }, async (t) => {
  const lower = filled(t)
  const { dir } = await served(t, 'cached', lower)
  t.same(readdirSync(dir), ['d', 'f', 'g'])
  writeFileSync(`${lower}/other`, '')
  t.same(readdirSync(dir), ['d', 'f', 'g'], 'nobody has said so')
  writeFileSync(`${dir}/own`, 'text')
  t.same(readdirSync(dir).sort(), ['d', 'f', 'g', 'other', 'own'])
  t.equal(statSync(`${dir}/own`).size, 4)
})

t.test('fromTree: every kind of content', { skip }, async (t) => {
  const { dir, stderr, stop } = await served(t, 'tree')
  const read = (name: string) => readFileSync(`${dir}/${name}`, 'utf8')
  t.equal(read('a.txt'), 'text\n')
  t.equal(read('name with ö'), 'A\n')
  t.equal(read('dir/blob'), 'blob\n')
  t.equal(read('dir/function'), 'made\n')
  t.equal(read('dir/later'), 'later\n')
  const lines = Array.from({ length: 20_000 }, (_, i) => `line ${i}\n`).join('')
  t.equal(read('dir/lines'), lines)
  t.equal(read('dir/lines'), lines, 'what comes once is there for the next, too')
  t.equal(statSync(`${dir}/a.txt`).size, 5)
  t.equal(lstatSync(dir).isDirectory(), true)
  t.equal(
    errorCode(() => read('dir/fails')),
    'EIO',
  )
  t.equal(
    errorCode(() => writeFileSync(`${dir}/a.txt`, 'x')),
    'EROFS',
  )
  t.same(readdirSync(`${dir}/dir`).length, 5)
  await stop()
  t.match(stderr(), /no content today/)
})
