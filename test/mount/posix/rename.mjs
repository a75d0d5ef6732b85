import assert from 'node:assert/strict'
import fs from 'node:fs'
import { exists, fails, lstat, moves, node, pattern, put, sys, text, withFile } from './support.mjs'

/** @param {string} from @param {string} to @param {string} flags */
const rename2 = (from, to, flags) => sys(['rename', from, to, flags])

/** @type {import('./support.mjs').Check[]} */
export const checks = [
  {
    name: 'rename moves a file, with its inode and contents',
    run(dir) {
      put(`${dir}/a`, 'data')
      const { ino } = lstat(`${dir}/a`)
      fs.renameSync(`${dir}/a`, `${dir}/b`)
      assert.deepEqual(fs.readdirSync(dir), ['b'])
      assert.equal(text(`${dir}/b`), 'data')
      assert.equal(lstat(`${dir}/b`).ino, ino)
    },
  },
  {
    name: 'rename onto a file replaces it',
    run(dir) {
      put(`${dir}/a`, 'new')
      put(`${dir}/b`, 'old contents')
      const { ino } = lstat(`${dir}/a`)
      fs.renameSync(`${dir}/a`, `${dir}/b`)
      assert.deepEqual(fs.readdirSync(dir), ['b'])
      assert.equal(text(`${dir}/b`), 'new')
      assert.equal(lstat(`${dir}/b`).ino, ino)
    },
  },
  {
    name: 'a replaced file that is open keeps its contents and has no links',
    run(dir) {
      put(`${dir}/a`, 'new')
      put(`${dir}/b`, 'old contents')
      withFile(`${dir}/b`, 'r', (fd) => {
        fs.renameSync(`${dir}/a`, `${dir}/b`)
        const bytes = Buffer.alloc(20)
        const n = fs.readSync(fd, bytes, 0, 20, 0)
        assert.equal(bytes.toString('utf8', 0, n), 'old contents')
        assert.equal(fs.fstatSync(fd).nlink, 0)
      })
    },
  },
  {
    name: 'a replaced file that has another name keeps it, with one link less',
    run(dir) {
      put(`${dir}/a`, 'new')
      put(`${dir}/b`, 'old')
      fs.linkSync(`${dir}/b`, `${dir}/c`)
      fs.renameSync(`${dir}/a`, `${dir}/b`)
      assert.equal(text(`${dir}/c`), 'old')
      assert.equal(lstat(`${dir}/c`).nlink, 1n)
    },
  },
  {
    name: 'a file renamed while open goes on under its descriptor',
    run(dir) {
      withFile(`${dir}/a`, 'w+', (fd) => {
        fs.writeSync(fd, 'one')
        fs.renameSync(`${dir}/a`, `${dir}/b`)
        fs.writeSync(fd, 'two')
        assert.equal(text(`${dir}/b`), 'onetwo')
        fs.fchmodSync(fd, 0o600)
        assert.equal(lstat(`${dir}/b`).mode & 0o777n, 0o600n)
      })
      assert.equal(text(`${dir}/b`), 'onetwo')
    },
  },
  {
    name: 'rename to its own name changes nothing',
    run(dir) {
      put(`${dir}/a`, 'data')
      fs.mkdirSync(`${dir}/d`)
      fs.renameSync(`${dir}/a`, `${dir}/a`)
      fs.renameSync(`${dir}/d`, `${dir}/d`)
      assert.equal(text(`${dir}/a`), 'data')
    },
  },
  {
    name: 'rename onto another link of the same file leaves both names',
    run(dir) {
      put(`${dir}/a`, 'data')
      fs.linkSync(`${dir}/a`, `${dir}/b`)
      fs.renameSync(`${dir}/a`, `${dir}/b`)
      assert.deepEqual(fs.readdirSync(dir).sort(), ['a', 'b'])
      assert.equal(lstat(`${dir}/a`).nlink, 2n)
    },
  },
  {
    name: 'rename of what is missing is ENOENT, and leaves the target',
    run(dir) {
      put(`${dir}/b`, 'kept')
      fails('ENOENT', () => fs.renameSync(`${dir}/a`, `${dir}/b`))
      fails('ENOENT', () => fs.renameSync(`${dir}/b`, `${dir}/missing/b`))
      assert.equal(text(`${dir}/b`), 'kept')
    },
  },
  {
    name: 'rename through a file as a directory is ENOTDIR',
    run(dir) {
      put(`${dir}/a`)
      put(`${dir}/f`)
      fails('ENOTDIR', () => fs.renameSync(`${dir}/a`, `${dir}/f/x`))
      fails('ENOTDIR', () => fs.renameSync(`${dir}/f/x`, `${dir}/b`))
    },
  },
  {
    name: 'a directory moves with everything in it',
    run(dir) {
      fs.mkdirSync(`${dir}/a/b/c`, { recursive: true })
      for (let i = 0; i < 100; i++) put(`${dir}/a/b/c/${i}`, String(i))
      fs.mkdirSync(`${dir}/x`)
      fs.renameSync(`${dir}/a/b`, `${dir}/x/y`)
      for (let i = 0; i < 100; i++) assert.equal(text(`${dir}/x/y/c/${i}`), String(i))
      assert(!exists(`${dir}/a/b`))
      assert(!exists(`${dir}/a/b/c/1`))
      put(`${dir}/x/y/c/new`, 'n')
      assert.equal(text(`${dir}/x/y/c/new`), 'n')
    },
  },
  {
    name: 'a file open in a directory that moves goes on under its descriptor',
    run(dir) {
      fs.mkdirSync(`${dir}/a`)
      withFile(`${dir}/a/f`, 'w+', (fd) => {
        fs.renameSync(`${dir}/a`, `${dir}/b`)
        fs.writeSync(fd, 'data')
        assert.equal(text(`${dir}/b/f`), 'data')
        fs.mkdirSync(`${dir}/a`)
        put(`${dir}/a/f`, 'other')
        fs.writeSync(fd, '!')
      })
      assert.equal(text(`${dir}/b/f`), 'data!')
      assert.equal(text(`${dir}/a/f`), 'other')
    },
  },
  {
    name: 'rename of a directory onto an empty one replaces it',
    run(dir) {
      fs.mkdirSync(`${dir}/a`)
      put(`${dir}/a/f`)
      fs.mkdirSync(`${dir}/b`)
      fs.renameSync(`${dir}/a`, `${dir}/b`)
      assert.deepEqual(fs.readdirSync(dir), ['b'])
      assert.deepEqual(fs.readdirSync(`${dir}/b`), ['f'])
    },
  },
  {
    name: 'rename of a directory onto one that is not empty is ENOTEMPTY',
    run(dir) {
      fs.mkdirSync(`${dir}/a`)
      fs.mkdirSync(`${dir}/b`)
      put(`${dir}/b/f`)
      fails(['ENOTEMPTY', 'EEXIST'], () => fs.renameSync(`${dir}/a`, `${dir}/b`))
      fs.unlinkSync(`${dir}/b/f`)
      fs.renameSync(`${dir}/a`, `${dir}/b`)
    },
  },
  {
    name: 'rename of a directory onto a file is ENOTDIR, of a file onto a directory EISDIR',
    run(dir) {
      fs.mkdirSync(`${dir}/d`)
      put(`${dir}/f`, 'kept')
      fs.symlinkSync('d', `${dir}/s`)
      fails('ENOTDIR', () => fs.renameSync(`${dir}/d`, `${dir}/f`))
      fails('ENOTDIR', () => fs.renameSync(`${dir}/d`, `${dir}/s`))
      fails('EISDIR', () => fs.renameSync(`${dir}/f`, `${dir}/d`))
      fails('EISDIR', () => fs.renameSync(`${dir}/s`, `${dir}/d`))
      assert.equal(text(`${dir}/f`), 'kept')
      assert(lstat(`${dir}/d`).isDirectory())
    },
  },
  {
    name: 'rename of a directory into itself or a descendant is EINVAL',
    run(dir) {
      fs.mkdirSync(`${dir}/a/b/c`, { recursive: true })
      fails('EINVAL', () => fs.renameSync(`${dir}/a`, `${dir}/a/x`))
      fails('EINVAL', () => fs.renameSync(`${dir}/a`, `${dir}/a/b/c/x`))
      assert(exists(`${dir}/a/b/c`))
    },
  },
  {
    name: 'rename onto an ancestor is ENOTEMPTY',
    run(dir) {
      fs.mkdirSync(`${dir}/a/b/c`, { recursive: true })
      put(`${dir}/a/b/f`)
      fails(['ENOTEMPTY', 'EEXIST'], () => fs.renameSync(`${dir}/a/b/c`, `${dir}/a`))
      fails(['ENOTEMPTY', 'EEXIST', 'EISDIR'], () => fs.renameSync(`${dir}/a/b/f`, `${dir}/a`))
    },
  },
  {
    name: "rename of '.' and '..' is refused",
    run(dir) {
      fs.mkdirSync(`${dir}/d`)
      fails(['EBUSY', 'EINVAL'], () => rename2(`${dir}/d/.`, `${dir}/x`, '0'))
      fails(['EBUSY', 'EINVAL'], () => rename2(`${dir}/d/..`, `${dir}/x`, '0'))
    },
  },
  {
    name: 'rename moves a symlink itself, and replaces a symlink itself',
    run(dir) {
      put(`${dir}/t`, 'target')
      fs.symlinkSync('t', `${dir}/s`)
      fs.renameSync(`${dir}/s`, `${dir}/s2`)
      assert.equal(fs.readlinkSync(`${dir}/s2`), 't')
      put(`${dir}/f`, 'file')
      fs.renameSync(`${dir}/f`, `${dir}/s2`)
      assert(lstat(`${dir}/s2`).isFile())
      assert.equal(text(`${dir}/t`), 'target')
    },
  },
  {
    name: 'rename with a trailing slash takes a directory and refuses a file',
    run(dir) {
      fs.mkdirSync(`${dir}/d`)
      put(`${dir}/f`)
      sys(['rename', `${dir}/d/`, `${dir}/e/`, 0])
      fails('ENOTDIR', () => sys(['rename', `${dir}/f`, `${dir}/g/`, 0]))
      assert.deepEqual(fs.readdirSync(dir).sort(), ['e', 'f'])
    },
  },
  {
    name: 'rename moves the times of both directories',
    run(dir) {
      fs.mkdirSync(`${dir}/a`)
      fs.mkdirSync(`${dir}/b`)
      put(`${dir}/a/f`)
      let second = ''
      const first = moves(`${dir}/a`, () => {
        second = moves(`${dir}/b`, () => fs.renameSync(`${dir}/a/f`, `${dir}/b/f`))
      })
      assert.equal(first, 'mtime ctime')
      assert.equal(second, 'mtime ctime')
    },
  },
  {
    name: 'rename moves ctime of the file and not its mtime',
    run(dir) {
      put(`${dir}/a`)
      const before = lstat(`${dir}/a`)
      const later = moves(`${dir}/a`, () => {
        fs.renameSync(`${dir}/a`, `${dir}/b`)
        // moves() looks at the old name again.
        fs.renameSync(`${dir}/b`, `${dir}/a`)
      })
      assert.equal(later, 'ctime')
      assert.equal(lstat(`${dir}/a`).mtimeNs, before.mtimeNs)
    },
  },
  {
    name: 'rename swaps two files by way of a third, again and again',
    run(dir) {
      put(`${dir}/a`, 'A')
      put(`${dir}/b`, 'B')
      for (let i = 0; i < 100; i++) {
        fs.renameSync(`${dir}/a`, `${dir}/c`)
        fs.renameSync(`${dir}/b`, `${dir}/a`)
        fs.renameSync(`${dir}/c`, `${dir}/b`)
        assert.equal(text(`${dir}/a`), i % 2 === 0 ? 'B' : 'A')
      }
    },
  },
  {
    name: 'a reader never misses a file that is replaced by rename all the time',
    async run(dir) {
      put(`${dir}/f`, pattern(5000))
      const writer = node(
        `const fs = require('fs'), f = process.argv[1]
         const bytes = fs.readFileSync(f)
         for (let i = 0; i < 300; i++) { fs.writeFileSync(f + '.new', bytes); fs.renameSync(f + '.new', f) }
         fs.writeFileSync(f + '.done', '')`,
        `${dir}/f`,
      )
      let reads = 0
      while (!exists(`${dir}/f.done`)) {
        assert(fs.readFileSync(`${dir}/f`).equals(pattern(5000)))
        reads++
        await new Promise(setImmediate)
      }
      await writer
      assert(reads > 0)
    },
  },
  {
    name: 'RENAME_NOREPLACE refuses an existing target, and renames where there is none',
    needs: ['noreplace'],
    run(dir) {
      put(`${dir}/a`, 'A')
      put(`${dir}/b`, 'B')
      fails('EEXIST', () => rename2(`${dir}/a`, `${dir}/b`, 'NOREPLACE'))
      assert.equal(text(`${dir}/b`), 'B')
      rename2(`${dir}/a`, `${dir}/c`, 'NOREPLACE')
      assert.equal(text(`${dir}/c`), 'A')
      assert(!exists(`${dir}/a`))
    },
  },
  {
    name: 'RENAME_EXCHANGE exchanges two files',
    needs: ['exchange'],
    run(dir) {
      put(`${dir}/a`, 'A')
      put(`${dir}/b`, 'B')
      const inos = [lstat(`${dir}/a`).ino, lstat(`${dir}/b`).ino]
      rename2(`${dir}/a`, `${dir}/b`, 'EXCHANGE')
      assert.equal(text(`${dir}/a`), 'B')
      assert.equal(text(`${dir}/b`), 'A')
      assert.deepEqual([lstat(`${dir}/b`).ino, lstat(`${dir}/a`).ino], inos)
    },
  },
  {
    name: 'RENAME_EXCHANGE exchanges a file and a full directory of another directory',
    needs: ['exchange'],
    run(dir) {
      fs.mkdirSync(`${dir}/x/d`, { recursive: true })
      put(`${dir}/x/d/f`, 'inner')
      put(`${dir}/a`, 'A')
      rename2(`${dir}/a`, `${dir}/x/d`, 'EXCHANGE')
      assert.equal(text(`${dir}/x/d`), 'A')
      assert.equal(text(`${dir}/a/f`), 'inner')
    },
  },
  {
    name: 'RENAME_EXCHANGE moves link counts of directories to their new parents',
    needs: ['exchange', 'dirnlink'],
    run(dir) {
      fs.mkdirSync(`${dir}/x/d`, { recursive: true })
      fs.mkdirSync(`${dir}/y`)
      put(`${dir}/y/f`)
      rename2(`${dir}/x/d`, `${dir}/y/f`, 'EXCHANGE')
      assert.equal(lstat(`${dir}/x`).nlink, 2n)
      assert.equal(lstat(`${dir}/y`).nlink, 3n)
    },
  },
  {
    name: 'RENAME_EXCHANGE with what is missing is ENOENT, with an ancestor EINVAL',
    needs: ['exchange'],
    run(dir) {
      fs.mkdirSync(`${dir}/a/b`, { recursive: true })
      put(`${dir}/f`, 'kept')
      fails('ENOENT', () => rename2(`${dir}/f`, `${dir}/missing`, 'EXCHANGE'))
      fails('EINVAL', () => rename2(`${dir}/a`, `${dir}/a/b`, 'EXCHANGE'))
      fails('EINVAL', () => rename2(`${dir}/a/b`, `${dir}/a`, 'EXCHANGE'))
      fails('EINVAL', () => rename2(`${dir}/f`, `${dir}/g`, 'EXCHANGE|NOREPLACE'))
      assert.equal(text(`${dir}/f`), 'kept')
    },
  },
  {
    name: 'RENAME_WHITEOUT leaves a 0/0 character device at the old name',
    needs: ['whiteout'],
    run(dir) {
      put(`${dir}/a`, 'A')
      rename2(`${dir}/a`, `${dir}/b`, 'WHITEOUT')
      assert.equal(text(`${dir}/b`), 'A')
      assert(lstat(`${dir}/a`).isCharacterDevice())
      assert.equal(lstat(`${dir}/a`).rdev, 0n)
    },
  },
]
