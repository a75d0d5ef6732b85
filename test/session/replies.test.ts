import { readFile } from 'node:fs/promises'
import t from 'tap'
import { errno } from '../../lib/errno.ts'
import type { FakeReply } from '../../lib/fake_kernel.ts'
import type { LowLevelOps, OperationName } from '../../lib/ops.ts'
import * as c from '../../protocol/constants.ts'
import * as s from '../../protocol/structs.ts'
import { garbage as answers } from './garbage.ts'
import {
  bytesOf,
  decoded,
  deferred,
  goodAnswers,
  methods,
  opcodeOf,
  partsOf,
  rows,
  serve,
  settled,
  turn,
} from './harness.ts'

const [ENOENT, EINTR, EIO, EACCES, ENOSYS, ERANGE, ENODATA, EOVERFLOW] = [
  2, 4, 5, 13, 38, 34, 61, 75,
]
const entry = (nodeid: number) => ({ nodeid, attr: { mode: 0o100644 } })

t.test('a value is answered in the turn in which the request comes', async (t) => {
  const { kernel, errors } = await serve(
    t,
    methods((name) => goodAnswers[name]),
  )
  for (const [opcode, { name }] of rows) {
    const message = kernel.message(opcode, partsOf(name, { size: 100 }))
    const size = name === 'write' || name === 'setxattr' ? 100 : 0
    const bytes =
      size > 0 ? kernel.message(opcode, [...partsOf(name, { size }), Buffer.alloc(size)]) : message
    const reply = kernel.expectReply(bytes)
    kernel.deliver(bytes)
    t.equal(kernel.unanswered, 0, `${name} is answered before deliver returns`)
    t.equal((await reply).error, 0, `${name} succeeds`)
  }
  t.same([errors, kernel.refused, kernel.held], [[], [], 0])
})

t.test('promises are answered when they settle, in whatever order', async (t) => {
  const waiting = new Map<string, ReturnType<typeof deferred<ReturnType<typeof entry>>>>()
  const { kernel } = await serve(t, {
    lookup(_req, _parent, name) {
      const answer = deferred<ReturnType<typeof entry>>()
      waiting.set(name, answer)
      return answer.promise
    },
  })
  const names = ['a', 'b', 'c', 'd']
  const replies = names.map((name) => kernel.request(c.FUSE_LOOKUP, [name]))
  await turn()
  t.equal(kernel.unanswered, 4)
  const order: string[] = []
  for (const [i, reply] of replies.entries()) void reply.then(() => order.push(names[i] as string))
  for (const name of ['c', 'a', 'd', 'b']) {
    waiting.get(name)?.resolve(entry(name.charCodeAt(0)))
    await turn()
  }
  t.same(order, ['c', 'a', 'd', 'b'])
  for (const [i, reply] of replies.entries()) {
    t.equal(
      decoded(s.fuse_entry_out, await reply).nodeid,
      names[i]?.charCodeAt(0),
      names[i] as string,
    )
  }
})

t.test('a method that is absent is ENOSYS, for every row', async (t) => {
  const { kernel, errors } = await serve(t, {})
  for (const [opcode, { name }] of rows) {
    const reply = await kernel.request(opcode, partsOf(name))
    t.same([reply.error, reply.payload.length], [-ENOSYS, 0], name)
  }
  t.equal((await kernel.request(4000)).error, -ENOSYS, 'an opcode that nobody knows')
  t.same(errors, [])
})

t.test('what a handler throws or rejects with is the answer', async (t) => {
  const fsError = await readFile('/nonexistent').catch((error: unknown) => error)
  const cases: readonly (readonly [string, unknown, number, boolean])[] = [
    ['errno()', errno('EACCES'), EACCES, false],
    ['an error of node:fs', fsError, ENOENT, false],
    [
      'an error with a code alone',
      Object.assign(new Error('x'), { code: 'ERANGE' }),
      ERANGE,
      false,
    ],
    ['an object with an errno', { errno: -ENOENT }, ENOENT, false],
    ['an error', new Error('a bug'), EIO, true],
    ['a text', 'ENOENT', EIO, true],
    ['a number', 2, EIO, true],
    ['undefined', undefined, EIO, true],
    ['null', null, EIO, true],
    ['a symbol', Symbol('x'), EIO, true],
    ['errno 512, which no device takes', { errno: 512 }, EIO, true],
    ['a negative zero', { errno: -0 }, EIO, true],
    [
      'an AbortError nobody asked for',
      Object.assign(new Error('x'), { name: 'AbortError' }),
      EIO,
      true,
    ],
  ]
  let thrown: unknown
  let fails = true
  const { kernel, errors } = await serve(t, {
    getattr() {
      if (fails) throw thrown
      return { attr: { mode: 0 } }
    },
    async access() {
      if (fails) throw thrown
    },
  })
  for (const [what, value, number, reported] of cases) {
    for (const [how, name] of [
      ['throws', 'getattr'],
      ['rejects', 'access'],
    ] as const) {
      thrown = value
      fails = true
      const reply = await kernel.request(opcodeOf(name), partsOf(name))
      t.same([reply.error, reply.payload.length], [-number, 0], `${how} ${what}`)
      t.same(errors.splice(0), reported ? [value] : [], 'and it is reported once, or not at all')
      fails = false
      t.equal((await kernel.request(opcodeOf(name), partsOf(name))).error, 0, 'the session lives')
    }
  }
  t.same([kernel.refused, kernel.unwanted], [[], 0])
})

t.test('what throws when it is looked at ends no session', async (t) => {
  const { proxy: revoked, revoke } = Proxy.revocable({}, {})
  revoke()
  const hostile: readonly (readonly [string, unknown])[] = [
    ['a revoked proxy', revoked],
    [
      'an error whose errno throws',
      Object.defineProperty(new Error('x'), 'errno', {
        get() {
          throw new Error('errno')
        },
      }),
    ],
  ]
  let thrown: unknown
  const { kernel, errors } = await serve(t, {
    getattr() {
      throw thrown
    },
    async access() {
      throw thrown
    },
  })
  for (const [what, value] of hostile) {
    thrown = value
    for (const name of ['getattr', 'access'] as const) {
      t.equal((await kernel.request(opcodeOf(name), partsOf(name))).error, -EIO, `${name}: ${what}`)
      t.equal(errors.splice(0).length, 1)
    }
  }
})

/** What null stands for. */
const ABSENT: Readonly<Record<string, number>> = { lookup: -ENOENT, getxattr: -ENODATA }

/** What each kind of answer takes although it looks like garbage. */
const taken: Readonly<Record<string, readonly string[]>> = {
  lookup: ['undefined', 'null'],
  open: [
    'empty object',
    'array',
    'array of numbers',
    'array of texts',
    'array of null',
    'date',
    'map',
    'typed array',
    'array buffer',
    'bytes',
    'too many bytes',
    'frozen',
    'a retry that is none',
    'a retry without ranges',
    'a retry of too many ranges',
    'a retry of bad ranges',
    'a result with data that is none',
    'a result with too much data',
    'a getter that throws',
  ],
  readlink: ['text', 'bytes'],
  bytes: ['array', 'bytes'],
  getxattr: ['null', 'array', 'bytes'],
  listxattr: ['array', 'array of texts', 'bytes'],
  // Their `size` and `offset` are numbers.
  write: ['map'],
  copy_file_range: ['map'],
  lseek: ['bytes', 'too many bytes'],
}
const takes = (name: OperationName, what: string): boolean => {
  const kind =
    name === 'opendir' ? 'open' : name === 'read' || name.startsWith('readdir') ? 'bytes' : name
  return taken[kind]?.includes(what) ?? false
}

t.test(
  'an answer that the wire cannot hold is EIO, reported once, and the session lives',
  async (t) => {
    let answer: unknown
    const { kernel, errors } = await serve(
      t,
      methods(() => answer),
    )
    const checked = rows.filter(([, { name }]) => goodAnswers[name] !== undefined)
    t.ok(checked.length > 20)
    for (const [what, value] of Object.entries(answers)) {
      for (const [opcode, { name }] of checked) {
        if (takes(name, what)) continue
        const request = () =>
          kernel.request(opcode, [...partsOf(name, { size: 10, out_size: 100 }), Buffer.alloc(10)])
        for (const later of [false, true]) {
          // A promise of a thenable is one of what the thenable gives.
          answer = later ? Promise.resolve().then(() => value) : value
          const reply = await request()
          const found = [reply.error, reply.payload.length, errors.splice(0).length]
          t.same(found, [-EIO, 0, 1], `${name} ${later ? 'later ' : ''}answers ${what}`)
        }
      }
    }
    for (const [opcode, { name }] of checked) {
      answer = goodAnswers[name]
      const reply = await kernel.request(opcode, [...partsOf(name, { size: 10 }), Buffer.alloc(10)])
      t.equal(reply.error, 0, `${name} still works`)
    }
    t.same([kernel.refused, kernel.unwanted, kernel.held, errors], [[], 0, 0, []])
  },
)

t.test('what looks like garbage and is not is taken', async (t) => {
  let answer: unknown
  const { kernel, errors } = await serve(
    t,
    methods(() => answer),
  )
  for (const [what, value] of Object.entries(answers)) {
    for (const [opcode, { name }] of rows) {
      if (!takes(name, what)) continue
      answer = value
      const size = name === 'write' ? 0 : 1000
      const reply = await kernel.request(opcode, partsOf(name, { size }))
      const error = what === 'null' || what === 'undefined' ? (ABSENT[name] ?? 0) : 0
      t.equal(reply.error, error, `${name} answers ${what}`)
    }
  }
  t.same(errors, [])
})

t.test('where nothing is answered but success, whatever is returned is success', async (t) => {
  let answer: unknown
  const { kernel, errors } = await serve(
    t,
    methods(() => answer),
  )
  const empty = rows.filter(([, { name }]) => goodAnswers[name] === undefined)
  for (const [what, value] of Object.entries(answers)) {
    if (what.startsWith('a then')) continue
    for (const [opcode, { name }] of empty) {
      answer = value
      const reply = await kernel.request(opcode, partsOf(name))
      t.same([reply.error, reply.payload.length], [0, 0], `${name} answers ${what}`)
    }
  }
  t.same(errors, [])
})

t.test('a thenable that calls back twice is answered once', async (t) => {
  const { kernel, errors } = await serve(t, {
    getattr: () =>
      ({
        // biome-ignore lint/suspicious/noThenProperty: what it is about
        then(yes: (value: unknown) => void, no: (error: unknown) => void) {
          yes({ attr: { mode: 1 } })
          yes({ attr: { mode: 2 } })
          no(new Error('x'))
        },
      }) as never,
  })
  const reply = await kernel.request(c.FUSE_GETATTR, partsOf('getattr'))
  await turn()
  t.equal(decoded(s.fuse_attr_out, reply).attr.mode, 1)
  t.same([errors, kernel.unwanted], [[], 0])
})

t.test(
  'a handler that never answers shows in the statistics, and holds nobody else up',
  async (t) => {
    const { kernel, session } = await serve(t, {
      lookup: () => new Promise(() => {}),
      getattr: () => ({ attr: { mode: 0 } }),
    })
    void kernel.request(c.FUSE_LOOKUP, ['a'])
    void kernel.request(c.FUSE_LOOKUP, ['b'])
    await turn()
    const first = session.stats()['lookup']
    t.match(first, { count: 2, pending: 2, errors: 0 })
    t.equal((await kernel.request(c.FUSE_GETATTR, partsOf('getattr'))).error, 0)
    while ((session.stats()['lookup']?.oldest ?? 0) <= (first?.oldest ?? 0)) await turn()
    t.ok((session.stats()['lookup']?.oldest ?? 0) > 0, 'the oldest gets older')
  },
)

t.test('a reply after the end goes nowhere and breaks nothing', async (t) => {
  const answer = deferred<ReturnType<typeof entry>>()
  const { kernel, session, errors } = await serve(t, { lookup: () => answer.promise })
  const reply = kernel.request(c.FUSE_LOOKUP, ['a'])
  await turn()
  kernel.unmount()
  answer.resolve(entry(7))
  t.same(await session.closed, { reason: 'unmounted' })
  t.equal(await settled(reply), false)
  t.same(errors, [])
})

// Payloads.

const read = (size: number) => [bytesOf(s.fuse_read_in, { size })]

t.test('READ sends one array or several, up to what was asked', async (t) => {
  const piece = (length: number, byte: number) => Buffer.alloc(length, byte)
  const shared = Buffer.from('0123456789')
  const cases: readonly (readonly [string, Uint8Array | Uint8Array[], number])[] = [
    ['nothing', new Uint8Array(0), 0],
    ['no pieces', [], 0],
    ['one byte', piece(1, 1), 1],
    ['what is just copied', piece(4096, 2), 4096],
    ['what is just gathered', piece(4097, 3), 4097],
    ['a MiB', piece(1 << 20, 4), 1 << 20],
    ['small pieces', [piece(3, 5), piece(0, 0), piece(5, 6)], 8],
    ['small pieces of 4 KiB', [piece(4095, 5), piece(1, 6)], 4096],
    ['pieces beyond 4 KiB', [piece(4000, 7), piece(97, 8)], 4097],
    [
      'the most pieces of one call',
      Array.from({ length: 1023 }, (_, i) => piece(5, i & 0xff)),
      5115,
    ],
    [
      'more pieces than one call takes',
      Array.from({ length: 1024 }, (_, i) => piece(5, i & 0xff)),
      5120,
    ],
    ['many more', Array.from({ length: 5000 }, (_, i) => piece(2, i & 0xff)), 10_000],
    ['a view with an offset', shared.subarray(3, 7), 4],
    ['a Uint8Array that is no Buffer', Uint8Array.of(9, 8, 7), 3],
  ]
  let answer: Uint8Array | Uint8Array[] = []
  const { kernel, errors } = await serve(t, {
    read: (_req, nodeid) => (nodeid === 1 ? answer : Promise.resolve(answer)),
  })
  for (const [what, value, length] of cases) {
    answer = value
    for (const nodeid of [1, 2]) {
      const reply = await kernel.request(c.FUSE_READ, read(1 << 20), { nodeid })
      t.equal(reply.error, 0, what)
      t.equal(reply.payload.length, length)
      t.ok(reply.payload.equals(Buffer.concat([value].flat())), 'byte for byte')
    }
  }
  t.same([errors, kernel.refused], [[], []])
  t.ok(kernel.gathered.length > 0, 'big ones are gathered')
})

t.test('READ of more than was asked is EIO', async (t) => {
  const answers = [Buffer.alloc(101), [Buffer.alloc(50), Buffer.alloc(51)], Buffer.alloc(1 << 16)]
  const { kernel, errors } = await serve(t, { read: () => answers.shift() ?? [] })
  for (const left of [3, 2, 1]) {
    t.equal(answers.length, left)
    t.same((await kernel.request(c.FUSE_READ, read(100))).error, -EIO)
    t.match(errors.pop(), { name: 'LayoutError', message: /^read: expected at most 100 bytes/ })
  }
})

t.test('WRITE gets its data, and may not have written more', async (t) => {
  let size = 0
  let got = ''
  const { kernel, errors } = await serve(t, {
    write(_req, _nodeid, args, data) {
      got = `${args.offset}:${Buffer.from(data).toString()}`
      return { size }
    },
  })
  const write = () =>
    kernel.request(c.FUSE_WRITE, [
      bytesOf(s.fuse_write_in, { size: 5, offset: 9 }),
      Buffer.from('hello'),
    ])
  for (size of [0, 3, 5]) {
    t.equal(decoded(s.fuse_write_out, await write()).size, size)
    t.equal(got, '9:hello')
  }
  size = 6
  t.equal((await write()).error, -EIO)
  t.match(errors.pop(), {
    name: 'LayoutError',
    message: 'write: expected a size of at most 5, got 6',
  })
  const short = [bytesOf(s.fuse_write_in, { size: 6 }), Buffer.from('hello')]
  t.equal((await kernel.request(c.FUSE_WRITE, short)).error, -EIO, 'data that is not all there')
  t.match(errors.pop(), {
    name: 'ProtocolError',
    message: 'expected 6 bytes of payload, 5 are there',
  })
})

t.test('xattrs: the size where it is asked for, ERANGE where it does not fit', async (t) => {
  const names = ['user.a', 'user.b\udcff']
  const { kernel, errors } = await serve(t, {
    getxattr: () => Buffer.from('12345'),
    listxattr: () => names,
  })
  const get = (size: number) =>
    kernel.request(c.FUSE_GETXATTR, [bytesOf(s.fuse_getxattr_in, { size }), 'user.a'])
  const list = (size: number) =>
    kernel.request(c.FUSE_LISTXATTR, [bytesOf(s.fuse_getxattr_in, { size })])
  t.same(decoded(s.fuse_getxattr_out, await get(0)), { size: 5 })
  t.equal((await get(5)).payload.toString(), '12345')
  t.equal((await get(100)).payload.toString(), '12345')
  t.equal((await get(4)).error, -ERANGE)
  t.same(decoded(s.fuse_getxattr_out, await list(0)), { size: 15 })
  t.equal((await list(15)).payload.toString('latin1'), 'user.a\0user.b\xff\0')
  t.equal((await list(14)).error, -ERANGE)
  names.length = 0
  t.same(decoded(s.fuse_getxattr_out, await list(0)), { size: 0 }, 'no names')
  t.equal((await list(10)).payload.length, 0)
  t.same(errors, [])
})

t.test('an xattr beyond what Linux allows is EIO', async (t) => {
  const { kernel, errors } = await serve(t, {
    getxattr: () => Buffer.alloc(65_537),
    listxattr: () => Buffer.alloc(65_536),
  })
  const size = 0
  t.equal(
    (await kernel.request(c.FUSE_GETXATTR, [bytesOf(s.fuse_getxattr_in, { size }), 'a'])).error,
    -EIO,
  )
  t.equal(errors.splice(0).length, 1)
  const list = await kernel.request(c.FUSE_LISTXATTR, [bytesOf(s.fuse_getxattr_in, { size })])
  t.same(decoded(s.fuse_getxattr_out, list), { size: 65_536 })
})

t.test('SETXATTR without SETXATTR_EXT is 8 bytes of struct', async (t) => {
  const got: unknown[] = []
  const ops: LowLevelOps = {
    setxattr(_req, _nodeid, args, name, value) {
      got.push({ ...args, name, value: Buffer.from(value).toString() })
    },
  }
  const long = await serve(t, ops)
  const args = { size: 3, flags: 1, setxattr_flags: 1 }
  const parts = ['user.x', Buffer.from('abc')]
  await long.kernel.request(c.FUSE_SETXATTR, [bytesOf(s.fuse_setxattr_in, args), ...parts])
  const short = await serve(t, ops, { capabilities: { FUSE_CAP_SETXATTR_EXT: false } })
  await short.kernel.request(c.FUSE_SETXATTR, [bytesOf(s.fuse_setxattr_in_compat, args), ...parts])
  t.same(got, [
    { ...args, name: 'user.x', value: 'abc' },
    { ...args, setxattr_flags: 0, name: 'user.x', value: 'abc' },
  ])
})

t.test('READLINK takes a text or bytes, not empty and shorter than a page', async (t) => {
  const cases: readonly (readonly [string | Uint8Array, number])[] = [
    ['target', 0],
    ['a\udcffb', 0],
    [Buffer.from('bytes'), 0],
    ['x'.repeat(4095), 0],
    ['x'.repeat(4096), -EIO],
    ['', -EIO],
    [new Uint8Array(0), -EIO],
  ]
  let answer: string | Uint8Array = ''
  const { kernel } = await serve(t, { readlink: () => answer })
  for (const [value, error] of cases) {
    answer = value
    t.equal((await kernel.request(c.FUSE_READLINK)).error, error)
  }
  answer = 'a\udcffb'
  t.equal((await kernel.request(c.FUSE_READLINK)).payload.toString('hex'), '61ff62')
})

t.test('IOCTL answers a result, data, or a request to be called again', async (t) => {
  const args = { in_size: 4, out_size: 5000 }
  let answer: unknown
  let got = ''
  const { kernel, errors } = await serve(t, {
    ioctl(_req, _nodeid, _args, data) {
      got = Buffer.from(data).toString()
      return answer as { result: number }
    },
  })
  const call = () =>
    kernel.request(c.FUSE_IOCTL, [bytesOf(s.fuse_ioctl_in, args), Buffer.from('data')])
  answer = { result: -3 }
  let reply: FakeReply = await call()
  t.equal(got, 'data')
  t.same(decoded(s.fuse_ioctl_out, reply), { result: -3, flags: 0, in_iovs: 0, out_iovs: 0 })
  t.equal(reply.payload.length, 16)
  for (const length of [0, 10, 4096, 4097, 5000]) {
    answer = { result: 1, data: Buffer.alloc(length, 0x61) }
    reply = await call()
    t.equal(decoded(s.fuse_ioctl_out, reply).result, 1)
    t.ok(reply.payload.subarray(16).equals(Buffer.alloc(length, 0x61)), `${length} bytes`)
  }
  answer = { result: 0, data: [Buffer.from('ab'), Buffer.from('c')] }
  t.equal((await call()).payload.subarray(16).toString(), 'abc')
  answer = { retry: { in: [{ base: 2n ** 48n, len: 8 }], out: [{ base: 16n, len: 4 }] } }
  reply = await call()
  t.same(decoded(s.fuse_ioctl_out, reply), { result: 0, flags: 4, in_iovs: 1, out_iovs: 1 })
  t.same(decoded(s.fuse_ioctl_iovec, reply, 16), { base: 2n ** 48n, len: 8 })
  t.same(decoded(s.fuse_ioctl_iovec, reply, 32), { base: 16n, len: 4 })
  answer = { retry: { in: Array.from({ length: 256 }, () => ({ base: 1n, len: 1 })), out: [] } }
  t.equal((await call()).payload.length, 16 + 256 * 16)
  t.same(errors, [])
})

t.test('RENAME falls to rename2, RENAME2 does not fall to rename', async (t) => {
  const got: unknown[] = []
  const two = await serve(t, {
    rename2(_req, parent, { newdir, flags }, name, newname) {
      got.push([parent, newdir, flags, name, newname])
    },
  })
  const header = { nodeid: 5 }
  await two.kernel.request(
    c.FUSE_RENAME,
    [bytesOf(s.fuse_rename_in, { newdir: 6 }), 'a', 'b'],
    header,
  )
  await two.kernel.request(
    c.FUSE_RENAME2,
    [bytesOf(s.fuse_rename2_in, { newdir: 6, flags: 1 }), 'a', 'b'],
    header,
  )
  t.same(got, [
    [5, 6, 0, 'a', 'b'],
    [5, 6, 1, 'a', 'b'],
  ])
  const one = await serve(t, { rename() {} })
  t.equal((await one.kernel.request(c.FUSE_RENAME, [bytesOf(s.fuse_rename_in), 'a', 'b'])).error, 0)
  t.equal(
    (await one.kernel.request(c.FUSE_RENAME2, [bytesOf(s.fuse_rename2_in), 'a', 'b'])).error,
    -ENOSYS,
  )
})

t.test('`this` is the object of methods', async (t) => {
  class FileSystem {
    #mode = 0o40755
    getattr() {
      return { attr: { mode: this.#mode } }
    }
    lookup() {
      return null
    }
    rename2() {
      this.#mode = 0o40700
    }
    forget() {
      this.#mode = 0o40711
    }
  }
  const { kernel } = await serve(t, new FileSystem())
  const mode = async () => {
    const reply = await kernel.request(c.FUSE_GETATTR, partsOf('getattr'))
    return decoded(s.fuse_attr_out, reply).attr.mode
  }
  t.equal(await mode(), 0o40755)
  await kernel.request(c.FUSE_RENAME, [bytesOf(s.fuse_rename_in), 'a', 'b'])
  t.equal(await mode(), 0o40700)
  kernel.post(c.FUSE_FORGET, [bytesOf(s.fuse_forget_in, { nlookup: 1 })])
  t.equal(await mode(), 0o40711)
})

// Numbers and the header.

const u64 = (value: bigint): Buffer => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(value)
  return bytes
}

t.test('offsets and nodeids that a double cannot hold are EOVERFLOW', async (t) => {
  let called = 0
  const { kernel, errors } = await serve(
    t,
    methods((name) => {
      called++
      return goodAnswers[name]
    }),
  )
  for (const offset of [2n ** 53n, 2n ** 63n, 2n ** 64n - 1n]) {
    const args = bytesOf(s.fuse_read_in, { size: 10 })
    u64(offset).copy(args, 8)
    t.equal((await kernel.request(c.FUSE_READ, [args])).error, -EOVERFLOW, `READ at ${offset}`)
    const header = { nodeid: offset }
    t.equal((await kernel.request(c.FUSE_GETATTR, partsOf('getattr'), header)).error, -EOVERFLOW)
  }
  t.equal(called, 0, 'no handler saw them')
  t.same(errors, [], 'and they are no news')
  const args = bytesOf(s.fuse_readdir_in, { size: 10, offset: 2n ** 64n - 1n })
  t.equal((await kernel.request(c.FUSE_READDIR, [args])).error, 0, 'a cookie has 64 bits')
  const lock = bytesOf(s.fuse_lk_in, {
    owner: 2n ** 64n - 1n,
    lk: { start: 0n, end: 2n ** 63n - 1n, type: 0 },
  })
  t.equal((await kernel.request(c.FUSE_GETLK, [lock])).error, 0, 'so have locks')
})

t.test('who asks is on the request', async (t) => {
  const got: unknown[] = []
  const { kernel } = await serve(t, {
    getattr({ unique, opcode, nodeid, uid, gid, pid, umask, resent, interrupted }) {
      got.push({ unique, opcode, nodeid, uid, gid, pid, umask, resent, interrupted })
      return { attr: { mode: 0 } }
    },
    mkdir: ({ umask }) => {
      got.push(umask)
      return entry(9)
    },
  })
  const header = { unique: 1000, nodeid: 2 ** 40, uid: 1000, gid: 0xffff_ffff, pid: 42 }
  await kernel.request(c.FUSE_GETATTR, partsOf('getattr'), header)
  await kernel.request(c.FUSE_MKDIR, [bytesOf(s.fuse_mkdir_in, { mode: 0o755, umask: 0o22 }), 'd'])
  await kernel.request(c.FUSE_GETATTR, partsOf('getattr'), header)
  const { unique: _, ...who } = header
  const asked = { ...who, unique: 1000, opcode: 3, umask: 0, resent: false, interrupted: false }
  t.same(got, [asked, 0o22, asked], 'nothing is left of the request before')
})

t.test('a request that is sent again says so, and its reply echoes bit 63', async (t) => {
  const got: unknown[] = []
  const { kernel } = await serve(t, {
    getattr(req) {
      got.push([req.unique, req.resent])
      return { attr: { mode: 0 } }
    },
  })
  const reply = await kernel.request(c.FUSE_GETATTR, partsOf('getattr'), {
    unique: 2n ** 63n + 10n,
  })
  t.equal(reply.error, 0, 'the fake kernel takes the reply by all 64 bits')
  t.same(got, [[10, true]])
})

t.test('a request that came twice is answered twice, and one of them goes nowhere', async (t) => {
  const answers = [deferred<{ attr: { mode: number } }>(), deferred<{ attr: { mode: number } }>()]
  let n = 0
  const { kernel, errors } = await serve(t, {
    getattr: () => (answers[n++] as (typeof answers)[0]).promise,
  })
  const first = kernel.request(c.FUSE_GETATTR, partsOf('getattr'), { unique: 10 })
  const again = kernel.request(c.FUSE_GETATTR, partsOf('getattr'), { unique: 2n ** 63n + 10n })
  for (const answer of answers) answer.resolve({ attr: { mode: 0 } })
  t.same([(await first).error, (await again).error, errors], [0, 0, []])
})

t.test('labels and groups of a new inode are on its request', async (t) => {
  const got: unknown[] = []
  const { kernel, errors } = await serve(t, {
    mkdir(req) {
      got.push([
        req.groups,
        req.securityContexts.map(({ name, value }) => [name, Buffer.from(value).toString()]),
      ])
      return entry(9)
    },
  })
  const contexts = Buffer.concat([
    bytesOf(s.fuse_secctx_header, { size: 40, nr_secctx: 1 }),
    bytesOf(s.fuse_secctx, { size: 5 }),
    Buffer.from('security.selinux\0label\0\0'),
  ])
  const groups = Buffer.concat([
    bytesOf(s.fuse_ext_header, { size: 16, type: 32 }),
    bytesOf(s.fuse_supp_groups, { nr_groups: 1 }),
    Buffer.of(0xe8, 3, 0, 0),
  ])
  const parts = [bytesOf(s.fuse_mkdir_in), 'd']
  const padded = (extensions: Buffer) => ({ extensions })
  t.equal(
    (await kernel.request(c.FUSE_MKDIR, parts, padded(Buffer.concat([contexts, groups])))).error,
    0,
  )
  t.equal((await kernel.request(c.FUSE_MKDIR, parts)).error, 0)
  t.same(got, [
    [[1000], [['security.selinux', 'label']]],
    [[], []],
  ])
  const broken = await kernel.request(c.FUSE_MKDIR, parts, padded(Buffer.alloc(8, 0xff)))
  t.equal(broken.error, -EIO, 'an area that is none')
  t.match(errors, [{ name: 'ProtocolError' }])
  t.equal(got.length, 2, 'no handler saw it')
})

t.test('an area of extensions is no part of a name', async (t) => {
  const { kernel, errors } = await serve(t, { mkdir: () => entry(9) })
  const unended = Buffer.from('12345678')
  const reply = await kernel.request(c.FUSE_MKDIR, [bytesOf(s.fuse_mkdir_in), unended], {
    extensions: bytesOf(s.fuse_ext_header, { size: 8, type: 99 }),
  })
  t.equal(reply.error, -EIO)
  t.match(errors, [{ name: 'ProtocolError', message: /a name that ends with NUL in 8 bytes/ }])
})

t.test('what is no request is reported, and answered where it says to whom', async (t) => {
  const { kernel, errors } = await serve(
    t,
    methods((name) => goodAnswers[name]),
  )
  for (const length of [0, 1, 16, 39]) {
    kernel.deliver(Buffer.alloc(length))
    t.match(errors.splice(0), [{ name: 'ProtocolError', message: /expected a header of 40 bytes/ }])
  }
  for (const grow of [-1, 1, 100]) {
    const message = kernel.message(c.FUSE_GETATTR, partsOf('getattr'))
    const reply = kernel.expectReply(message)
    message.writeUInt32LE(message.length + grow, 0)
    kernel.deliver(message)
    t.equal((await reply).error, -EIO)
    t.match(errors.splice(0), [
      { name: 'ProtocolError', message: /header says \d+ bytes, read 56/ },
    ])
  }
  for (const [opcode, { name, in: layout }] of rows) {
    if (layout === null || layout.size < 8) continue
    const reply = await kernel.request(opcode, [Buffer.alloc(layout.size - 4)])
    t.equal(reply.error, -EIO, `${name} without its last 4 bytes`)
    t.match(errors.splice(0), [{ name: 'ProtocolError', message: new RegExp(`^${layout.name}`) }])
  }
  for (const [opcode, { name, in: layout, names }] of rows) {
    if (names === 0) continue
    const cut = Buffer.concat([
      layout === null ? Buffer.alloc(0) : bytesOf(layout),
      Buffer.from('name'),
    ])
    t.equal((await kernel.request(opcode, [cut])).error, -EIO, `${name} whose name does not end`)
    t.match(errors.splice(0), [{ name: 'ProtocolError', message: /name that ends with NUL/ }])
  }
  t.equal((await kernel.request(c.FUSE_GETATTR, partsOf('getattr'))).error, 0, 'the session lives')
  t.same([kernel.refused, kernel.unwanted], [[], 0])
})

t.test('EINTR where a handler gives up because its signal was aborted', async (t) => {
  const { kernel, errors } = await serve(t, {
    getattr: (req) =>
      new Promise((_, reject) => {
        req.signal.addEventListener('abort', () => {
          reject(new DOMException('This operation was aborted', 'AbortError'))
        })
      }),
  })
  const reply = kernel.request(c.FUSE_GETATTR, partsOf('getattr'), { unique: 100 })
  await turn()
  kernel.post(c.FUSE_INTERRUPT, [bytesOf(s.fuse_interrupt_in, { unique: 100n })], { unique: 101 })
  t.equal((await reply).error, -EINTR)
  t.same(errors, [])
})
