import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import { asNobody, fails, hex, last, modeOf, moves, put, sys } from './support.mjs'

const needs = ['xattr']
const acl = ['acl']

/** @param {string} path @param {string} name */
const get = (path, name, size = 256) => last(['getxattr', path, name, size])

/** @param {string} path */
const list = (path) =>
  Buffer.from(last(['listxattr', path, 65_536]), 'hex')
    .toString()
    .split('\0')
    .filter((name) => name.startsWith('user.'))
    .sort()

/** @param {string} path @param {string} name @param {string} value @param {string | number} [flags] */
const set = (path, name, value, flags = 0) => sys(['setxattr', path, name, value, flags])

/** @param {string} path @param {...string} args */
const setfacl = (path, ...args) => execFileSync('setfacl', [...args, path], { stdio: 'pipe' })

/** @param {string} path @param {...string} args */
const getfacl = (path, ...args) =>
  execFileSync('getfacl', ['-c', '-p', ...args, path], { encoding: 'utf8' })
    .trim()
    .split('\n')

/** @type {import('./support.mjs').Check[]} */
export const checks = [
  {
    name: 'an extended attribute can be set, got, listed, replaced and removed',
    needs,
    run(dir) {
      put(`${dir}/f`)
      set(`${dir}/f`, 'user.one', 'first')
      set(`${dir}/f`, 'user.two', 'second')
      assert.equal(get(`${dir}/f`, 'user.one'), hex('first'))
      assert.deepEqual(list(`${dir}/f`), ['user.one', 'user.two'])
      set(`${dir}/f`, 'user.one', 'x')
      assert.equal(get(`${dir}/f`, 'user.one'), hex('x'))
      sys(['removexattr', `${dir}/f`, 'user.one'])
      assert.deepEqual(list(`${dir}/f`), ['user.two'])
      fails('ENODATA', () => get(`${dir}/f`, 'user.one'))
    },
  },
  {
    name: 'an extended attribute that is not there is ENODATA to get and to remove',
    needs,
    run(dir) {
      put(`${dir}/f`)
      fails('ENODATA', () => get(`${dir}/f`, 'user.none'))
      fails('ENODATA', () => sys(['removexattr', `${dir}/f`, 'user.none']))
      assert.deepEqual(list(`${dir}/f`), [])
    },
  },
  {
    name: 'XATTR_CREATE refuses an attribute that is there, XATTR_REPLACE one that is not',
    needs,
    run(dir) {
      put(`${dir}/f`)
      fails('ENODATA', () => set(`${dir}/f`, 'user.a', 'x', 'REPLACE'))
      set(`${dir}/f`, 'user.a', 'one', 'CREATE')
      fails('EEXIST', () => set(`${dir}/f`, 'user.a', 'two', 'CREATE'))
      assert.equal(get(`${dir}/f`, 'user.a'), hex('one'))
      set(`${dir}/f`, 'user.a', 'three', 'REPLACE')
      assert.equal(get(`${dir}/f`, 'user.a'), hex('three'))
    },
  },
  {
    name: 'a size of 0 asks for the length of a value and of the list',
    needs,
    run(dir) {
      put(`${dir}/f`)
      const bare = Number(last(['listxattr', `${dir}/f`, 0]))
      set(`${dir}/f`, 'user.abc', 'twelve bytes')
      assert.equal(get(`${dir}/f`, 'user.abc', 0), '12')
      assert.equal(last(['listxattr', `${dir}/f`, 0]), String(bare + 'user.abc'.length + 1))
    },
  },
  {
    name: 'a buffer too small for the value or the list is ERANGE',
    needs,
    run(dir) {
      put(`${dir}/f`)
      set(`${dir}/f`, 'user.abc', 'twelve bytes')
      fails('ERANGE', () => get(`${dir}/f`, 'user.abc', 11))
      fails('ERANGE', () => sys(['listxattr', `${dir}/f`, 3]))
      assert.equal(get(`${dir}/f`, 'user.abc', 12), hex('twelve bytes'))
    },
  },
  {
    name: 'an extended attribute may be empty',
    needs,
    run(dir) {
      put(`${dir}/f`)
      set(`${dir}/f`, 'user.empty', '')
      assert.equal(get(`${dir}/f`, 'user.empty', 0), '0')
      assert.equal(get(`${dir}/f`, 'user.empty'), '')
      assert.deepEqual(list(`${dir}/f`), ['user.empty'])
    },
  },
  {
    name: 'an extended attribute may have 2,000 bytes',
    needs,
    run(dir) {
      put(`${dir}/f`)
      sys(['setxattr_size', `${dir}/f`, 'user.big', 2000])
      assert.equal(get(`${dir}/f`, 'user.big', 4096), '78'.repeat(2000))
    },
  },
  {
    name: 'an extended attribute may have 64 KiB',
    needs: ['xattr64k'],
    run(dir) {
      put(`${dir}/f`)
      sys(['setxattr_size', `${dir}/f`, 'user.big', 65_536])
      assert.equal(get(`${dir}/f`, 'user.big', 0), '65536')
      assert.equal(get(`${dir}/f`, 'user.big', 65_536), '78'.repeat(65_536))
    },
  },
  {
    name: 'an extended attribute of more than 64 KiB is E2BIG',
    needs,
    run(dir) {
      put(`${dir}/f`)
      fails('E2BIG', () => sys(['setxattr_size', `${dir}/f`, 'user.big', 65_537]))
    },
  },
  {
    name: 'an attribute name may have 255 bytes, and no more',
    needs,
    run(dir) {
      put(`${dir}/f`)
      const name = `user.${'n'.repeat(250)}`
      set(`${dir}/f`, name, 'x')
      assert.deepEqual(list(`${dir}/f`), [name])
      fails('ERANGE', () => set(`${dir}/f`, `${name}n`, 'x'))
    },
  },
  {
    name: 'attribute names may be any UTF-8, and case matters',
    needs,
    run(dir) {
      put(`${dir}/f`)
      const names = ['user.A', 'user.a', 'user.é€😀', 'user.__proto__', 'user.a b']
      for (const name of names) set(`${dir}/f`, name, name)
      assert.deepEqual(list(`${dir}/f`), [...names].sort())
      for (const name of names) {
        assert.equal(get(`${dir}/f`, name), Buffer.from(name).toString('hex'))
      }
    },
  },
  {
    name: 'fifty extended attributes are all listed',
    needs,
    run(dir) {
      put(`${dir}/f`)
      const names = Array.from({ length: 50 }, (_, i) => `user.number-${i}`).sort()
      sys(...names.map((name) => ['setxattr', `${dir}/f`, name, name, 0]))
      assert.deepEqual(list(`${dir}/f`), names)
    },
  },
  {
    name: 'a directory has extended attributes, too',
    needs,
    run(dir) {
      set(dir, 'user.d', 'x')
      assert.deepEqual(list(dir), ['user.d'])
      sys(['removexattr', dir, 'user.d'])
    },
  },
  {
    name: 'user.* of a symlink or fifo is EPERM, trusted.* of a symlink is its own',
    needs,
    run(dir) {
      put(`${dir}/f`)
      fs.symlinkSync('f', `${dir}/s`)
      sys(['mknod', `${dir}/p`, 'FIFO', '644', 0, 0])
      fails('EPERM', () => set(`${dir}/s`, 'user.a', 'x'))
      fails('EPERM', () => set(`${dir}/p`, 'user.a', 'x'))
      set(`${dir}/s`, 'trusted.a', 'link')
      assert.equal(get(`${dir}/s`, 'trusted.a'), hex('link'))
      fails('ENODATA', () => get(`${dir}/f`, 'trusted.a'))
    },
  },
  {
    name: 'extended attributes survive rename and belong to every link',
    needs,
    run(dir) {
      put(`${dir}/f`)
      set(`${dir}/f`, 'user.a', 'x')
      fs.renameSync(`${dir}/f`, `${dir}/g`)
      fs.linkSync(`${dir}/g`, `${dir}/h`)
      assert.equal(get(`${dir}/h`, 'user.a'), hex('x'))
      put(`${dir}/f`)
      assert.deepEqual(list(`${dir}/f`), [])
    },
  },
  {
    name: 'setting and removing an extended attribute move ctime and not mtime',
    needs,
    run(dir) {
      put(`${dir}/f`)
      assert.equal(
        moves(`${dir}/f`, () => set(`${dir}/f`, 'user.a', 'x')),
        'ctime',
      )
      const removed = moves(`${dir}/f`, () => sys(['removexattr', `${dir}/f`, 'user.a']))
      assert.equal(removed, 'ctime')
    },
  },
  {
    name: 'another user reads user.* where he may read the file, and writes where he may write',
    needs,
    run(dir) {
      put(`${dir}/f`)
      set(`${dir}/f`, 'user.a', 'x')
      asNobody(['getxattr', `${dir}/f`, 'user.a', 100])
      fails('EACCES', () => asNobody(['setxattr', `${dir}/f`, 'user.a', 'y', 0]))
      fs.chmodSync(`${dir}/f`, 0o600)
      fails('EACCES', () => asNobody(['getxattr', `${dir}/f`, 'user.a', 100]))
    },
  },
  {
    name: 'an ACL of a file comes back and shows in its group bits',
    needs: acl,
    run(dir) {
      put(`${dir}/f`)
      fs.chmodSync(`${dir}/f`, 0o640)
      setfacl(`${dir}/f`, '-m', 'u:1234:rw,g:4321:r')
      assert.deepEqual(getfacl(`${dir}/f`), [
        'user::rw-',
        'user:1234:rw-',
        'group::r--',
        'group:4321:r--',
        'mask::rw-',
        'other::---',
      ])
      assert.equal(modeOf(`${dir}/f`), '660')
      fs.chmodSync(`${dir}/f`, 0o600)
      assert(getfacl(`${dir}/f`).includes('mask::---'))
    },
  },
  {
    name: 'an ACL of a file gives and refuses access',
    needs: acl,
    run(dir) {
      put(`${dir}/f`)
      fs.chmodSync(`${dir}/f`, 0o600)
      fails('EACCES', () => asNobody(['open', `${dir}/f`, 'RDONLY', 0]))
      setfacl(`${dir}/f`, '-m', 'u:65534:r')
      asNobody(['open', `${dir}/f`, 'RDONLY', 0])
      fails('EACCES', () => asNobody(['open', `${dir}/f`, 'RDWR', 0]))
      setfacl(`${dir}/f`, '-b')
      fails('EACCES', () => asNobody(['open', `${dir}/f`, 'RDONLY', 0]))
      fs.chmodSync(`${dir}/f`, 0o666)
      setfacl(`${dir}/f`, '-m', 'u:65534:-')
      fails('EACCES', () => asNobody(['open', `${dir}/f`, 'RDONLY', 0]))
    },
  },
  {
    name: 'a default ACL is inherited by files and directories, and replaces the umask',
    needs: acl,
    run(dir) {
      fs.mkdirSync(`${dir}/d`)
      setfacl(`${dir}/d`, '-d', '-m', 'u::rwx,u:1234:rwx,g::rwx,o::r')
      sys(
        ['umask', '77'],
        ['open', `${dir}/d/f`, 'WRONLY|CREAT', '666'],
        ['mkdir', `${dir}/d/e`, '777'],
      )
      assert(getfacl(`${dir}/d/f`, '-n').some((line) => line.startsWith('user:1234:rwx')))
      assert.equal(modeOf(`${dir}/d/f`), '664')
      assert(getfacl(`${dir}/d/e`).includes('default:user:1234:rwx'))
      assert.equal(modeOf(`${dir}/d/e`), '774')
    },
  },
  {
    name: 'an ACL that can be said with mode bits leaves no extended entry',
    needs: acl,
    run(dir) {
      put(`${dir}/f`)
      setfacl(`${dir}/f`, '--set', 'u::rwx,g::r,o::-')
      assert.equal(modeOf(`${dir}/f`), '740')
      assert.deepEqual(getfacl(`${dir}/f`), ['user::rwx', 'group::r--', 'other::---'])
    },
  },
  {
    name: 'setfacl -k removes a default ACL',
    needs: acl,
    run(dir) {
      setfacl(dir, '-d', '-m', 'u:1234:rwx')
      assert(getfacl(dir).includes('default:user:1234:rwx'))
      setfacl(dir, '-k')
      assert(!getfacl(dir).some((line) => line.startsWith('default:')))
    },
  },
]
