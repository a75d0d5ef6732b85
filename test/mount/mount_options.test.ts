// What mount options do, seen in the kernel's own table and by other users.
import { execFileSync } from 'node:child_process'
import { mkdirSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { nameBytes } from '../../lib/index.ts'
import type { MountOptions } from '../../lib/mount_options.ts'
import { mountFor, mountinfoLine, NOBODY, run, TEXT, twoFiles } from './living.ts'
import { cannotMount, freshDir, isMounted } from './mount.ts'

const skip = cannotMount()

/** As the kernel writes them: a character a byte, some of them as three octal digits. */
const escaped = (text: string): string =>
  [...Buffer.from(nameBytes(text)).toString('latin1')]
    .map((c) => (' \t\n\\#'.includes(c) ? `\\${c.charCodeAt(0).toString(8).padStart(3, '0')}` : c))
    .join('')

const SOURCES = [
  'a,b',
  'x,allow_other,user_id=1',
  'with space',
  'back\\slash\\,comma',
  'new\nline',
  'tab\tand #',
  'é',
  'not UTF-8 \udcff\udc80',
  '-o',
]

for (const fsname of SOURCES) {
  t.test(`fsname ${JSON.stringify(fsname)} is just a name`, { skip }, async (t) => {
    const session = await mountFor(t, { fsname, subtype: 'one,two' })
    const { type, source, data } = mountinfoLine(session)
    t.equal(source, escaped(fsname))
    t.equal(type, 'fuse.one,two')
    t.same(data, ['rw', 'user_id=0', 'group_id=0'])
  })
}

t.test('a mount point of any bytes', { skip }, async (t) => {
  const parent = freshDir()
  for (const name of ['a b,c\\d\te\nf', 'not UTF-8 \udcff']) {
    const bytes = Buffer.concat([Buffer.from(`${parent}/`), nameBytes(name)])
    mkdirSync(bytes)
    const session = await mountFor(t, {}, undefined, join(parent, name))
    t.ok(mountinfoLine(session).type, name)
    t.equal(session.mountpoint, join(parent, name))
    await session.unmount()
    rmdirSync(bytes)
  }
  rmdirSync(parent)
})

const flags: readonly (readonly [MountOptions, string[], string[]])[] = [
  [{}, ['rw', 'nosuid', 'nodev', 'relatime'], []],
  [{ readOnly: true }, ['ro', 'nosuid', 'nodev'], []],
  [{ suid: true, dev: true, noexec: true }, ['rw', 'noexec'], ['nosuid', 'nodev']],
  [{ noatime: true, nodiratime: true }, ['noatime', 'nodiratime'], ['relatime']],
  [{ strictatime: true }, ['rw'], ['relatime', 'noatime']],
]

t.test('flags are the ones of mount(2)', { skip }, async (t) => {
  for (const [options, there, absent] of flags) {
    const session = await mountFor(t, options)
    const { flags } = mountinfoLine(session)
    for (const flag of there) t.ok(flags.includes(flag), `${JSON.stringify(options)}: ${flag}`)
    for (const flag of absent) t.notOk(flags.includes(flag), `${JSON.stringify(options)}: ${flag}`)
  }
  const { data } = mountinfoLine(await mountFor(t, { sync: true, dirsync: true, maxRead: 8192 }))
  for (const word of ['sync', 'dirsync', 'max_read=8192']) t.ok(data.includes(word), word)
})

t.test('without allow_other nobody else gets in', { skip }, async (t) => {
  const { mountpoint } = await mountFor(t)
  t.match(await run('cat', [join(mountpoint, 'open')], { uid: NOBODY }), {
    code: 1,
    stderr: /Permission denied/,
  })
  t.match(await run('cat', [join(mountpoint, 'open')]), { code: 0, stdout: TEXT })
})

t.test('allow_other lets others in, and the kernel checks modes', { skip }, async (t) => {
  const session = await mountFor(t, { allowOther: true })
  t.match(mountinfoLine(session).data, ['rw', 'user_id=0', 'group_id=0', 'default_permissions'])
  const cat = (name: string) => run('cat', [join(session.mountpoint, name)], { uid: NOBODY })
  t.match(await cat('open'), { code: 0, stdout: TEXT })
  t.match(await cat('secret'), { code: 1, stderr: /Permission denied/ })
})

t.test('default_permissions refused: the file system alone decides', { skip }, async (t) => {
  const session = await mountFor(t, { allowOther: true, defaultPermissions: false })
  t.notOk(mountinfoLine(session).data.includes('default_permissions'))
  const path = join(session.mountpoint, 'secret')
  t.match(await run('cat', [path], { uid: NOBODY }), { code: 0, stdout: TEXT })
})

t.test('allow_root lets in root and the owner, and nobody else', { skip }, async (t) => {
  const { open: _, ...noOpen } = twoFiles
  for (const ops of [undefined, noOpen]) {
    const { mountpoint } = await mountFor(t, { allowRoot: true }, ops)
    const path = join(mountpoint, 'open')
    t.match(await run('cat', [path]), { code: 0, stdout: TEXT }, 'root')
    t.match(await run('cat', [path], { uid: NOBODY }), { code: 1, stderr: /Permission denied/ })
    t.match(await run('ls', [mountpoint], { uid: NOBODY }), { code: 2, stderr: /Permission/ })
    t.match(await run('ls', [mountpoint]), { code: 0, stdout: 'open\nsecret\n' }, 'root')
  }
})

t.test('a block device is mounted as fuseblk', { skip }, async (t) => {
  const folder = freshDir()
  const image = join(folder, 'image')
  t.teardown(() => execFileSync('rm', ['-r', folder]))
  execFileSync('truncate', ['-s', '1M', image])
  const loop = await run('losetup', ['--find', '--show', image])
  if (loop.code !== 0) {
    t.pass('mounted', { skip: `no loop device: ${loop.stderr}` })
    return
  }
  const device = loop.stdout.trim()
  t.teardown(() => execFileSync('losetup', ['--detach', device]))
  const session = await mountFor(t, { blkdev: true, fsname: device, blksize: 1024 })
  // What blksize= the kernel shows is its own decision: 6.18 makes it a page.
  t.match(mountinfoLine(session), { type: 'fuseblk', source: device })
  t.match(await run('cat', [join(session.mountpoint, 'open')]), { code: 0, stdout: TEXT })
  await session.unmount()
  t.notOk(isMounted(session.mountpoint))
})

t.test('an option that does not exist mounts nothing', { skip }, async (t) => {
  const directory = freshDir()
  await t.rejects(mountFor(t, { readonly: true } as MountOptions, undefined, directory), {
    message: 'readonly: there is no such option',
  })
  t.notOk(isMounted(directory))
})
