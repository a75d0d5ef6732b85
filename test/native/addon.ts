import { spawnSync } from 'node:child_process'
import { accessSync, constants, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Worker } from 'node:worker_threads'
import type { Test } from 'tap'
import type { Addon } from '../../lib/native.ts'
import { posix } from '../../lib/posix.ts'

/** What test/native/child.cjs exports. */
export interface Context {
  readonly addon: Addon
  readonly require: NodeJS.Require
  /** The /proc directories of the threads that run the addon's blocking calls. */
  addonThreads(): string[]
  until(condition: () => boolean): Promise<void>
  cstring(text: string): Uint8Array
  pipe(directory: string): { fd: number; fill(): number; drain(): number }
  device(directory: string): Promise<{ fd: number; unmount(): number }>
  worker(body: (context: Context) => unknown, workerData?: unknown): Worker
}

const childPath = fileURLToPath(new URL('child.cjs', import.meta.url))

export const context = createRequire(import.meta.url)('./child.cjs') as Context
export const { addon, cstring, until } = context

export const EPERM = -1
export const ENOENT = -2
export const EBADF = -9
export const EAGAIN = -11
export const ENODEV = -19
export const EINVAL = -22

/**
 * Runs `body`, which sees nothing of the file it stands in, in a Node process of its own. env(1)
 * takes away the modules that tap loads into every child: they catch signals and exits.
 */
export function inChild(body: (context: Context) => unknown, ...nodeArguments: string[]) {
  const source = `(${body})(require(${JSON.stringify(childPath)}))`
  const { status, signal, stdout, stderr } = spawnSync(
    'env',
    ['-u', 'NODE_OPTIONS', process.execPath, ...nodeArguments, '-e', source],
    { encoding: 'utf8', timeout: 25_000, killSignal: 'SIGKILL' },
  )
  return { status, signal, stdout, stderr }
}

/** What a child that did everything right looks like. */
export const printed = (stdout: string) => ({ status: 0, signal: null, stdout, stderr: '' })

export function temporaryDirectory(t: Test): string {
  const directory = mkdtempSync(join(tmpdir(), 'devfuse-native-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  return directory
}

/** A descriptor of a new directory. */
export function openDirectory(t: Test): number {
  return closed(t, posix.openat(-1, temporaryDirectory(t), constants.O_DIRECTORY, 0))
}

/** The descriptor, closed after the test. Throws for what is none. */
export function closed(t: Test, fd: number): number {
  if (fd < 0) throw new Error(`a descriptor was expected: ${fd}`)
  t.teardown(() => posix.close(fd))
  return fd
}

/** Why a mount is not to be had here, or false. */
export function unavailable(): string | false {
  if (process.getuid?.() !== 0) return 'not root'
  try {
    accessSync('/dev/fuse', constants.R_OK | constants.W_OK)
    return false
  } catch (error) {
    return `no /dev/fuse: ${error}`
  }
}

/** Two ends, closed after the test. */
export function pair(t: Test): [number, number] {
  const ends = addon.socketpair()
  if (typeof ends === 'number') throw new Error(`socketpair: ${ends}`)
  for (const fd of ends) t.teardown(() => addon.close(fd))
  return ends
}

export const openDescriptors = () => readdirSync('/proc/self/fd').length
