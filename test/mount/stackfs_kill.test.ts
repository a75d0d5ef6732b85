// stackfs is killed while others write: what they were told is done is in LOWER.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { lowerDir } from './lower_dir.ts'
import { cannotMount, mountExample } from './mount.ts'
import { plainEnv } from './plain_env.ts'

const skip = cannotMount('stackfs')
const CHILD = fileURLToPath(new URL('acknowledged.mjs', import.meta.url))
const WRITERS = ['one', 'other']
/** When it is killed: bytes in both logs. */
const LOGGED = [2000, 20_000]

type Change = ['size', string, number] | ['move', string, string] | ['gone', string]
type Line = ['?', ...Change] | ['!', ...Change] | ['end', string | undefined]

/** What is in the folder by all that was acknowledged, and the change that was not. */
class Ledger {
  readonly sizes = new Map<string, number>()
  pending: Change | undefined
  ended: string | undefined
  changes = 0

  take([mark, ...change]: Line): void {
    if (mark === 'end') this.ended = change[0] as string
    else if (mark === '?') this.pending = change as Change
    else this.#done(change as Change)
  }

  #done([what, name, value]: Change): void {
    this.pending = undefined
    this.changes++
    if (what === 'size') this.sizes.set(name, value)
    else {
      const size = this.sizes.get(name) ?? 0
      this.sizes.delete(name)
      if (what === 'move') this.sizes.set(value, size)
    }
  }

  /** What is not as it must be in `dir`. */
  wrong(dir: string): string[] {
    const unsure = this.pending?.slice(1) ?? []
    const left = readdirSync(dir).filter((name) => !this.sizes.has(name) && !unsure.includes(name))
    return [...left.map((name) => `${name} was gone`), ...this.#wrongFiles(dir)]
  }

  #wrongFiles(dir: string): string[] {
    return [...this.sizes].flatMap(([name, size]) => {
      // Nobody knows whether the last one was still carried out.
      if (this.pending?.[0] !== 'size' && this.pending?.[1] === name) return []
      const path = join(dir, name)
      if (!existsSync(path)) return [`${name} is missing`]
      const bytes = readFileSync(path)
      const grown =
        this.pending?.[0] === 'size' && this.pending[1] === name ? this.pending[2] : size
      if (bytes.length < size || bytes.length > grown) return [`${name} has ${bytes.length} bytes`]
      return this.#same(name, bytes.subarray(0, size)) ? [] : [`${name} has other bytes`]
    })
  }

  /** The child writes a number and a blank over and over, from the start in each piece. */
  #same(name: string, bytes: Buffer): boolean {
    const word = `${Number.parseInt(name.slice(1), 10)} `
    for (let at = 0; at < bytes.length; ) {
      const length = Math.min(1 + ((at * 7 + 13) % 20_000), bytes.length - at)
      if (!bytes.subarray(at, at + length).equals(Buffer.alloc(length, word))) return false
      at += length
    }
    return true
  }
}

/** Runs a writer to its end. Returns what it has written to its log. */
async function write(dir: string, log: string, more: readonly string[]): Promise<Ledger> {
  const child = spawn(process.execPath, [CHILD, dir, log, ...more], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: plainEnv(),
  })
  await once(child, 'close')
  const ledger = new Ledger()
  for (const line of readFileSync(log, 'utf8').trim().split('\n')) ledger.take(JSON.parse(line))
  return ledger
}

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0

t.setTimeout(300_000)
for (const [name, options, more] of [
  ['nothing cached', 'cache=never', []],
  ['default timeouts', 'cache=auto', []],
  ['everything cached', 'cache=always', []],
  ['passthrough', 'passthrough', []],
  ['write-back cache, fsync', 'writeback_cache', ['--fsync']],
] as const) {
  t.test(`kill -9 takes back nothing that was done, ${name}`, { skip }, async (t) => {
    for (const bytes of LOGGED) {
      const lower = lowerDir(t)
      const logs = lowerDir(t)
      const { dir, child, ended } = await mountExample(t, 'stackfs', { args: [lower], options })
      for (const name of WRITERS) mkdirSync(join(lower, name))
      const writing = WRITERS.map((name) => write(join(dir, name), join(logs, name), more))
      while (WRITERS.some((name) => sizeOf(join(logs, name)) < bytes)) await delay(1)
      child.kill('SIGKILL')
      await ended
      for (const [i, ledger] of (await Promise.all(writing)).entries()) {
        t.match(ledger.ended, /^(ENOTCONN|ECONNABORTED)$/, 'the writer is told')
        t.ok(ledger.changes > 20, `${ledger.changes} changes were acknowledged`)
        t.same(ledger.wrong(join(lower, WRITERS[i] ?? '')), [])
      }
    }
  })
}
