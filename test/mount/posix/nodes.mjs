import assert from 'node:assert/strict'
import { once } from 'node:events'
import fs from 'node:fs'
import net from 'node:net'
import { asNobody, fails, lstat, modeOf, put, start, sys } from './support.mjs'

/** @type {import('./support.mjs').Check[]} */
export const checks = [
  {
    name: 'mknod makes a fifo of the asked mode',
    run(dir) {
      sys(['mknod', `${dir}/p`, 'FIFO', '640', 0, 0])
      assert(lstat(`${dir}/p`).isFIFO())
      assert.equal(modeOf(`${dir}/p`), '640')
      assert.equal(lstat(`${dir}/p`).nlink, 1n)
    },
  },
  {
    name: 'mknod makes character and block devices with their numbers',
    needs: ['devices'],
    run(dir) {
      sys(
        ['mknod', `${dir}/c`, 'CHR', '600', 300, 70_000],
        ['mknod', `${dir}/b`, 'BLK', '600', 7, 3],
      )
      assert(lstat(`${dir}/c`).isCharacterDevice())
      assert(lstat(`${dir}/b`).isBlockDevice())
      // makedev(3): the minor number lies on both sides of the major one.
      assert.equal(
        lstat(`${dir}/c`).rdev,
        (70_000n & 0xffn) | (300n << 8n) | ((70_000n & ~0xffn) << 12n),
      )
      assert.equal(lstat(`${dir}/b`).rdev, 7n * 256n + 3n)
    },
  },
  {
    name: 'mknod makes an empty regular file',
    run(dir) {
      sys(['mknod', `${dir}/f`, 'REG', '640', 0, 0])
      assert(lstat(`${dir}/f`).isFile())
      assert.equal(lstat(`${dir}/f`).size, 0n)
      put(`${dir}/f`, 'and can be written')
    },
  },
  {
    name: 'mknod onto a name is EEXIST, of a device by another user EPERM',
    run(dir) {
      put(`${dir}/f`)
      fails('EEXIST', () => sys(['mknod', `${dir}/f`, 'FIFO', '644', 0, 0]))
      fails('EPERM', () => asNobody(['mknod', `${dir}/c`, 'CHR', '644', 1, 3]))
    },
  },
  {
    name: 'a fifo carries bytes between two processes',
    async run(dir) {
      sys(['mknod', `${dir}/p`, 'FIFO', '644', 0, 0])
      const reader = start(['open', `${dir}/p`, 'RDONLY', 0], ['read', 0, 100], ['read', 0, 100])
      await reader.blocked()
      sys(['open', `${dir}/p`, 'WRONLY', 0], ['write', 0, 'through the fifo'])
      assert.equal(await reader.line(), '0')
      assert.equal(await reader.line(), Buffer.from('through the fifo').toString('hex'))
      assert.equal(await reader.line(), '')
      assert.equal(await reader.exited, 0)
      assert.equal(lstat(`${dir}/p`).size, 0n)
    },
  },
  {
    name: 'opening a fifo for writing without a reader is ENXIO with O_NONBLOCK',
    run(dir) {
      sys(['mknod', `${dir}/p`, 'FIFO', '644', 0, 0])
      fails('ENXIO', () => sys(['open', `${dir}/p`, 'WRONLY|NONBLOCK', 0]))
    },
  },
  {
    name: 'a unix socket can be bound, connected to and removed',
    async run(dir) {
      const path = `${dir}/s`
      const server = net.createServer((socket) => socket.end('hello')).listen(path)
      await once(server, 'listening')
      assert(lstat(path).isSocket())
      const client = net.connect(path)
      const [data] = await once(client.setEncoding('utf8'), 'data')
      assert.equal(data, 'hello')
      client.destroy()
      const second = net.createServer()
      const failed = once(second, 'error')
      second.listen(path)
      assert.equal((await failed)[0].code, 'EADDRINUSE')
      server.close()
      await once(server, 'close')
    },
  },
  {
    name: 'a socket nobody listens on is ECONNREFUSED to connect, ENXIO to open',
    async run(dir) {
      sys(['mknod', `${dir}/s`, 'SOCK', '644', 0, 0])
      assert(lstat(`${dir}/s`).isSocket())
      const [error] = await once(net.connect(`${dir}/s`), 'error')
      assert.equal(error.code, 'ECONNREFUSED')
      fails('ENXIO', () => fs.openSync(`${dir}/s`, 'r'))
    },
  },
  {
    name: 'a fifo can be renamed, linked and unlinked',
    run(dir) {
      sys(['mknod', `${dir}/p`, 'FIFO', '644', 0, 0])
      fs.renameSync(`${dir}/p`, `${dir}/q`)
      fs.linkSync(`${dir}/q`, `${dir}/r`)
      assert.equal(lstat(`${dir}/r`).nlink, 2n)
      fs.unlinkSync(`${dir}/q`)
      assert(lstat(`${dir}/r`).isFIFO())
    },
  },
]
