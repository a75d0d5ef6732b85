import t from 'tap'
import { addon, cstring, EBADF, pair } from './addon.ts'

const bytes = new Uint8Array(8)
const path = cstring('/nowhere')
const none = () => {}
const detached = () => {
  const array = new Uint8Array(8)
  structuredClone(array.buffer, { transfer: [array.buffer] })
  return array
}

type Case = [name: keyof typeof addon, args: unknown[], error: string, message: RegExp]

const cases: Case[] = [
  ['open', [], 'TypeError', /path: expected a Uint8Array/],
  ['open', ['/etc/passwd', 0], 'TypeError', /path: expected a Uint8Array/],
  ['open', [Buffer.from('/etc/passwd'), 0], 'TypeError', /path: expected NUL-terminated bytes/],
  ['open', [new Uint8Array(0), 0], 'TypeError', /path: expected NUL-terminated bytes/],
  ['open', [detached(), 0], 'TypeError', /path: expected NUL-terminated bytes/],
  ['open', [path, 'r'], 'TypeError', /flags: expected an integer/],
  [
    'open',
    [path, 2 ** 31],
    'RangeError',
    /flags: expected an integer from -2147483648 to 2147483647/,
  ],
  ['close', [], 'TypeError', /fd: expected an integer/],
  ['close', [2 ** 31], 'RangeError', /fd: expected an integer from -2147483648 to 2147483647/],
  ['revents', [-1], 'RangeError', /fd: expected an integer from 0 to 2147483647/],
  ['close', [1.5], 'TypeError', /fd: expected an integer/],
  ['close', [Number.NaN], 'RangeError', /fd: expected an integer/],
  ['close', [3n], 'TypeError', /fd: expected an integer/],
  ['ioctl', [0, -1, null], 'RangeError', /request: expected an integer from 0 to 4294967295/],
  ['ioctl', [0, 1, undefined], 'TypeError', /argument: expected a Uint8Array/],
  // _IOR('f', 1, long): the kernel writes 8 bytes
  ['ioctl', [0, 0x80086601, new Uint8Array(7)], 'TypeError', /argument: expected at least/],
  ['revents', ['0'], 'TypeError', /fd: expected an integer/],
  ['read', [0, [], 0, 0], 'TypeError', /bytes: expected a Uint8Array/],
  ['read', [0, new Int8Array(8), 0, 0], 'TypeError', /bytes: expected a Uint8Array/],
  ['read', [0, new Uint8ClampedArray(8), 0, 0], 'TypeError', /bytes: expected a Uint8Array/],
  ['read', [0, new Uint32Array(8), 0, 0], 'TypeError', /bytes: expected a Uint8Array/],
  ['read', [0, new DataView(new ArrayBuffer(8)), 0, 0], 'TypeError', /bytes: expected/],
  ['read', [0, new ArrayBuffer(8), 0, 0], 'TypeError', /bytes: expected a Uint8Array/],
  ['read', [0, bytes, -1, 0], 'RangeError', /offset: expected an integer from 0 to 8/],
  ['read', [0, bytes, 9, 0], 'RangeError', /offset: expected an integer from 0 to 8/],
  ['read', [0, bytes, 3, 6], 'RangeError', /length: expected an integer from 0 to 5/],
  ['read', [0, bytes, 0, 2 ** 53], 'RangeError', /length: expected/],
  ['read', [0, bytes, 0, Infinity], 'RangeError', /length: expected/],
  ['read', [0, bytes, 0], 'TypeError', /length: expected an integer/],
  [
    'read',
    [0, bytes.subarray(2, 4), 0, 3],
    'RangeError',
    /length: expected an integer from 0 to 2/,
  ],
  ['read', [0, detached(), 0, 1], 'RangeError', /length: expected an integer from 0 to 0/],
  ['write', [0, 'text', 1], 'TypeError', /bytes: expected a Uint8Array/],
  ['write', [0, bytes, 9], 'RangeError', /length: expected an integer from 0 to 8/],
  ['write', [0, detached(), 1], 'RangeError', /length: expected an integer from 0 to 0/],
  ['writev', [0, bytes, 1], 'TypeError', /pieces: expected an array/],
  ['writev', [0, bytes, 9, []], 'RangeError', /length: expected an integer from 0 to 8/],
  ['writev', [0, null, 0, []], 'TypeError', /head: expected a Uint8Array/],
  ['writev', [0, bytes, 1, bytes], 'TypeError', /pieces: expected an array/],
  ['writev', [0, bytes, 1, [bytes, 'a']], 'TypeError', /pieces: expected an array of Uint8Arrays/],
  ['writev', [0, bytes, 1, new Array(3)], 'TypeError', /pieces: expected an array of Uint8Arrays/],
  [
    'writev',
    [0, bytes, 1, Array(1024).fill(bytes)],
    'RangeError',
    /pieces.length: expected .* 1023/,
  ],
  ['exchanger', [-1, bytes], 'RangeError', /fd: expected an integer from 0/],
  ['exchanger', [0, []], 'TypeError', /out: expected a Uint8Array/],
  ['allocate', ['1', 0], 'TypeError', /length: expected an integer/],
  ['allocate', [0, 0], 'RangeError', /length: expected an integer from 1 to 4294967295/],
  ['allocate', [2 ** 32, 0], 'RangeError', /length: expected an integer from 1 to 4294967295/],
  ['allocate', [10, 10], 'RangeError', /lead: expected an integer from 0 to 9/],
  ['watch', [0], 'TypeError', /onReadable: expected a function/],
  ['watch', ['0', none], 'TypeError', /fd: expected an integer/],
  ['mountAsync', [null, path, path, 0, bytes, none], 'TypeError', /source: expected a Uint8Array/],
  ['mountAsync', [path, '', path, 0, bytes, none], 'TypeError', /target: expected a Uint8Array/],
  [
    'mountAsync',
    [path, path, new Uint8Array(0), 0, bytes, none],
    'TypeError',
    /type: expected NUL/,
  ],
  ['mountAsync', [path, path, path, -1, bytes, none], 'RangeError', /flags: expected an integer/],
  ['mountAsync', [path, path, path, 0, '', none], 'TypeError', /data: expected a Uint8Array/],
  ['mountAsync', [path, path, path, 0, bytes, 1], 'TypeError', /done: expected a function/],
  ['umountAsync', [path, 0], 'TypeError', /done: expected a function/],
  ['umountAsync', [path, null, none], 'TypeError', /flags: expected an integer/],
  [
    'umountAsync',
    [Buffer.from('x'), 0, none],
    'TypeError',
    /target: expected NUL-terminated bytes/,
  ],
  ['writeAsync', [0, bytes, 9, none], 'RangeError', /length: expected an integer from 0 to 8/],
  ['writeAsync', [0, bytes, 1, {}], 'TypeError', /done: expected a function/],
  ['writeAsync', [0, detached(), 1, none], 'RangeError', /length: expected/],
  ['receiveFd', ['0'], 'TypeError', /fd: expected an integer/],
  ['umount2', ['/', 0], 'TypeError', /target: expected a Uint8Array/],
  ['umount2', [path], 'TypeError', /flags: expected an integer/],
]

for (const [name, args, error, message] of cases) {
  t.test(`${name}(${args.map(shown).join(', ')}) throws a ${error}`, async (t) => {
    const call = addon[name] as (...args: unknown[]) => unknown
    t.throws(() => call(...args), { name: error, message })
  })
}

function shown(value: unknown): string {
  if (Array.isArray(value)) return `array of ${value.length}`
  return ArrayBuffer.isView(value)
    ? `${value.constructor.name} of ${value.byteLength}`
    : String(value)
}

t.test('only one exception is thrown for several wrong arguments', async (t) => {
  t.throws(() => addon.read(-1, null as unknown as Uint8Array, -1, -1), { message: /^fd: / })
  t.equal(addon.close(2 ** 31 - 1), EBADF)
})

t.test('an exchange checks its arguments', async (t) => {
  const [near] = pair(t)
  const exchange = addon.exchanger(near, bytes) as (...args: unknown[]) => number
  t.throws(() => exchange(9, bytes), { name: 'RangeError', message: /length: expected no more/ })
  t.throws(() => exchange('1', bytes), { name: 'RangeError', message: /length: expected/ })
  t.throws(() => exchange(0), { name: 'TypeError', message: /into: expected a Uint8Array/ })
})

t.test('nothing can be read or written through a detached array', async (t) => {
  const [near, far] = pair(t)
  t.equal(addon.write(near, detached(), 0), 0)
  t.equal(addon.read(far, bytes, 0, 8), 0)
  t.equal(addon.read(far, detached(), 0, 0) <= 0, true)
})

t.test('a length-tracking array is bounded by its present length', async (t) => {
  const [near] = pair(t)
  // @ts-expect-error: ES2024
  const buffer = new ArrayBuffer(8, { maxByteLength: 64 })
  const array = new Uint8Array(buffer)
  t.throws(() => addon.write(near, array, 9), RangeError)
  // @ts-expect-error: ES2024
  buffer.resize(16)
  t.equal(addon.write(near, array, 16), 16)
  // @ts-expect-error: ES2024
  buffer.resize(4)
  t.throws(() => addon.write(near, array, 5), RangeError)
})

t.test('a getter in `pieces` that detaches another piece', async (t) => {
  const [near, far] = pair(t)
  const victim = Buffer.alloc(4096, 1)
  const moved = new Uint8Array(4096).fill(1)
  const pieces: Uint8Array[] = [moved, victim]
  Object.defineProperty(pieces, 1, {
    get() {
      structuredClone(moved.buffer, { transfer: [moved.buffer] })
      return victim
    },
  })
  t.equal(addon.writev(near, bytes, 8, pieces), 8 + 4096)
  t.equal(addon.read(far, Buffer.alloc(9000), 0, 9000), 8 + 4096)
})

t.test('a getter in `pieces` that throws', async (t) => {
  const [near] = pair(t)
  const pieces: Uint8Array[] = []
  Object.defineProperty(pieces, 0, {
    get() {
      throw new Error('from the getter')
    },
  })
  t.throws(() => addon.writev(near, bytes, 8, pieces), { message: 'from the getter' })
})
