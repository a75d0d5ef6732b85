import assert from 'node:assert/strict'
import fs from 'node:fs'
import { fails, json, last, lstat, moves, pattern, put, sys, text, withFile } from './support.mjs'

const { O_RDWR, O_CREAT } = fs.constants
const zeros = (/** @type {number} */ length) => Buffer.alloc(length)

/** @type {import('./support.mjs').Check[]} */
export const checks = [
  {
    name: 'what is written is read',
    run(dir) {
      put(`${dir}/f`, 'hello')
      assert.equal(text(`${dir}/f`), 'hello')
      assert.equal(lstat(`${dir}/f`).size, 5n)
    },
  },
  {
    name: 'pwrite and pread use their offset and leave the position alone',
    run(dir) {
      const lines = sys(
        ['open', `${dir}/f`, 'RDWR|CREAT', '644'],
        ['write', 0, 'abcdefgh'],
        ['pwrite', 0, 'XY', 2],
        ['pread', 0, 4, 1],
        ['lseek', 0, 0, 'CUR'],
      )
      assert.equal(lines[3], Buffer.from('bXYe').toString('hex'))
      assert.equal(lines[4], '8')
      assert.equal(text(`${dir}/f`), 'abXYefgh')
    },
  },
  {
    name: 'reads at and past the end give nothing, across it what is there',
    run(dir) {
      put(`${dir}/f`, 'abcdef')
      withFile(`${dir}/f`, 'r', (fd) => {
        const bytes = Buffer.alloc(100)
        assert.equal(fs.readSync(fd, bytes, 0, 100, 6), 0)
        assert.equal(fs.readSync(fd, bytes, 0, 100, 1_000_000), 0)
        assert.equal(fs.readSync(fd, bytes, 0, 100, 4), 2)
      })
    },
  },
  {
    name: 'an empty file reads as nothing',
    run(dir) {
      put(`${dir}/f`)
      assert.equal(text(`${dir}/f`), '')
      assert.equal(lstat(`${dir}/f`).size, 0n)
      assert.equal(lstat(`${dir}/f`).blocks, 0n)
    },
  },
  {
    name: 'writing past the end leaves zeros between',
    run(dir) {
      put(`${dir}/f`, 'ab')
      withFile(`${dir}/f`, 'r+', (fd) => fs.writeSync(fd, 'z', 10_000))
      const got = fs.readFileSync(`${dir}/f`)
      assert.equal(got.length, 10_001)
      assert(got.equals(Buffer.concat([Buffer.from('ab'), zeros(9_998), Buffer.from('z')])))
    },
  },
  {
    name: 'writing nothing past the end does not extend the file',
    run(dir) {
      put(`${dir}/f`, 'ab')
      sys(['open', `${dir}/f`, 'RDWR', 0], ['pwrite', 0, '', 100])
      assert.equal(lstat(`${dir}/f`).size, 2n)
    },
  },
  {
    name: 'overwriting the middle keeps both ends',
    run(dir) {
      const bytes = pattern(20_000)
      put(`${dir}/f`, bytes)
      withFile(`${dir}/f`, 'r+', (fd) => fs.writeSync(fd, zeros(8_000), 0, 8_000, 5_000))
      bytes.fill(0, 5_000, 13_000)
      assert(fs.readFileSync(`${dir}/f`).equals(bytes))
    },
  },
  {
    name: 'writes of odd sizes around page borders come back',
    run(dir) {
      const bytes = pattern(70_000)
      withFile(`${dir}/f`, 'w', (fd) => {
        const sizes = [1, 4094, 2, 4096, 4097, 8191, 3, 16_385]
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const size = Math.min(sizes[i % sizes.length] ?? 1, bytes.length - at)
          at += fs.writeSync(fd, bytes, at, size, at)
        }
      })
      assert(fs.readFileSync(`${dir}/f`).equals(bytes))
    },
  },
  {
    name: 'writes in reverse order come back',
    run(dir) {
      const bytes = pattern(50_000)
      withFile(`${dir}/f`, 'w', (fd) => {
        for (let at = 49_000; at >= 0; at -= 1000) fs.writeSync(fd, bytes, at, 1000, at)
      })
      assert(fs.readFileSync(`${dir}/f`).equals(bytes))
    },
  },
  {
    name: 'a thousand one-byte appends come back',
    run(dir) {
      withFile(`${dir}/f`, 'w', (fd) => {
        for (let i = 0; i < 1000; i++) fs.writeSync(fd, Buffer.of(i & 0xff))
      })
      assert(fs.readFileSync(`${dir}/f`).equals(Buffer.from(zeros(1000).map((_, i) => i & 0xff))))
    },
  },
  {
    name: 'readv and writev keep their order',
    run(dir) {
      const parts = ['one', '', 'three', 'x'].map((part) => Buffer.from(part))
      withFile(`${dir}/f`, 'w+', (fd) => {
        assert.equal(fs.writevSync(fd, parts, 0), 9)
        const into = [Buffer.alloc(2), Buffer.alloc(7)]
        assert.equal(fs.readvSync(fd, into, 0), 9)
        assert.equal(Buffer.concat(into).toString(), 'onethreex')
      })
    },
  },
  {
    name: '8 MiB in one write come back in one read',
    run(dir) {
      const bytes = pattern(8 << 20)
      put(`${dir}/f`, bytes)
      assert.equal(lstat(`${dir}/f`).size, BigInt(8 << 20))
      assert(fs.readFileSync(`${dir}/f`).equals(bytes))
    },
  },
  {
    name: 'another process sees what was written while the file is still open',
    run(dir) {
      withFile(`${dir}/f`, 'w', (fd) => {
        fs.writeSync(fd, 'seen')
        const [, got] = sys(['open', `${dir}/f`, 0, 0], ['read', 0, 10])
        assert.equal(got, Buffer.from('seen').toString('hex'))
        assert.equal(json(last(['stat', `${dir}/f`])).size, 4)
      })
    },
  },
  {
    name: 'a sparse file reads as zeros and takes fewer blocks than its size',
    needs: ['sparse'],
    run(dir) {
      withFile(`${dir}/f`, 'w+', (fd) => {
        fs.writeSync(fd, 'end', 64 << 20)
        const bytes = Buffer.alloc(4096, 1)
        fs.readSync(fd, bytes, 0, 4096, 32 << 20)
        assert(bytes.equals(zeros(4096)))
      })
      const stat = lstat(`${dir}/f`)
      assert.equal(stat.size, BigInt((64 << 20) + 3))
      assert(stat.blocks * 512n < stat.size / 4n, `${stat.blocks} blocks`)
    },
  },
  {
    name: 'st_blocks of a written file covers its size',
    run(dir) {
      put(`${dir}/f`, pattern(100_000))
      withFile(`${dir}/f`, 'r+', (fd) => fs.fsyncSync(fd))
      assert(lstat(`${dir}/f`).blocks * 512n >= 100_000n, `${lstat(`${dir}/f`).blocks} blocks`)
    },
  },
  {
    name: 'offsets above 4 GiB are kept apart from those below',
    needs: ['sparse'],
    run(dir) {
      const far = 4 * 2 ** 30 + 12_345
      withFile(`${dir}/f`, 'w+', (fd) => {
        fs.writeSync(fd, 'far', far)
        fs.writeSync(fd, 'near', 12_345)
        const bytes = Buffer.alloc(4)
        fs.readSync(fd, bytes, 0, 3, far)
        assert.equal(bytes.toString('latin1', 0, 3), 'far')
        fs.readSync(fd, bytes, 0, 4, 12_345)
        assert.equal(bytes.toString(), 'near')
        assert.equal(fs.fstatSync(fd).size, far + 3)
      })
    },
  },
  {
    name: 'a file can be a tebibyte by truncate, and writes near its end come back',
    needs: ['sparse'],
    run(dir) {
      const size = 2 ** 40
      withFile(`${dir}/f`, 'w+', (fd) => {
        fs.ftruncateSync(fd, size)
        assert.equal(fs.fstatSync(fd).size, size)
        fs.writeSync(fd, 'xyz', size - 3)
        const bytes = Buffer.alloc(10)
        assert.equal(fs.readSync(fd, bytes, 0, 10, size - 3), 3)
        assert.equal(fs.readSync(fd, bytes, 0, 10, size - 500_000), 10)
        assert(bytes.equals(zeros(10)))
      })
    },
  },
  {
    name: 'a write beyond 2^53 is refused, at the latest by fsync, or comes back exactly',
    run(dir) {
      const refused = /^!(EFBIG|EOVERFLOW|EINVAL|ENOSPC|EIO)$/
      for (const offset of [2n ** 53n + 1n, 2n ** 60n + 12_345n, 2n ** 63n - 4096n]) {
        const [, wrote = '', fsync = '', , read = ''] = sys(
          ['open', `${dir}/f`, 'RDWR|CREAT|TRUNC', '644'],
          ['try', 'pwrite', 0, 'abc', offset],
          ['try', 'fsync', 0],
          // Takes the error of a write-back that came later; another check would get it.
          ['try', 'syncfs', 0],
          ['try', 'pread', 0, 3, offset],
          ['ftruncate', 0, 0],
        )
        if (wrote === '3' && fsync === '0') assert.equal(read, '616263')
        else if (wrote !== '3') {
          assert.match(wrote, refused)
          assert.match(read, /^$|^!(EOVERFLOW|EINVAL)$/)
        } else assert.match(fsync, refused)
      }
      put(`${dir}/f`, 'and the file is as good as before')
      assert.equal(text(`${dir}/f`), 'and the file is as good as before')
    },
  },
  {
    name: 'truncate beyond 2^53 is refused, or the size is exact',
    run(dir) {
      put(`${dir}/f`, 'abc')
      for (const size of [2n ** 53n + 1n, 2n ** 62n + 1n]) {
        const [result = ''] = sys(['try', 'truncate', `${dir}/f`, size])
        if (result === '0') assert.equal(lstat(`${dir}/f`).size, size)
        else {
          assert.match(result, /^!(EFBIG|EOVERFLOW|EINVAL|ENOSPC)$/)
          assert.equal(text(`${dir}/f`), 'abc')
        }
      }
    },
  },
  {
    name: 'lseek and pread before the start are EINVAL',
    run(dir) {
      put(`${dir}/f`, 'abc')
      fails('EINVAL', () => sys(['open', `${dir}/f`, 0, 0], ['lseek', 0, -1, 'SET']))
      fails('EINVAL', () => sys(['open', `${dir}/f`, 0, 0], ['pread', 0, 1, -1]))
    },
  },
  {
    name: 'lseek counts from the start, the position and the end',
    run(dir) {
      put(`${dir}/f`, 'abcdef')
      const lines = sys(
        ['open', `${dir}/f`, 0, 0],
        ['lseek', 0, 2, 'SET'],
        ['lseek', 0, 3, 'CUR'],
        ['lseek', 0, -4, 'END'],
        ['lseek', 0, 100, 'END'],
      )
      assert.deepEqual(lines, ['0', '2', '5', '2', '106'])
      assert.equal(lstat(`${dir}/f`).size, 6n)
    },
  },
  {
    name: 'lseek to the end sees what another descriptor appended',
    run(dir) {
      put(`${dir}/f`, 'abc')
      withFile(`${dir}/f`, 'a', (fd) => {
        fs.writeSync(fd, 'def')
        assert.equal(last(['open', `${dir}/f`, 0, 0], ['lseek', 0, 0, 'END']), '6')
      })
    },
  },
  {
    name: 'truncate cuts, and growing again shows zeros, not the old data',
    run(dir) {
      put(`${dir}/f`, pattern(10_000))
      fs.truncateSync(`${dir}/f`, 5_001)
      assert(fs.readFileSync(`${dir}/f`).equals(pattern(10_000).subarray(0, 5_001)))
      fs.truncateSync(`${dir}/f`, 10_000)
      const expected = pattern(10_000).fill(0, 5_001)
      assert(fs.readFileSync(`${dir}/f`).equals(expected))
    },
  },
  {
    name: 'truncate makes a file longer with zeros',
    run(dir) {
      put(`${dir}/f`, 'abc')
      fs.truncateSync(`${dir}/f`, 9_000)
      assert(fs.readFileSync(`${dir}/f`).equals(Buffer.concat([Buffer.from('abc'), zeros(8_997)])))
    },
  },
  {
    name: 'ftruncate leaves the position alone, and a write there makes a hole',
    run(dir) {
      sys(
        ['open', `${dir}/f`, 'RDWR|CREAT', '644'],
        ['write', 0, 'abcdef'],
        ['ftruncate', 0, 0],
        ['write', 0, 'g'],
      )
      assert.equal(text(`${dir}/f`), '\0\0\0\0\0\0g')
    },
  },
  {
    name: 'truncate of a directory is EISDIR, of what is missing ENOENT, to below zero EINVAL',
    run(dir) {
      put(`${dir}/f`)
      fails('EISDIR', () => sys(['truncate', dir, 0]))
      fails('ENOENT', () => sys(['truncate', `${dir}/missing`, 0]))
      fails('EINVAL', () => sys(['truncate', `${dir}/f`, -1]))
    },
  },
  {
    name: 'ftruncate of a read-only descriptor is EINVAL',
    run(dir) {
      put(`${dir}/f`, 'abc')
      fails('EINVAL', () => sys(['open', `${dir}/f`, 'RDONLY', 0], ['ftruncate', 0, 0]))
      assert.equal(text(`${dir}/f`), 'abc')
    },
  },
  {
    name: 'write and truncate move mtime and ctime, reading moves neither',
    run(dir) {
      put(`${dir}/f`, 'abc')
      const file = `${dir}/f`
      assert.equal(
        moves(file, () => fs.appendFileSync(file, 'd')),
        'mtime ctime',
      )
      assert.equal(
        moves(file, () => fs.truncateSync(file, 2)),
        'mtime ctime',
      )
      assert.equal(
        moves(file, () => fs.truncateSync(file, 1000)),
        'mtime ctime',
      )
      assert.equal(
        moves(file, () => void text(file)),
        '',
      )
    },
  },
  {
    name: 'a write past RLIMIT_FSIZE is EFBIG',
    run(dir) {
      const lines = sys(
        ['fsize', 8192],
        ['open', `${dir}/f`, 'RDWR|CREAT', '644'],
        ['fill', 0, 65, 8192, 0],
        ['try', 'pwrite', 0, 'x', 8192],
        ['try', 'ftruncate', 0, 10_000],
      )
      assert.deepEqual(lines.slice(2), ['8192', '!EFBIG', '!EFBIG'])
      assert.equal(lstat(`${dir}/f`).size, 8192n)
    },
  },
  {
    name: 'O_DIRECT writes and reads aligned blocks',
    needs: ['direct'],
    run(dir) {
      const lines = sys(
        ['open', `${dir}/f`, 'RDWR|CREAT|DIRECT', '644'],
        ['fill', 0, 65, 8192, 0],
        ['fill', 0, 66, 4096, 4096],
        ['pread', 0, 4096, 4096],
        ['pread', 0, 4096, 8192],
      )
      assert.equal(lines[3], '42'.repeat(4096))
      assert.equal(lines[4], '')
      assert.equal(text(`${dir}/f`), `${'A'.repeat(4096)}${'B'.repeat(4096)}`)
    },
  },
  {
    name: 'O_DIRECT and buffered descriptors see the same bytes',
    needs: ['direct'],
    run(dir) {
      const lines = sys(
        ['open', `${dir}/f`, 'RDWR|CREAT', '644'],
        ['fill', 0, 65, 8192, 0],
        ['open', `${dir}/f`, 'RDWR|DIRECT', 0],
        ['pread', 1, 4096, 0],
        ['fill', 1, 67, 4096, 0],
        ['pread', 0, 4096, 0],
      )
      assert.equal(lines[3], '41'.repeat(4096))
      assert.equal(lines[5], '43'.repeat(4096))
    },
  },
  {
    name: 'fsync, fdatasync and syncfs succeed, on a directory too',
    run(dir) {
      put(`${dir}/f`, 'abc')
      sys(['open', `${dir}/f`, 'RDWR', 0], ['write', 0, 'x'], ['fsync', 0], ['fdatasync', 0])
      sys(['open', dir, 'RDONLY|DIRECTORY', 0], ['fsync', 0], ['fdatasync', 0], ['syncfs', 0])
    },
  },
  {
    name: 'fsync of a read-only descriptor succeeds',
    run(dir) {
      put(`${dir}/f`, 'abc')
      sys(['open', `${dir}/f`, 'RDONLY', 0], ['fsync', 0], ['fdatasync', 0])
    },
  },
  {
    name: 'SEEK_DATA and SEEK_HOLE of a full file are its start and its end',
    run(dir) {
      put(`${dir}/f`, pattern(10_000))
      const lines = sys(
        ['open', `${dir}/f`, 0, 0],
        ['lseek', 0, 0, 'DATA'],
        ['lseek', 0, 5_000, 'DATA'],
        ['lseek', 0, 0, 'HOLE'],
      )
      assert.deepEqual(lines, ['0', '0', '5000', '10000'])
    },
  },
  {
    name: 'SEEK_DATA and SEEK_HOLE at and past the end are ENXIO',
    run(dir) {
      put(`${dir}/f`, 'abc')
      for (const whence of ['DATA', 'HOLE']) {
        fails('ENXIO', () => sys(['open', `${dir}/f`, 0, 0], ['lseek', 0, 3, whence]))
        fails('ENXIO', () => sys(['open', `${dir}/f`, 0, 0], ['lseek', 0, 1000, whence]))
      }
    },
  },
  {
    name: 'SEEK_DATA and SEEK_HOLE find the hole of a sparse file',
    needs: ['holes'],
    run(dir) {
      const lines = sys(
        ['open', `${dir}/f`, 'RDWR|CREAT', '644'],
        ['fill', 0, 65, 65_536, 0],
        ['fill', 0, 66, 65_536, 8 << 20],
        ['fsync', 0],
        ['lseek', 0, 0, 'HOLE'],
        ['lseek', 0, 1 << 20, 'DATA'],
        ['lseek', 0, 8 << 20, 'HOLE'],
      )
      const [hole, data, end] = lines.slice(4).map(Number)
      assert(hole !== undefined && hole >= 65_536 && hole < 8 << 20, `hole at ${hole}`)
      assert(data !== undefined && data > 1 << 20 && data <= 8 << 20, `data at ${data}`)
      assert.equal(end, (8 << 20) + 65_536)
    },
  },
  {
    name: 'sendfile copies from the file system, and to it',
    run(dir) {
      put(`${dir}/a`, pattern(100_000))
      const lines = sys(
        ['open', `${dir}/a`, 0, 0],
        ['open', `${dir}/b`, 'RDWR|CREAT', '644'],
        ['sendfile', 1, 0, 0, 100_000],
      )
      assert.equal(lines[2], '100000')
      assert(fs.readFileSync(`${dir}/b`).equals(pattern(100_000)))
    },
  },
  {
    name: 'copyFile copies bytes and mode',
    run(dir) {
      put(`${dir}/a`, pattern(300_000))
      fs.chmodSync(`${dir}/a`, 0o750)
      fs.copyFileSync(`${dir}/a`, `${dir}/b`)
      assert(fs.readFileSync(`${dir}/b`).equals(pattern(300_000)))
      assert.equal(fs.statSync(`${dir}/b`).mode & 0o777, 0o750)
    },
  },
  {
    name: 'two descriptors that write turn about see each other',
    run(dir) {
      const a = fs.openSync(`${dir}/f`, O_RDWR | O_CREAT)
      const b = fs.openSync(`${dir}/f`, O_RDWR)
      const bytes = Buffer.alloc(4)
      for (let i = 0; i < 200; i++) {
        const [from, to] = i % 2 === 0 ? [a, b] : [b, a]
        fs.writeSync(from, String(i).padStart(4), i * 4)
        fs.readSync(to, bytes, 0, 4, i * 4)
        assert.equal(Number(bytes.toString()), i)
      }
      fs.closeSync(a)
      fs.closeSync(b)
    },
  },
]
