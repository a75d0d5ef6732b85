import assert from 'node:assert/strict'
import fs from 'node:fs'
import {
  asNobody,
  exists,
  fails,
  json,
  last,
  lstat,
  modeOf,
  moves,
  node,
  put,
  start,
  sys,
  text,
  withFile,
} from './support.mjs'

const { O_CREAT, O_EXCL, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY } = fs.constants

/** @type {import('./support.mjs').Check[]} */
export const checks = [
  {
    name: 'O_CREAT makes an empty file of the asked mode, less the umask',
    run(dir) {
      sys(['umask', '027'], ['open', `${dir}/f`, 'WRONLY|CREAT', '666'])
      assert.equal(modeOf(`${dir}/f`), '640')
      assert.equal(lstat(`${dir}/f`).size, 0n)
      assert.equal(lstat(`${dir}/f`).nlink, 1n)
    },
  },
  {
    name: 'O_CREAT opens an existing file and leaves its contents and mode alone',
    run(dir) {
      put(`${dir}/f`, 'kept')
      fs.chmodSync(`${dir}/f`, 0o604)
      fs.closeSync(fs.openSync(`${dir}/f`, O_CREAT | O_RDWR, 0o777))
      assert.equal(text(`${dir}/f`), 'kept')
      assert.equal(modeOf(`${dir}/f`), '604')
    },
  },
  {
    name: 'O_CREAT|O_EXCL creates what is not there',
    run(dir) {
      fs.closeSync(fs.openSync(`${dir}/f`, O_CREAT | O_EXCL | O_WRONLY, 0o600))
      assert.equal(modeOf(`${dir}/f`), '600')
    },
  },
  {
    name: 'O_CREAT|O_EXCL refuses a file, a directory and a dangling symlink',
    run(dir) {
      put(`${dir}/f`, 'kept')
      fs.mkdirSync(`${dir}/d`)
      fs.symlinkSync('nowhere', `${dir}/s`)
      for (const name of ['f', 'd', 's']) {
        fails('EEXIST', () => fs.openSync(`${dir}/${name}`, O_CREAT | O_EXCL | O_WRONLY))
      }
      assert.equal(text(`${dir}/f`), 'kept')
      assert(!exists(`${dir}/nowhere`))
    },
  },
  {
    name: 'O_CREAT|O_EXCL by eight processes at once has one winner',
    async run(dir) {
      const code = `
        const fs = require('fs'); let won = 0
        for (let i = 0; i < 50; i++) try {
          fs.closeSync(fs.openSync(process.argv[1] + '/' + i, 'wx')); won++
        } catch (e) { if (e.code !== 'EEXIST') throw e }
        process.stdout.write(String(won))`
      const wins = await Promise.all(Array.from({ length: 8 }, () => node(code, dir)))
      assert.equal(
        wins.reduce((sum, won) => sum + Number(won), 0),
        50,
      )
    },
  },
  {
    name: 'O_CREAT through a dangling symlink creates its target',
    run(dir) {
      fs.symlinkSync('target', `${dir}/s`)
      put(`${dir}/s`, 'data')
      assert.equal(text(`${dir}/target`), 'data')
      assert(lstat(`${dir}/s`).isSymbolicLink())
    },
  },
  {
    name: 'O_TRUNC empties a file and keeps its inode and mode',
    run(dir) {
      put(`${dir}/f`, 'old contents')
      fs.chmodSync(`${dir}/f`, 0o640)
      const { ino } = lstat(`${dir}/f`)
      fs.closeSync(fs.openSync(`${dir}/f`, O_TRUNC | O_WRONLY))
      assert.equal(lstat(`${dir}/f`).size, 0n)
      assert.equal(lstat(`${dir}/f`).ino, ino)
      assert.equal(modeOf(`${dir}/f`), '640')
    },
  },
  {
    name: 'O_TRUNC moves mtime and ctime',
    run(dir) {
      put(`${dir}/f`, 'old')
      const moved = moves(`${dir}/f`, () =>
        fs.closeSync(fs.openSync(`${dir}/f`, O_TRUNC | O_WRONLY)),
      )
      assert.equal(moved, 'mtime ctime')
    },
  },
  {
    name: 'O_TRUNC is seen by a descriptor that is already open',
    run(dir) {
      put(`${dir}/f`, 'old contents')
      withFile(`${dir}/f`, 'r', (fd) => {
        assert.equal(fs.readSync(fd, Buffer.alloc(3), 0, 3, 0), 3)
        put(`${dir}/f`, 'x')
        const bytes = Buffer.alloc(20)
        assert.equal(fs.readSync(fd, bytes, 0, 20, 0), 1)
        assert.equal(bytes.toString('latin1', 0, 1), 'x')
      })
    },
  },
  {
    name: 'O_APPEND writes at the end, wherever lseek went',
    run(dir) {
      put(`${dir}/f`, 'abc')
      sys(['open', `${dir}/f`, 'WRONLY|APPEND', 0], ['lseek', 0, 0, 'SET'], ['write', 0, 'def'])
      assert.equal(text(`${dir}/f`), 'abcdef')
    },
  },
  {
    name: 'O_APPEND makes pwrite append (Linux)',
    run(dir) {
      put(`${dir}/f`, 'abc')
      sys(['open', `${dir}/f`, 'WRONLY|APPEND', 0], ['pwrite', 0, 'def', 0])
      assert.equal(text(`${dir}/f`), 'abcdef')
    },
  },
  {
    name: 'O_APPEND follows what another descriptor wrote and truncated',
    run(dir) {
      put(`${dir}/f`, 'abc')
      withFile(`${dir}/f`, 'a', (fd) => {
        fs.appendFileSync(`${dir}/f`, 'def')
        fs.writeSync(fd, 'ghi')
        assert.equal(text(`${dir}/f`), 'abcdefghi')
        fs.truncateSync(`${dir}/f`, 1)
        fs.writeSync(fd, 'z')
      })
      assert.equal(text(`${dir}/f`), 'az')
    },
  },
  {
    name: 'O_APPEND by four processes at once loses no record',
    async run(dir) {
      const tags = ['aaaa', 'bbbb', 'cccc', 'dddd']
      const writers = tags.map((tag) => start(['append', `${dir}/f`, tag, 500]))
      for (const writer of writers) assert.equal(await writer.exited, 0)
      const records = text(`${dir}/f`).split('\n').slice(0, -1)
      assert.equal(records.length, 2000)
      for (const tag of tags) {
        const mine = records.filter((record) => record.startsWith(tag))
        assert.deepEqual(
          mine,
          mine.map((_, i) => `${tag} ${String(i).padStart(10, '0')}`),
        )
        assert.equal(mine.length, 500)
      }
    },
  },
  {
    name: 'O_DIRECTORY opens a directory and refuses a file',
    run(dir) {
      put(`${dir}/f`)
      sys(['open', dir, 'RDONLY|DIRECTORY', 0])
      fails('ENOTDIR', () => sys(['open', `${dir}/f`, 'RDONLY|DIRECTORY', 0]))
    },
  },
  {
    name: 'O_NOFOLLOW refuses a symlink at the end with ELOOP, and follows one on the way',
    run(dir) {
      fs.mkdirSync(`${dir}/d`)
      put(`${dir}/d/f`, 'x')
      fs.symlinkSync('d', `${dir}/s`)
      fs.symlinkSync('d/f', `${dir}/sf`)
      fails('ELOOP', () => sys(['open', `${dir}/sf`, 'RDONLY|NOFOLLOW', 0]))
      sys(['open', `${dir}/s/f`, 'RDONLY|NOFOLLOW', 0])
    },
  },
  {
    name: 'O_NOFOLLOW|O_PATH opens the symlink itself',
    run(dir) {
      fs.symlinkSync('somewhere', `${dir}/s`)
      const stat = json(last(['open', `${dir}/s`, 'NOFOLLOW|PATH', 0], ['fstat', 0]))
      assert.equal(stat.mode & 0o170000, 0o120000)
      assert.equal(stat.size, 9)
    },
  },
  {
    name: 'O_PATH allows fstat and refuses read with EBADF',
    run(dir) {
      put(`${dir}/f`, 'abc')
      assert.equal(json(last(['open', `${dir}/f`, 'PATH', 0], ['fstat', 0])).size, 3)
      fails('EBADF', () => sys(['open', `${dir}/f`, 'PATH', 0], ['read', 0, 1]))
    },
  },
  {
    name: 'opening a directory for writing, or with O_CREAT, is EISDIR',
    run(dir) {
      for (const flags of [O_WRONLY, O_RDWR, O_CREAT | O_RDONLY, O_RDONLY | O_TRUNC]) {
        fails('EISDIR', () => fs.openSync(dir, flags))
      }
    },
  },
  {
    name: 'reading a directory is EISDIR',
    run(dir) {
      fails('EISDIR', () => withFile(dir, 'r', (fd) => fs.readSync(fd, Buffer.alloc(10))))
    },
  },
  {
    name: 'a missing file is ENOENT, and so is a file in a missing directory',
    run(dir) {
      fails('ENOENT', () => fs.openSync(`${dir}/f`, 'r'))
      fails('ENOENT', () => fs.openSync(`${dir}/d/f`, 'w'))
      fails('ENOENT', () => fs.lstatSync(`${dir}/f`))
    },
  },
  {
    name: 'a file used as a directory is ENOTDIR',
    run(dir) {
      put(`${dir}/f`)
      fails('ENOTDIR', () => fs.openSync(`${dir}/f/x`, 'w'))
      fails('ENOTDIR', () => sys(['stat', `${dir}/f/`]))
      fails('ENOTDIR', () => sys(['stat', `${dir}/f/.`]))
      fails('ENOTDIR', () => fs.readdirSync(`${dir}/f`))
    },
  },
  {
    name: 'O_CREAT of a name that ends in a slash is EISDIR',
    run(dir) {
      fails('EISDIR', () => sys(['open', `${dir}/new/`, 'WRONLY|CREAT', '644']))
      assert(!exists(`${dir}/new`))
    },
  },
  {
    name: 'a file that was missing a moment ago is found as soon as it is created',
    run(dir) {
      for (let i = 0; i < 20; i++) {
        assert(!exists(`${dir}/${i}`))
        put(`${dir}/${i}`, 'x')
        assert.equal(text(`${dir}/${i}`), 'x')
        fs.unlinkSync(`${dir}/${i}`)
        assert(!exists(`${dir}/${i}`))
      }
    },
  },
  {
    name: 'a read-only descriptor refuses write, and a write-only one read, with EBADF',
    run(dir) {
      put(`${dir}/f`, 'abc')
      fails('EBADF', () => withFile(`${dir}/f`, 'r', (fd) => fs.writeSync(fd, 'x')))
      fails('EBADF', () => withFile(`${dir}/f`, 'a', (fd) => fs.readSync(fd, Buffer.alloc(1))))
    },
  },
  {
    name: 'the creator of a file of mode 0 can use the descriptor',
    run(dir) {
      const lines = asNobody(
        ['open', `${dir}/f`, 'RDWR|CREAT', '0'],
        ['write', 0, 'abc'],
        ['pread', 0, 3, 0],
        ['try', 'open', `${dir}/f`, 'RDONLY', 0],
      )
      assert.deepEqual(lines, ['0', '3', '616263', '!EACCES'])
      assert.equal(modeOf(`${dir}/f`), '0')
    },
  },
  {
    name: 'O_CREAT in a directory that was removed while open is ENOENT',
    run(dir) {
      fs.mkdirSync(`${dir}/d`)
      const lines = sys(
        ['open', `${dir}/d`, 'RDONLY|DIRECTORY', 0],
        ['rmdir', `${dir}/d`],
        ['try', 'openat', 0, 'f', 'WRONLY|CREAT', '644'],
      )
      assert.equal(lines.at(-1), '!ENOENT')
    },
  },
  {
    name: 'two opens have positions of their own, a dup shares one',
    run(dir) {
      put(`${dir}/f`, 'abcdef')
      const file = `${dir}/f`
      const own = sys(['open', file, 0, 0], ['open', file, 0, 0], ['read', 0, 2], ['read', 1, 2])
      assert.deepEqual(own, ['0', '1', '6162', '6162'])
      const shared = sys(['open', file, 0, 0], ['dup', 0], ['read', 0, 2], ['read', 1, 2])
      assert.deepEqual(shared, ['0', '1', '6162', '6364'])
    },
  },
  {
    name: 'O_SYNC and O_DSYNC write',
    run(dir) {
      sys(['open', `${dir}/f`, 'WRONLY|CREAT|SYNC', '644'], ['write', 0, 'abc'])
      sys(['open', `${dir}/f`, 'WRONLY|APPEND|DSYNC', 0], ['write', 0, 'def'])
      assert.equal(text(`${dir}/f`), 'abcdef')
    },
  },
  {
    name: 'O_TMPFILE makes a file without a name, which vanishes at close',
    needs: ['tmpfile'],
    run(dir) {
      const lines = sys(
        ['open', dir, 'RDWR|TMPFILE', '600'],
        ['write', 0, 'abc'],
        ['pread', 0, 3, 0],
        ['fstat', 0],
      )
      assert.equal(lines[2], '616263')
      assert.equal(json(lines[3] ?? '').nlink, 0)
      assert.deepEqual(fs.readdirSync(dir), [])
    },
  },
  {
    name: 'linkat gives an O_TMPFILE file a name',
    needs: ['tmpfile'],
    run(dir) {
      const lines = sys(
        ['open', dir, 'RDWR|TMPFILE', '640'],
        ['write', 0, 'abc'],
        ['linkfd', 0, `${dir}/f`],
        ['fstat', 0],
      )
      assert.equal(json(lines[3] ?? '').nlink, 1)
      assert.equal(text(`${dir}/f`), 'abc')
      assert.equal(modeOf(`${dir}/f`), '640')
      fails('EEXIST', () => sys(['open', dir, 'RDWR|TMPFILE', '600'], ['linkfd', 0, `${dir}/f`]))
    },
  },
  {
    name: 'O_TMPFILE|O_EXCL can get no name',
    needs: ['tmpfile'],
    run(dir) {
      fails('ENOENT', () =>
        sys(['open', dir, 'RDWR|TMPFILE|EXCL', '600'], ['linkfd', 0, `${dir}/f`]),
      )
    },
  },
]
