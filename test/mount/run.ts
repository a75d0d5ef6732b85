// Runs the named POSIX checks in a child process and turns each into an assertion.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { plainEnv } from './plain_env.ts'

const CHILD = fileURLToPath(new URL('posix_child.mjs', import.meta.url))
// A check may take a minute, and a system call in it may hang for ever.
const SILENCE = 150_000

export interface PosixOptions {
  /** Names from posix/index.mjs, 'all', or with a minus what is lacking: ['all', '-acl']. */
  features?: string[]
  /** Only the checks whose names match. */
  only?: RegExp
  /** The node that runs the checks; they need no more than 20. */
  node?: string
}

interface Line {
  name: string
  ok: boolean
  error?: string
  skipped?: string
  ms?: number
}

/** Passes on every line; if there is none for `SILENCE` ms, ends the whole process group. */
async function eachLine(args: string[], node: string, take: (line: Line) => void): Promise<void> {
  const child = spawn(node, [CHILD, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: plainEnv(),
    detached: true,
  })
  const closed = once(child, 'close')
  const kill = (): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
    } catch {
      // ESRCH: the group has ended already.
    }
  }
  const timer = setTimeout(kill, SILENCE)
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      timer.refresh()
      take(JSON.parse(line) as Line)
    }
    const [code, signal] = (await closed) as [number | null, NodeJS.Signals | null]
    if (code !== 0) throw new Error(`posix_child.mjs ended with ${code ?? signal}`)
  } finally {
    clearTimeout(timer)
    kill()
  }
}

/**
 * Every named POSIX check on `dir`, each as one assertion of `t`.
 *
 * The checks run in a process of their own: `dir` may be served by this one. They run as root,
 * and uid 65534 must be able to reach `dir`.
 */
export async function posixTable(
  t: Test,
  dir: string,
  { features = ['all'], only, node = process.execPath }: PosixOptions = {},
): Promise<void> {
  const args = [dir, '--features', features.join(',')]
  if (only !== undefined) args.push('--only', only.source)
  const skipped = new Map<string, number>()
  let count = 0
  let last = 'none'
  try {
    await eachLine(args, node, (line) => {
      count++
      last = line.name
      if (line.skipped !== undefined) {
        skipped.set(line.skipped, (skipped.get(line.skipped) ?? 0) + 1)
        t.pass(line.name, { skip: line.skipped })
      } else if (line.ok) t.pass(line.name)
      else t.fail(line.name, { found: line.error ?? 'no reason given', stack: '' })
    })
  } catch (error) {
    t.fail(`the checks came to their end (the last one heard of: ${last})`, { found: error })
  }
  const reasons = [...skipped].map(([reason, n]) => `${n} ${reason}`).join(', ')
  t.comment(`${count} checks, skipped: ${reasons || 'none'}`)
  t.ok(count > 0, 'there were checks')
}
