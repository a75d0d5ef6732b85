// Starts an example file system in a process of its own, on a fresh directory, and ends it.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { plainEnv } from './plain_env.ts'

const PATIENCE = 20_000
const root = fileURLToPath(new URL('../..', import.meta.url))

export interface MountOptions {
  /** What follows -o. */
  options?: string
  /** More arguments, before the mount point. */
  args?: string[]
  /** The node that runs the example, if not DEVFUSE_TEST_NODE or this one. */
  node?: string
  env?: NodeJS.ProcessEnv
}

export interface Ended {
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

export interface Mounted {
  dir: string
  child: ChildProcess
  /** Everything it wrote to stderr so far. */
  stderr: () => string
  /** The end of the process, whatever caused it. */
  ended: Promise<Ended>
  /** SIGTERM; passes if it then exits with 0 and has unmounted and the directory is free. */
  stop: () => Promise<void>
}

/**
 * The program of an example: compiled by `npm run build`, run as `node FILE`.
 * DEVFUSE_TEST_EXAMPLES is another folder of such programs, to test those instead.
 */
export const examplePath = (name: string): string =>
  // A program of the tests' own comes with its path.
  isAbsolute(name)
    ? name
    : join(process.env.DEVFUSE_TEST_EXAMPLES ?? join(root, 'dist', 'examples'), `${name}.js`)

const exampleNode = (node: string | undefined): string =>
  node ?? process.env.DEVFUSE_TEST_NODE ?? process.execPath

const canOpenFuse = (): boolean => {
  try {
    accessSync('/dev/fuse', constants.R_OK | constants.W_OK)
    return true
  } catch {
    return false
  }
}

/**
 * Why an example cannot be mounted here, for tap's `skip`, or false.
 */
export function cannotMount(name?: string): string | false {
  if (!canOpenFuse()) return '/dev/fuse is missing, or may not be opened'
  if (process.getuid?.() !== 0) return 'only root may mount with allow_other'
  if (name !== undefined && !existsSync(examplePath(name))) {
    return `${examplePath(name)} is missing: build first`
  }
  return false
}

interface Mountinfo {
  /** The st_dev of everything on the mount, as major:minor. */
  minor: string
  dir: string
  type: string
}

// The kernel writes space, tab, newline and backslash of a path as octal escapes.
const unescaped = (path: string): string =>
  path.replace(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  )

function mounts(): Mountinfo[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [left = '', right = ''] = line.split(' - ')
      const fields = left.split(' ')
      return {
        minor: fields[2]?.split(':')[1] ?? '',
        dir: unescaped(fields[4] ?? ''),
        type: right.split(' ')[0] ?? '',
      }
    })
}

export const isMounted = (dir: string): boolean => mounts().some((mount) => mount.dir === dir)

/** The type of the mount on `dir`, 'fuse' or 'fuse.SUBTYPE', if there is one. */
export const mountType = (dir: string): string | undefined =>
  mounts().findLast((mount) => mount.dir === dir)?.type

export const umount = (dir: string, ...options: string[]): void => {
  execFileSync('umount', [...options, dir], { stdio: ['ignore', 'ignore', 'pipe'] })
}

/** Every mount on `dir` away, by force: abort first, so that nobody hangs in it. */
export function forceUmount(dir: string): void {
  const control = '/sys/fs/fuse/connections'
  for (const { minor } of mounts().filter((mount) => mount.dir === dir)) {
    if (!isMounted(control)) {
      try {
        execFileSync('mount', ['-t', 'fusectl', 'none', control], { stdio: 'ignore' })
      } catch {
        // Without the control file system the lazy umount below must do.
      }
    }
    const abort = join(control, minor, 'abort')
    if (existsSync(abort)) writeFileSync(abort, '1')
    umount(dir, '-l')
  }
}

/** A new empty directory that every user may enter; free it with rmdir, or `freeDir`. */
export function freshDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'devfuse-mount-'))
  chmodSync(dir, 0o755)
  return dir
}

export function freeDir(dir: string): void {
  forceUmount(dir)
  if (existsSync(dir)) rmdirSync(dir)
}

async function endOf(child: ChildProcess): Promise<Ended> {
  const ended: Ended = { code: null, signal: null, stdout: '', stderr: '' }
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    ended.stdout += text
  })
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    ended.stderr += text
  })
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
  return { ...ended, code, signal }
}

/** Give up on a promise after `ms`, with words that say for what was waited. */
export async function within<T>(ms: number, what: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${ms} ms`)), ms)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Run an example that is expected to end by itself, and give what it said. */
export async function runExample(
  name: string,
  args: string[],
  { node, env }: Pick<MountOptions, 'node' | 'env'> = {},
): Promise<Ended> {
  const child = spawn(exampleNode(node), [examplePath(name), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: plainEnv(env),
  })
  try {
    return await within(PATIENCE, `the end of ${name} ${args.join(' ')}`, endOf(child))
  } finally {
    child.kill('SIGKILL')
  }
}

/** Resolves with the first line of stdout that starts with `mounted `; null at the end. */
async function mountedLine(child: ChildProcess): Promise<string | null> {
  if (child.stdout === null) throw new Error('the example has no stdout')
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith('mounted ')) return line
  }
  return null
}

/**
 * Mount an example on `dir` (or a fresh directory) and wait until it says `mounted DIR`.
 * If it does not, `dir` is removed. Throws with what it wrote to stderr.
 * Nothing is registered for cleaning up: that is `mountExample`.
 */
export async function start(
  name: string,
  { options, args = [], node, env }: MountOptions = {},
  dir = freshDir(),
): Promise<Mounted> {
  const words = options === undefined ? [] : ['-o', options]
  const child = spawn(exampleNode(node), [examplePath(name), ...args, dir, ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: plainEnv(env),
  })
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const ended = endOf(child)
  const line = await within(
    PATIENCE,
    `${name}: the line 'mounted ${dir}'`,
    mountedLine(child),
  ).catch(String)
  if (line !== `mounted ${dir}`) {
    child.kill('SIGKILL')
    const { code, signal } = await ended
    freeDir(dir)
    throw new Error(`${name} ended (${code ?? signal}): '${line ?? ''}' ${stderr}`)
  }
  // The line reader has taken its listener off; the rest must not fill the pipe.
  child.stdout.resume()
  const stop = async (): Promise<void> => {
    try {
      child.kill('SIGTERM')
      const { code, signal } = await within(PATIENCE, `${name}: the end after SIGTERM`, ended)
      if (code !== 0) throw new Error(`${name} exited with ${code ?? signal}, not 0: ${stderr}`)
      if (isMounted(dir)) throw new Error(`${name} has left its mount on ${dir}`)
    } finally {
      child.kill('SIGKILL')
      freeDir(dir)
    }
  }
  return { dir, child, stderr: () => stderr, ended, stop }
}

/**
 * Mount an example for a test: at its end it is stopped, which must succeed, unless the test has
 * ended it by itself.
 */
export async function mountExample(
  t: Test,
  name: string,
  options: MountOptions = {},
): Promise<Mounted> {
  const mounted = await start(name, options)
  let stopped: Promise<void> | undefined
  const stop = (): Promise<void> => {
    stopped ??= mounted.stop()
    return stopped
  }
  t.teardown(async () => {
    const { exitCode, signalCode } = mounted.child
    if (stopped === undefined && (exitCode !== null || signalCode !== null)) freeDir(mounted.dir)
    else await stop()
  })
  return { ...mounted, stop }
}
