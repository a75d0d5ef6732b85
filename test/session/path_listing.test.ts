// Listings of the path API: what keeps the place, and for how long.
import t from 'tap'
import type { DirectoryEntry, Listing } from '../../lib/index.ts'
import { names, serve } from './paths.ts'

const DOTS = ['.', '..']
const numbered = (count: number) => Array.from({ length: count }, (_, i) => `n${i}`)
/** Bytes for three entries with short names. */
const THREE = 3 * 32

const over = (readdir: () => Listing | Promise<Listing>) => ({
  getattr: (path: string | null) =>
    path === '/' ? ({ type: 'directory' } as const) : { size: 5, mode: 0o600 },
  readdir,
})

const forms: Readonly<Record<string, (all: readonly string[]) => Listing | Promise<Listing>>> = {
  'an array': (all) => [...all],
  'a promise of an array': async (all) => [...all],
  'a Set': (all) => new Set(all),
  'a generator of entries': function* (all) {
    for (const name of all) yield { name, type: 'file' }
  },
  'an async generator': async function* (all) {
    yield* all
  },
  'an array with its dots': (all) => [...DOTS, ...all],
}

for (const [form, make] of Object.entries(forms)) {
  t.test(`${form}: in pieces, from the start again, and from within the last piece`, async (t) => {
    const all = numbered(20)
    const { opendir, readdir } = await serve(
      t,
      over(() => make(all)),
    )
    const fh = await opendir()
    const found: string[] = []
    let off = 0
    for (;;) {
      const entries = await readdir(fh, off, THREE)
      if (entries.length === 0) break
      found.push(...names(entries))
      off = Number(entries.at(-1)?.off)
    }
    t.same(found, [...DOTS, ...all])
    const piece = await readdir(fh, 0, 10 * 32)
    t.same(names(await readdir(fh, Number(piece[3]?.off), 2 * 32)), ['n2', 'n3'], 'back into it')
    t.same(names(await readdir(fh, 4, 2 * 32)), ['n2', 'n3'], 'and once more')
    t.same(names(await readdir(fh, 3, 2 * 32)), ['n1', 'n2'], 'and before it')
    t.same(names(await readdir(fh, 15, 2 * 32)), ['n13', 'n14'], 'and far ahead')
  })
}

t.test('from the start again it is another listing', async (t) => {
  let round = 0
  const { opendir, readdir } = await serve(
    t,
    over(() => [`round${++round}`]),
  )
  const fh = await opendir()
  t.same(names(await readdir(fh)), [...DOTS, 'round1'])
  t.same(names(await readdir(fh)), [...DOTS, 'round2'])
})

t.test('an iterator is closed where nobody reads on', async (t) => {
  const ended: string[] = []
  const { opendir, readdir, kernel } = await serve(
    t,
    over(async function* () {
      try {
        for (let i = 0; ; i++) yield `n${i}`
      } finally {
        ended.push('closed')
      }
    }),
  )
  const fh = await opendir()
  await readdir(fh, 0, THREE)
  t.same(ended, [])
  await readdir(fh, 0, THREE)
  t.same(ended, ['closed'], 'by going back to the start')
  const { FUSE_RELEASEDIR } = await import('../../protocol/constants.ts')
  const { fuse_release_in } = await import('../../protocol/structs.ts')
  const args = { fh, flags: 0, release_flags: 0, lock_owner: 0n }
  await kernel.request(FUSE_RELEASEDIR, [kernel.struct(fuse_release_in, args)])
  t.same(ended, ['closed', 'closed'], 'and by closing the directory')
})

t.test('of a million entries no more are made than are read', async (t) => {
  let made = 0
  const { opendir, readdir } = await serve(
    t,
    over(function* () {
      for (; made < 1_000_000; made++) yield `n${made}`
    }),
  )
  const fh = await opendir()
  const entries = await readdir(fh, 0, 4096)
  t.ok(made <= entries.length + 1, `${made} made, ${entries.length} read`)
})

t.test('what goes wrong in the middle is told after what came before it', async (t) => {
  const { opendir, readdir, errors } = await serve(
    t,
    over(function* () {
      yield 'a'
      throw new Error('no more')
    }),
  )
  const fh = await opendir()
  const entries = await readdir(fh)
  t.same(names(entries), [...DOTS, 'a'])
  t.same(errors, [])
  await t.rejects(readdir(fh, Number(entries.at(-1)?.off)), { message: 'errno 5' })
  t.same(errors, ['Error: no more'])
  t.same(names(await readdir(fh)), [...DOTS, 'a'], 'it may begin again')
})

const nonsense: Readonly<Record<string, () => unknown>> = {
  'a number': () => 5,
  nothing: () => undefined,
  'a number among names': () => ['a', 5],
  'an entry without a name': () => [{ type: 'file' }],
  "a name with '/'": () => ['a/b'],
  'an empty name': () => [''],
  'a type that there is not': () => [{ name: 'a', type: 'door' }],
}
for (const [what, readdir] of Object.entries(nonsense)) {
  t.test(`${what}: EIO, one report, and the mount goes on`, async (t) => {
    const served = await serve(t, over(readdir as () => Listing))
    const fh = await served.opendir()
    // What is wrong behind something good is told to the next reader.
    const first = served.readdir(fh)
    await t.rejects(
      first.then((entries) => served.readdir(fh, Number(entries.at(-1)?.off))),
      { message: 'errno 5' },
    )
    t.equal(served.errors.length, 1, served.errors.join())
    t.equal((await served.getattr(1)).error, 0)
  })
}

t.test('entries with attributes count as lookups, those without room do not', async (t) => {
  const entries: DirectoryEntry[] = numbered(20).map((name) => ({ name, stat: { size: 1 } }))
  const { opendir, readdirplus, forget, known } = await serve(
    t,
    over(() => entries),
  )
  const fh = await opendir()
  const found = await readdirplus(fh, 0, 1000)
  const nodes = found.filter(({ nodeid }) => nodeid !== 0)
  t.ok(nodes.length > 0 && nodes.length < 20)
  t.equal(known(), 1 + nodes.length)
  for (const { nodeid } of nodes) forget(nodeid)
  t.equal(known(), 1)
})

t.test('an entry without attributes is a name only', async (t) => {
  const { opendir, readdirplus, known } = await serve(
    t,
    over(() => ['a']),
  )
  const found = await readdirplus(await opendir())
  t.same(
    found.map(({ nodeid }) => nodeid),
    [0, 0, 0],
  )
  t.equal(known(), 1)
})

t.test('cookies of the file system itself', async (t) => {
  const asked: bigint[] = []
  const { opendir, readdir } = await serve(t, {
    getattr: () => ({ type: 'directory' }),
    *readdir_from(_path, _fh, cookie) {
      asked.push(cookie)
      for (let i = Number(cookie >> 40n); i < 5; i++) {
        yield { name: `n${i}`, cookie: BigInt(i + 1) << 40n }
      }
    },
  })
  const fh = await opendir()
  const first = await readdir(fh, 0, 2 * 32)
  t.same(names(first), ['n0', 'n1'])
  t.equal(first.at(-1)?.off, 2n << 40n)
  t.same(names(await readdir(fh, 2 * 2 ** 40)), ['n2', 'n3', 'n4'])
  t.same(asked, [0n, 2n << 40n])
})
