import assert from 'node:assert/strict'
import fs from 'node:fs'
import { exists, fails, json, lstat, moves, pattern, put, sys, text, withFile } from './support.mjs'

/** @type {import('./support.mjs').Check[]} */
export const checks = [
  {
    name: 'unlink removes a file, a symlink and nothing else',
    run(dir) {
      put(`${dir}/f`)
      fs.symlinkSync('f', `${dir}/s`)
      fs.unlinkSync(`${dir}/s`)
      assert(exists(`${dir}/f`))
      fs.unlinkSync(`${dir}/f`)
      assert.deepEqual(fs.readdirSync(dir), [])
    },
  },
  {
    name: 'unlink of what is missing is ENOENT, of a directory EISDIR',
    run(dir) {
      fs.mkdirSync(`${dir}/d`)
      fails('ENOENT', () => fs.unlinkSync(`${dir}/f`))
      fails(['EISDIR', 'EPERM'], () => fs.unlinkSync(`${dir}/d`))
      assert(exists(`${dir}/d`))
    },
  },
  {
    name: 'an unlinked file that is open can be read, written, truncated and stat-ed',
    run(dir) {
      put(`${dir}/f`, 'abcdef')
      const lines = sys(
        ['open', `${dir}/f`, 'RDWR', 0],
        ['unlink', `${dir}/f`],
        ['pread', 0, 6, 0],
        ['pwrite', 0, 'XY', 6],
        ['ftruncate', 0, 7],
        ['pread', 0, 10, 0],
        ['fstat', 0],
      )
      assert.equal(lines[2], Buffer.from('abcdef').toString('hex'))
      assert.equal(lines[5], Buffer.from('abcdefX').toString('hex'))
      assert.equal(json(lines[6] ?? '').size, 7)
      assert.equal(json(lines[6] ?? '').nlink, 0)
      assert.deepEqual(fs.readdirSync(dir), [])
    },
  },
  {
    name: 'an unlinked open file takes chmod and times through its descriptor',
    run(dir) {
      withFile(`${dir}/f`, 'w+', (fd) => {
        fs.unlinkSync(`${dir}/f`)
        fs.fchmodSync(fd, 0o601)
        fs.futimesSync(fd, 1000, 2000)
        const stat = fs.fstatSync(fd)
        assert.equal(stat.mode & 0o7777, 0o601)
        assert.equal(stat.mtimeMs, 2_000_000)
        assert.equal(stat.nlink, 0)
      })
    },
  },
  {
    name: 'a new file of the name of an unlinked open one is another file',
    run(dir) {
      put(`${dir}/f`, 'old')
      withFile(`${dir}/f`, 'r+', (fd) => {
        fs.unlinkSync(`${dir}/f`)
        put(`${dir}/f`, 'new!')
        fs.writeSync(fd, 'OLD', 0)
        assert.equal(text(`${dir}/f`), 'new!')
        assert.equal(fs.fstatSync(fd).size, 3)
        assert.notEqual(fs.fstatSync(fd, { bigint: true }).ino, lstat(`${dir}/f`).ino)
      })
    },
  },
  {
    name: 'an unlinked open file of 1 MiB keeps its contents after the cache is gone',
    run(dir) {
      const bytes = pattern(1 << 20)
      put(`${dir}/f`, bytes)
      withFile(`${dir}/f`, 'r', (fd) => {
        fs.unlinkSync(`${dir}/f`)
        const got = Buffer.alloc(bytes.length)
        assert.equal(fs.readSync(fd, got), bytes.length)
        assert(got.equals(bytes))
      })
    },
  },
  {
    name: 'unlink moves the times of the directory, and ctime of a file that has another name',
    run(dir) {
      fs.mkdirSync(`${dir}/d`)
      put(`${dir}/d/f`)
      fs.linkSync(`${dir}/d/f`, `${dir}/other`)
      let moved = ''
      const parent = moves(`${dir}/d`, () => {
        moved = moves(`${dir}/other`, () => fs.unlinkSync(`${dir}/d/f`))
      })
      assert.equal(parent, 'mtime ctime')
      assert.equal(moved, 'ctime')
    },
  },
  {
    name: 'a name can be created and unlinked a thousand times',
    run(dir) {
      for (let i = 0; i < 1000; i++) {
        fs.closeSync(fs.openSync(`${dir}/f`, 'wx'))
        fs.unlinkSync(`${dir}/f`)
      }
      assert.deepEqual(fs.readdirSync(dir), [])
    },
  },
]
