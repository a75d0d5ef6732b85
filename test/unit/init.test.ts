import t from 'tap'
import { fuse_ll_ops } from '../../lib/fuse_ll_ops.ts'
import {
  checkInitOptions,
  type InitOptions,
  type Negotiated,
  negotiate,
  type Wish,
} from '../../lib/init.ts'
import type { LowLevelOps } from '../../lib/ops.ts'
import {
  type CapabilityName,
  capabilityOf,
  FUSE_INIT_FLAGS,
  hasInitFlag,
  type InitFlagName,
  initFlagNames,
  initFlagOf,
  initFlagWords,
} from '../../protocol/init_flags.ts'
import { random, seed } from './random.ts'

/** A file system with every method, except those named. */
function methods(...without: string[]): LowLevelOps {
  const names = Object.values(fuse_ll_ops).map(({ name }) => name)
  return Object.fromEntries(
    names.filter((name) => !without.includes(name)).map((name) => [name, () => {}]),
  ) as LowLevelOps
}
const everything = methods()

const all = Object.keys(FUSE_INIT_FLAGS) as InitFlagName[]
const offer = (...flags: InitFlagName[]) => ({
  major: 7,
  minor: 45,
  max_readahead: 131_072,
  ...initFlagWords(flags),
})
const everyFlag = offer(...all)
const allBut = (flag: InitFlagName) => offer(...all.filter((name) => name !== flag))

const ask = (flag: InitFlagName, wish: Wish): InitOptions => ({
  capabilities: { [capabilityOf(flag)]: wish },
})
const agree = (
  init = everyFlag,
  options: InitOptions = {},
  ops: LowLevelOps = everything,
  pageSize = 4096,
): Negotiated => negotiate(init, options, ops, pageSize)

const agreedFlags = ({ reply }: Negotiated): string[] =>
  initFlagNames(reply.flags ?? 0, reply.flags2 ?? 0)
const has = (negotiated: Negotiated, flag: InitFlagName): boolean =>
  hasInitFlag(flag, negotiated.reply.flags ?? 0, negotiated.reply.flags2 ?? 0)

/** Asked for where nothing is said, from a file system with every method. */
const DEFAULT: readonly InitFlagName[] = [
  'FUSE_ASYNC_READ',
  'FUSE_POSIX_LOCKS',
  'FUSE_BIG_WRITES',
  'FUSE_SPLICE_WRITE',
  'FUSE_HAS_IOCTL_DIR',
  'FUSE_AUTO_INVAL_DATA',
  'FUSE_DO_READDIRPLUS',
  'FUSE_READDIRPLUS_AUTO',
  'FUSE_ASYNC_DIO',
  'FUSE_PARALLEL_DIROPS',
  'FUSE_ABORT_ERROR',
  'FUSE_MAX_PAGES',
  'FUSE_SETXATTR_EXT',
  'FUSE_INIT_EXT',
  'FUSE_HAS_EXPIRE_ONLY',
  'FUSE_HAS_RESEND',
]

/** Cannot be asked for by name. */
const REFUSED: readonly InitFlagName[] = [
  'FUSE_FILE_OPS',
  'FUSE_SPLICE_READ',
  'FUSE_MAP_ALIGNMENT',
  'FUSE_SUBMOUNTS',
  'FUSE_INIT_EXT',
  'FUSE_INIT_RESERVED',
  'FUSE_HAS_INODE_DAX',
  'FUSE_OVER_IO_URING',
  'FUSE_REQUEST_TIMEOUT',
  'FUSE_HAS_IO_URING_BUFPOOL',
]
const askable = all.filter((flag) => !REFUSED.includes(flag))

/** The methods without which a flag is not asked for. */
const NEEDS: readonly (readonly [InitFlagName, ...string[]])[] = [
  ['FUSE_POSIX_LOCKS', 'getlk', 'setlk'],
  ['FUSE_ATOMIC_O_TRUNC', 'open'],
  ['FUSE_SPLICE_WRITE', 'read'],
  ['FUSE_SPLICE_MOVE', 'read'],
  ['FUSE_PASSTHROUGH', 'open'],
  ['FUSE_EXPORT_SUPPORT', 'lookup'],
  ['FUSE_FLOCK_LOCKS', 'setlk'],
  ['FUSE_HAS_IOCTL_DIR', 'ioctl'],
  ['FUSE_DO_READDIRPLUS', 'readdirplus'],
  ['FUSE_READDIRPLUS_AUTO', 'readdirplus', 'readdir'],
  ['FUSE_WRITEBACK_CACHE', 'write'],
  ['FUSE_POSIX_ACL', 'getxattr', 'setxattr'],
  ['FUSE_CACHE_SYMLINKS', 'readlink'],
  ['FUSE_SETXATTR_EXT', 'setxattr'],
]

t.test(
  'the defaults are what is safe for a file system that never heard of the flag',
  async (t) => {
    t.same(agreedFlags(agree()), DEFAULT)
    const bare = agreedFlags(agree(everyFlag, {}, {}))
    t.ok(bare.includes('FUSE_NO_OPEN_SUPPORT'), 'without open the kernel need not ask')
    t.ok(bare.includes('FUSE_NO_OPENDIR_SUPPORT'))
    for (const [flag] of NEEDS) t.notOk(bare.includes(flag), `${flag} without its methods`)
  },
)

t.test('every flag, by wish and by offer', async (t) => {
  for (const flag of askable) {
    for (const [offered, init] of [
      [true, everyFlag],
      [false, allBut(flag)],
    ] as const) {
      const where = offered ? 'offered' : 'not offered'
      const rest = (negotiated: Negotiated) =>
        agreedFlags(negotiated).filter((name) => name !== flag)
      t.equal(
        has(agree(init), flag),
        offered && DEFAULT.includes(flag),
        `${flag}, default, ${where}`,
      )
      t.equal(has(agree(init, ask(flag, false)), flag), false, `${flag}, false, ${where}`)
      t.equal(has(agree(init, ask(flag, true)), flag), offered, `${flag}, true, ${where}`)
      const required = () => agree(init, ask(flag, 'required'))
      if (offered) t.ok(has(required(), flag), `${flag}, required, ${where}`)
      else {
        const message = new RegExp(
          `^${capabilityOf(flag)} is required and this kernel \\(7\\.45\\)`,
        )
        t.throws(required, { name: 'NegotiationError', message }, `${flag}, required, ${where}`)
      }
      t.same(rest(agree(init, ask(flag, false))), rest(agree(init)), `${flag} changes no other`)
    }
  }
})

t.test('what cannot be asked for by name says why', async (t) => {
  for (const flag of REFUSED) {
    for (const wish of [true, 'required'] as const) {
      const message = new RegExp(`^${capabilityOf(flag)} cannot be asked for: \\w`)
      const check = () => checkInitOptions(ask(flag, wish), everything, false)
      t.throws(check, { name: 'NegotiationError', message, code: 'EPROTO' }, `${flag}: ${wish}`)
    }
    t.doesNotThrow(() => checkInitOptions(ask(flag, false), everything, false), `${flag}: false`)
  }
})

t.test(
  'a flag without its methods is not asked for, or refused where it is required',
  async (t) => {
    for (const [flag, ...needs] of NEEDS) {
      for (const method of needs) {
        const ops = methods(method)
        t.equal(has(agree(everyFlag, {}, ops), flag), false, `${flag} without ${method}`)
        t.equal(
          has(agree(everyFlag, ask(flag, true), ops), flag),
          false,
          `${flag}: true without ${method}`,
        )
        t.throws(() => checkInitOptions(ask(flag, 'required'), ops, false), {
          name: 'NegotiationError',
          message: `${capabilityOf(flag)} is required but the file system has no method ${method}`,
        })
      }
    }
  },
)

t.test('capabilities that exclude each other', async (t) => {
  const pairs = [
    ['FUSE_AUTO_INVAL_DATA', 'FUSE_EXPLICIT_INVAL_DATA'],
    ['FUSE_NO_EXPORT_SUPPORT', 'FUSE_EXPORT_SUPPORT'],
  ] as const
  for (const [a, b] of pairs) {
    const both = { capabilities: { [capabilityOf(a)]: true, [capabilityOf(b)]: true } }
    t.throws(() => checkInitOptions(both, everything, false), {
      message: `${capabilityOf(a)} and ${capabilityOf(b)} exclude each other`,
    })
    for (const flag of [a, b]) {
      const negotiated = agree(everyFlag, ask(flag, true))
      t.ok(has(negotiated, flag), `${flag} alone`)
      t.notOk(has(negotiated, flag === a ? b : a), 'the other one yields')
    }
  }
})

t.test('passthrough and writeback exclude each other, whichever is required', async (t) => {
  const capabilities = { FUSE_CAP_PASSTHROUGH: 'required', FUSE_CAP_WRITEBACK_CACHE: true } as const
  t.throws(() => checkInitOptions({ capabilities }, everything, false), {
    message: 'FUSE_CAP_WRITEBACK_CACHE and FUSE_CAP_PASSTHROUGH exclude each other',
  })
})

t.test('passthrough is agreed with the depth that was asked for, 1 by default', async (t) => {
  const wish = ask('FUSE_PASSTHROUGH', true)
  t.equal(agree(everyFlag, wish).reply.max_stack_depth, 1)
  t.equal(agree(everyFlag, { ...wish, maxStackDepth: 2 }).reply.max_stack_depth, 2)
  t.equal(agree(everyFlag, wish).connection?.passthrough, 'active')
  t.equal(agree().reply.max_stack_depth, 0, 'nobody asked')
  t.equal(agree().connection?.passthrough, 'not asked for')
  const unoffered = agree(allBut('FUSE_PASSTHROUGH'), wish)
  t.equal(unoffered.reply.max_stack_depth, 0)
  t.match(unoffered.connection?.passthrough, /does not offer it/)
})

t.test('ALLOW_IDMAP needs default_permissions or POSIX_ACL', async (t) => {
  const idmap = ask('FUSE_ALLOW_IDMAP', true)
  t.throws(() => checkInitOptions(idmap, everything, false), {
    message: /needs default_permissions/,
  })
  t.doesNotThrow(() => checkInitOptions(idmap, everything, true))
  const acl = { capabilities: { FUSE_CAP_ALLOW_IDMAP: true, FUSE_CAP_POSIX_ACL: true } }
  t.doesNotThrow(() => checkInitOptions(acl, everything, false))
})

t.test('wishes and numbers that make no sense are refused by name', async (t) => {
  const cases: readonly (readonly [object, RegExp])[] = [
    [{ capabilities: { FUSE_CAP_NONSENSE: true } }, /there is no FUSE_CAP_NONSENSE/],
    [{ capabilities: { FUSE_ASYNC_READ: true } }, /there is no FUSE_ASYNC_READ/],
    [
      { capabilities: { FUSE_CAP_ASYNC_READ: 'yes' } },
      /FUSE_CAP_ASYNC_READ: expected true, false or 'required', got "yes"/,
    ],
    [{ capabilities: { FUSE_CAP_ASYNC_READ: null } }, /got null/],
    [{ maxWrite: 4095 }, /maxWrite: expected 4096 to 16777216 bytes, got 4095/],
    [{ maxWrite: 16 * 1024 * 1024 + 1 }, /maxWrite/],
    [{ maxWrite: 4096.5 }, /maxWrite/],
    [{ maxWrite: '8192' }, /maxWrite.*got "8192"/],
    [{ maxReadahead: -1 }, /maxReadahead/],
    [{ maxReadahead: 2 ** 32 }, /maxReadahead/],
    [{ maxStackDepth: 0 }, /maxStackDepth: expected 1 to 2 file systems, got 0/],
    [{ maxStackDepth: 3 }, /maxStackDepth/],
    [{ timeGran: 0 }, /timeGran: expected 1 to 1000000000 nanoseconds, got 0/],
    [{ timeGran: 1_000_000_001 }, /timeGran/],
    [{ maxBackground: 0 }, /maxBackground/],
    [{ maxBackground: 65_536 }, /maxBackground/],
    [{ congestionThreshold: 65_536 }, /congestionThreshold/],
    [{ requestTimeout: 0 }, /requestTimeout/],
    [{ requestTimeout: 65_536 }, /requestTimeout/],
    [{ requestTimeout: Number.NaN }, /requestTimeout/],
  ]
  for (const [options, message] of cases) {
    const check = () => checkInitOptions(options as InitOptions, everything, false)
    t.throws(check, { name: 'NegotiationError', message }, String(message))
  }
  for (const fine of [{}, { maxWrite: 4096 }, { maxWrite: 16 * 1024 * 1024 }, { timeGran: 1 }]) {
    t.doesNotThrow(() => checkInitOptions(fine, everything, false))
  }
})

t.test('nothing is ever set that was not offered', async (t) => {
  const r = random()
  const wrong: string[] = []
  for (let i = 0; i < 20_000; i++) {
    const capabilities: Partial<Record<CapabilityName, Wish>> = {}
    for (const flag of askable) if (r.oneIn(3)) capabilities[capabilityOf(flag)] = r.oneIn(2)
    const init = { ...everyFlag, flags: r.word(), flags2: r.word(), minor: 1 + r.below(60) }
    const requestTimeout = r.oneIn(2) ? { requestTimeout: 5 } : {}
    const { reply } = agree(init, { capabilities, ...requestTimeout }, r.oneIn(2) ? everything : {})
    const flags2 = hasInitFlag('FUSE_INIT_EXT', init.flags, 0) ? init.flags2 : 0
    const extra = ((reply.flags ?? 0) & ~init.flags) | ((reply.flags2 ?? 0) & ~flags2)
    const lacksExt = (reply.flags2 ?? 0) !== 0 && !hasInitFlag('FUSE_INIT_EXT', reply.flags ?? 0, 0)
    const lacksPages = (reply.max_pages ?? 0) > 0 && !hasInitFlag('FUSE_MAX_PAGES', init.flags, 0)
    const unasked = requestTimeout.requestTimeout === undefined && (reply.request_timeout ?? 0) > 0
    if (extra !== 0 || lacksExt || lacksPages || unasked)
      wrong.push(JSON.stringify({ init, reply }))
  }
  t.same(wrong.slice(0, 3), [], 'of 20,000 offers', { seed })
})

t.test('without INIT_EXT the high flags count for nothing', async (t) => {
  const init = allBut('FUSE_INIT_EXT')
  const negotiated = agree(init, ask('FUSE_DIRECT_IO_ALLOW_MMAP', true))
  t.equal(negotiated.reply.flags2, 0)
  t.notOk(has(negotiated, 'FUSE_INIT_EXT'))
  t.notOk(negotiated.connection?.offered.includes('FUSE_HAS_RESEND'))
  t.throws(() => agree(init, ask('FUSE_HAS_RESEND', 'required')), { name: 'NegotiationError' })
  const ext = agree(everyFlag)
  t.ok(has(ext, 'FUSE_INIT_EXT'), 'where it is offered it is echoed')
  t.ok((ext.reply.flags2 ?? 0) > 0)
})

t.test('the agreed minor is the smaller one, and the reply has its size', async (t) => {
  const sizes: readonly (readonly [number, number, number])[] = [
    [1, 1, 8],
    [4, 4, 8],
    [5, 5, 24],
    [8, 8, 24],
    [11, 11, 24],
    [12, 12, 24],
    [22, 22, 24],
    [23, 23, 64],
    [30, 30, 64],
    [31, 31, 64],
    [35, 35, 64],
    [36, 36, 64],
    [45, 45, 64],
    [46, 45, 64],
    [99, 45, 64],
  ]
  for (const [kernel, minor, size] of sizes) {
    const { connection, reply, layout } = agree({ ...everyFlag, minor: kernel })
    t.match(connection, { major: 7, minor, kernelMinor: kernel }, `7.${kernel}`)
    t.equal(layout.size, size, `7.${kernel} gets ${size} bytes`)
    t.match(reply, { major: 7, minor: 45 })
  }
})

t.test('another major version', async (t) => {
  for (const major of [0, 6]) {
    t.throws(() => agree({ ...everyFlag, major }), {
      name: 'NegotiationError',
      message: /expected 7/,
    })
  }
  const { connection, reply, layout } = agree({ ...everyFlag, major: 8, minor: 0 })
  t.equal(connection, undefined, 'the kernel is to ask again')
  t.same(reply, { major: 7, minor: 45 })
  t.equal(layout.size, 64)
})

t.test('max_write and max_pages follow from the page size and what is offered', async (t) => {
  const KiB = 1024
  const MiB = 1024 * KiB
  const noPages = allBut('FUSE_MAX_PAGES')
  const cases = [
    { maxWrite: 1 * MiB, maxPages: 256, max_pages: 256 },
    { options: { maxWrite: 4096 }, maxWrite: 4096, maxPages: 1, max_pages: 1 },
    { options: { maxWrite: 5000 }, maxWrite: 5000, maxPages: 2, max_pages: 2 },
    { options: { maxWrite: 16 * MiB }, maxWrite: 16 * MiB, maxPages: 4096, max_pages: 4096 },
    { init: noPages, maxWrite: 128 * KiB, maxPages: 32, max_pages: 0 },
    {
      init: noPages,
      options: { maxWrite: 64 * KiB },
      maxWrite: 64 * KiB,
      maxPages: 16,
      max_pages: 0,
    },
    { pageSize: 64 * KiB, maxWrite: 1 * MiB, maxPages: 16, max_pages: 16 },
    { pageSize: 64 * KiB, options: { maxWrite: 4096 }, maxWrite: 4096, maxPages: 1, max_pages: 1 },
    { pageSize: 64 * KiB, init: noPages, maxWrite: 1 * MiB, maxPages: 16, max_pages: 0 },
    {
      pageSize: 64 * KiB,
      init: noPages,
      options: { maxWrite: 16 * MiB },
      maxWrite: 2 * MiB,
      maxPages: 32,
      max_pages: 0,
    },
    { init: offer(), maxWrite: 4096, maxPages: 1, max_pages: 0 },
    { init: allBut('FUSE_BIG_WRITES'), maxWrite: 4096, maxPages: 1, max_pages: 1 },
  ]
  for (const { init = everyFlag, options = {}, pageSize = 4096, ...expected } of cases) {
    const { connection, reply } = agree(init, options, everything, pageSize)
    const found = {
      maxWrite: connection?.maxWrite,
      maxPages: connection?.maxPages,
      max_pages: reply.max_pages,
    }
    t.same(found, expected, JSON.stringify({ options, pageSize, ...expected }))
    t.equal(reply.max_write, expected.maxWrite)
  }
})

t.test('numbers that were asked for are sent', async (t) => {
  const options = {
    maxReadahead: 65_536,
    timeGran: 1000,
    maxBackground: 20,
    requestTimeout: 60,
  }
  const { reply, connection } = agree(everyFlag, options)
  t.match(reply, {
    max_readahead: 65_536,
    time_gran: 1000,
    max_background: 20,
    congestion_threshold: 15,
    request_timeout: 60,
  })
  t.ok(connection?.capabilities.has('FUSE_CAP_REQUEST_TIMEOUT'))
  t.match(agree(everyFlag, { congestionThreshold: 3 }).reply, { congestion_threshold: 3 })
  t.match(
    agree(everyFlag, { maxReadahead: 2 ** 30 }).reply,
    { max_readahead: 131_072 },
    'not above the offer',
  )
  t.match(agree().reply, {
    max_background: 0,
    congestion_threshold: 0,
    time_gran: 1,
    request_timeout: 0,
  })
  const unoffered = agree(allBut('FUSE_REQUEST_TIMEOUT'), options)
  t.equal(unoffered.reply.request_timeout, 0, 'a timeout that the kernel does not know is not sent')
})

t.test('flags have names, and bits that nobody named are told by number', async (t) => {
  t.same(initFlagNames(0x8000_0001, 1), [
    'FUSE_ASYNC_READ',
    'FUSE_INIT_RESERVED',
    'FUSE_SECURITY_CTX',
  ])
  t.same(initFlagNames(0, 1 << 12), ['bit 44'])
  t.same(initFlagNames(0, 0x8000_0000), ['bit 63'])
  for (const flag of all) {
    const { flags, flags2 } = initFlagWords([flag])
    t.same(initFlagNames(flags, flags2), [flag])
    t.equal(initFlagOf(capabilityOf(flag)), flag)
  }
  for (const nobody of ['', 'FUSE_CAP_', 'toString', 'FUSE_ASYNC_READ'])
    t.equal(initFlagOf(nobody), undefined)
  const { connection } = agree({ ...everyFlag, flags2: 1 << 20 })
  t.ok(connection?.offered.includes('bit 52'))
})
