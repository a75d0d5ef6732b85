import assert from 'node:assert/strict'
import fs from 'node:fs'
import {
  asNobody,
  fails,
  json,
  last,
  lstat,
  modeOf,
  moves,
  NOBODY,
  put,
  sys,
  text,
  tick,
  withFile,
} from './support.mjs'

/** @param {string} path @param {string} atime @param {string} mtime */
const utimens = (path, atime, mtime, flags = '0') => sys(['utimens', path, atime, mtime, flags])

/** @type {import('./support.mjs').Check[]} */
export const checks = [
  {
    name: 'chmod sets all twelve bits of a file and of a directory',
    run(dir) {
      put(`${dir}/f`)
      fs.mkdirSync(`${dir}/d`)
      for (const mode of ['0', '777', '640', '4755', '2755', '1777', '7777', '644']) {
        fs.chmodSync(`${dir}/f`, mode)
        assert.equal(modeOf(`${dir}/f`), mode)
        fs.chmodSync(`${dir}/d`, mode)
        assert.equal(modeOf(`${dir}/d`), mode)
      }
      assert(lstat(`${dir}/f`).isFile())
      assert(lstat(`${dir}/d`).isDirectory())
    },
  },
  {
    name: 'chmod moves ctime and not mtime',
    run(dir) {
      put(`${dir}/f`)
      assert.equal(
        moves(`${dir}/f`, () => fs.chmodSync(`${dir}/f`, 0o600)),
        'ctime',
      )
    },
  },
  {
    name: 'fchmod and chmod through a symlink change the file',
    run(dir) {
      put(`${dir}/f`)
      fs.symlinkSync('f', `${dir}/s`)
      fs.chmodSync(`${dir}/s`, 0o611)
      assert.equal(modeOf(`${dir}/f`), '611')
      withFile(`${dir}/f`, 'r', (fd) => fs.fchmodSync(fd, 0o622))
      assert.equal(modeOf(`${dir}/f`), '622')
    },
  },
  {
    name: 'chmod of what is missing is ENOENT',
    run(dir) {
      fails('ENOENT', () => fs.chmodSync(`${dir}/f`, 0o600))
      fails('ENOENT', () => fs.chownSync(`${dir}/f`, 0, 0))
      fails('ENOENT', () => utimens(`${dir}/f`, '1.0', '1.0'))
    },
  },
  {
    name: 'chown sets owner and group, or one of them',
    run(dir) {
      put(`${dir}/f`)
      fs.chownSync(`${dir}/f`, 1234, 4321)
      assert.deepEqual([lstat(`${dir}/f`).uid, lstat(`${dir}/f`).gid], [1234n, 4321n])
      sys(['chown', `${dir}/f`, -1, 7])
      assert.deepEqual([lstat(`${dir}/f`).uid, lstat(`${dir}/f`).gid], [1234n, 7n])
      sys(['chown', `${dir}/f`, 8, -1])
      assert.deepEqual([lstat(`${dir}/f`).uid, lstat(`${dir}/f`).gid], [8n, 7n])
    },
  },
  {
    name: 'chown takes ids of 32 bits',
    run(dir) {
      put(`${dir}/f`)
      fs.chownSync(`${dir}/f`, 0xffff_fffe, 0x8000_0000)
      assert.deepEqual([lstat(`${dir}/f`).uid, lstat(`${dir}/f`).gid], [0xffff_fffen, 0x8000_0000n])
    },
  },
  {
    name: 'chown moves ctime and not mtime',
    run(dir) {
      put(`${dir}/f`)
      assert.equal(
        moves(`${dir}/f`, () => fs.chownSync(`${dir}/f`, 5, 5)),
        'ctime',
      )
    },
  },
  {
    name: 'utimens keeps both times to the nanosecond',
    run(dir) {
      put(`${dir}/f`)
      utimens(`${dir}/f`, '1000000000.123456789', '1234567890.987654321')
      assert.equal(lstat(`${dir}/f`).atimeNs, 1_000_000_000_123_456_789n)
      assert.equal(lstat(`${dir}/f`).mtimeNs, 1_234_567_890_987_654_321n)
    },
  },
  {
    name: 'utimens sets times of a directory',
    run(dir) {
      fs.mkdirSync(`${dir}/d`)
      utimens(`${dir}/d`, '1.000000001', '2.000000002')
      assert.equal(lstat(`${dir}/d`).atimeNs, 1_000_000_001n)
      assert.equal(lstat(`${dir}/d`).mtimeNs, 2_000_000_002n)
    },
  },
  {
    name: 'utimens takes times before 1970',
    run(dir) {
      put(`${dir}/f`)
      utimens(`${dir}/f`, '-1.000000000', '-1000000000.250000000')
      assert.equal(lstat(`${dir}/f`).atimeNs, -1_000_000_000n)
      assert.equal(lstat(`${dir}/f`).mtimeNs, -1_000_000_000_000_000_000n + 250_000_000n)
    },
  },
  {
    name: 'utimens takes times after 2038',
    run(dir) {
      put(`${dir}/f`)
      utimens(`${dir}/f`, '4294967296.000000007', '5000000000.000000001')
      assert.equal(lstat(`${dir}/f`).atimeNs, 4_294_967_296_000_000_007n)
      assert.equal(lstat(`${dir}/f`).mtimeNs, 5_000_000_000_000_000_001n)
    },
  },
  {
    name: 'UTIME_OMIT leaves a time alone',
    run(dir) {
      put(`${dir}/f`)
      utimens(`${dir}/f`, '100.000000001', '200.000000002')
      utimens(`${dir}/f`, 'OMIT', '300.000000003')
      assert.equal(lstat(`${dir}/f`).atimeNs, 100_000_000_001n)
      assert.equal(lstat(`${dir}/f`).mtimeNs, 300_000_000_003n)
      utimens(`${dir}/f`, '400.000000004', 'OMIT')
      assert.equal(lstat(`${dir}/f`).atimeNs, 400_000_000_004n)
      assert.equal(lstat(`${dir}/f`).mtimeNs, 300_000_000_003n)
    },
  },
  {
    name: 'UTIME_OMIT twice changes nothing, not even ctime',
    run(dir) {
      put(`${dir}/f`)
      assert.equal(
        moves(`${dir}/f`, () => utimens(`${dir}/f`, 'OMIT', 'OMIT')),
        '',
      )
    },
  },
  {
    name: 'UTIME_NOW sets the present time',
    run(dir) {
      put(`${dir}/f`)
      utimens(`${dir}/f`, '100.0', '100.0')
      const before = BigInt(Date.now() - 1000) * 1_000_000n
      utimens(`${dir}/f`, 'NOW', 'OMIT')
      const stat = lstat(`${dir}/f`)
      assert(stat.atimeNs > before)
      assert(stat.atimeNs < before + 60_000_000_000n)
      assert.equal(stat.mtimeNs, 100_000_000_000n)
    },
  },
  {
    name: 'utimens moves ctime',
    run(dir) {
      put(`${dir}/f`)
      assert.equal(
        moves(`${dir}/f`, () => utimens(`${dir}/f`, '1.0', '1.0')),
        'mtime ctime',
      )
      assert.equal(
        moves(`${dir}/f`, () => utimens(`${dir}/f`, '1.0', '1.0')),
        'ctime',
      )
    },
  },
  {
    name: 'futimes of a descriptor that was written to lasts after close',
    run(dir) {
      withFile(`${dir}/f`, 'w', (fd) => {
        fs.writeSync(fd, 'data')
        fs.futimesSync(fd, 1_000, 2_000)
      })
      assert.equal(lstat(`${dir}/f`).mtimeNs, 2_000_000_000_000n)
      assert.equal(text(`${dir}/f`), 'data')
      assert.equal(lstat(`${dir}/f`).mtimeNs, 2_000_000_000_000n)
    },
  },
  {
    name: 'a write after utimens brings mtime back to the present',
    run(dir) {
      put(`${dir}/f`)
      utimens(`${dir}/f`, '100.0', '100.0')
      fs.appendFileSync(`${dir}/f`, 'x')
      assert(lstat(`${dir}/f`).mtimeNs > BigInt(Date.now() - 60_000) * 1_000_000n)
    },
  },
  {
    name: 'a new file and a new directory have the present as all their times',
    run(dir) {
      const before = BigInt(Date.now()) * 1_000_000n
      put(`${dir}/f`)
      fs.mkdirSync(`${dir}/d`)
      for (const name of ['f', 'd']) {
        const stat = lstat(`${dir}/${name}`)
        for (const time of [stat.atimeNs, stat.mtimeNs, stat.ctimeNs]) {
          assert(time > before - 1_000_000_000n && time < before + 60_000_000_000n, `${time}`)
        }
      }
    },
  },
  {
    name: 'only the owner may set times, and whoever can write may set them to now',
    run(dir) {
      put(`${dir}/f`)
      fs.chmodSync(`${dir}/f`, 0o666)
      fails('EPERM', () => asNobody(['utimens', `${dir}/f`, '1.0', '1.0', 0]))
      asNobody(['utimens', `${dir}/f`, 'NOW', 'NOW', 0])
      fs.chmodSync(`${dir}/f`, 0o644)
      fails('EACCES', () => asNobody(['utimens', `${dir}/f`, 'NOW', 'NOW', 0]))
      fs.chownSync(`${dir}/f`, NOBODY, 0)
      asNobody(['utimens', `${dir}/f`, '1.0', '1.0', 0])
    },
  },
  {
    name: 'statx tells a birth time that later changes leave alone',
    needs: ['btime'],
    run(dir) {
      const before = Date.now() / 1000
      put(`${dir}/f`)
      const first = json(last(['statx', `${dir}/f`]))
      assert(first.hasBtime)
      assert(Math.abs(Number(first.btime) - before) < 60, first.btime)
      tick()
      fs.appendFileSync(`${dir}/f`, 'x')
      utimens(`${dir}/f`, '100.0', '100.0')
      fs.renameSync(`${dir}/f`, `${dir}/g`)
      assert.equal(json(last(['statx', `${dir}/g`])).btime, first.btime)
    },
  },
  {
    name: 'inode numbers of files that exist at once differ, and stay the same',
    run(dir) {
      for (let i = 0; i < 100; i++) put(`${dir}/${i}`)
      const inos = Array.from({ length: 100 }, (_, i) => lstat(`${dir}/${i}`).ino)
      assert.equal(new Set(inos).size, 100)
      assert.deepEqual(
        Array.from({ length: 100 }, (_, i) => lstat(`${dir}/${i}`).ino),
        inos,
      )
    },
  },
]
