// devfuse/compat: what each callback of fuse-native is called with, and what becomes of what it says.
import { constants as files } from 'node:fs'
import { constants } from 'node:os'
import t from 'tap'
import Fuse, { type Handlers } from '../../lib/compat.ts'
import { DIR_FD, FD, mountCompat, Recorder, sys, TEXT } from './compat_calls.ts'
import { run } from './living.ts'
import { cannotMount } from './mount.ts'
import type { Op } from './sys.ts'

const skip = cannotMount()
const GIB = 2 ** 30
const [FILE, DIRECTORY] = [0o100000, 0o040000]
const root = { mode: DIRECTORY | 0o755 }
const file = { mode: FILE | 0o644, size: TEXT.length, mtime: new Date(1000) }
const { O_ACCMODE = 3, O_DIRECTORY } = files as typeof files & { readonly O_ACCMODE?: number }

interface Case {
  readonly does: (dir: string) => readonly Op[]
  /** Without the callback. */
  readonly args: readonly unknown[]
  /** The last line that the operations print, where that is not 0. */
  readonly gives?: string | RegExp
}

const opened =
  (...then: readonly Op[]) =>
  (dir: string): readonly Op[] => [['open', `${dir}/f`, 'RDWR', 0], ...then, ['close', 0]]
const listed =
  (...then: readonly Op[]) =>
  (dir: string): readonly Op[] => [['open', dir, 'DIRECTORY', 0], ...then, ['close', 0]]

const cases: Readonly<Record<string, Case>> = {
  access: { does: (dir) => [['access', `${dir}/f`, 'R_OK|W_OK']], args: ['/f', 6] },
  statfs: {
    does: (dir) => [['statvfs', dir]],
    args: ['/'],
    gives:
      '{"bsize":512,"frsize":1024,"blocks":9,"bfree":8,"bavail":7,"files":6,"ffree":5,"namemax":0}',
  },
  getattr: { does: (dir) => [['stat', `${dir}/d`]], args: ['/d'], gives: /"mode":16877,"nlink":1/ },
  // stat(2) has no open file, also where the caller has one; what changes by one has.
  fgetattr: { does: opened(['ftruncate', 0, 1]), args: ['/f', FD] },
  open: { does: opened(), args: ['/f', 2] },
  create: {
    does: (dir) => [['open', `${dir}/new`, 'WRONLY|CREAT|EXCL', 666]],
    args: ['/new', FILE | 0o644],
  },
  read: {
    does: opened(['pread', 0, 3, 2]),
    args: ['/f', FD, Buffer.concat([Buffer.from(TEXT)], 4096), 4096, 0],
  },
  write: {
    does: opened(['pwrite', 0, 'bytes', 6 * GIB]),
    args: ['/f', FD, Buffer.from('bytes'), 5, 6 * GIB],
  },
  flush: { does: opened(), args: ['/f', FD] },
  release: { does: opened(), args: ['/f', FD] },
  fsync: { does: opened(['fdatasync', 0]), args: ['/f', 1, FD] },
  ftruncate: { does: opened(['ftruncate', 0, 5 * GIB]), args: ['/f', FD, 5 * GIB] },
  truncate: { does: (dir) => [['truncate', `${dir}/f`, 5 * GIB]], args: ['/f', 5 * GIB] },
  chmod: { does: (dir) => [['chmod', `${dir}/d`, 4700]], args: ['/d', DIRECTORY | 0o4700] },
  chown: { does: (dir) => [['chown', `${dir}/f`, 5, -1]], args: ['/f', 5, 2 ** 32 - 1] },
  utimens: {
    does: (dir) => [['utimens', `${dir}/f`, '1.500000001', '-1.250999999', 0]],
    args: ['/f', 1500, -750],
  },
  mknod: {
    does: (dir) => [['mknod', `${dir}/pipe`, 'CHR', 620, 3, 5]],
    args: ['/pipe', 0o020600, (3 << 8) | 5],
  },
  mkdir: { does: (dir) => [['mkdir', `${dir}/new`, 777]], args: ['/new', 0o755] },
  rmdir: { does: (dir) => [['rmdir', `${dir}/d`]], args: ['/d'] },
  unlink: { does: (dir) => [['unlink', `${dir}/f`]], args: ['/f'] },
  symlink: {
    does: (dir) => [['symlink', 'where/ever', `${dir}/new`]],
    args: ['where/ever', '/new'],
  },
  link: { does: (dir) => [['linkat', `${dir}/f`, `${dir}/d/g`, 0]], args: ['/f', '/d/g'] },
  rename: { does: (dir) => [['rename', `${dir}/f`, `${dir}/d/g`, 0]], args: ['/f', '/d/g'] },
  setxattr: {
    does: (dir) => [['setxattr', `${dir}/f`, 'user.x', 'value', 2]],
    args: ['/f', 'user.x', Buffer.from('value'), 0, 2],
  },
  getxattr: {
    does: (dir) => [['getxattr', `${dir}/f`, 'user.x', 5]],
    args: ['/f', 'user.x', 0],
    gives: Buffer.from('value').toString('hex'),
  },
  listxattr: {
    does: (dir) => [['listxattr', `${dir}/f`, 100]],
    args: ['/f'],
    gives: Buffer.from('user.a\0user.b\0').toString('hex'),
  },
  removexattr: { does: (dir) => [['removexattr', `${dir}/f`, 'user.x']], args: ['/f', 'user.x'] },
  opendir: { does: listed(), args: ['/', O_DIRECTORY] },
  readdir: { does: (dir) => [['getdents', dir, 1024]], args: ['/'], gives: /f.*d/ },
  fsyncdir: { does: listed(['fsync', 0]), args: ['/', 0, DIR_FD] },
  releasedir: { does: listed(), args: ['/', DIR_FD] },
}

t.test('the arguments of each callback', { skip }, async (t) => {
  for (const [name, { does, args, gives }] of Object.entries(cases)) {
    await t.test(name, async (t) => {
      const recorder = new Recorder()
      const { dir, reports } = await mountCompat(t, recorder.handlers)
      const lines = await sys(...does(dir))
      const [path, ...rest] = await recorder.first(name)
      const flags = name === 'open' || name === 'opendir'
      t.strictSame([path, ...(flags ? [Number(rest[0]) & (O_ACCMODE | O_DIRECTORY)] : rest)], args)
      t.notMatch(lines.join(), '!', lines.join())
      if (gives !== undefined) t.match(lines.at(-1), gives)
      t.strictSame(reports, [])
    })
  }
})

t.test('what a callback is told, and what its caller gets', { skip }, async (t) => {
  const told: Readonly<Record<string, readonly [tell: Tell, gives: string, reports: number]>> = {
    'a number of errno(3)': [(cb) => cb(Fuse.EACCES), '!EACCES', 0],
    'an error of node:fs': [(cb) => cb(coded('EROFS')), '!EROFS', 0],
    'any other error': [(cb) => cb(new Error('oops')), '!EIO', 1],
    'a positive number': [(cb) => cb(2), '!EIO', 1],
    'a number that is none of errno(3)': [(cb) => cb(-600), '!EIO', 1],
    'a fraction': [(cb) => cb(-1.5), '!EIO', 1],
    'a symbol': [(cb) => cb('ENOENT' as never), '!EIO', 1],
    'an error, later': [(cb) => void setImmediate(cb, Fuse.EACCES), '!EACCES', 0],
    'success without attributes': [(cb) => cb(0), '!EIO', 1],
    'attributes that are none': [(cb) => cb(0, { ...file, size: -1 }), '!EIO', 1],
    'a time that is none': [(cb) => cb(0, { ...file, mtime: new Date(Number.NaN) }), '!EIO', 1],
    'nothing: it throws': [() => thrown(new Error('oops')), '!EIO', 1],
    'nothing: it throws an errno': [() => thrown(coded('EACCES')), '!EACCES', 0],
    'nothing: it rejects': [async () => thrown(new Error('oops')), '!EIO', 1],
    'null, and attributes': [(cb) => cb(null, file), SEEN, 0],
    'attributes from a promise of its own': [async (cb) => cb(0, file), SEEN, 0],
    'two things': [both, SEEN, 0],
    'something, and then it throws': [tellThenThrow, SEEN, 1],
    'something, and then it rejects': [async (cb) => tellThenThrow(cb), SEEN, 1],
  }
  for (const [what, [tell, gives, count]] of Object.entries(told)) {
    await t.test(what, async (t) => {
      const handlers: Handlers = {
        getattr: (path, cb) => (path === '/' ? cb(0, root) : tell(cb)),
      }
      const { dir, reports } = await mountCompat(t, handlers)
      const [line = ''] = await sys(['stat', `${dir}/f`])
      t.match(line, gives)
      // Each stat(2) asks for the name, and then for the attributes unless that has failed.
      const asked = gives === SEEN ? 2 : 1
      t.ok(reports.length >= count && reports.length <= count * asked, String(reports))
      t.match(await sys(['stat', dir]), [/"mode":16877/], 'the mount lives')
    })
  }
})

type Tell = (cb: Parameters<NonNullable<Handlers['getattr']>>[1]) => unknown
const SEEN = `"size":${TEXT.length}`
const coded = (code: string): Error => Object.assign(new Error(code), { code })
function thrown(error: unknown): never {
  throw error
}
const both: Tell = (cb) => {
  cb(0, file)
  cb(Fuse.EACCES)
}
const tellThenThrow: Tell = (cb) => {
  cb(0, file)
  thrown(new Error('oops'))
}

t.test('counts of read and write that are none', { skip }, async (t) => {
  for (const count of [-1.5, Number.NaN, 1e6, 'all', {}] as never[]) {
    await t.test(String(count), async (t) => {
      const { dir, reports } = await mountCompat(t, {
        getattr: (path, cb) => cb(0, path === '/' ? root : file),
        read: (_path, _fd, _buffer, _length, _position, cb) => cb(count),
        write: (_path, _fd, _buffer, _length, _position, cb) => cb(count),
      })
      const open: Op = ['open', `${dir}/f`, 'RDWR', 0]
      t.strictSame(await sys(open, ['read', 0, 1]), ['0', '!EIO'])
      const told = reports.length
      t.ok(told > 0, 'read is reported')
      t.strictSame(await sys(open, ['pwrite', 0, 'x', 0]), ['0', '!EIO'])
      t.equal(reports.length, told + 1, 'write is reported')
    })
  }
})

t.test('counts of read and write that are errors, or nothing', { skip }, async (t) => {
  let count: number | undefined = Fuse.ENOSPC
  const { dir, reports } = await mountCompat(t, {
    getattr: (path, cb) => cb(0, path === '/' ? root : file),
    read: (_path, _fd, _buffer, _length, _position, cb) => cb(count),
    write: (_path, _fd, _buffer, _length, _position, cb) => cb(count),
  })
  const open: Op = ['open', `${dir}/f`, 'RDWR', 0]
  t.strictSame(await sys(open, ['try', 'read', 0, 1], ['pwrite', 0, 'x', 0]), [
    '0',
    '!ENOSPC',
    '!ENOSPC',
  ])
  count = undefined
  t.strictSame(await sys(open, ['read', 0, 1]), ['0', ''], 'the end of the file')
  t.strictSame(reports, [])
})

t.test('what a read handler has not filled is zeros', { skip }, async (t) => {
  const { dir } = await mountCompat(t, {
    getattr: (path, cb) => cb(0, path === '/' ? root : { ...file, size: 65_536 }),
    read: (_path, _fd, _buffer, length, _position, cb) => cb(length),
  })
  const [, bytes = ''] = await sys(['open', `${dir}/f`, 'RDONLY', 0], ['read', 0, 65_536])
  t.equal(bytes, '00'.repeat(65_536))
})

t.test('a listing: names, and attributes where they are complete', { skip }, async (t) => {
  const asked: string[] = []
  const stats = [file, { mode: FILE | 0o600 }, null]
  const { dir, reports } = await mountCompat(t, {
    getattr(path, cb) {
      asked.push(path)
      cb(0, path === '/' ? root : file)
    },
    readdir: (_path, cb) => cb(0, ['whole', 'type', 'name'], stats),
  })
  const { stdout } = await run('ls', ['--color=never', '-1U', '--file-type', dir])
  t.strictSame(stdout.trim().split('\n').sort(), ['name', 'type', 'whole'])
  t.notOk(asked.includes('/whole'), 'is not asked for again')
  t.ok(asked.includes('/name'))
  t.strictSame(reports, [])
})

const listings: Readonly<Record<string, readonly [said: unknown[], gives: RegExp, count: number]>> =
  {
    'no names': [[], /^$/, 0],
    'no array': [['f'], /Input\/output error/, 1],
    'a name that is none': [[['a/b']], /Input\/output error/, 1],
    'more names than attributes': [[['x', 'y'], [file]], /^x\ny\n$/, 0],
  }
t.test('listings', { skip }, async (t) => {
  for (const [what, [said, gives, count]] of Object.entries(listings)) {
    await t.test(what, async (t) => {
      const { dir, reports } = await mountCompat(t, {
        getattr: (path, cb) => cb(0, path === '/' ? root : file),
        readdir: (_path, cb) => (cb as (...said: unknown[]) => void)(0, ...said),
      })
      const { stdout, stderr } = await run('ls', ['-1', dir])
      t.match(count === 0 ? stdout : stderr, gives)
      t.equal(reports.length > 0, count > 0, String(reports))
    })
  }
})

t.test('a file that is removed while it is open keeps a path', { skip }, async (t) => {
  const recorder = new Recorder()
  const { dir } = await mountCompat(t, recorder.handlers)
  await sys(
    ['open', `${dir}/f`, 'RDWR', 0],
    ['unlink', `${dir}/f`],
    ['pwrite', 0, 'x', 0],
    ['close', 0],
  )
  const [hidden] = await recorder.first('unlink')
  t.match(hidden, /^\/\.fuse_hidden/)
  t.equal((await recorder.first('write'))[0], hidden)
  t.strictSame(await recorder.first('rename'), ['/f', hidden])
})

t.test('a directory that is removed while it is open is released as "-"', { skip }, async (t) => {
  const recorder = new Recorder()
  const { dir } = await mountCompat(t, recorder.handlers)
  const [, , seen] = await sys(
    ['open', `${dir}/d`, 'DIRECTORY', 0],
    ['rmdir', `${dir}/d`],
    ['try', 'fstat', 0],
  )
  t.equal(seen, '!ENOENT')
  t.strictSame(await recorder.first('releasedir'), ['-', DIR_FD])
})

t.test('a time that stays as it is is that of getattr', { skip }, async (t) => {
  const recorder = new Recorder()
  const { dir } = await mountCompat(t, recorder.handlers)
  await sys(['utimens', `${dir}/f`, '5.000000000', 'OMIT', 0])
  t.strictSame(await recorder.first('utimens'), ['/f', 5000, 2000])
})

t.test('regular files of mknod(2) are created where that can be done', { skip }, async (t) => {
  const recorder = new Recorder()
  const { dir } = await mountCompat(t, recorder.handlers)
  await sys(['mknod', `${dir}/new`, 'REG', 600, 0, 0])
  t.strictSame(await recorder.first('create'), ['/new', FILE | 0o600])
  t.strictSame(await recorder.first('release'), ['/new', FD])
  t.equal(recorder.count('mknod'), 0)
})

t.test('without fgetattr and ftruncate the others are asked', { skip }, async (t) => {
  const recorder = new Recorder()
  const { fgetattr: _, ftruncate: __, ...handlers } = recorder.handlers
  const { dir } = await mountCompat(t, handlers)
  await sys(['open', `${dir}/f`, 'RDWR', 0], ['ftruncate', 0, 3], ['fstat', 0])
  t.strictSame(await recorder.first('truncate'), ['/f', 3])
})

t.test('without handlers there is a root, and nothing may be done', { skip }, async (t) => {
  const { dir, reports } = await mountCompat(t, {})
  const lines = await sys(
    ['stat', dir],
    ['try', 'stat', `${dir}/f`],
    ['try', 'mkdir', `${dir}/d`, 755],
    ['try', 'chmod', dir, 700],
    ['try', 'truncate', `${dir}/f`, 0],
  )
  t.match(lines[0], /"mode":16877,"nlink":1,"uid":0,"gid":0,"size":4096/)
  t.strictSame(lines.slice(1), ['!EPERM', '!EPERM', '!ENOSYS', '!EPERM'])
  t.strictSame(reports, [])
})

t.test('the object is "this", and what it has by then is called', { skip }, async (t) => {
  class Files {
    size = 1
    getattr(path: string, cb: Parameters<NonNullable<Handlers['getattr']>>[1]): void {
      cb(0, path === '/' ? root : { ...file, size: this.size })
    }
  }
  const files = new Files()
  const { dir } = await mountCompat(t, files)
  files.size = 5
  t.match(await sys(['stat', `${dir}/f`]), [/"size":5/])
  files.getattr = (_path, cb) => cb(Fuse.EACCES)
  t.strictSame(await sys(['stat', `${dir}/f`]), ['!EACCES'])
})

t.test('attributes as fs.lstat gives them, and numbers as they come', { skip }, async (t) => {
  const { lstatSync } = await import('node:fs')
  const own = lstatSync(new URL(import.meta.url), { bigint: true })
  const stats = new Map<string, unknown>([
    ['/own', own],
    ['/odd', { mode: FILE | 0o640, size: 1000.7, blocks: 1.9, uid: 7.5, mtime: 1.5 }],
  ])
  const { dir, reports } = await mountCompat(t, {
    getattr(path, cb) {
      const stat = stats.get(path)
      cb(0, path === '/' ? root : (stat as never))
    },
  })
  const [like, odd] = await sys(['stat', `${dir}/own`], ['stat', `${dir}/odd`])
  t.match(like, `"size":${own.size},"blocks":${own.blocks}`)
  t.match(odd, '"uid":7,"gid":0,"size":1000,"blocks":1')
  t.strictSame(reports, [])
})

t.test('every errno of this machine is there, negative', (t) => {
  for (const [name, number] of Object.entries(constants.errno)) {
    t.equal((Fuse as unknown as Readonly<Record<string, number>>)[name], -number, name)
  }
  t.equal(new Fuse('/').errno('enoent'), Fuse.ENOENT)
  t.equal(new Fuse('/').errno('nonsense'), Fuse.EPERM)
  t.equal(new Fuse('/').errno(), Fuse.EPERM)
  t.end()
})
