// metadata.mjs DIR [--workers N] [--ops N] [--seed N]
//
// Several processes at once, each with random directory operations in a directory of its own,
// every result and every error checked against a model in memory; now and then, and at the
// end, the whole tree is compared. Meanwhile all of them move the same few files about in a
// shared directory, and none of these may get lost or doubled. Ends with 0, or with 1 and the
// seed and the last operations of the worker that found a difference.
import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const SHARED = 12
const NAMES = ['a', 'b', 'c', 'd', 'e', 'f-with-a-longer-name', 'ü', 'x'.repeat(100)]

/**
 * @typedef {{ kind: 'dir', mode: number, entries: Map<string, Node> }} Dir
 * @typedef {{ kind: 'file', mode: number, data: string, nlink: number }} File
 * @typedef {{ kind: 'link', target: string, nlink: number }} Link
 * @typedef {Dir | File | Link} Node
 * @typedef {{ dir: Dir, name: string, path: string, node: Node | undefined }} Place
 */

/** @param {number} seed */
function randomFrom(seed) {
  // mulberry32
  let state = seed >>> 0
  return (/** @type {number} */ below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) % below
  }
}

/** @param {number} mode @returns {Dir} */
const newDir = (mode) => ({ kind: 'dir', mode, entries: new Map() })

class Worker {
  /** @type {string[]} */
  history = []

  /** @param {string} root @param {string} shared @param {number} seed */
  constructor(root, shared, seed) {
    this.rootPath = root
    this.shared = shared
    this.random = randomFrom(seed)
    this.root = newDir(0o755)
  }

  /** @returns {{ dir: Dir, path: string }[]} */
  dirs() {
    const found = [{ dir: this.root, path: this.rootPath }]
    for (const { dir, path } of found) {
      for (const [name, node] of dir.entries) {
        if (node.kind === 'dir') found.push({ dir: node, path: `${path}/${name}` })
      }
    }
    return found
  }

  /** @template T @param {T[]} items @returns {T} */
  one(items) {
    return /** @type {T} */ (items[this.random(items.length)])
  }

  /** @returns {Place} */
  place() {
    // Few directories, and names that exist as often as not, so that operations meet.
    const { dir, path } = this.one(this.dirs().slice(0, 20))
    const known = [...dir.entries.keys()]
    const name = known.length > 0 && this.random(2) === 0 ? this.one(known) : this.one(NAMES)
    return { dir, name, path: `${path}/${name}`, node: dir.entries.get(name) }
  }

  /**
   * Do it and compare its outcome: undefined, or the code it must fail with.
   *
   * @param {string} what
   * @param {string | undefined} expected
   * @param {() => void} act
   * @returns {boolean} whether it was to succeed
   */
  expect(what, expected, act) {
    this.history.push(`${what} -> ${expected ?? 'ok'}`)
    let got
    try {
      act()
    } catch (error) {
      got = /** @type {NodeJS.ErrnoException} */ (error).code ?? String(error)
    }
    if (got === 'EEXIST' && expected === 'ENOTEMPTY') got = 'ENOTEMPTY'
    assert.equal(got, expected, what)
    return expected === undefined
  }

  create() {
    const { dir, name, path, node } = this.place()
    const ok = this.expect(`create ${path}`, node && 'EEXIST', () =>
      fs.closeSync(fs.openSync(path, 'wx', 0o644)),
    )
    if (ok) dir.entries.set(name, { kind: 'file', mode: 0o644, data: '', nlink: 1 })
  }

  mkdir() {
    const { dir, name, path, node } = this.place()
    if (path.length > 2000) return
    const ok = this.expect(`mkdir ${path}`, node && 'EEXIST', () => fs.mkdirSync(path, 0o755))
    if (ok) dir.entries.set(name, newDir(0o755))
  }

  symlink() {
    const { dir, name, path, node } = this.place()
    const target = `${this.random(1000)}/nowhere`
    const ok = this.expect(`symlink ${path}`, node && 'EEXIST', () => fs.symlinkSync(target, path))
    if (ok) dir.entries.set(name, { kind: 'link', target, nlink: 1 })
  }

  link() {
    const from = this.place()
    const to = this.place()
    let code
    if (from.node === undefined) code = 'ENOENT'
    else if (to.node !== undefined) code = 'EEXIST'
    else if (from.node.kind === 'dir') code = 'EPERM'
    const ok = this.expect(`link ${from.path} ${to.path}`, code, () =>
      fs.linkSync(from.path, to.path),
    )
    if (!ok || from.node === undefined || from.node.kind === 'dir') return
    from.node.nlink++
    to.dir.entries.set(to.name, from.node)
  }

  unlink() {
    const { dir, name, path, node } = this.place()
    const code = node === undefined ? 'ENOENT' : node.kind === 'dir' ? 'EISDIR' : undefined
    if (!this.expect(`unlink ${path}`, code, () => fs.unlinkSync(path))) return
    if (node !== undefined && node.kind !== 'dir') node.nlink--
    dir.entries.delete(name)
  }

  rmdir() {
    const { dir, name, path, node } = this.place()
    let code
    if (node === undefined) code = 'ENOENT'
    else if (node.kind !== 'dir') code = 'ENOTDIR'
    else if (node.entries.size > 0) code = 'ENOTEMPTY'
    if (this.expect(`rmdir ${path}`, code, () => fs.rmdirSync(path))) dir.entries.delete(name)
  }

  /** @param {Place} from @param {Place} to */
  renameCode(from, to) {
    if (from.node === undefined) return 'ENOENT'
    if (to.path.startsWith(`${from.path}/`)) return from.node.kind === 'dir' ? 'EINVAL' : 'ENOTDIR'
    if (from.path.startsWith(`${to.path}/`)) return 'ENOTEMPTY'
    if (to.node === undefined || to.node === from.node) return undefined
    if (from.node.kind === 'dir' && to.node.kind !== 'dir') return 'ENOTDIR'
    if (from.node.kind !== 'dir' && to.node.kind === 'dir') return 'EISDIR'
    return to.node.kind === 'dir' && to.node.entries.size > 0 ? 'ENOTEMPTY' : undefined
  }

  rename() {
    const from = this.place()
    const to = this.place()
    const ok = this.expect(`rename ${from.path} ${to.path}`, this.renameCode(from, to), () =>
      fs.renameSync(from.path, to.path),
    )
    if (!ok || from.node === undefined || from.node === to.node) return
    if (to.node !== undefined && to.node.kind !== 'dir') to.node.nlink--
    from.dir.entries.delete(from.name)
    to.dir.entries.set(to.name, from.node)
  }

  append() {
    const { path, node } = this.place()
    if (node?.kind !== 'file') return
    const data = String(this.random(1e6)).repeat(1 + this.random(200))
    this.expect(`append ${path}`, undefined, () => fs.appendFileSync(path, data))
    node.data += data
  }

  truncate() {
    const { path, node } = this.place()
    if (node?.kind !== 'file') return
    const size = this.random(2000)
    this.expect(`truncate ${path}`, undefined, () => fs.truncateSync(path, size))
    node.data = node.data.slice(0, size).padEnd(size, '\0')
  }

  chmod() {
    const { path, node } = this.place()
    if (node === undefined || node.kind === 'link') return
    const mode = this.random(0o1000) | 0o700
    this.expect(`chmod ${path}`, undefined, () => fs.chmodSync(path, mode))
    node.mode = mode
  }

  read() {
    const { path, node } = this.place()
    if (node?.kind === 'link') return
    const code = node === undefined ? 'ENOENT' : node.kind === 'dir' ? 'EISDIR' : undefined
    this.expect(`read ${path}`, code, () => {
      const data = fs.readFileSync(path, 'latin1')
      assert.equal(data, node?.kind === 'file' ? node.data : '')
    })
  }

  // Several processes do this at once on the same names: any of them may come too late.
  share() {
    const name = this.random(SHARED)
    const [from, to] = this.random(2) === 0 ? ['left', 'right'] : ['right', 'left']
    try {
      fs.renameSync(`${this.shared}/${from}/${name}`, `${this.shared}/${to}/${name}`)
    } catch (error) {
      assert.equal(/** @type {NodeJS.ErrnoException} */ (error).code, 'ENOENT')
    }
  }

  step() {
    const acts = [
      'create',
      'create',
      'create',
      'mkdir',
      'mkdir',
      'symlink',
      'link',
      'unlink',
      'unlink',
      'rmdir',
      'rename',
      'rename',
      'rename',
      'append',
      'append',
      'truncate',
      'chmod',
      'read',
      'read',
      'share',
      'share',
    ]
    const act = /** @type {'create'} */ (this.one(acts))
    this[act]()
  }

  /** @param {Node} node @param {string} path */
  compare(node, path) {
    const stat = fs.lstatSync(path)
    if (node.kind === 'link') {
      assert.equal(fs.readlinkSync(path), node.target, path)
      assert.equal(stat.nlink, node.nlink, path)
      return
    }
    assert.equal(stat.mode & 0o7777, node.mode, `mode of ${path}`)
    if (node.kind === 'file') {
      assert(stat.isFile(), path)
      assert.equal(stat.nlink, node.nlink, `links of ${path}`)
      assert.equal(stat.size, node.data.length, `size of ${path}`)
      assert(fs.readFileSync(path, 'latin1') === node.data, `contents of ${path}`)
      return
    }
    assert.deepEqual(fs.readdirSync(path).sort(), [...node.entries.keys()].sort(), path)
    for (const [name, child] of node.entries) this.compare(child, `${path}/${name}`)
  }
}

/** @param {string} dir @param {number} index @param {number} ops @param {number} seed */
function work(dir, index, ops, seed) {
  const root = `${dir}/worker-${index}`
  fs.mkdirSync(root)
  const worker = new Worker(root, `${dir}/shared`, seed * 1000 + index)
  try {
    for (let i = 1; i <= ops; i++) {
      worker.step()
      if (i % 250 === 0) worker.compare(worker.root, root)
    }
    worker.compare(worker.root, root)
  } catch (error) {
    console.error(`worker ${index}, seed ${seed}, the last operations:`)
    console.error(worker.history.slice(-40).join('\n'))
    console.error(error)
    process.exit(1)
  }
}

/** @param {string} dir */
function checkShared(dir) {
  const names = [...fs.readdirSync(`${dir}/left`), ...fs.readdirSync(`${dir}/right`)]
  const expected = Array.from({ length: SHARED }, (_, i) => String(i))
  assert.deepEqual(names.sort(), expected.sort(), 'the shared files')
  for (const side of ['left', 'right']) {
    for (const name of fs.readdirSync(`${dir}/${side}`)) {
      assert.equal(fs.readFileSync(`${dir}/${side}/${name}`, 'utf8'), `contents of ${name}`)
    }
  }
}

/** @param {string} dir @param {number} workers @param {number} ops @param {number} seed */
async function main(dir, workers, ops, seed) {
  for (const side of ['left', 'right']) fs.mkdirSync(`${dir}/shared/${side}`, { recursive: true })
  for (let i = 0; i < SHARED; i++) fs.writeFileSync(`${dir}/shared/left/${i}`, `contents of ${i}`)
  const ends = await Promise.all(
    Array.from({ length: workers }, async (_, i) => {
      const args = [dir, '--worker', String(i), '--ops', String(ops), '--seed', String(seed)]
      const [code] = await once(fork(fileURLToPath(import.meta.url), args), 'close')
      return code
    }),
  )
  assert(
    ends.every((code) => code === 0),
    `workers ended with ${ends}`,
  )
  checkShared(`${dir}/shared`)
  fs.rmSync(`${dir}/shared`, { recursive: true })
  for (let i = 0; i < workers; i++) fs.rmSync(`${dir}/worker-${i}`, { recursive: true })
  console.log(`seed ${seed}: ${workers} workers, ${ops} operations each`)
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    workers: { type: 'string', default: '4' },
    ops: { type: 'string', default: '500' },
    seed: { type: 'string', default: '1' },
    worker: { type: 'string' },
  },
})
const [dir] = positionals
if (dir === undefined) throw new Error('usage: metadata.mjs DIR [--workers N] [--ops N] [--seed N]')
process.umask(0o022)
if (values.worker !== undefined) {
  work(dir, Number(values.worker), Number(values.ops), Number(values.seed))
} else await main(dir, Number(values.workers), Number(values.ops), Number(values.seed))
