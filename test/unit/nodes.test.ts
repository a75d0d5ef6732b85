// The table of the path API: numbers, places, paths and lookup counts.
import { constants } from 'node:fs'
import t from 'tap'
import { NodeTable, type PathNode } from '../../lib/nodes.ts'

const { S_IFDIR, S_IFREG } = constants

interface World {
  readonly table: NodeTable
  /** The keys of files without a name that nobody knows any more. */
  readonly gone: unknown[]
  dir(name: string, parent?: PathNode): PathNode
  file(name: string, parent?: PathNode, key?: unknown): PathNode
}

/** Every node is looked up once. */
function world(): World {
  const gone: unknown[] = []
  const table = new NodeTable(
    S_IFDIR,
    () => false,
    (key) => gone.push(key),
  )
  const make = (type: number) => (name: string, parent?: PathNode, key?: unknown) => {
    const node = table.found(parent ?? table.root, name, type, key)
    node.nlookup++
    return node
  }
  return { table, gone, dir: make(S_IFDIR), file: make(S_IFREG) }
}

t.test('a path is put together upwards, and a rename above moves it', (t) => {
  const { table, dir, file } = world()
  const a = dir('a')
  const b = dir('b', a)
  const f = file('f', b)
  t.equal(table.path(table.root), '/')
  t.equal(table.path(f), '/a/b/f')
  table.rename(table.root, 'a', table.root, 'z')
  t.equal(table.path(f), '/z/b/f')
  table.rename(a, 'b', table.root, 'b')
  t.equal(table.path(f), '/b/f')
  t.equal(table.path(a), '/z')
  table.rename(b, 'f', b, 'g')
  t.equal(table.path(f), '/b/g')
  t.end()
})

t.test('a directory with 100,000 files below is renamed as fast as an empty one', (t) => {
  const { table, dir, file } = world()
  const full = dir('full')
  const nodes = Array.from({ length: 100_000 }, (_, i) => file(String(i), full))
  for (const node of nodes) table.path(node)
  // Not by the clock: no child is touched.
  for (const node of nodes) Object.freeze(node)
  t.doesNotThrow(() => table.rename(table.root, 'full', table.root, 'other'))
  t.equal(table.path(file('new', full)), '/other/new')
  t.end()
})

t.test('a name is the same file until its type or its key changes', (t) => {
  const { table, file } = world()
  const f = file('f', undefined, 'k1')
  t.equal(table.found(table.root, 'f', S_IFREG, 'k1'), f)
  t.equal(
    table.found(table.root, 'f', S_IFREG, undefined),
    f,
    'a key that is left out says nothing',
  )
  const other = table.found(table.root, 'f', S_IFREG, 'k2')
  t.not(other, f)
  t.equal(table.path(f), null, 'the one before has lost its name')
  t.not(table.found(table.root, 'f', S_IFDIR, 'k2'), other)
  t.end()
})

t.test('a file gets its key when it first has one', (t) => {
  const { table, file } = world()
  const f = file('f')
  t.equal(table.found(table.root, 'f', S_IFREG, 'k'), f)
  t.equal(table.found(table.root, 'g', S_IFREG, 'k'), f, 'and is found by it under other names')
  t.equal(f.places.length, 2)
  t.end()
})

t.test('a file with two names has a path as long as it has one of them', (t) => {
  const { table, file } = world()
  const f = file('f')
  table.link(f, table.root, 'g')
  table.unlink(table.root, 'f')
  t.equal(table.path(f), '/g')
  table.rename(table.root, 'g', table.root, 'f')
  t.equal(table.path(f), '/f')
  table.unlink(table.root, 'f')
  t.equal(table.path(f), null)
  t.end()
})

t.test('renaming one name of a file over another name of it changes nothing', (t) => {
  const { table, file } = world()
  const f = file('f')
  table.link(f, table.root, 'g')
  table.rename(table.root, 'f', table.root, 'g')
  t.equal(table.child(table.root, 'f'), f)
  t.equal(table.child(table.root, 'g'), f)
  t.end()
})

t.test('a rename takes the name from what had it', (t) => {
  const { table, file } = world()
  const [f, g] = [file('f'), file('g')]
  table.rename(table.root, 'f', table.root, 'g')
  t.equal(table.path(f), '/g')
  t.equal(table.path(g), null)
  t.equal(table.child(table.root, 'f'), undefined)
  t.end()
})

t.test('an exchange moves both, and what lies below', (t) => {
  const { table, dir, file } = world()
  const [a, b] = [dir('a'), dir('b')]
  const f = file('f', a)
  table.exchange(table.root, 'a', table.root, 'b')
  t.equal(table.path(a), '/b')
  t.equal(table.path(b), '/a')
  t.equal(table.path(f), '/b/f')
  table.exchange(table.root, 'a', table.root, 'unknown')
  t.equal(table.path(b), '/unknown', 'one that is not known is exchanged all the same')
  t.end()
})

t.test('what is forgotten to 0 is gone, upwards, and its number is not given again', (t) => {
  const { table, dir, file } = world()
  const a = dir('a')
  const f = file('f', a)
  table.forget(a.nodeid, 1)
  t.equal(table.path(f), '/a/f', 'a directory stays for what lies in it')
  t.equal(table.size, 3)
  table.forget(f.nodeid, 1)
  t.equal(table.size, 1)
  t.throws(() => table.get(a.nodeid), { code: 'ESTALE' })
  const again = dir('a')
  t.ok(again.nodeid > f.nodeid)
  t.end()
})

t.test('FORGET for more than was looked up, or for nobody, harms nothing', (t) => {
  const { table, file } = world()
  const f = file('f')
  table.forget(f.nodeid, 1000)
  table.forget(f.nodeid, 1)
  table.forget(12345, 1)
  table.forget(table.root.nodeid, 1)
  t.equal(table.get(1), table.root)
  t.end()
})

t.test('an open file stays after its last name and its last lookup', (t) => {
  const { table, gone, file } = world()
  const f = file('f', undefined, 'key')
  f.handles.add(1)
  table.unlink(table.root, 'f')
  table.forget(f.nodeid, 1)
  t.equal(table.get(f.nodeid), f)
  t.same(gone, [])
  f.handles.delete(1)
  table.settle(f)
  t.throws(() => table.get(f.nodeid), { code: 'ESTALE' })
  t.same(gone, ['key'], 'the file system hears of it')
  t.end()
})

t.test('a file that has its name yet is forgotten without a word', (t) => {
  const { table, gone, file } = world()
  const f = file('f', undefined, 'key')
  table.forget(f.nodeid, 1)
  t.same(gone, [])
  t.end()
})

t.test('the key of a removed file may be the key of a new one', (t) => {
  const { table, file } = world()
  const f = file('f', undefined, 7)
  table.unlink(table.root, 'f')
  const again = table.found(table.root, 'f', S_IFREG, 7)
  t.not(again, f)
  table.forget(f.nodeid, 1)
  t.equal(table.found(table.root, 'g', S_IFREG, 7), again, 'and is not taken away with the old one')
  t.end()
})

t.test('files below a removed directory have no path', (t) => {
  const { table, dir, file } = world()
  const a = dir('a')
  const f = file('f', a)
  t.equal(table.path(f), '/a/f')
  table.unlink(table.root, 'a')
  t.equal(table.path(f), null)
  t.end()
})

t.test('a path of 2,000 directories', (t) => {
  const { table, dir } = world()
  let at = table.root
  for (let i = 0; i < 2000; i++) at = dir('d', at)
  t.equal(table.path(at), '/d'.repeat(2000))
  t.end()
})
