import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants, mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface, type Interface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { type MountedSession, type MountOptions, mountLowLevel } from '../../lib/mount.ts'
import { mountAt } from '../../lib/mountinfo.ts'
import type { LowLevelOps } from '../../lib/ops.ts'
import { deferred } from './harness.ts'

/** Real mounts for tests of the session: a process of its own uses them, every wait has an end. */

/** Milliseconds after which something hangs. */
export const PATIENCE = 15_000

/** Why nothing can be mounted here, or false. */
export function noMount(): string | false {
  if (process.getuid?.() !== 0) return 'mounting needs root'
  try {
    accessSync('/dev/fuse', constants.R_OK | constants.W_OK)
  } catch {
    return 'there is no /dev/fuse'
  }
  try {
    execFileSync('cc', ['--version'], { stdio: 'ignore' })
  } catch {
    return 'there is no C compiler (cc)'
  }
  return false
}

/** Rejects where the promise does not settle in time: it names what hangs. */
export async function within<T>(promise: PromiseLike<T>, what: string): Promise<T> {
  const late = deferred<never>()
  const timer = setTimeout(() => late.reject(new Error(`${what} hangs`)), PATIENCE)
  try {
    return await Promise.race([promise, late.promise])
  } finally {
    clearTimeout(timer)
  }
}

let compiled: string | undefined

function program(): string {
  if (compiled !== undefined) return compiled
  const directory = mkdtempSync(join(tmpdir(), 'devfuse-client-'))
  process.on('exit', () => rmSync(directory, { recursive: true, force: true }))
  compiled = join(directory, 'client')
  const source = fileURLToPath(new URL('client.c', import.meta.url))
  execFileSync('cc', ['-std=gnu11', '-Wall', '-Wextra', '-o', compiled, source])
  return compiled
}

/** A process that makes system calls on the mount, one at a time. */
export class Client {
  readonly #child: ChildProcess
  readonly #lines: AsyncIterator<string>
  readonly #interface: Interface

  constructor(directory: string) {
    this.#child = spawn(program(), [], { cwd: '/', stdio: ['pipe', 'pipe', 'inherit'] })
    this.#interface = createInterface({ input: this.#child.stdout as NodeJS.ReadableStream })
    this.#lines = this.#interface[Symbol.asyncIterator]()
    this.directory = directory
  }

  readonly directory: string

  /** Begin a call; `@` stands for the mount. The promise gives its answer. */
  async call(command: string): Promise<string> {
    this.#child.stdin?.write(`${command.replaceAll('@', this.directory)}\n`)
    const { value, done } = await within(this.#lines.next(), command)
    if (done) throw new Error(`${command}: the client has ended`)
    return value
  }

  async end(): Promise<void> {
    const { exitCode, signalCode } = this.#child
    if (exitCode !== null || signalCode !== null) return
    const ended = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await within(ended, 'the end of a client')
  }
}

/** Whoever waits for an answer gets ECONNABORTED. */
function abort(directory: string): void {
  const device = mountAt(directory)?.device
  if (device === undefined) return
  writeFileSync(`/sys/fs/fuse/connections/${device.split(':')[1]}/abort`, '1')
}

export interface Real {
  readonly directory: string
  readonly session: MountedSession
  client(): Client
}

/** Mount, run `use`, and leave nothing behind: whatever still waits then is aborted. */
export async function mounted(
  t: Test,
  ops: LowLevelOps,
  use: (real: Real) => Promise<void>,
  options: MountOptions = {},
): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'devfuse-real-'))
  const errors: unknown[] = []
  const session = await within(
    mountLowLevel(directory, ops, {
      onError: (error) => errors.push(error),
      poison: true,
      ...options,
    }),
    'the mount',
  )
  const clients: Client[] = []
  try {
    await use({
      directory,
      session,
      client() {
        const client = new Client(directory)
        clients.push(client)
        return client
      },
    })
    t.same(errors, [], 'nothing was reported')
  } catch (error) {
    abort(directory)
    t.error(error)
  } finally {
    for (const client of clients) await client.end()
    await within(session.unmount({ lazy: true }), 'the unmount')
    rmdirSync(directory)
  }
}
