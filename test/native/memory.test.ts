import { closeSync, openSync, readFileSync, readSync } from 'node:fs'
import t from 'tap'
import { addon, inChild, printed } from './addon.ts'

const page = addon.pageSize

/** The address of `mark` at the start of a page of this process, or undefined. */
function pageThatStartsWith(mark: Buffer): bigint | undefined {
  const memory = openSync('/proc/self/mem', 'r')
  const found = Buffer.alloc(mark.length)
  const startsWithMark = (address: bigint) => {
    try {
      return readSync(memory, found, 0, found.length, address) > 0 && found.equals(mark)
    } catch {
      return false // unmapped meanwhile, or a guard page
    }
  }
  try {
    for (const address of writablePages()) if (startsWithMark(address)) return address
    return undefined
  } finally {
    closeSync(memory)
  }
}

function* writablePages() {
  for (const line of readFileSync('/proc/self/maps', 'latin1').split('\n')) {
    const [, start, end] = /^(\w+)-(\w+) rw-p 00000000 00:00 0 *$/.exec(line) ?? []
    const tooBig = 1n << 30n // AddressSanitizer's shadow
    if (!start || BigInt(`0x${end}`) - BigInt(`0x${start}`) > tooBig) continue
    for (let at = BigInt(`0x${start}`); at < BigInt(`0x${end}`); at += BigInt(page)) yield at
  }
}

for (const [length, lead] of [
  [1, 0],
  [page, 0],
  [(1 << 20) + page, 80],
  [page * 3, page],
  [page * 3, page + 17],
  [page * 3, page - 1],
] as const) {
  t.test(`allocate(${length}, ${lead}): byte ${lead} starts a page`, async (t) => {
    const memory = addon.allocate(length, lead)
    if (memory === null) throw new Error('no memory')
    const bytes = Buffer.from(memory)
    t.equal(bytes.length, length)
    t.ok(bytes.every((byte) => byte === 0))
    const mark = Buffer.from(`page ${Math.random()} of ${length}`).subarray(0, length - lead)
    if (mark.length < 16) return
    bytes.set(mark, lead)
    t.ok(pageThatStartsWith(mark))
    bytes.fill(1)
  })
}

t.test('collected memory goes back to the system', async (t) => {
  const result = inChild(async ({ addon, require }) => {
    const { readFileSync } = require('node:fs') as typeof import('node:fs')
    const pages = () => Number(readFileSync('/proc/self/statm', 'latin1').split(' ')[1])
    const round = async () => {
      for (let count = 0; count < 100; count++) {
        const memory = addon.allocate(1 << 18, 80)
        if (memory === null) throw new Error('no memory')
        new Uint8Array(memory).fill(1)
      }
      globalThis.gc?.()
      await new Promise((resolve) => setImmediate(resolve))
    }
    for (let warmUp = 0; warmUp < 5; warmUp++) await round()
    const before = pages()
    for (let rounds = 0; rounds < 100; rounds++) await round()
    const grown = (pages() - before) * addon.pageSize
    // All in all 2.5 GB went through. AddressSanitizer's shadow takes an eighth of what is mapped.
    console.log(grown < 1 << 28 ? 'flat' : `grew by ${grown} bytes`)
  }, '--expose-gc')
  t.same(result, printed('flat\n'))
})

t.test('an exchange keeps its memory, and is collected with it', async (t) => {
  const result = inChild(async ({ addon, cstring, until }) => {
    const [near, far] = addon.socketpair() as [number, number]
    const open = () => {
      const out = new Uint8Array(addon.allocate(1 << 20, 0) as ArrayBuffer)
      out.set(cstring('kept'))
      return { exchange: addon.exchanger(near, out), out: new WeakRef(out) }
    }
    let exchange: ReturnType<typeof addon.exchanger> | null
    const opened = open()
    exchange = opened.exchange
    Object.assign(opened, { exchange: null })
    for (let turn = 0; turn < 20; turn++) {
      await new Promise((resolve) => setImmediate(resolve))
      globalThis.gc?.()
    }
    const room = Buffer.alloc(4)
    exchange(4, room)
    addon.read(far, room, 0, 4)
    console.log(room.toString())
    exchange = null
    await until(() => {
      globalThis.gc?.()
      return opened.out.deref() === undefined
    })
    console.log('collected')
  }, '--expose-gc')
  t.same(result, printed('kept\ncollected\n'))
})

t.test('a worker that ends returns its memory', async (t) => {
  const result = inChild(async ({ addon, require, worker }) => {
    const { readFileSync } = require('node:fs') as typeof import('node:fs')
    const { once } = require('node:events') as typeof import('node:events')
    const pages = () => Number(readFileSync('/proc/self/statm', 'latin1').split(' ')[0])
    const round = async () => {
      const one = worker(({ addon }) => {
        Object.assign(globalThis, { kept: addon.allocate(1 << 28, 0) })
      })
      await once(one, 'exit')
    }
    for (let warmUp = 0; warmUp < 3; warmUp++) await round()
    const before = pages()
    for (let rounds = 0; rounds < 8; rounds++) await round()
    const grown = (pages() - before) * addon.pageSize
    console.log(grown < 2 ** 28 ? 'flat' : `grew by ${grown} bytes`)
  })
  t.same(result, printed('flat\n'))
})

t.test('allocate returns null where there is no memory left', async (t) => {
  const result = inChild(({ addon, require }) => {
    const { execFileSync } = require('node:child_process') as typeof import('node:child_process')
    const { readFileSync } = require('node:fs') as typeof import('node:fs')
    const size = Number(readFileSync('/proc/self/statm', 'latin1').split(' ')[0]) * addon.pageSize
    execFileSync('prlimit', ['--pid', String(process.pid), `--as=${size + 2 ** 29}`])
    console.log(addon.allocate(2 ** 30, 80), addon.allocate(2 ** 20, 80)?.byteLength)
  })
  t.same(result, printed('null 1048576\n'))
})
