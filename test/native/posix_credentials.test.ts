import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { posix } from '../../lib/posix.ts'
import { inChild, printed, temporaryDirectory } from './addon.ts'

const options = process.getuid?.() === 0 ? {} : { skip: 'not root' }

/** A directory that anybody may write to, for the child. */
function shared(t: Test): void {
  const directory = join(temporaryDirectory(t), 'x')
  mkdirSync(directory)
  posix.fchmodat2(-1, join(directory, '..'), 0o755, 0)
  posix.fchmodat2(-1, directory, 0o777, 0)
  process.env.DIRECTORY = directory
}

t.test('a file belongs to who setfsuid and setfsgid say', options, async (t) => {
  shared(t)
  const result = inChild(({ addon: { posix }, require }) => {
    const fs = require('node:fs') as typeof import('node:fs')
    const path = (name: string) => `${process.env.DIRECTORY}/${name}`
    const owner = (name: string) => [fs.statSync(path(name)).uid, fs.statSync(path(name)).gid]
    fs.mkdirSync(path('closed'), 0o700)
    console.log(posix.setfsgid(0xfffffffd), posix.setfsuid(0xfffffffe))
    console.log(posix.setfsuid(0xffffffff), posix.setfsgid(0xffffffff))
    posix.close(posix.openat(-1, path('theirs'), 0o102, 0o600))
    posix.mkdirat(-1, path('sub'), 0o700)
    console.log(posix.mknodat(-1, path('closed/never'), 0o100600, 0))
    console.log(posix.setfsuid(0), posix.setfsgid(0))
    posix.close(posix.openat(-1, path('ours'), 0o102, 0o600))
    console.log(...owner('theirs'), ...owner('sub'), ...owner('ours'))
  })
  const [uid, gid] = [0xfffffffe, 0xfffffffd]
  const lines = ['0 0', `${uid} ${gid}`, '-13', `${uid} ${gid}`, `${uid} ${gid} ${uid} ${gid} 0 0`]
  t.same(result, printed(`${lines.join('\n')}\n`))
})

t.test('other threads stay who they are', options, async (t) => {
  shared(t)
  const result = inChild(async ({ addon: { posix }, worker, require }) => {
    const fs = require('node:fs') as typeof import('node:fs')
    const path = (name: string) => `${process.env.DIRECTORY}/${name}`
    // libuv's threads are there before.
    await fs.promises.writeFile(path('before'), '')
    const who = (id: string) => {
      const status = fs.readFileSync(`/proc/self/task/${id}/status`, 'latin1')
      return (status.match(/^(Uid|Gid|Groups):.*$/gm) ?? []).join(' ').replace(/\s+/g, ' ').trim()
    }
    const ours = String(process.pid)
    const others = () =>
      fs
        .readdirSync('/proc/self/task')
        .filter((id) => id !== ours)
        .map(who)
        .join()
    const before = others()
    posix.setgroups(Uint32Array.of(7, 0xfffffffe))
    posix.setfsgid(12)
    posix.setfsuid(11)
    console.log(who(ours))
    console.log(others() === before)
    await fs.promises.writeFile(path('by a thread of libuv'), '')
    posix.setfsuid(0)
    posix.setfsgid(0)
    const other = worker(({ addon: { posix } }) => {
      posix.setfsuid(13)
      posix.close(posix.openat(-1, `${process.env.DIRECTORY}/by a worker`, 0o102, 0o600))
    })
    await new Promise((done) => other.on('exit', done))
    posix.close(posix.openat(-1, path('by us'), 0o102, 0o600))
    for (const name of ['by a thread of libuv', 'by a worker', 'by us'])
      console.log(name, fs.statSync(path(name)).uid)
  })
  const us = 'Uid: 0 0 0 11 Gid: 0 0 0 12 Groups: 7 4294967294'
  const files = 'by a thread of libuv 0\nby a worker 13\nby us 0\n'
  t.same(result, printed(`${us}\ntrue\n${files}`))
})

t.test('setgroups and getgroups', options, async (t) => {
  const result = inChild(({ addon: { posix } }) => {
    const into = new Uint32Array(4)
    console.log(posix.setgroups(Uint32Array.of(3, 0xfffffffe, 1)))
    console.log(posix.getgroups(new Uint32Array(0)), posix.getgroups(into), into.join())
    console.log(posix.getgroups(into.subarray(0, 2)))
    console.log(posix.setgroups(new Uint32Array(70_000)))
    console.log(posix.setgroups(new Uint32Array(0)), posix.getgroups(into))
  })
  t.same(result, printed('0\n3 3 1,3,4294967294,0\n-22\n-22\n0 0\n'))
})

t.test('capabilities of the calling thread', options, async (t) => {
  shared(t)
  const result = inChild(({ addon: { posix }, require }) => {
    const fs = require('node:fs') as typeof import('node:fs')
    const CAP_DAC_OVERRIDE = 1 << 1
    const sets = Buffer.alloc(24)
    const path = `${process.env.DIRECTORY}/locked`
    fs.writeFileSync(path, '', { mode: 0 })
    const open = () => {
      const fd = posix.openat(-1, path, 0, 0)
      return fd >= 0 ? posix.close(fd) : fd
    }
    console.log(posix.capget(sets), sets.readUInt32LE(0) === sets.readUInt32LE(4), open())
    const effective = sets.readUInt32LE(0)
    // CAP_DAC_READ_SEARCH 2 would do as well.
    sets.writeUInt32LE((effective & ~(CAP_DAC_OVERRIDE | 4)) >>> 0, 0)
    posix.fchownat(-1, path, 11, 11, 0)
    console.log(posix.capset(sets), open())
    const [, process_] = fs
      .readFileSync('/proc/self/status', 'latin1')
      .match(/^CapEff:\s*(\w+)$/m) as RegExpMatchArray
    console.log((BigInt(`0x${process_}`) & 2n) === 0n)
    sets.writeUInt32LE(effective, 0)
    console.log(posix.capset(sets), open())
    sets.writeUInt32LE(0, 4)
    console.log(posix.capset(sets), 'effective without permitted')
  })
  const lines = ['0 true 0', '0 -13', 'true', '0 0', '-1 effective without permitted']
  t.same(result, printed(`${lines.join('\n')}\n`))
})

t.test('umask is of the process', async (t) => {
  shared(t)
  const result = inChild(({ addon: { posix }, require }) => {
    const fs = require('node:fs') as typeof import('node:fs')
    process.umask(0o022)
    console.log(posix.umask(0o027), process.umask())
    posix.mkdirat(-1, `${process.env.DIRECTORY}/sub`, 0o777)
    console.log(fs.statSync(`${process.env.DIRECTORY}/sub`).mode.toString(8), posix.umask(0o777))
  })
  t.same(result, printed('18 23\n40750 23\n'))
})
