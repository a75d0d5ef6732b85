import assert from 'node:assert/strict'
import fs from 'node:fs'
import { fails, json, last, put, start, sys } from './support.mjs'

const flock = ['flock']
const posix = ['fcntl']

/** @param {string} file */
const open = (file, flags = 'RDWR') =>
  /** @type {import('./support.mjs').Op} */ (['open', file, flags, 0])

/**
 * A process that has the file open, has done `ops`, and waits for go().
 *
 * @param {string} file @param {import('./support.mjs').Op[]} ops
 */
async function holder(file, ...ops) {
  const child = start(open(file), ...ops, ['wait'])
  for (let line = await child.line(); line !== 'waiting'; line = await child.line()) {
    if (line === undefined || line.startsWith('!')) assert.fail(`the holder got ${line}`)
  }
  return child
}

/**
 * What a process that tries the lock without waiting gets.
 *
 * @param {string} file @param {import('./support.mjs').Op} op
 */
const attempt = (file, op) => sys(open(file), ['try', ...op])[1]

/**
 * The flock of a file that was closed is free: not at once, because FUSE learns of it from
 * RELEASE, which close(2) does not wait for. So this waits, up to ten seconds.
 *
 * @param {string} file
 */
const unlocked = (file) =>
  assert.equal(sys(open(file), ['alarm', 10_000], ['try', 'flock', 0, 'EX'])[2], '0')

/** @type {import('./support.mjs').Check[]} */
export const checks = [
  {
    name: 'flock: an exclusive lock excludes others, and ends at unlock',
    needs: flock,
    async run(dir) {
      put(`${dir}/f`)
      const child = await holder(`${dir}/f`, ['flock', 0, 'EX'])
      assert.equal(attempt(`${dir}/f`, ['flock', 0, 'EX|NB']), '!EAGAIN')
      assert.equal(attempt(`${dir}/f`, ['flock', 0, 'SH|NB']), '!EAGAIN')
      child.go()
      await child.exited
      unlocked(`${dir}/f`)
    },
  },
  {
    name: 'flock: shared locks go together and exclude an exclusive one',
    needs: flock,
    async run(dir) {
      put(`${dir}/f`)
      const child = await holder(`${dir}/f`, ['flock', 0, 'SH'])
      assert.equal(attempt(`${dir}/f`, ['flock', 0, 'SH|NB']), '0')
      assert.equal(attempt(`${dir}/f`, ['flock', 0, 'EX|NB']), '!EAGAIN')
      child.go()
      await child.exited
    },
  },
  {
    name: 'flock: two descriptors of one process exclude each other, a dup does not',
    needs: flock,
    run(dir) {
      put(`${dir}/f`)
      const lines = sys(
        open(`${dir}/f`),
        open(`${dir}/f`),
        ['dup', 0],
        ['flock', 0, 'EX'],
        ['try', 'flock', 1, 'EX|NB'],
        ['flock', 2, 'EX|NB'],
        ['close', 0],
        ['try', 'flock', 1, 'EX|NB'],
        ['close', 2],
        ['alarm', 10_000],
        ['flock', 1, 'EX'],
      )
      assert.equal(lines[4], '!EAGAIN')
      assert.equal(lines[7], '!EAGAIN')
      assert.equal(lines[10], '0')
    },
  },
  {
    name: 'flock: who waits gets the lock when the holder unlocks',
    needs: flock,
    async run(dir) {
      put(`${dir}/f`)
      const first = await holder(`${dir}/f`, ['flock', 0, 'EX'])
      const second = start(open(`${dir}/f`), ['flock', 0, 'EX'])
      assert.equal(await second.line(), '0')
      await second.blocked()
      first.go()
      assert.equal(await second.line(), '0')
      assert.equal(await second.exited, 0)
    },
  },
  {
    name: 'flock: who waits gets the lock when the holder is killed',
    needs: flock,
    async run(dir) {
      put(`${dir}/f`)
      const first = await holder(`${dir}/f`, ['flock', 0, 'EX'])
      const second = start(open(`${dir}/f`), ['flock', 0, 'EX'])
      await second.line()
      await second.blocked()
      first.kill('SIGKILL')
      assert.equal(await second.line(), '0')
      assert.equal(await second.exited, 0)
    },
  },
  {
    name: 'flock: a signal interrupts the wait, and the lock can be had afterwards',
    needs: flock,
    async run(dir) {
      put(`${dir}/f`)
      const child = await holder(`${dir}/f`, ['flock', 0, 'EX'])
      const lines = sys(open(`${dir}/f`), ['alarm', 150], ['try', 'flock', 0, 'EX'])
      assert.equal(lines[2], '!EINTR')
      child.go()
      await child.exited
      unlocked(`${dir}/f`)
    },
  },
  {
    name: 'flock: a waiter that is killed leaves no lock behind',
    needs: flock,
    async run(dir) {
      put(`${dir}/f`)
      const first = await holder(`${dir}/f`, ['flock', 0, 'EX'])
      const second = start(open(`${dir}/f`), ['flock', 0, 'EX'])
      await second.line()
      await second.blocked()
      second.kill('SIGKILL')
      await second.exited
      first.go()
      await first.exited
      unlocked(`${dir}/f`)
    },
  },
  {
    name: 'flock: a shared lock becomes exclusive when it is alone',
    needs: flock,
    async run(dir) {
      put(`${dir}/f`)
      const child = await holder(`${dir}/f`, ['flock', 0, 'SH'], ['flock', 0, 'EX|NB'])
      assert.equal(attempt(`${dir}/f`, ['flock', 0, 'SH|NB']), '!EAGAIN')
      child.go()
      await child.exited
    },
  },
  {
    name: 'flock: locks of different files do not meet',
    needs: flock,
    async run(dir) {
      put(`${dir}/a`)
      put(`${dir}/b`)
      const child = await holder(`${dir}/a`, ['flock', 0, 'EX'])
      assert.equal(attempt(`${dir}/b`, ['flock', 0, 'EX|NB']), '0')
      child.go()
      await child.exited
    },
  },
  {
    name: 'fcntl: a write lock excludes others in its range and nowhere else',
    needs: posix,
    async run(dir) {
      put(`${dir}/f`)
      const child = await holder(`${dir}/f`, ['setlk', 0, 'WRLCK', 10, 10])
      assert.equal(attempt(`${dir}/f`, ['setlk', 0, 'WRLCK', 0, 11]), '!EAGAIN')
      assert.equal(attempt(`${dir}/f`, ['setlk', 0, 'RDLCK', 19, 1]), '!EAGAIN')
      assert.equal(attempt(`${dir}/f`, ['setlk', 0, 'WRLCK', 0, 0]), '!EAGAIN')
      assert.equal(attempt(`${dir}/f`, ['setlk', 0, 'WRLCK', 0, 10]), '0')
      assert.equal(attempt(`${dir}/f`, ['setlk', 0, 'WRLCK', 20, 0]), '0')
      child.go()
      await child.exited
      assert.equal(attempt(`${dir}/f`, ['setlk', 0, 'WRLCK', 0, 0]), '0')
    },
  },
  {
    name: 'fcntl: read locks go together and exclude a write lock',
    needs: posix,
    async run(dir) {
      put(`${dir}/f`)
      const child = await holder(`${dir}/f`, ['setlk', 0, 'RDLCK', 0, 0])
      assert.equal(attempt(`${dir}/f`, ['setlk', 0, 'RDLCK', 5, 5]), '0')
      assert.equal(attempt(`${dir}/f`, ['setlk', 0, 'WRLCK', 5, 5]), '!EAGAIN')
      child.go()
      await child.exited
    },
  },
  {
    name: 'fcntl: unlocking the middle leaves both ends locked',
    needs: posix,
    async run(dir) {
      put(`${dir}/f`)
      const child = await holder(
        `${dir}/f`,
        ['setlk', 0, 'WRLCK', 0, 100],
        ['setlk', 0, 'UNLCK', 40, 20],
      )
      assert.equal(attempt(`${dir}/f`, ['setlk', 0, 'WRLCK', 40, 20]), '0')
      assert.equal(attempt(`${dir}/f`, ['setlk', 0, 'WRLCK', 39, 1]), '!EAGAIN')
      assert.equal(attempt(`${dir}/f`, ['setlk', 0, 'WRLCK', 60, 1]), '!EAGAIN')
      child.go()
      await child.exited
    },
  },
  {
    name: 'fcntl: F_GETLK tells type, range and holder of the lock in the way',
    needs: posix,
    async run(dir) {
      put(`${dir}/f`)
      const child = await holder(`${dir}/f`, ['setlk', 0, 'WRLCK', 10, 10])
      const found = json(last(open(`${dir}/f`), ['getlk', 0, 'RDLCK', 0, 0]))
      assert.deepEqual({ ...found, pid: 0 }, { type: 'WRLCK', start: 10, len: 10, pid: 0 })
      assert(found.pid > 0, `pid ${found.pid}`)
      const none = json(last(open(`${dir}/f`), ['getlk', 0, 'RDLCK', 20, 5]))
      assert.equal(none.type, 'UNLCK')
      child.go()
      await child.exited
    },
  },
  {
    name: 'fcntl: who waits gets the lock when the holder unlocks, and one of many gets it',
    needs: posix,
    async run(dir) {
      put(`${dir}/f`)
      const first = await holder(`${dir}/f`, ['setlk', 0, 'WRLCK', 0, 0])
      const others = [1, 2, 3].map(() => start(open(`${dir}/f`), ['setlkw', 0, 'WRLCK', 0, 0]))
      for (const other of others) {
        await other.line()
        await other.blocked()
      }
      first.go()
      for (const other of others) assert.equal(await other.exited, 0)
    },
  },
  {
    name: 'fcntl: closing any descriptor of the file gives up the locks of the process',
    needs: posix,
    async run(dir) {
      put(`${dir}/f`)
      const child = await holder(`${dir}/f`, ['setlk', 0, 'WRLCK', 0, 0], open(`${dir}/f`), [
        'close',
        1,
      ])
      assert.equal(attempt(`${dir}/f`, ['setlk', 0, 'WRLCK', 0, 0]), '0')
      child.go()
      await child.exited
    },
  },
  {
    name: 'fcntl: who waits gets the lock when the holder is killed',
    needs: posix,
    async run(dir) {
      put(`${dir}/f`)
      const first = await holder(`${dir}/f`, ['setlk', 0, 'WRLCK', 0, 0])
      const second = start(open(`${dir}/f`), ['setlkw', 0, 'WRLCK', 0, 0])
      await second.line()
      await second.blocked()
      first.kill('SIGKILL')
      assert.equal(await second.line(), '0')
    },
  },
  {
    name: 'fcntl: a signal interrupts the wait, and the lock can be had afterwards',
    needs: posix,
    async run(dir) {
      put(`${dir}/f`)
      const child = await holder(`${dir}/f`, ['setlk', 0, 'WRLCK', 0, 0])
      const lines = sys(open(`${dir}/f`), ['alarm', 150], ['try', 'setlkw', 0, 'WRLCK', 0, 0])
      assert.equal(lines[2], '!EINTR')
      child.go()
      await child.exited
      assert.equal(attempt(`${dir}/f`, ['setlk', 0, 'WRLCK', 0, 0]), '0')
    },
  },
  {
    name: 'fcntl: a process does not exclude itself, and may turn a lock into another type',
    needs: posix,
    async run(dir) {
      put(`${dir}/f`)
      const child = await holder(
        `${dir}/f`,
        open(`${dir}/f`),
        ['setlk', 0, 'WRLCK', 0, 100],
        ['setlk', 1, 'WRLCK', 50, 100],
        ['setlk', 0, 'RDLCK', 0, 150],
      )
      assert.equal(attempt(`${dir}/f`, ['setlk', 0, 'RDLCK', 0, 150]), '0')
      child.go()
      await child.exited
    },
  },
  {
    name: 'fcntl: a write lock needs a writable descriptor, a read lock a readable one',
    needs: posix,
    run(dir) {
      put(`${dir}/f`)
      fails('EBADF', () => sys(open(`${dir}/f`, 'RDONLY'), ['setlk', 0, 'WRLCK', 0, 0]))
      fails('EBADF', () => sys(open(`${dir}/f`, 'WRONLY'), ['setlk', 0, 'RDLCK', 0, 0]))
    },
  },
  {
    name: 'fcntl: locks reach to the last byte a file can have',
    needs: posix,
    async run(dir) {
      put(`${dir}/f`)
      const child = await holder(`${dir}/f`, ['setlk', 0, 'WRLCK', 2n ** 62n, 100])
      assert.equal(attempt(`${dir}/f`, ['setlk', 0, 'WRLCK', 2n ** 62n + 99n, 0]), '!EAGAIN')
      assert.equal(attempt(`${dir}/f`, ['setlk', 0, 'WRLCK', 2n ** 62n + 100n, 0]), '0')
      const found = json(last(open(`${dir}/f`), ['getlk', 0, 'WRLCK', 2n ** 62n, 1]))
      assert.equal(found.len, 100)
      child.go()
      await child.exited
    },
  },
  {
    name: 'fcntl: locks of open file descriptions exclude each other within a process',
    needs: posix,
    run(dir) {
      put(`${dir}/f`)
      const lines = sys(
        open(`${dir}/f`),
        open(`${dir}/f`),
        ['ofd_setlk', 0, 'WRLCK', 0, 10],
        ['try', 'ofd_setlk', 1, 'RDLCK', 5, 10],
        ['ofd_setlk', 1, 'WRLCK', 10, 10],
        ['ofd_setlk', 0, 'UNLCK', 0, 0],
        ['ofd_setlk', 1, 'WRLCK', 0, 20],
      )
      assert.equal(lines[3], '!EAGAIN')
    },
  },
  {
    name: 'fcntl: locks of an open file description end with its last descriptor',
    needs: posix,
    run(dir) {
      put(`${dir}/f`)
      const lines = sys(
        open(`${dir}/f`),
        ['ofd_setlk', 0, 'WRLCK', 0, 0],
        ['dup', 0],
        ['close', 0],
        open(`${dir}/f`),
        ['try', 'ofd_setlk', 2, 'WRLCK', 0, 0],
        ['close', 1],
        // Not at once, as with flock.
        ['alarm', 10_000],
        ['try', 'ofd_setlkw', 2, 'WRLCK', 0, 0],
      )
      assert.equal(lines[5], '!EAGAIN')
      assert.equal(lines[8], '0')
    },
  },
  {
    name: 'flock and fcntl locks of one file do not meet',
    needs: [...flock, ...posix],
    async run(dir) {
      put(`${dir}/f`)
      const child = await holder(`${dir}/f`, ['flock', 0, 'EX'])
      assert.equal(attempt(`${dir}/f`, ['setlk', 0, 'WRLCK', 0, 0]), '0')
      child.go()
      await child.exited
      fs.unlinkSync(`${dir}/f`)
    },
  },
]
