import assert from 'node:assert/strict'
import fs from 'node:fs'
import { dirents, exists, fails, json, last, lstat, modeOf, moves, put, sys } from './support.mjs'

const DT = { FIFO: 1, DIR: 4, REG: 8, LNK: 10, SOCK: 12 }

/** @param {string} dir @param {number} count */
function fill(dir, count, prefix = 'f') {
  for (let i = 0; i < count; i++) fs.closeSync(fs.openSync(`${dir}/${prefix}-${i}`, 'wx'))
}

/** @param {{ name: string }[]} entries */
const names = (entries) => entries.map((entry) => entry.name).sort()

/** @type {import('./support.mjs').Check[]} */
export const checks = [
  {
    name: 'mkdir makes an empty directory of the asked mode, less the umask',
    run(dir) {
      sys(['umask', '027'], ['mkdir', `${dir}/d`, '777'])
      assert.equal(modeOf(`${dir}/d`), '750')
      assert(lstat(`${dir}/d`).isDirectory())
      assert.deepEqual(fs.readdirSync(`${dir}/d`), [])
    },
  },
  {
    name: 'mkdir keeps the sticky bit it is asked for',
    run(dir) {
      sys(['umask', '0'], ['mkdir', `${dir}/d`, '1777'])
      assert.equal(modeOf(`${dir}/d`), '1777')
    },
  },
  {
    name: 'mkdir over a file, a directory or a dangling symlink is EEXIST',
    run(dir) {
      put(`${dir}/f`)
      fs.mkdirSync(`${dir}/d`)
      fs.symlinkSync('nowhere', `${dir}/s`)
      for (const name of ['f', 'd', 's']) fails('EEXIST', () => fs.mkdirSync(`${dir}/${name}`))
    },
  },
  {
    name: 'mkdir in a missing directory is ENOENT, in a file ENOTDIR',
    run(dir) {
      put(`${dir}/f`)
      fails('ENOENT', () => fs.mkdirSync(`${dir}/missing/d`))
      fails('ENOTDIR', () => fs.mkdirSync(`${dir}/f/d`))
    },
  },
  {
    name: 'mkdir and rmdir take a trailing slash',
    run(dir) {
      sys(['mkdir', `${dir}/d/`, '755'], ['rmdir', `${dir}/d/`])
      assert(!exists(`${dir}/d`))
    },
  },
  {
    name: 'the link count of a directory follows its sub directories',
    needs: ['dirnlink'],
    run(dir) {
      assert.equal(lstat(dir).nlink, 2n)
      for (const name of ['a', 'b', 'c']) fs.mkdirSync(`${dir}/${name}`)
      put(`${dir}/f`)
      assert.equal(lstat(dir).nlink, 5n)
      assert.equal(lstat(`${dir}/a`).nlink, 2n)
      fs.rmdirSync(`${dir}/b`)
      assert.equal(lstat(dir).nlink, 4n)
      fs.renameSync(`${dir}/c`, `${dir}/a/c`)
      assert.equal(lstat(dir).nlink, 3n)
      assert.equal(lstat(`${dir}/a`).nlink, 3n)
    },
  },
  {
    name: 'rmdir of a directory with anything in it is ENOTEMPTY',
    run(dir) {
      fs.mkdirSync(`${dir}/d`)
      put(`${dir}/d/f`)
      fails('ENOTEMPTY', () => fs.rmdirSync(`${dir}/d`))
      fs.unlinkSync(`${dir}/d/f`)
      fs.mkdirSync(`${dir}/d/e`)
      fails('ENOTEMPTY', () => fs.rmdirSync(`${dir}/d`))
      fs.rmdirSync(`${dir}/d/e`)
      fs.rmdirSync(`${dir}/d`)
      assert(!exists(`${dir}/d`))
    },
  },
  {
    name: 'rmdir of a file or symlink is ENOTDIR, of what is missing ENOENT',
    run(dir) {
      put(`${dir}/f`)
      fs.mkdirSync(`${dir}/d`)
      fs.symlinkSync('d', `${dir}/s`)
      fails('ENOTDIR', () => sys(['rmdir', `${dir}/f`]))
      fails('ENOTDIR', () => sys(['rmdir', `${dir}/s`]))
      fails('ENOENT', () => sys(['rmdir', `${dir}/missing`]))
      fails('EINVAL', () => sys(['rmdir', `${dir}/d/.`]))
      fails('ENOTEMPTY', () => sys(['rmdir', `${dir}/d/..`]))
    },
  },
  {
    name: 'a removed directory that is a working directory is empty and takes nothing new',
    run(dir) {
      fs.mkdirSync(`${dir}/d`)
      const lines = sys(
        ['chdir', `${dir}/d`],
        ['rmdir', `${dir}/d`],
        ['stat', '.'],
        ['try', 'mkdir', 'e', '755'],
        ['try', 'open', 'f', 'WRONLY|CREAT', '644'],
        ['try', 'getcwd'],
      )
      assert.equal(json(lines[2] ?? '').nlink, 0)
      assert.deepEqual(lines.slice(3), ['!ENOENT', '!ENOENT', '!ENOENT'])
    },
  },
  {
    name: 'readdir of a directory removed while open gives no entries and no error',
    run(dir) {
      fs.mkdirSync(`${dir}/d`)
      assert.equal(last(['readdir_removed', `${dir}/d`]), '0')
    },
  },
  {
    name: 'create, mkdir, symlink, link and mknod move the times of the directory',
    run(dir) {
      put(`${dir}/f`)
      fs.mkdirSync(`${dir}/d`)
      const acts = {
        create: () => put(`${dir}/d/f`),
        mkdir: () => fs.mkdirSync(`${dir}/d/d`),
        symlink: () => fs.symlinkSync('x', `${dir}/d/s`),
        link: () => fs.linkSync(`${dir}/f`, `${dir}/d/l`),
        mknod: () => sys(['mknod', `${dir}/d/p`, 'FIFO', '644', 0, 0]),
        rmdir: () => fs.rmdirSync(`${dir}/d/d`),
      }
      for (const [what, act] of Object.entries(acts)) {
        assert.equal(moves(`${dir}/d`, act), 'mtime ctime', what)
      }
    },
  },
  {
    name: 'a call that fails moves no times of the directory',
    run(dir) {
      put(`${dir}/f`)
      fs.mkdirSync(`${dir}/d`)
      const moved = moves(dir, () => {
        fails('EEXIST', () => fs.mkdirSync(`${dir}/f`))
        fails('ENOENT', () => fs.unlinkSync(`${dir}/missing`))
        fails('ENOTDIR', () => fs.renameSync(`${dir}/d`, `${dir}/f`))
      })
      assert.equal(moved, '')
    },
  },
  {
    name: 'readdir gives every entry once, with its type and inode number',
    run(dir) {
      put(`${dir}/file`)
      fs.mkdirSync(`${dir}/dir`)
      fs.symlinkSync('x', `${dir}/link`)
      sys(['mknod', `${dir}/fifo`, 'FIFO', '644', 0, 0])
      const entries = dirents(dir).filter(({ name }) => !name.startsWith('.'))
      assert.deepEqual(names(entries), ['dir', 'fifo', 'file', 'link'])
      const types = { file: DT.REG, dir: DT.DIR, link: DT.LNK, fifo: DT.FIFO }
      for (const { name, type, ino } of entries) {
        assert.equal(type, types[/** @type {keyof typeof types} */ (name)], name)
        assert.equal(BigInt(ino), lstat(`${dir}/${name}`).ino, name)
      }
    },
  },
  {
    name: "readdir gives '.' and '..' once each, as directories",
    run(dir) {
      for (const size of [300, 32_768]) {
        const dots = dirents(dir, size).filter(({ name }) => name === '.' || name === '..')
        assert.deepEqual(names(dots), ['.', '..'])
        assert(dots.every(({ type }) => type === DT.DIR))
      }
    },
  },
  {
    name: "the inode of '.' is the directory's own",
    needs: ['dotino'],
    run(dir) {
      const dot = dirents(dir).find(({ name }) => name === '.')
      assert.equal(BigInt(dot?.ino ?? 0), lstat(dir).ino)
    },
  },
  {
    name: 'readdir sees a new file, and no removed one, at once',
    run(dir) {
      for (let i = 0; i < 10; i++) {
        fs.readdirSync(dir)
        put(`${dir}/${i}`)
        assert(fs.readdirSync(dir).includes(String(i)))
        fs.unlinkSync(`${dir}/${i}`)
        assert(!fs.readdirSync(dir).includes(String(i)))
      }
    },
  },
  {
    name: 'rewinddir sees what was created since opendir',
    run(dir) {
      fill(dir, 10)
      assert.equal(last(['rewinddir', dir]), '1')
    },
  },
  {
    name: 'a directory of 5,000 files lists each once and can be emptied',
    run(dir) {
      fill(dir, 5000)
      const expected = ['.', '..', ...Array.from({ length: 5000 }, (_, i) => `f-${i}`)].sort()
      assert.deepEqual(names(dirents(dir)), expected)
      assert.deepEqual(names(dirents(dir, 700)), expected)
      for (let i = 0; i < 5000; i++) fs.unlinkSync(`${dir}/f-${i}`)
      assert.deepEqual(names(dirents(dir)), ['.', '..'])
    },
  },
  {
    name: 'a directory of 5,000 files stats each as what it is',
    run(dir) {
      for (let i = 0; i < 5000; i++) put(`${dir}/${i}`, 'x'.repeat(i % 7))
      for (const entry of fs.readdirSync(dir)) {
        assert.equal(lstat(`${dir}/${entry}`).size, BigInt(Number(entry) % 7))
      }
    },
  },
  {
    name: 'what was there all the time is listed once while files come and go',
    run(dir) {
      fill(dir, 300, 'stay')
      fill(dir, 300, 'gone')
      fill(dir, 300, 'rest')
      for (const size of [400, 4096]) {
        const found = names(dirents(dir, size, 'churn'))
        assert.equal(new Set(found).size, found.length, 'a name came twice')
        for (const prefix of ['stay', 'rest']) {
          const mine = found.filter((name) => name.startsWith(prefix))
          assert.equal(mine.length, 300, `${prefix}: ${mine.length} of 300`)
        }
      }
    },
  },
  {
    name: 'emptying a directory while reading it leaves nothing behind',
    run(dir) {
      fill(dir, 1000)
      const handle = fs.opendirSync(dir, { bufferSize: 16 })
      for (let entry = handle.readSync(); entry !== null; entry = handle.readSync()) {
        fs.unlinkSync(`${dir}/${entry.name}`)
      }
      handle.closeSync()
      assert.deepEqual(fs.readdirSync(dir), [])
    },
  },
  {
    name: 'seekdir returns to every place that telldir told',
    needs: ['seekdir'],
    run(dir) {
      fill(dir, 700)
      assert.deepEqual(json(last(['seekdir', dir])), { count: 702, same: 702 })
    },
  },
  {
    name: 'the cookies of a directory differ from each other',
    needs: ['seekdir'],
    run(dir) {
      fill(dir, 500)
      const entries = dirents(dir)
      assert.equal(new Set(entries.map(({ off }) => off)).size, entries.length)
    },
  },
  {
    name: "'..' leads to the parent, also after the directory was moved",
    run(dir) {
      fs.mkdirSync(`${dir}/a/b`, { recursive: true })
      fs.mkdirSync(`${dir}/c`)
      const ino = (/** @type {string} */ path) => Number(lstat(path).ino)
      const before = last(['chdir', `${dir}/a/b`], ['stat', '..'])
      assert.equal(json(before).ino, ino(`${dir}/a`))
      const after = sys(
        ['chdir', `${dir}/a/b`],
        ['rename', `${dir}/a/b`, `${dir}/c/b`, 0],
        ['stat', '..'],
        ['getcwd'],
      )
      assert.equal(json(after[2] ?? '').ino, ino(`${dir}/c`))
      assert.equal(after[3], fs.realpathSync(`${dir}/c/b`))
    },
  },
  {
    name: 'a tree removed by rm -r is gone, and its name is free for a file',
    run(dir) {
      for (let i = 0; i < 100; i++) {
        fs.mkdirSync(`${dir}/t/${i % 10}/${i}`, { recursive: true })
        put(`${dir}/t/${i % 10}/${i}/f`, String(i))
      }
      fs.rmSync(`${dir}/t`, { recursive: true })
      assert(!exists(`${dir}/t`))
      put(`${dir}/t`, 'now a file')
      assert(lstat(`${dir}/t`).isFile())
      assert.equal(lstat(dir).nlink <= 2n, true)
    },
  },
  {
    name: 'a name can be a file, a directory and a symlink by turns',
    run(dir) {
      for (let i = 0; i < 30; i++) {
        put(`${dir}/n`)
        assert(lstat(`${dir}/n`).isFile())
        fs.unlinkSync(`${dir}/n`)
        fs.mkdirSync(`${dir}/n`)
        assert(lstat(`${dir}/n`).isDirectory())
        fs.rmdirSync(`${dir}/n`)
        fs.symlinkSync('x', `${dir}/n`)
        assert(lstat(`${dir}/n`).isSymbolicLink())
        fs.unlinkSync(`${dir}/n`)
      }
    },
  },
]
