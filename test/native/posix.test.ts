import { constants, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_REMOVEDIR,
  AT_SYMLINK_FOLLOW,
  O_PATH,
  O_TMPFILE,
  posix,
  RENAME_EXCHANGE,
  RENAME_NOREPLACE,
  STATX_BASIC_STATS,
} from '../../lib/posix.ts'
import { EBADF, EINVAL, ENOENT, temporaryDirectory } from './addon.ts'

const { O_CREAT, O_DIRECTORY, O_RDONLY, O_RDWR } = constants

/** A descriptor of a new directory. */
function directory(t: Test): number {
  const fd = openSync(temporaryDirectory(t), O_RDONLY | O_DIRECTORY)
  t.teardown(() => posix.close(fd))
  return fd
}

t.test('names in a directory', async (t) => {
  const dir = directory(t)
  const fd = posix.openat(dir, 'file', O_CREAT | O_RDWR, 0o600)
  t.ok(fd >= 0)
  t.equal(posix.pwrite(fd, Buffer.from('hello'), 0, 0), 5)
  const into = Buffer.alloc(16)
  t.equal(posix.pread(fd, into, 1, 0), 4)
  t.equal(into.toString('latin1', 0, 4), 'ello')
  t.equal(posix.mkdirat(dir, 'sub', 0o755), 0)
  t.equal(posix.linkat(dir, 'file', dir, 'sub/link', 0), 0)
  t.equal(posix.symlinkat('sub/link', dir, 'symlink'), 0)
  t.equal(posix.readlinkat(dir, 'symlink', into), 8)
  t.equal(posix.renameat2(dir, 'file', dir, 'symlink', RENAME_NOREPLACE), -17)
  t.equal(posix.renameat2(dir, 'file', dir, 'symlink', RENAME_EXCHANGE), 0)
  t.equal(posix.unlinkat(dir, 'file', 0), 0)
  t.equal(posix.unlinkat(dir, 'sub/link', 0), 0)
  t.equal(posix.unlinkat(dir, 'sub', AT_REMOVEDIR), 0)
  t.equal(await posix.fsyncAsync(fd), 0)
  t.equal(await posix.preadAsync(fd, into, 0), 5)
  t.equal(posix.close(fd), 0)
  t.equal(posix.close(fd), EBADF)
})
