import assert from 'node:assert/strict'
import fs from 'node:fs'
import { exists, fails, lstat, modeOf, moves, put, sys, text } from './support.mjs'

/** @type {import('./support.mjs').Check[]} */
export const checks = [
  {
    name: 'link gives a file a second name: one inode, one content, a count of 2',
    run(dir) {
      put(`${dir}/a`, 'one')
      fs.linkSync(`${dir}/a`, `${dir}/b`)
      assert.equal(lstat(`${dir}/a`).nlink, 2n)
      assert.equal(lstat(`${dir}/b`).nlink, 2n)
      assert.equal(lstat(`${dir}/a`).ino, lstat(`${dir}/b`).ino)
      fs.appendFileSync(`${dir}/b`, 'two')
      assert.equal(text(`${dir}/a`), 'onetwo')
      fs.chmodSync(`${dir}/b`, 0o600)
      assert.equal(modeOf(`${dir}/a`), '600')
    },
  },
  {
    name: 'the count goes down with each name removed, and the file stays until the last',
    run(dir) {
      put(`${dir}/0`, 'data')
      for (let i = 1; i < 50; i++) fs.linkSync(`${dir}/0`, `${dir}/${i}`)
      for (let i = 0; i < 49; i++) {
        fs.unlinkSync(`${dir}/${i}`)
        assert.equal(lstat(`${dir}/49`).nlink, BigInt(49 - i))
      }
      assert.equal(text(`${dir}/49`), 'data')
    },
  },
  {
    name: 'link into another directory',
    run(dir) {
      put(`${dir}/f`, 'x')
      fs.mkdirSync(`${dir}/d`)
      fs.linkSync(`${dir}/f`, `${dir}/d/g`)
      fs.unlinkSync(`${dir}/f`)
      assert.equal(text(`${dir}/d/g`), 'x')
    },
  },
  {
    name: 'link onto an existing name is EEXIST',
    run(dir) {
      put(`${dir}/a`, 'A')
      put(`${dir}/b`, 'B')
      fs.mkdirSync(`${dir}/d`)
      fs.symlinkSync('nowhere', `${dir}/s`)
      for (const name of ['a', 'b', 'd', 's']) {
        fails('EEXIST', () => fs.linkSync(`${dir}/a`, `${dir}/${name}`))
      }
      assert.equal(text(`${dir}/b`), 'B')
      assert.equal(lstat(`${dir}/a`).nlink, 1n)
    },
  },
  {
    name: 'link of a directory is EPERM, of what is missing ENOENT',
    run(dir) {
      fs.mkdirSync(`${dir}/d`)
      put(`${dir}/f`)
      fails('EPERM', () => fs.linkSync(`${dir}/d`, `${dir}/e`))
      fails('ENOENT', () => fs.linkSync(`${dir}/missing`, `${dir}/e`))
      fails('ENOENT', () => fs.linkSync(`${dir}/f`, `${dir}/missing/e`))
    },
  },
  {
    name: 'link of a symlink links the symlink, or with SYMLINK_FOLLOW its target',
    run(dir) {
      put(`${dir}/t`)
      fs.symlinkSync('t', `${dir}/s`)
      sys(['linkat', `${dir}/s`, `${dir}/s2`, 0])
      assert(lstat(`${dir}/s2`).isSymbolicLink())
      assert.equal(lstat(`${dir}/s2`).ino, lstat(`${dir}/s`).ino)
      sys(['linkat', `${dir}/s`, `${dir}/t2`, 'SYMLINK_FOLLOW'])
      assert.equal(lstat(`${dir}/t2`).ino, lstat(`${dir}/t`).ino)
    },
  },
  {
    name: 'link moves ctime of the file and not its mtime',
    run(dir) {
      put(`${dir}/a`)
      assert.equal(
        moves(`${dir}/a`, () => fs.linkSync(`${dir}/a`, `${dir}/b`)),
        'ctime',
      )
    },
  },
  {
    name: 'a file that was unlinked while open can not be linked again',
    run(dir) {
      put(`${dir}/f`)
      fails('ENOENT', () =>
        sys(['open', `${dir}/f`, 'RDWR', 0], ['unlink', `${dir}/f`], ['linkfd', 0, `${dir}/g`]),
      )
      assert(!exists(`${dir}/g`))
    },
  },
  {
    name: 'a symlink holds its target, as it is, and its size is the length of it',
    run(dir) {
      for (const [i, target] of ['f', '../x', '/a//b/', 'é€😀', ' '].entries()) {
        fs.symlinkSync(target, `${dir}/${i}`)
        assert.equal(fs.readlinkSync(`${dir}/${i}`), target)
        assert.equal(lstat(`${dir}/${i}`).size, BigInt(Buffer.byteLength(target)))
        assert(lstat(`${dir}/${i}`).isSymbolicLink())
      }
    },
  },
  {
    name: 'a symlink is followed to a file and through a directory',
    run(dir) {
      fs.mkdirSync(`${dir}/d`)
      put(`${dir}/d/f`, 'x')
      fs.symlinkSync('d/f', `${dir}/s`)
      fs.symlinkSync('d', `${dir}/sd`)
      fs.symlinkSync(`${dir}/d`, `${dir}/absolute`)
      for (const path of ['s', 'sd/f', 'absolute/f']) assert.equal(text(`${dir}/${path}`), 'x')
      assert.equal(fs.realpathSync(`${dir}/sd/f`), fs.realpathSync(`${dir}/d/f`))
    },
  },
  {
    name: 'a dangling symlink is ENOENT to open and stat, and there to lstat',
    run(dir) {
      fs.symlinkSync('nowhere', `${dir}/s`)
      fails('ENOENT', () => fs.openSync(`${dir}/s`, 'r'))
      fails('ENOENT', () => fs.statSync(`${dir}/s`))
      assert(lstat(`${dir}/s`).isSymbolicLink())
    },
  },
  {
    name: 'a symlink to itself, or a chain of 41, is ELOOP; a chain of 40 is not',
    run(dir) {
      fs.symlinkSync('s', `${dir}/s`)
      fails('ELOOP', () => fs.statSync(`${dir}/s`))
      put(`${dir}/0`, 'end')
      for (let i = 1; i <= 41; i++) fs.symlinkSync(String(i - 1), `${dir}/${i}`)
      assert.equal(text(`${dir}/40`), 'end')
      fails('ELOOP', () => text(`${dir}/41`))
    },
  },
  {
    name: 'a symlink may hold 4,000 bytes',
    run(dir) {
      const target = 'long/'.repeat(800)
      fs.symlinkSync(target, `${dir}/s`)
      assert.equal(fs.readlinkSync(`${dir}/s`), target)
      assert.equal(lstat(`${dir}/s`).size, 4000n)
    },
  },
  {
    name: 'an empty target is ENOENT, one of 4,096 bytes ENAMETOOLONG, onto a name EEXIST',
    run(dir) {
      put(`${dir}/f`)
      fails('ENOENT', () => sys(['symlink', '', `${dir}/s`]))
      fails('ENAMETOOLONG', () => fs.symlinkSync('x'.repeat(4096), `${dir}/s`))
      fails('EEXIST', () => fs.symlinkSync('x', `${dir}/f`))
    },
  },
  {
    name: 'readlink of a file or directory is EINVAL',
    run(dir) {
      put(`${dir}/f`)
      fails('EINVAL', () => fs.readlinkSync(`${dir}/f`))
      fails('EINVAL', () => fs.readlinkSync(dir))
    },
  },
  {
    name: 'a symlink made anew at the same name leads to the new target at once',
    run(dir) {
      put(`${dir}/a`, 'A')
      put(`${dir}/b`, 'B')
      for (let i = 0; i < 20; i++) {
        fs.symlinkSync(i % 2 === 0 ? 'a' : 'b', `${dir}/s`)
        assert.equal(text(`${dir}/s`), i % 2 === 0 ? 'A' : 'B')
        fs.unlinkSync(`${dir}/s`)
      }
    },
  },
  {
    name: 'chown and times of a symlink itself leave its target alone',
    run(dir) {
      put(`${dir}/t`)
      fs.symlinkSync('t', `${dir}/s`)
      const before = lstat(`${dir}/t`)
      fs.lchownSync(`${dir}/s`, 1234, 1235)
      sys(['utimens', `${dir}/s`, '1000.000000001', '2000.000000002', 'SYMLINK_NOFOLLOW'])
      assert.equal(lstat(`${dir}/s`).uid, 1234n)
      assert.equal(lstat(`${dir}/s`).mtimeNs, 2_000_000_000_002n)
      assert.equal(lstat(`${dir}/t`).uid, before.uid)
      assert.equal(lstat(`${dir}/t`).mtimeNs, before.mtimeNs)
    },
  },
]
