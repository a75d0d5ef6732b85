// Runs the commands of the workloads, and says which of them are missing.
import { type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'
import { plainEnv } from '../plain_env.ts'

export interface CommandOptions {
  cwd?: string
  env?: NodeJS.ProcessEnv
  input?: string
  /** Whoever runs it, without further groups; otherwise we do. */
  user?: { uid: number; gid: number }
  /** After this many ms it is killed, with everything it has started. */
  timeout?: number
}

/** What a workload needs is not here: to be skipped, with this reason. */
export class Lacking extends Error {
  override readonly name = 'Lacking'
}

const isExecutable = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

export const missing = (tools: string[]): string[] =>
  tools.filter(
    (tool) => !(process.env.PATH ?? '').split(':').some((dir) => isExecutable(join(dir, tool))),
  )

const tail = (text: string): string => text.split('\n').slice(-60).join('\n')

/**
 * Its standard output. Throws with all it said unless it ends with status 0.
 */
export async function command(
  file: string,
  args: string[],
  { cwd, env, input = '', user, timeout = 300_000 }: CommandOptions = {},
): Promise<string> {
  const options: SpawnOptions = { detached: true, env: plainEnv({ LC_ALL: 'C', ...env }), ...user }
  if (cwd !== undefined) options.cwd = cwd
  const child = spawn(file, args, options)
  let out = ''
  let err = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    out += text
  })
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    err += text
  })
  child.stdin?.on('error', () => {}).end(input)
  const timer = setTimeout(() => {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
  }, timeout)
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
  clearTimeout(timer)
  if (code === 0) return out
  const what = [file, ...args].join(' ').slice(0, 300)
  throw new Error(`${what}: ended with ${code ?? signal}\n${tail(out)}\n${tail(err)}`)
}
