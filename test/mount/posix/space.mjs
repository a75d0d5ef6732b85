import assert from 'node:assert/strict'
import fs from 'node:fs'
import { fails, json, last, lstat, moves, pattern, put, sys, text } from './support.mjs'

/** @param {string} file */
const open = (file, flags = 'RDWR') => /** @type {const} */ (['open', file, flags, 0])

/** @param {string} file @param {...import('./support.mjs').Op} ops */
const onFile = (file, ...ops) => sys([...open(file)], ...ops).slice(1)

/** @type {import('./support.mjs').Check[]} */
export const checks = [
  {
    name: 'fallocate makes the file longer, with zeros, and keeps what is there',
    needs: ['fallocate'],
    run(dir) {
      put(`${dir}/f`, 'abc')
      onFile(`${dir}/f`, ['fallocate', 0, 0, 0, 10_000])
      assert.equal(lstat(`${dir}/f`).size, 10_000n)
      assert(fs.readFileSync(`${dir}/f`).equals(Buffer.alloc(10_000).fill('abc', 0, 3)))
    },
  },
  {
    name: 'fallocate within the file changes neither size nor contents',
    needs: ['fallocate'],
    run(dir) {
      put(`${dir}/f`, pattern(9_000))
      onFile(`${dir}/f`, ['fallocate', 0, 0, 1_000, 4_000])
      assert(fs.readFileSync(`${dir}/f`).equals(pattern(9_000)))
    },
  },
  {
    name: 'fallocate that makes the file longer moves mtime and ctime',
    needs: ['fallocate'],
    run(dir) {
      put(`${dir}/f`, 'abc')
      const moved = moves(`${dir}/f`, () => onFile(`${dir}/f`, ['fallocate', 0, 0, 0, 9_000]))
      assert.equal(moved, 'mtime ctime')
    },
  },
  {
    name: 'KEEP_SIZE keeps the size',
    needs: ['fallocate'],
    run(dir) {
      put(`${dir}/f`, 'abc')
      onFile(`${dir}/f`, ['fallocate', 0, 'KEEP_SIZE', 0, 50_000])
      assert.equal(lstat(`${dir}/f`).size, 3n)
      assert.equal(text(`${dir}/f`), 'abc')
    },
  },
  {
    name: 'PUNCH_HOLE makes zeros of the range and of nothing else',
    needs: ['punch_hole'],
    run(dir) {
      put(`${dir}/f`, pattern(50_000))
      onFile(`${dir}/f`, ['fallocate', 0, 'PUNCH_HOLE|KEEP_SIZE', 5_000, 30_001])
      assert(fs.readFileSync(`${dir}/f`).equals(pattern(50_000).fill(0, 5_000, 35_001)))
    },
  },
  {
    name: 'PUNCH_HOLE gives blocks back',
    needs: ['punch_hole', 'sparse'],
    run(dir) {
      put(`${dir}/f`, pattern(1 << 20))
      onFile(`${dir}/f`, ['fsync', 0])
      const before = lstat(`${dir}/f`).blocks
      onFile(`${dir}/f`, ['fallocate', 0, 'PUNCH_HOLE|KEEP_SIZE', 0, 1 << 19])
      const after = lstat(`${dir}/f`).blocks
      assert(after <= (before * 3n) / 4n, `${before} blocks before, ${after} after`)
    },
  },
  {
    name: 'PUNCH_HOLE across and past the end keeps the size',
    needs: ['punch_hole'],
    run(dir) {
      put(`${dir}/f`, pattern(6_000))
      onFile(
        `${dir}/f`,
        ['fallocate', 0, 'PUNCH_HOLE|KEEP_SIZE', 5_000, 90_000],
        ['fallocate', 0, 'PUNCH_HOLE|KEEP_SIZE', 500_000, 90_000],
      )
      assert(fs.readFileSync(`${dir}/f`).equals(pattern(6_000).fill(0, 5_000)))
    },
  },
  {
    name: 'PUNCH_HOLE without KEEP_SIZE is refused',
    needs: ['punch_hole'],
    run(dir) {
      put(`${dir}/f`, 'abc')
      fails(['EOPNOTSUPP', 'EINVAL'], () =>
        onFile(`${dir}/f`, ['fallocate', 0, 'PUNCH_HOLE', 0, 10]),
      )
      assert.equal(text(`${dir}/f`), 'abc')
    },
  },
  {
    name: 'ZERO_RANGE makes zeros, and the file longer where it reaches past the end',
    needs: ['zero_range'],
    run(dir) {
      put(`${dir}/f`, pattern(20_000))
      onFile(`${dir}/f`, ['fallocate', 0, 'ZERO_RANGE', 1_234, 5_000])
      assert(fs.readFileSync(`${dir}/f`).equals(pattern(20_000).fill(0, 1_234, 6_234)))
      onFile(`${dir}/f`, ['fallocate', 0, 'ZERO_RANGE', 19_000, 5_000])
      assert.equal(lstat(`${dir}/f`).size, 24_000n)
    },
  },
  {
    name: 'ZERO_RANGE with KEEP_SIZE keeps the size',
    needs: ['zero_range'],
    run(dir) {
      put(`${dir}/f`, pattern(10_000))
      onFile(`${dir}/f`, ['fallocate', 0, 'ZERO_RANGE|KEEP_SIZE', 9_000, 9_000])
      assert(fs.readFileSync(`${dir}/f`).equals(pattern(10_000).fill(0, 9_000)))
    },
  },
  {
    name: 'fallocate of no bytes is EINVAL, of a read-only descriptor EBADF',
    needs: ['fallocate'],
    run(dir) {
      put(`${dir}/f`, 'abc')
      fails('EINVAL', () => onFile(`${dir}/f`, ['fallocate', 0, 0, 0, 0]))
      fails('EINVAL', () => onFile(`${dir}/f`, ['fallocate', 0, 0, -1, 10]))
      fails('EBADF', () => sys([...open(`${dir}/f`, 'RDONLY')], ['fallocate', 0, 0, 0, 10]))
    },
  },
  {
    name: 'copy_file_range copies a range between files',
    run(dir) {
      put(`${dir}/a`, pattern(100_000))
      put(`${dir}/b`, 'start')
      const n = last(
        [...open(`${dir}/a`)],
        [...open(`${dir}/b`)],
        ['copy_file_range', 0, 1_000, 1, 5, 50_000],
      )
      assert.equal(n, '50000')
      const expected = [Buffer.from('start'), pattern(100_000).subarray(1_000, 51_000)]
      assert(fs.readFileSync(`${dir}/b`).equals(Buffer.concat(expected)))
    },
  },
  {
    name: 'copy_file_range sees data that was just written, and moves mtime of the target',
    run(dir) {
      put(`${dir}/b`)
      const moved = moves(`${dir}/b`, () => {
        const lines = sys(
          ['open', `${dir}/a`, 'RDWR|CREAT', '644'],
          [...open(`${dir}/b`)],
          ['write', 0, 'fresh'],
          ['copy_file_range', 0, 0, 1, 0, 100],
          ['pread', 1, 10, 0],
        )
        assert.deepEqual(lines.slice(3), ['5', Buffer.from('fresh').toString('hex')])
      })
      assert.equal(moved, 'mtime ctime')
    },
  },
  {
    name: 'copy_file_range past the end of the source copies nothing',
    run(dir) {
      put(`${dir}/a`, 'abc')
      put(`${dir}/b`, 'kept')
      const n = last(
        [...open(`${dir}/a`)],
        [...open(`${dir}/b`)],
        ['copy_file_range', 0, 3, 1, 0, 10],
      )
      assert.equal(n, '0')
      assert.equal(text(`${dir}/b`), 'kept')
    },
  },
  {
    name: 'copy_file_range past the end of the target leaves zeros between',
    run(dir) {
      put(`${dir}/a`, 'abc')
      put(`${dir}/b`)
      sys([...open(`${dir}/a`)], [...open(`${dir}/b`)], ['copy_file_range', 0, 0, 1, 8, 3])
      assert.equal(text(`${dir}/b`), '\0\0\0\0\0\0\0\0abc')
    },
  },
  {
    name: 'copy_file_range within a file copies apart and refuses overlap',
    run(dir) {
      put(`${dir}/f`, 'abcdef')
      onFile(`${dir}/f`, ['copy_file_range', 0, 0, 0, 6, 3])
      assert.equal(text(`${dir}/f`), 'abcdefabc')
      fails('EINVAL', () => onFile(`${dir}/f`, ['copy_file_range', 0, 0, 0, 2, 5]))
    },
  },
  {
    name: 'copy_file_range to a read-only or appending descriptor is EBADF',
    run(dir) {
      put(`${dir}/a`, 'abc')
      put(`${dir}/b`)
      for (const flags of ['RDONLY', 'WRONLY|APPEND']) {
        fails('EBADF', () =>
          sys(
            [...open(`${dir}/a`)],
            [...open(`${dir}/b`, flags)],
            ['copy_file_range', 0, 0, 1, 0, 3],
          ),
        )
      }
    },
  },
  {
    name: 'a shared mapping shows what write(2) wrote',
    needs: ['mmap'],
    run(dir) {
      put(`${dir}/f`, pattern(8192))
      const lines = onFile(
        `${dir}/f`,
        ['map', 0, 8192, 'r'],
        ['map_get', 0, 0, 4],
        ['pwrite', 0, 'WXYZ', 4094],
        ['map_get', 0, 4094, 4],
      )
      assert.equal(lines[1], pattern(4).toString('hex'))
      assert.equal(lines[3], Buffer.from('WXYZ').toString('hex'))
    },
  },
  {
    name: 'a write into a shared mapping is read by read(2)',
    needs: ['mmap'],
    run(dir) {
      put(`${dir}/f`, pattern(8192))
      const lines = onFile(
        `${dir}/f`,
        ['map', 0, 8192, 'rw'],
        ['map_put', 0, 4090, 'mapped bytes'],
        ['pread', 0, 12, 4090],
      )
      assert.equal(lines[2], Buffer.from('mapped bytes').toString('hex'))
    },
  },
  {
    name: 'a write into a shared mapping lasts after msync, munmap and close',
    needs: ['mmap'],
    run(dir) {
      put(`${dir}/f`, Buffer.alloc(5000, 'a'))
      onFile(`${dir}/f`, ['map', 0, 5000, 'rw'], ['map_put', 0, 4500, 'one'], ['msync', 0])
      onFile(`${dir}/f`, ['map', 0, 5000, 'rw'], ['map_put', 0, 100, 'two'], ['unmap', 0])
      const got = text(`${dir}/f`)
      assert.equal(got.length, 5000)
      assert.equal(got.slice(4500, 4503), 'one')
      assert.equal(got.slice(100, 103), 'two')
    },
  },
  {
    name: 'a write into a shared mapping after the descriptor was closed lasts',
    needs: ['mmap'],
    run(dir) {
      put(`${dir}/f`, Buffer.alloc(4096, 'a'))
      onFile(
        `${dir}/f`,
        ['map', 0, 4096, 'rw'],
        ['close', 0],
        ['map_put', 0, 7, 'late'],
        ['msync', 0],
      )
      assert.equal(text(`${dir}/f`).slice(7, 11), 'late')
    },
  },
  {
    name: 'a write into a shared mapping moves mtime',
    needs: ['mmap'],
    run(dir) {
      put(`${dir}/f`, Buffer.alloc(4096, 'a'))
      const moved = moves(`${dir}/f`, () =>
        onFile(`${dir}/f`, ['map', 0, 4096, 'rw'], ['map_put', 0, 0, 'x'], ['msync', 0]),
      )
      assert.match(moved, /mtime/)
    },
  },
  {
    name: 'a private mapping does not write back',
    needs: ['mmap'],
    run(dir) {
      put(`${dir}/f`, 'abcdef')
      const lines = onFile(
        `${dir}/f`,
        ['map_private', 0, 6],
        ['map_put', 0, 0, 'XX'],
        ['map_get', 0, 0, 3],
        ['unmap', 0],
      )
      assert.equal(lines[2], Buffer.from('XXc').toString('hex'))
      assert.equal(text(`${dir}/f`), 'abcdef')
    },
  },
  {
    name: 'the last page of a mapping is zero past the end, and a write there is not kept',
    needs: ['mmap', 'mmap_tail'],
    run(dir) {
      put(`${dir}/f`, 'abc')
      const lines = onFile(
        `${dir}/f`,
        ['map', 0, 4096, 'rw'],
        ['map_get', 0, 0, 6],
        ['map_put', 0, 2, 'CDEF'],
        ['msync', 0],
      )
      assert.equal(lines[1], Buffer.from('abc\0\0\0').toString('hex'))
      assert.equal(text(`${dir}/f`), 'abC')
      fs.truncateSync(`${dir}/f`, 6)
      assert.equal(text(`${dir}/f`), 'abC\0\0\0')
    },
  },
  {
    name: 'a mapping follows truncate up and down',
    needs: ['mmap'],
    run(dir) {
      put(`${dir}/f`, pattern(8192))
      const lines = onFile(
        `${dir}/f`,
        ['map', 0, 8192, 'r'],
        ['map_get', 0, 4095, 2],
        ['ftruncate', 0, 100],
        ['ftruncate', 0, 8192],
        ['map_get', 0, 98, 4],
        ['map_get', 0, 4095, 2],
      )
      assert.equal(lines[1], pattern(4097).subarray(4095).toString('hex'))
      assert.equal(lines[4], `${pattern(100).subarray(98).toString('hex')}0000`)
      assert.equal(lines[5], '0000')
    },
  },
  {
    name: 'an unlinked file stays mapped',
    needs: ['mmap'],
    run(dir) {
      put(`${dir}/f`, pattern(70_000))
      const lines = onFile(
        `${dir}/f`,
        ['map', 0, 70_000, 'rw'],
        ['close', 0],
        ['unlink', `${dir}/f`],
        ['map_get', 0, 65_000, 4],
        ['map_put', 0, 65_000, 'ok'],
        ['map_get', 0, 65_000, 2],
      )
      assert.equal(lines[3], pattern(65_004).subarray(65_000).toString('hex'))
      assert.equal(lines[5], Buffer.from('ok').toString('hex'))
    },
  },
  {
    name: 'statfs is plausible',
    run(dir) {
      const s = json(last(['statvfs', dir]))
      assert(s.bsize >= 512 && s.frsize >= 512, `bsize ${s.bsize}, frsize ${s.frsize}`)
      assert(s.bfree <= s.blocks && s.bavail <= s.bfree, JSON.stringify(s))
      assert(s.ffree <= s.files, JSON.stringify(s))
      assert(s.namemax >= 255, `namemax ${s.namemax}`)
    },
  },
  {
    name: 'statfs says that a file took space, and gave it back',
    needs: ['statfs'],
    run(dir) {
      const free = () => {
        const s = json(last(['open', dir, 0, 0], ['syncfs', 0], ['statvfs', dir]))
        return s.bfree * s.frsize
      }
      const before = free()
      put(`${dir}/f`, pattern(16 << 20))
      sys([...open(`${dir}/f`)], ['fsync', 0])
      const with16 = free()
      // Half of it, because others may use the same disk.
      assert(before - with16 > 8 << 20, `${before} free before, ${with16} after 16 MiB`)
      fs.unlinkSync(`${dir}/f`)
      assert(free() - with16 > 8 << 20)
    },
  },
]
