// No mistake of a path handler harms anybody but its caller.
import { constants } from 'node:os'
import t from 'tap'
import { highLevel } from '../../lib/highlevel.ts'
import type { PathOps } from '../../lib/index.ts'
import { errno, LayoutError } from '../../lib/index.ts'
import * as c from '../../protocol/constants.ts'
import * as s from '../../protocol/structs.ts'
import { serve } from './paths.ts'

const {
  EIO,
  ENOENT,
  EACCES,
  ESTALE = 116,
} = constants.errno as typeof constants.errno & {
  readonly ESTALE?: number
}
const root = { type: 'directory' } as const
const file = { size: 10 } as const
const good = (path: string | null) => (path === '/' ? root : file)

const answers: Readonly<
  Record<string, readonly [give: () => unknown, errno: number, reports: number]>
> = {
  'throws an Error': [() => thrown(new Error('oops')), EIO, 1],
  'throws a string': [() => thrown('oops'), EIO, 1],
  'rejects with nothing': [() => Promise.reject(undefined), EIO, 1],
  'throws an errno': [() => thrown(errno('EACCES')), EACCES, 0],
  'rejects as node:fs does': [() => Promise.reject({ code: 'EACCES' }), EACCES, 0],
  'answers null': [() => null, ENOENT, 0],
  'answers nothing': [() => undefined, ENOENT, 0],
  'answers a number': [() => 5, EIO, 1],
  'answers a size below 0': [() => ({ size: -1 }), EIO, 1],
  'answers a directory by now': [() => root, ESTALE, 0],
}
function thrown(error: unknown): never {
  throw error
}

for (const [what, [give, expected, reports]] of Object.entries(answers)) {
  t.test(`getattr ${what}`, async (t) => {
    let wrong = false
    const ops = { getattr: (path: string | null) => (wrong ? give() : good(path)) } as PathOps
    const { lookup, getattr, errors } = await serve(t, ops)
    const f = await lookup('f')
    wrong = true
    t.equal((await getattr(f)).error, -expected)
    t.equal(errors.length, reports, errors.join())
    wrong = false
    t.equal((await getattr(f)).error, 0, 'the mount goes on')
  })
}

t.test('lookup by wrong attributes leaves nothing behind', async (t) => {
  const { lookup, known, errors } = await serve(t, {
    getattr: (path) => (path === '/' ? root : { size: -1 }),
  })
  await t.rejects(lookup('f'), { message: `errno ${EIO}` })
  t.equal(known(), 1)
  t.equal(errors.length, 1)
})

const reads: Readonly<Record<string, () => unknown>> = {
  'a string': () => 'text',
  'more than was asked for': () => Buffer.alloc(5000),
  nothing: () => undefined,
}
for (const [what, read] of Object.entries(reads)) {
  t.test(`read answers ${what}: EIO and one report`, async (t) => {
    const served = await serve(t, { getattr: good, open: () => 1, read } as PathOps)
    const f = await served.lookup('f')
    t.equal((await served.read(f, await served.open(f))).error, -EIO)
    t.equal(served.errors.length, 1)
  })
}

t.test('what was made is given back where its attributes cannot be had', async (t) => {
  const released: unknown[] = []
  const { kernel, known } = await serve(t, {
    getattr: (path) => (path === '/' ? root : null),
    create: () => 'handle',
    release: (_path, fh) => void released.push(fh),
  })
  const args = kernel.struct(s.fuse_create_in, { flags: 0, mode: 0o644, umask: 0, open_flags: 0 })
  const { error } = await kernel.request(c.FUSE_CREATE, [args, 'f'])
  t.equal(error, -ENOENT)
  t.same(released, ['handle'])
  t.equal(known(), 1)
})

t.test('a handle that is none is EBADF', async (t) => {
  const { lookup, read } = await serve(t, {
    getattr: good,
    open: () => 1,
    read: () => Buffer.alloc(0),
  })
  t.equal((await read(await lookup('f'), 77)).error, -constants.errno.EBADF)
})

t.test(
  'a removed file that is open is told by its handle, one that is not is ESTALE',
  async (t) => {
    const asked: unknown[] = []
    const { lookup, open, getattr, unlink, release, forget, known } = await serve(t, {
      getattr(path, fh) {
        asked.push([path, fh])
        return good(path)
      },
      open: (path) => `handle of ${path}`,
      unlink: () => {},
    })
    const [f, g] = [await lookup('f'), await lookup('g')]
    const fh = await open(f)
    await unlink('f')
    await unlink('g')
    asked.length = 0
    t.equal((await getattr(f)).error, 0)
    t.same(asked, [[null, 'handle of /f']])
    t.equal((await getattr(g)).error, -ESTALE)
    await release(f, fh)
    forget(f)
    forget(g)
    t.equal(known(), 1)
  },
)

t.test('hardRemove: false: an open file is renamed, and removed when it is closed', async (t) => {
  const calls: string[] = []
  const { lookup, open, read, unlink, release } = await serve(
    t,
    {
      getattr: (path) => (path?.includes('hidden') ? null : good(path)),
      open: () => 1,
      read: (path) => Buffer.from(path ?? 'none'),
      rename: (from, to) => void calls.push(`rename ${from} ${to}`),
      unlink: (path) => void calls.push(`unlink ${path}`),
      release: () => void calls.push('release'),
    },
    { hardRemove: false },
  )
  const f = await lookup('f')
  const fh = await open(f)
  t.equal((await unlink('f')).error, 0)
  const hidden = /^rename \/f (\/\.fuse_hidden[0-9a-f]{16})$/.exec(calls[0] ?? '')?.[1]
  t.ok(hidden, calls.join())
  t.equal((await read(f, fh)).payload.toString(), hidden, 'it has a path')
  await release(f, fh)
  t.same(calls.slice(1), ['release', `unlink ${hidden}`])
})

t.test('a rename with two parameters never gets flags', async (t) => {
  let called = 0
  const { lookup, kernel } = await serve(t, {
    getattr: good,
    rename(_from, _to) {
      called++
    },
  })
  await lookup('f')
  const args = kernel.struct(s.fuse_rename2_in, { newdir: 1, flags: 2 })
  const { error } = await kernel.request(c.FUSE_RENAME2, [args, 'f', 'g'])
  t.equal(error, -constants.errno.EINVAL)
  t.equal(called, 0)
})

t.test('a method that is no function, and no getattr, are refused by name', (t) => {
  const make = (ops: unknown) => () => highLevel(ops as PathOps)
  t.throws(make({ getattr: good, read: 5 }), new LayoutError('read', 'a function', 5))
  t.throws(make({}), new LayoutError('getattr', 'a function', undefined))
  t.end()
})

const options: readonly (readonly [object, RegExp])[] = [
  [{ entryTimeout: -1 }, /^entryTimeout: expected seconds from 0 on, got -1$/],
  [{ umask: 0o1777 }, /^umask: expected an integer from 0 to 511/],
  [{ setUid: 1.5 }, /^setUid: expected/],
  [{ directIo: 'yes' }, /^directIo: expected true or false, got "yes"$/],
]
for (const [option, message] of options) {
  t.test(`an option out of range: ${JSON.stringify(option)}`, (t) => {
    t.throws(() => highLevel({ getattr: good }, option), { message })
    t.end()
  })
}

t.test('locks of an open file description end with it', async (t) => {
  const calls: unknown[] = []
  const { lookup, open, release, kernel } = await serve(t, {
    getattr: good,
    open: () => 1,
    lock(_path, _fh, command, lock, ctx) {
      calls.push([command, lock.type, ctx.lockOwner])
    },
  })
  const f = await lookup('f')
  const fh = await open(f)
  const set = (owner: bigint) =>
    kernel.request(
      c.FUSE_SETLK,
      [
        kernel.struct(s.fuse_lk_in, {
          fh,
          owner,
          lk: { start: 0n, end: 10n, type: 1, pid: 1 },
          lk_flags: 0,
        }),
      ],
      { nodeid: f },
    )
  await set(5n)
  await set(6n)
  const flush = kernel.struct(s.fuse_flush_in, { fh, lock_owner: 5n })
  await kernel.request(c.FUSE_FLUSH, [flush], { nodeid: f })
  await release(f, fh)
  t.same(calls, [
    ['setlk', 1, 5n],
    ['setlk', 1, 6n],
    ['setlk', 2, 5n],
    ['setlk', 2, 6n],
  ])
})
