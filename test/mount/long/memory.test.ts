// Files come and go, a big tree is walked again and again: memory, descriptors and inodes return to
// where they were.
import { execFile } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { compile } from '../compile.mjs'
import { lowerDir } from '../lower_dir.ts'
import { cannotMount, type Mounted, mountExample } from '../mount.ts'

const run = promisify(execFile)
const ROUNDS = 10
const TREE = '/usr/share'
const HOUR = 3_600_000

/** What a process has in use. */
class Usage {
  readonly #pid: number

  constructor({ child }: Mounted) {
    this.#pid = child.pid ?? 0
  }

  /** MiB. */
  get memory(): number {
    const status = readFileSync(`/proc/${this.#pid}/status`, 'utf8')
    return Math.round(Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) / 1024)
  }

  get descriptors(): number {
    return readdirSync(`/proc/${this.#pid}/fd`).length
  }

  /** The kernel forgets what it caches, and says so; how many are open once it has. */
  async forgotten(most = 0): Promise<number> {
    writeFileSync('/proc/sys/vm/drop_caches', '2')
    for (let tries = 0; this.descriptors > most && tries < 100; tries++) await delay(100)
    return this.descriptors
  }
}

/** V8 collects when it likes: how far down it gets is chance, how far up it goes is not. */
function expectFlat(t: Test, sizes: number[]): void {
  t.comment(`MiB after each round: ${sizes.join(' ')}`)
  const half = sizes.length / 2
  const early = Math.max(...sizes.slice(1, half))
  const late = Math.max(...sizes.slice(half))
  t.ok(late <= early * 1.25 + 32, `up to ${late} MiB late, ${early} MiB early`)
}

async function inodes(dir: string): Promise<number> {
  const { files, ffree } = await statfs(dir)
  return files - ffree
}

/** Make, write, stat, list and remove that many files, over and over. */
async function churn(t: Test, mounted: Mounted, files: number): Promise<void> {
  const usage = new Usage(mounted)
  const program = compile(new URL('churn.c', import.meta.url))
  const before = await usage.forgotten()
  const sizes: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    await run(program, [mounted.dir, String(files)])
    sizes.push(usage.memory)
  }
  expectFlat(t, sizes)
  t.equal(await usage.forgotten(before), before, 'descriptors')
  t.same(readdirSync(mounted.dir), [])
}

t.setTimeout(3 * HOUR)

t.test('a million files leave nothing behind, memfs', { skip: cannotMount('memfs') }, async (t) => {
  const mounted = await mountExample(t, 'memfs')
  const before = await inodes(mounted.dir)
  await churn(t, mounted, 100_000)
  t.equal(await inodes(mounted.dir), before, 'inodes')
})

const skip = cannotMount('stackfs')

for (const [name, options] of Object.entries({
  'default timeouts': 'cache=auto',
  'everything cached, watched': 'cache=always,watch',
  passthrough: 'passthrough',
})) {
  t.test(`a million operations leave nothing behind, stackfs, ${name}`, { skip }, async (t) => {
    await churn(t, await mountExample(t, 'stackfs', { args: [lowerDir(t)], options }), 25_000)
  })
}

t.test('a big tree leaves nothing behind, stackfs', { skip }, async (t) => {
  const mounted = await mountExample(t, 'stackfs', { args: [TREE], options: 'cache=always,ro' })
  const usage = new Usage(mounted)
  const before = await usage.forgotten()
  const sizes: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    await run('find', [mounted.dir, '-newermt', '2100-01-01'])
    t.ok(usage.descriptors > before + 1000, `${usage.descriptors} inodes are open`)
    t.equal(await usage.forgotten(before), before, 'descriptors')
    sizes.push(usage.memory)
  }
  expectFlat(t, sizes)
})
