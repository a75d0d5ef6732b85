import { closeSync, openSync } from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Test } from 'tap'
import t from 'tap'
import { addon, EAGAIN, inChild, pair, printed, until } from './addon.ts'

const byte = new Uint8Array(1)

/** A watched end, and the end that makes it readable. */
function watched(t: Test, onReadable: (fd: number) => boolean) {
  const [near, far] = pair(t)
  const watcher = addon.watch(near, () => onReadable(near))
  t.teardown(() => watcher.close())
  return { watcher, near, send: () => addon.write(far, byte, 1) }
}

t.test('the callback is called 32 times a wake while it returns true', async (t) => {
  let calls = 0
  const { watcher, send } = watched(t, () => {
    calls++
    return true
  })
  send()
  watcher.start()
  await until(() => calls > 0)
  watcher.stop()
  t.equal(calls % 32, 0)
  calls = 0
  watcher.start()
  await nextTurn() // it comes after the poll phase of the loop
  await nextTurn()
  t.ok(calls === 32 || calls === 64, `${calls} calls in one or two turns`)
})

for (const [answer, what] of [
  [false, 'false'],
  [undefined, 'undefined'],
  [1, '1'],
  [Promise.resolve(true), 'a promise'],
] as const) {
  t.test(`${what} ends a wake`, async (t) => {
    let calls = 0
    let callsAtTurn = 0
    const { watcher, send } = watched(t, () => {
      if (calls++ === 0) setImmediate(() => (callsAtTurn = calls))
      return answer as boolean
    })
    send()
    watcher.start()
    await until(() => callsAtTurn > 0)
    t.equal(callsAtTurn, 1)
    await until(() => calls > 3)
    t.pass('it is called again as long as the descriptor is readable')
  })
}

t.test('a drained descriptor costs no calls', async (t) => {
  const reads: number[] = []
  const { watcher, send } = watched(t, (fd) => {
    reads.push(addon.read(fd, byte, 0, 1))
    return reads.at(-1) !== EAGAIN
  })
  watcher.start()
  send()
  send()
  await until(() => reads.includes(EAGAIN))
  for (let turn = 0; turn < 10; turn++) await nextTurn()
  t.same(reads, [1, 1, EAGAIN])
})

t.test('a watcher that was not started does nothing', async (t) => {
  const { send } = watched(t, () => t.fail('called'))
  send()
  for (let turn = 0; turn < 10; turn++) await nextTurn()
})

for (const end of ['stop', 'close'] as const) {
  t.test(`${end} inside the callback ends the wake`, async (t) => {
    let calls = 0
    const { watcher, send } = watched(t, () => {
      calls++
      watcher[end]()
      watcher[end]()
      return true
    })
    send()
    watcher.start()
    await until(() => calls > 0)
    for (let turn = 0; turn < 10; turn++) await nextTurn()
    t.equal(calls, 1)
    watcher.start()
    if (end === 'stop') await until(() => calls === 2)
    for (let turn = 0; turn < 10; turn++) await nextTurn()
    t.equal(calls, end === 'stop' ? 2 : 1)
  })
}

t.test('stop and start inside the callback go on', async (t) => {
  let calls = 0
  const { watcher, send } = watched(t, () => {
    watcher.stop()
    watcher.start()
    return ++calls < 100 || watcher.close() === null
  })
  send()
  watcher.start()
  await until(() => calls === 100)
})

t.test('after close, everything is a no-op', async (t) => {
  const { watcher, send } = watched(t, () => t.fail('called'))
  send()
  watcher.start()
  watcher.close()
  watcher.close()
  watcher.start()
  watcher.stop()
  watcher.ref()
  watcher.unref()
  for (let turn = 0; turn < 10; turn++) await nextTurn()
})

t.test('the descriptor stays open after close', async (t) => {
  const { watcher, near, send } = watched(t, () => false)
  watcher.start()
  watcher.close()
  await nextTurn()
  send()
  t.equal(addon.read(near, byte, 0, 1), 1)
})

t.test('a descriptor can be watched again', async (t) => {
  const { watcher, near, send } = watched(t, () => false)
  watcher.close()
  let called = false
  const next = addon.watch(near, () => {
    called = true
    next.close()
    return false
  })
  next.start()
  send()
  await until(() => called)
})

t.test('microtasks and ticks run between two calls', async (t) => {
  const order: string[] = []
  const { watcher, send } = watched(t, () => {
    order.push('call')
    process.nextTick(() => order.push('tick'))
    Promise.resolve().then(() => order.push('microtask'))
    if (order.length > 3) watcher.close()
    return true
  })
  send()
  watcher.start()
  await until(() => order.length === 6)
  t.same(order, ['call', 'tick', 'microtask', 'call', 'tick', 'microtask'])
})

t.test('an exception becomes an uncaughtException, and watching goes on', async (t) => {
  const result = inChild(({ addon }) => {
    const [near, far] = addon.socketpair() as [number, number]
    const log: string[] = []
    process.on('uncaughtException', (error) => log.push(`uncaught ${error.message}`))
    let calls = 0
    const watcher = addon.watch(near, () => {
      log.push(`call ${++calls}`)
      Promise.resolve().then(() => log.push('microtask'))
      if (calls === 3) setImmediate(() => console.log(log.join(', ')))
      if (calls === 3) watcher.close()
      if (calls < 3) throw new Error('from the callback')
      return true
    })
    watcher.start()
    addon.write(far, new Uint8Array(1), 1)
  })
  const each = (call: number) => `call ${call}, uncaught from the callback, microtask`
  t.same(result, printed(`${each(1)}, ${each(2)}, call 3, microtask\n`))
})

t.test('an exception nobody handles ends the process', async (t) => {
  const result = inChild(({ addon }) => {
    const [near, far] = addon.socketpair() as [number, number]
    addon.write(far, new Uint8Array(1), 1)
    addon
      .watch(near, () => {
        throw new Error('from the callback')
      })
      .start()
  })
  t.match(result, { status: 1, signal: null, stdout: '', stderr: /Error: from the callback/ })
})

t.test('a started watcher keeps the process, an unref`ed one does not', async (t) => {
  const result = inChild(({ addon }) => {
    const [kept, far] = addon.socketpair() as [number, number]
    const [idle] = addon.socketpair() as [number, number]
    const unreferenced = addon.watch(idle, () => false)
    unreferenced.start()
    unreferenced.unref()
    const watcher = addon.watch(kept, () => {
      console.log('called')
      watcher.unref()
      return false
    })
    watcher.unref()
    watcher.ref()
    watcher.start()
    setTimeout(() => addon.write(far, new Uint8Array(1), 1), 20).unref()
    setTimeout(() => console.log('too long'), 20_000).unref()
  })
  t.same(result, printed('called\n'))
})

t.test('a watcher and its callback live while it is open, and no longer', async (t) => {
  const result = inChild(async ({ addon, until }) => {
    const [near, far] = addon.socketpair() as [number, number]
    let calls = 0
    const open = () => {
      const watcher = addon.watch(near, () => {
        addon.read(near, new Uint8Array(1), 0, 1)
        if (++calls === 2) watcher.close()
        return false
      })
      watcher.start()
      return new WeakRef(watcher)
    }
    const watcher = open()
    const collected = () => {
      globalThis.gc?.()
      return watcher.deref() === undefined
    }
    for (let turn = 0; turn < 20; turn++) await until(() => !collected())
    addon.write(far, new Uint8Array(1), 1)
    await until(() => calls === 1)
    for (let turn = 0; turn < 20; turn++) await until(() => !collected())
    addon.write(far, new Uint8Array(1), 1)
    await until(() => calls === 2)
    await until(collected)
    console.log('collected')
  }, '--expose-gc')
  t.same(result, printed('collected\n'))
})

t.test('what cannot be watched throws', async (t) => {
  t.throws(() => addon.watch(2 ** 31 - 1, () => false), {
    code: 'EBADF',
    errno: -9,
    syscall: 'watch',
  })
  const file = openSync('/etc/passwd', 'r')
  t.throws(() => addon.watch(file, () => false), { code: 'EPERM', errno: -1, syscall: 'watch' })
  closeSync(file)
})

t.test('start throws when the descriptor was closed', async (t) => {
  const [near, far] = addon.socketpair() as [number, number]
  const watcher = addon.watch(near, () => false)
  addon.close(near)
  addon.close(far)
  t.throws(() => watcher.start(), { code: 'EBADF' })
  watcher.close()
})

t.test('a peer that goes away wakes the watcher', async (t) => {
  const [near, far] = addon.socketpair() as [number, number]
  let last = -1
  const watcher = addon.watch(near, () => {
    last = addon.read(near, byte, 0, 1)
    watcher.close()
    return true
  })
  watcher.start()
  addon.close(far)
  await until(() => last !== -1)
  t.equal(last, 0)
  addon.close(near)
})

t.test('methods refuse a foreign `this`', async (t) => {
  const { watcher } = watched(t, () => false)
  t.throws(() => watcher.start.call({} as typeof watcher), TypeError)
  t.throws(() => watcher.close.call(null as unknown as typeof watcher), TypeError)
})

t.test('watchers work in worker threads and in the main thread at once', async (t) => {
  const result = inChild(async ({ addon, worker, require }) => {
    const { once } = require('node:events') as typeof import('node:events')
    const workers = [1, 2, 3].map(() =>
      worker(({ addon, require }) => {
        const { parentPort } =
          require('node:worker_threads') as typeof import('node:worker_threads')
        const [near, far] = addon.socketpair() as [number, number]
        let calls = 0
        const watcher = addon.watch(near, () => {
          if (++calls < 100) return true
          parentPort?.postMessage(calls)
          watcher.close()
          return false
        })
        watcher.start()
        addon.write(far, new Uint8Array(1), 1)
      }),
    )
    const [near, far] = addon.socketpair() as [number, number]
    let calls = 0
    const watcher = addon.watch(near, () => ++calls < 100)
    watcher.start()
    addon.write(far, new Uint8Array(1), 1)
    for (const [count] of await Promise.all(workers.map((one) => once(one, 'message'))))
      console.log(count)
    watcher.close()
    console.log(calls >= 100)
  })
  t.same(result, printed('100\n100\n100\ntrue\n'))
})

t.test('a worker can be terminated, or exit, while it watches', async (t) => {
  const result = inChild(async ({ worker }) => {
    const watching = (end: string) =>
      worker(({ addon, require }) => {
        const { parentPort, workerData } =
          require('node:worker_threads') as typeof import('node:worker_threads')
        const [near, far] = addon.socketpair() as [number, number]
        const [quiet] = addon.socketpair() as [number, number]
        let calls = 0
        const busy = addon.watch(near, () => {
          if (++calls === 40) parentPort?.postMessage('watching')
          if (calls === 40 && workerData === 'exit') process.exit(3)
          if (calls === 40 && workerData === 'close and exit') busy.close()
          if (calls === 40 && workerData === 'close and exit') process.exit(3)
          if (calls === 40 && workerData === 'throw') throw new Error('from the worker')
          if (calls === 40 && workerData === 'unref') for (const one of [busy, idle]) one.unref()
          return true
        })
        const idle = addon.watch(quiet, () => true)
        const never = addon.watch(near, () => true)
        if (workerData === 'exit') never.close()
        busy.start()
        idle.start()
        addon.write(far, new Uint8Array(1), 1)
      }, end)
    for (const end of ['terminate', 'exit', 'close and exit', 'throw', 'unref']) {
      const codes = new Set<number>()
      for (let round = 0; round < 5; round++) {
        const one = watching(end)
        one.on('error', () => {})
        if (end === 'terminate') one.once('message', () => one.terminate())
        const code = await new Promise<number>((resolve) => one.on('exit', resolve))
        codes.add(code)
      }
      console.log(end, ...codes)
    }
  })
  t.same(result, printed('terminate 1\nexit 3\nclose and exit 3\nthrow 1\nunref 0\n'))
})

t.test('a process can exit while it watches', async (t) => {
  for (const end of ['process.exit(4)', 'watcher.close(); process.exit(4)']) {
    const result = inChild(
      new Function(
        '{ addon }',
        `const [near, far] = addon.socketpair()
        const watcher = addon.watch(near, () => { ${end} })
        watcher.start()
        addon.write(far, new Uint8Array(1), 1)`,
      ) as Parameters<typeof inChild>[0],
    )
    t.same(result, { ...printed(''), status: 4 }, end)
  }
})
