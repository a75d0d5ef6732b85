import t from 'tap'
import { Directory, type Entry } from '../../examples/memfs/directory.ts'
import { Inode } from '../../examples/memfs/inode.ts'
import { random, seed } from './random.ts'

const { below } = random()

const S_IFDIR = 0o040755
const S_IFREG = 0o100644
const now = { seconds: 1, nanoseconds: 2 }
const owner = { uid: 0, gid: 0 }
const newDirectory = (nodeid = 1) => new Directory(nodeid, S_IFDIR, owner, now)
const file = new Inode(9, S_IFREG, owner, now)

function after(directory: Directory, cookie: number): Entry[] {
  const entries: Entry[] = []
  directory.offer(cookie, (entry) => entries.push(entry) > 0)
  return entries
}

/** A listing in pieces of `size`, with `between` after each. */
function list(directory: Directory, size: number, between: () => void): string[] {
  const names: string[] = []
  for (let cookie = 0; ; between()) {
    const piece = after(directory, cookie).slice(0, size)
    const last = piece.at(-1)
    if (last === undefined) return names
    names.push(...piece.map(({ name }) => name))
    cookie = last.cookie
  }
}

t.test(`what stays during a listing is listed once, in order (seed ${seed})`, async (t) => {
  for (let round = 0; round < 50; round++) {
    const directory = newDirectory()
    const stays: string[] = []
    for (let i = 0; i < 300; i++) {
      directory.add(`goes${i}`, file)
      if (below(3) > 0) continue
      directory.add(`stays${i}`, file)
      stays.push(`stays${i}`)
    }
    let added = 0
    const names = list(directory, 1 + below(40), () => {
      for (let i = 0; i < 20; i++) {
        const entry = directory.get(`goes${below(300)}`)
        if (entry !== undefined) directory.remove(entry)
      }
      if (added < 20) directory.add(`new${added++}`, file)
    })
    t.same(
      names.filter((name) => name.startsWith('stays')),
      stays,
    )
    t.equal(new Set(names).size, names.length)
  }
})

t.test('a name that comes again has another cookie', async (t) => {
  const directory = newDirectory()
  directory.add('a', file)
  const { cookie } = directory.entry('a')
  directory.remove(directory.entry('a'))
  directory.add('a', file)
  t.ok(directory.entry('a').cookie > cookie)
  t.same(
    after(directory, cookie).map(({ name }) => name),
    ['a'],
  )
})

t.test('a million names come and go without leaving anything', async (t) => {
  const directory = newDirectory()
  for (let i = 0; i < 1_000_000; i++) {
    directory.add('a', file)
    directory.remove(directory.entry('a'))
  }
  t.ok(directory.empty)
  t.same(after(directory, 0), [])
})

t.test('directories in it count as links, and know where they are', async (t) => {
  const [directory, other, child] = [newDirectory(1), newDirectory(2), newDirectory(3)]
  directory.add('child', child)
  directory.add('other', other)
  t.equal(directory.attr.nlink, 4)
  directory.remove(directory.entry('child'))
  other.add('child', child)
  t.equal(directory.attr.nlink, 3)
  t.equal(other.attr.nlink, 3)
  t.equal(child.parent, other)
  t.ok(directory.holds(child))
  t.notOk(child.holds(directory))
  t.throws(() => directory.entry('child'), { code: 'ENOENT' })
})
