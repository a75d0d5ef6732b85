import { readFileSync } from 'node:fs'
import t from 'tap'
import {
  addon,
  context,
  cstring,
  EBADF,
  ENODEV,
  ENOENT,
  EPERM,
  inChild,
  openDescriptors,
  pair,
  printed,
  temporaryDirectory,
} from './addon.ts'

t.test('writeAsync writes the bytes it was given at the call', async (t) => {
  const [near, far] = pair(t)
  const bytes = Buffer.from('before')
  let returned = false
  const result = await new Promise((resolve) => {
    addon.writeAsync(near, bytes, 4, (count) => resolve({ count, returned }))
    bytes.write('after!')
    returned = true
  })
  t.same(result, { count: 4, returned: true })
  const room = Buffer.alloc(16)
  t.equal(addon.read(far, room, 0, 16), 4)
  t.equal(room.toString('latin1', 0, 4), 'befo')
})

t.test('writeAsync writes to the file that had the number at the call', async (t) => {
  const [near, far] = addon.socketpair() as [number, number]
  const done = new Promise((resolve) => addon.writeAsync(near, Buffer.from('x'), 1, resolve))
  addon.close(near)
  t.equal(await done, 1)
  t.equal(addon.read(far, Buffer.alloc(1), 0, 1), 1)
  addon.close(far)
})

t.test('results are negative errnos', async (t) => {
  const missing = cstring('/no/such/target')
  const data = new Uint8Array(0)
  const privileged = process.getuid?.() === 0
  const results = await Promise.all([
    new Promise((done) => addon.writeAsync(2 ** 31 - 1, data, 0, done)),
    new Promise((done) => addon.umountAsync(missing, 0, done)),
    new Promise((done) => addon.mountAsync(missing, missing, cstring('fuse'), 0, data, done)),
    new Promise((done) =>
      addon.mountAsync(missing, cstring('/'), cstring('nosuchfs'), 0, data, done),
    ),
  ])
  t.same(results, [EBADF, ENOENT, ENOENT, privileged ? ENODEV : EPERM])
})

t.test('no descriptor leaks', async (t) => {
  const [near, far] = pair(t)
  const room = Buffer.alloc(1)
  const before = openDescriptors()
  for (let round = 0; round < 1000; round++) {
    await new Promise((done) => addon.writeAsync(near, room, 1, () => done(undefined)))
    addon.read(far, room, 0, 1)
  }
  t.equal(openDescriptors(), before)
})

t.test('done gets its microtasks, and may throw without hurting the others', async (t) => {
  const result = inChild(({ addon }) => {
    const [near] = addon.socketpair() as [number, number]
    const log: string[] = []
    process.on('uncaughtException', (error) => log.push(error.message))
    process.on('exit', () => console.log(log.sort().join(' ')))
    for (const name of ['a', 'b', 'c'])
      addon.writeAsync(near, Buffer.from(name), 1, () => {
        Promise.resolve().then(() => log.push(`${name} microtask`))
        throw new Error(name)
      })
  })
  t.same(result, printed('a a microtask b b microtask c c microtask\n'))
})

t.test('a blocked call holds up neither others nor the loop', async (t) => {
  process.env.DIRECTORY = temporaryDirectory(t)
  const result = inChild(async ({ addon, pipe }) => {
    const { fd, fill, drain } = pipe(String(process.env.DIRECTORY))
    const [near, far] = addon.socketpair() as [number, number]
    const byte = Buffer.alloc(1)
    const others: unknown[] = []
    fill()
    const blocked = new Promise((done) => addon.writeAsync(fd, byte, 1, done))
    blocked.then((count) => console.log(`${others.length} others before the blocked one: ${count}`))
    for (let round = 0; round < 100; round++) {
      others.push(await new Promise((done) => addon.writeAsync(near, byte, 1, done)))
      addon.read(far, byte, 0, 1)
    }
    drain()
    await blocked
    console.log(...new Set(others))
  })
  t.same(result, printed('100 others before the blocked one: 1\n1\n'))
})

t.test('64 calls block at once, the 65th waits for a thread', async (t) => {
  process.env.DIRECTORY = temporaryDirectory(t)
  const result = inChild(async ({ addon, pipe, addonThreads, until }) => {
    const { fd, fill, drain } = pipe(String(process.env.DIRECTORY))
    const byte = Buffer.alloc(1)
    fill()
    let written = 0
    for (let call = 0; call < 64; call++) addon.writeAsync(fd, byte, 1, () => written++)
    await until(() => addonThreads().length === 64)
    const [near, far] = addon.socketpair() as [number, number]
    addon.writeAsync(near, byte, 1, () => written++)
    for (let turn = 0; turn < 100; turn++) await new Promise((done) => setImmediate(done))
    console.log(addonThreads().length, written, addon.read(far, byte, 0, 1))
    await until(() => drain() === 0 && written === 65)
    console.log(addon.read(far, byte, 0, 1))
  })
  t.same(result, printed('64 0 -11\n1\n'))
})

t.test('calls one after the other share a thread, which ends when idle', async (t) => {
  const result = inChild(async ({ addon, addonThreads, until }) => {
    const [near, far] = addon.socketpair() as [number, number]
    const byte = Buffer.alloc(1)
    let most = 0
    for (let round = 0; round < 50; round++) {
      await new Promise((done) => addon.writeAsync(near, byte, 1, done))
      addon.read(far, byte, 0, 1)
      most = Math.max(most, addonThreads().length)
    }
    // A call that comes before the thread has gone back to waiting gets a second one.
    console.log(most <= 2)
    await until(() => addonThreads().length === 0)
    console.log(await new Promise((done) => addon.writeAsync(near, byte, 1, done)))
  })
  t.same(result, printed('true\n1\n'))
})

t.test('the threads block all signals', async (t) => {
  const [near] = pair(t)
  await new Promise((done) => addon.writeAsync(near, Buffer.alloc(1), 1, done))
  const status = context.addonThreads().map((task) => readFileSync(`${task}/status`, 'latin1'))
  t.ok(status.length > 0)
  for (const one of status) {
    const blocked = BigInt(`0x${/^SigBlk:\t(\w+)$/m.exec(one)?.[1]}`)
    for (const signal of [1, 2, 10, 12, 13, 14, 15, 17, 27, 34, 63])
      t.ok(blocked & (1n << BigInt(signal - 1)), `signal ${signal}`)
  }
})

t.test('an idle process exits, without waiting for idle threads', async (t) => {
  const result = inChild(({ addon }) => {
    const [near] = addon.socketpair() as [number, number]
    addon.writeAsync(near, Buffer.alloc(1), 1, (count) => {
      const done = performance.now()
      process.on('exit', () => console.log(count, performance.now() - done < 2000))
    })
  })
  t.same(result, printed('1 true\n'))
})

t.test('a process exits while a call is blocked', async (t) => {
  process.env.DIRECTORY = temporaryDirectory(t)
  const result = inChild(async ({ addon, pipe, addonThreads, until }) => {
    const { fd, fill } = pipe(String(process.env.DIRECTORY))
    fill()
    addon.writeAsync(fd, Buffer.alloc(1), 1, () => console.log('written'))
    await until(() => addonThreads().length === 1)
    process.exit(5)
  })
  t.same(result, { ...printed(''), status: 5 })
})

t.test('a worker ends while calls are blocked, and they end later', async (t) => {
  process.env.DIRECTORY = temporaryDirectory(t)
  const result = inChild(async ({ worker, pipe, addonThreads, until }) => {
    const { fd, fill, drain } = pipe(String(process.env.DIRECTORY))
    for (const end of ['terminate', 'exit']) {
      fill()
      // Only workers load the addon: when the last one ends, Node calls dlclose on it.
      const workers = [1, 2].map(() =>
        worker(
          ({ addon, require }) => {
            const { workerData } =
              require('node:worker_threads') as typeof import('node:worker_threads')
            for (let call = 0; call < 70; call++)
              addon.writeAsync(workerData.fd, Buffer.alloc(1), 1, () => console.log('written'))
            if (workerData.end === 'exit') process.exit()
          },
          { fd, end },
        ),
      )
      const exits = workers.map((one) => new Promise((resolve) => one.on('exit', resolve)))
      if (end === 'terminate') await until(() => addonThreads().length === 128)
      if (end === 'terminate') for (const one of workers) one.terminate()
      console.log(end, ...(await Promise.all(exits)))
      await until(() => drain() === 0 && addonThreads().length === 0)
    }
  })
  t.same(result, printed('terminate 1 1\nexit 0 0\n'))
})
