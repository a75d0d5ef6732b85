import assert from 'node:assert/strict'
import fs from 'node:fs'
import { asNobody, exists, fails, lstat, modeOf, NOBODY, put, sys, text } from './support.mjs'

/**
 * A file of nobody's with a mode.
 *
 * @param {string} path @param {number} mode @param {string} [data]
 */
function ofNobody(path, mode, data = 'data') {
  put(path, data)
  fs.chownSync(path, NOBODY, NOBODY)
  fs.chmodSync(path, mode)
}

/** @type {import('./support.mjs').Check[]} */
export const checks = [
  {
    name: 'another user can not read, write or run what the mode refuses',
    run(dir) {
      put(`${dir}/f`, 'secret')
      fs.chmodSync(`${dir}/f`, 0o600)
      for (const flags of ['RDONLY', 'WRONLY', 'RDWR', 'RDONLY|TRUNC', 'WRONLY|CREAT']) {
        fails('EACCES', () => asNobody(['open', `${dir}/f`, flags, '644']))
      }
      for (const mode of ['R_OK', 'W_OK', 'X_OK']) {
        fails('EACCES', () => asNobody(['access', `${dir}/f`, mode]))
      }
      asNobody(['access', `${dir}/f`, 'F_OK'], ['stat', `${dir}/f`])
      fails('EACCES', () => asNobody(['truncate', `${dir}/f`, 0]))
      assert.equal(text(`${dir}/f`), 'secret')
    },
  },
  {
    name: 'the owner is judged by the owner bits, not by the bits for others',
    run(dir) {
      ofNobody(`${dir}/f`, 0o066)
      fails('EACCES', () => asNobody(['open', `${dir}/f`, 'RDONLY', 0]))
      fs.chownSync(`${dir}/f`, 0, NOBODY)
      fs.chmodSync(`${dir}/f`, 0o606)
      fails('EACCES', () => asNobody(['open', `${dir}/f`, 'RDONLY', 0]))
      fs.chmodSync(`${dir}/f`, 0o060)
      asNobody(['open', `${dir}/f`, 'RDWR', 0])
    },
  },
  {
    name: 'a change of mode takes effect at once for another user',
    run(dir) {
      put(`${dir}/f`)
      for (let i = 0; i < 5; i++) {
        fs.chmodSync(`${dir}/f`, 0o644)
        asNobody(['open', `${dir}/f`, 'RDONLY', 0])
        fs.chmodSync(`${dir}/f`, 0o600)
        fails('EACCES', () => asNobody(['open', `${dir}/f`, 'RDONLY', 0]))
      }
    },
  },
  {
    name: 'a directory without x can not be searched, one without r can not be listed',
    run(dir) {
      fs.mkdirSync(`${dir}/d`)
      put(`${dir}/d/f`, 'x')
      fs.chmodSync(`${dir}/d`, 0o744)
      fails('EACCES', () => asNobody(['stat', `${dir}/d/f`]))
      fs.chmodSync(`${dir}/d`, 0o711)
      asNobody(['stat', `${dir}/d/f`], ['open', `${dir}/d/f`, 'RDONLY', 0])
      fails('EACCES', () => asNobody(['getdents', `${dir}/d`, 4096]))
      fails('EACCES', () => asNobody(['open', `${dir}/d/new`, 'WRONLY|CREAT', '644']))
    },
  },
  {
    name: 'a directory that is not writable takes and gives no names',
    run(dir) {
      fs.mkdirSync(`${dir}/d`)
      ofNobody(`${dir}/d/f`, 0o666)
      fs.chmodSync(`${dir}/d`, 0o755)
      fails('EACCES', () => asNobody(['mkdir', `${dir}/d/e`, '755']))
      fails('EACCES', () => asNobody(['unlink', `${dir}/d/f`]))
      fails('EACCES', () => asNobody(['symlink', 'x', `${dir}/d/s`]))
      fails('EACCES', () => asNobody(['linkat', `${dir}/d/f`, `${dir}/d/g`, 0]))
      fails('EACCES', () => asNobody(['rename', `${dir}/d/f`, `${dir}/d/g`, 0]))
      fails('EACCES', () => asNobody(['mknod', `${dir}/d/p`, 'FIFO', '644', 0, 0]))
      assert.deepEqual(fs.readdirSync(`${dir}/d`), ['f'])
    },
  },
  {
    name: 'files and directories belong to who made them',
    run(dir) {
      asNobody(
        ['open', `${dir}/f`, 'WRONLY|CREAT', '644'],
        ['mkdir', `${dir}/d`, '755'],
        ['symlink', 'x', `${dir}/s`],
        ['mknod', `${dir}/p`, 'FIFO', '644', 0, 0],
      )
      for (const name of ['f', 'd', 's', 'p']) {
        assert.equal(lstat(`${dir}/${name}`).uid, BigInt(NOBODY), name)
        assert.equal(lstat(`${dir}/${name}`).gid, BigInt(NOBODY), name)
      }
    },
  },
  {
    name: 'only the owner may change the mode',
    run(dir) {
      put(`${dir}/f`)
      fs.chmodSync(`${dir}/f`, 0o666)
      fails('EPERM', () => asNobody(['chmod', `${dir}/f`, '777']))
      fs.chownSync(`${dir}/f`, NOBODY, NOBODY)
      asNobody(['chmod', `${dir}/f`, '700'])
      assert.equal(modeOf(`${dir}/f`), '700')
    },
  },
  {
    name: 'the owner can not give a file away, nor to a group that is not his',
    run(dir) {
      ofNobody(`${dir}/f`, 0o644)
      fails('EPERM', () => asNobody(['chown', `${dir}/f`, 0, -1]))
      fails('EPERM', () => asNobody(['chown', `${dir}/f`, -1, 0]))
      asNobody(['chown', `${dir}/f`, -1, NOBODY])
      assert.equal(lstat(`${dir}/f`).uid, BigInt(NOBODY))
    },
  },
  {
    name: 'in a sticky directory only the owner removes or renames a file',
    run(dir) {
      fs.mkdirSync(`${dir}/d`)
      fs.chmodSync(`${dir}/d`, 0o1777)
      put(`${dir}/d/root`)
      fails('EPERM', () => asNobody(['unlink', `${dir}/d/root`]))
      fails('EPERM', () => asNobody(['rename', `${dir}/d/root`, `${dir}/d/x`, 0]))
      asNobody(['open', `${dir}/d/mine`, 'WRONLY|CREAT', '644'])
      fails('EPERM', () => asNobody(['rename', `${dir}/d/mine`, `${dir}/d/root`, 0]))
      asNobody(['rename', `${dir}/d/mine`, `${dir}/d/x`, 0], ['unlink', `${dir}/d/x`])
      assert.deepEqual(fs.readdirSync(`${dir}/d`), ['root'])
    },
  },
  {
    name: 'a file made in a set-group-ID directory belongs to the group of the directory',
    needs: ['setgid_dir'],
    run(dir) {
      fs.mkdirSync(`${dir}/d`)
      fs.chownSync(`${dir}/d`, 0, 4321)
      fs.chmodSync(`${dir}/d`, 0o2777)
      asNobody(['open', `${dir}/d/f`, 'WRONLY|CREAT', '644'], ['symlink', 'x', `${dir}/d/s`])
      assert.equal(lstat(`${dir}/d/f`).gid, 4321n)
      assert.equal(lstat(`${dir}/d/s`).gid, 4321n)
      assert.equal(modeOf(`${dir}/d/f`), '644')
    },
  },
  {
    name: 'a directory made in a set-group-ID directory is one itself',
    needs: ['setgid_dir'],
    run(dir) {
      fs.mkdirSync(`${dir}/d`)
      fs.chownSync(`${dir}/d`, 0, 4321)
      fs.chmodSync(`${dir}/d`, 0o2777)
      asNobody(['mkdir', `${dir}/d/e`, '755'])
      assert.equal(modeOf(`${dir}/d/e`), '2755')
      assert.equal(lstat(`${dir}/d/e`).gid, 4321n)
      assert.equal(lstat(`${dir}/d/e`).uid, BigInt(NOBODY))
    },
  },
  {
    name: 'a file that asks for setgid in a set-group-ID directory of a strange group has none',
    needs: ['setgid_dir'],
    run(dir) {
      fs.mkdirSync(`${dir}/d`)
      fs.chownSync(`${dir}/d`, 0, 4321)
      fs.chmodSync(`${dir}/d`, 0o2777)
      asNobody(['open', `${dir}/d/f`, 'WRONLY|CREAT', '2755'])
      assert.equal(modeOf(`${dir}/d/f`), '755')
    },
  },
  {
    name: 'a write by a user without privilege clears setuid and setgid',
    run(dir) {
      ofNobody(`${dir}/f`, 0o6755)
      asNobody(['open', `${dir}/f`, 'WRONLY', 0], ['pwrite', 0, 'x', 0])
      assert.equal(modeOf(`${dir}/f`), '755')
      fs.chmodSync(`${dir}/f`, 0o6777)
      fs.chownSync(`${dir}/f`, 0, 0)
      fs.chmodSync(`${dir}/f`, 0o6777)
      asNobody(['open', `${dir}/f`, 'WRONLY|APPEND', 0], ['write', 0, 'x'])
      assert.equal(modeOf(`${dir}/f`), '777')
    },
  },
  {
    name: 'a write by root keeps setuid and setgid',
    run(dir) {
      put(`${dir}/f`)
      fs.chmodSync(`${dir}/f`, 0o6755)
      sys(['open', `${dir}/f`, 'WRONLY', 0], ['write', 0, 'x'])
      assert.equal(modeOf(`${dir}/f`), '6755')
    },
  },
  {
    name: 'opening with O_TRUNC by a user without privilege clears setuid and setgid',
    run(dir) {
      put(`${dir}/f`, 'data')
      fs.chmodSync(`${dir}/f`, 0o6777)
      asNobody(['open', `${dir}/f`, 'WRONLY|TRUNC', 0])
      assert.equal(modeOf(`${dir}/f`), '777')
      assert.equal(text(`${dir}/f`), '')
    },
  },
  {
    name: 'truncate by a user without privilege clears setuid and setgid',
    run(dir) {
      ofNobody(`${dir}/f`, 0o6755)
      asNobody(['truncate', `${dir}/f`, 1])
      assert.equal(modeOf(`${dir}/f`), '755')
      ofNobody(`${dir}/g`, 0o6755)
      asNobody(['open', `${dir}/g`, 'WRONLY', 0], ['ftruncate', 0, 1])
      assert.equal(modeOf(`${dir}/g`), '755')
    },
  },
  {
    name: 'fallocate by a user without privilege clears setuid',
    needs: ['fallocate'],
    run(dir) {
      ofNobody(`${dir}/f`, 0o4755)
      asNobody(['open', `${dir}/f`, 'WRONLY', 0], ['fallocate', 0, 0, 0, 1000])
      assert.equal(modeOf(`${dir}/f`), '755')
    },
  },
  {
    name: 'chown of an executable clears setuid and setgid, for root as well',
    run(dir) {
      ofNobody(`${dir}/f`, 0o6755)
      asNobody(['chown', `${dir}/f`, -1, NOBODY])
      assert.equal(modeOf(`${dir}/f`), '755')
      fs.chmodSync(`${dir}/f`, 0o6755)
      fs.chownSync(`${dir}/f`, 5, 5)
      assert.equal(modeOf(`${dir}/f`), '755')
    },
  },
  {
    name: 'chown of a directory keeps its setgid bit',
    run(dir) {
      fs.mkdirSync(`${dir}/d`)
      fs.chmodSync(`${dir}/d`, 0o2755)
      fs.chownSync(`${dir}/d`, 5, 5)
      assert.equal(modeOf(`${dir}/d`), '2755')
    },
  },
  {
    name: 'chmod by an owner outside the group drops setgid',
    run(dir) {
      ofNobody(`${dir}/f`, 0o755)
      fs.chownSync(`${dir}/f`, NOBODY, 4321)
      asNobody(['chmod', `${dir}/f`, '2755'])
      assert.equal(modeOf(`${dir}/f`), '755')
    },
  },
  {
    name: 'the umask of the caller counts, not the one of the file system',
    run(dir) {
      for (const umask of ['0', '22', '77', '777']) {
        sys(['umask', umask], ['open', `${dir}/f${umask}`, 'WRONLY|CREAT', '777'])
        sys(['umask', umask], ['mkdir', `${dir}/d${umask}`, '777'])
        sys(['umask', umask], ['mknod', `${dir}/p${umask}`, 'FIFO', '777', 0, 0])
        const expected = (0o777 & ~Number.parseInt(umask, 8)).toString(8)
        for (const kind of ['f', 'd', 'p']) assert.equal(modeOf(`${dir}/${kind}${umask}`), expected)
      }
    },
  },
  {
    name: 'a descriptor keeps working after the mode has been taken away',
    run(dir) {
      ofNobody(`${dir}/f`, 0o600)
      const lines = asNobody(
        ['open', `${dir}/f`, 'RDWR', 0],
        ['chmod', `${dir}/f`, '0'],
        ['pread', 0, 4, 0],
        ['pwrite', 0, 'x', 0],
        ['ftruncate', 0, 1],
      )
      assert.equal(lines[2], Buffer.from('data').toString('hex'))
    },
  },
  {
    name: 'root may do what the mode refuses, but not run a file without any x',
    run(dir) {
      put(`${dir}/f`, 'x')
      fs.chmodSync(`${dir}/f`, 0)
      sys(['open', `${dir}/f`, 'RDWR', 0], ['access', `${dir}/f`, 'R_OK|W_OK'])
      fails('EACCES', () => sys(['access', `${dir}/f`, 'X_OK']))
    },
  },
  {
    name: 'a program on the file system runs, if it may be run',
    needs: ['exec'],
    async run(dir) {
      const { execFileSync } = await import('node:child_process')
      fs.copyFileSync('/bin/true', `${dir}/true`)
      fs.chmodSync(`${dir}/true`, 0o755)
      execFileSync(`${dir}/true`)
      put(`${dir}/script`, '#!/bin/sh\necho ran\n')
      fs.chmodSync(`${dir}/script`, 0o755)
      assert.equal(execFileSync(`${dir}/script`, { encoding: 'utf8' }), 'ran\n')
      fs.chmodSync(`${dir}/script`, 0o644)
      fails('EACCES', () => execFileSync(`${dir}/script`, { stdio: 'ignore' }))
      assert(exists(`${dir}/script`))
    },
  },
]
