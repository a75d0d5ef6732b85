// Mounts and a /dev/fuse of its own: a mount namespace in which nobody may do what any user may
// where udev has set up the device, whatever this machine's is like.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { NOBODY, type Ran, run } from './living.ts'
import { cannotMount, within } from './mount.ts'
import { plainEnv } from './plain_env.ts'

const PATIENCE = 20_000
const root = fileURLToPath(new URL('../..', import.meta.url))

/** What the examples need, where every user may read it: the checkout may be in root's own folder. */
function readableCopy(into: string): void {
  for (const path of [
    'dist',
    'package.json',
    'build/Release/devfuse.node',
    'node_modules/debug',
    'node_modules/ms',
    'node_modules/buffer-layout',
  ]) {
    cpSync(join(root, path), join(into, path), { recursive: true, dereference: true })
  }
}

// What others have mounted is theirs: here it would stay alive after they have unmounted it.
const SETUP = `
set -e
mount -t tmpfs -o mode=755 none "$0"
mknod -m 666 "$0/fuse" c 10 229
mount --bind "$0/fuse" /dev/fuse
printf %s "$1" > "$0/conf"
mount --bind "$0/conf" /etc/fuse.conf
umount -l "$0"
while read -r _ _ _ _ place rest; do
  case "$rest" in *' - fuse'*) umount -l "$(printf %b "$place")" || true ;; esac
done < /proc/self/mountinfo
echo ready
exec cat
`

export interface Daemon {
  readonly directory: string
  readonly child: ChildProcess
  stderr(): string
  /** The first line of its stdout, or what it said on stderr where it ended before. */
  readonly said: Promise<string>
  readonly ended: Promise<void>
}

export interface How {
  /** Default nobody. */
  readonly uid?: number
  /** A command that starts it. */
  readonly by?: readonly string[]
}

export interface World {
  /** The package's folder, where every user may read it. */
  readonly package: string
  /** A folder of nobody's. */
  directory(): string
  /** A command as nobody, or another. */
  run(command: string, args: readonly string[], uid?: number): Promise<Ran>
  /** An example as nobody, or another. */
  example(name: string, directory: string, options: string, how?: How): Daemon
  /** Its lines of the mount table that are about a directory. */
  mounts(directory: string): string[]
  /** Until `directory` is (not) mounted. */
  until(directory: string, mounted: boolean): Promise<void>
}

/** Why there cannot be one, or false. */
export async function noWorld(): Promise<string | false> {
  const cannot = cannotMount('memfs')
  if (cannot !== false) return cannot
  for (const [command, ...args] of [
    ['fusermount3', '--version'],
    ['setpriv', '--version'],
    ['unshare', '--mount', 'true'],
  ] as const) {
    const { code, stderr } = await run(command, args)
    if (code !== 0) return `${command} does not work here: ${code} ${stderr.trim()}`
  }
  if (!existsSync('/etc/fuse.conf')) return '/etc/fuse.conf is missing'
  return false
}

function daemon(child: ChildProcess, directory: string): Daemon {
  let stderr = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const ended = once(child, 'close').then(() => {})
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })
  const line = once(lines, 'line').then(([first]) => String(first))
  const said = within(PATIENCE, 'a line', Promise.race([line, ended.then(() => stderr)]))
  return { directory, child, said, ended, stderr: () => stderr }
}

/** With `conf` as /etc/fuse.conf. It ends with the test, and everything mounted in it. */
export async function newWorld(t: Test, conf = ''): Promise<World> {
  const base = mkdtempSync(join(tmpdir(), 'devfuse-world-'))
  chmodSync(base, 0o755)
  const children: ChildProcess[] = []
  const copy = join(base, 'package')
  t.teardown(async () => {
    for (const child of children.reverse()) {
      if (child.exitCode !== null || child.signalCode !== null) continue
      child.kill('SIGKILL')
      await once(child, 'close')
    }
    rmSync(base, { recursive: true })
  })
  readableCopy(copy)
  mkdirSync(join(base, 'dev'))
  const keeper = spawn('unshare', ['--mount', 'sh', '-c', SETUP, join(base, 'dev'), conf], {
    // It reads its stdin: where this process is killed, it ends too.
    stdio: ['pipe', 'pipe', 'inherit'],
    env: plainEnv(),
  })
  children.push(keeper)
  await within(PATIENCE, 'a mount namespace', once(keeper.stdout, 'data'))

  const inside = (uid: number, command: string, args: readonly string[]): string[] => [
    `--target=${keeper.pid}`,
    '--mount',
    'setpriv',
    `--reuid=${uid}`,
    `--regid=${uid}`,
    '--clear-groups',
    command,
    ...args,
  ]
  const mounts = (directory: string): string[] =>
    readFileSync(`/proc/${keeper.pid}/mountinfo`, 'utf8')
      .split('\n')
      .filter((line) => line.split(' ')[4] === directory)
  return {
    package: copy,
    directory() {
      const directory = mkdtempSync(join(base, 'mnt-'))
      chownSync(directory, NOBODY, NOBODY)
      return directory
    },
    run: (command, args, uid = NOBODY) => run('nsenter', inside(uid, command, args)),
    example(name, directory, options, { uid = NOBODY, by = [] } = {}) {
      const program = join(copy, 'dist/examples', `${name}.js`)
      const args = [program, directory, ...(options === '' ? [] : ['-o', options])]
      // tap adds its hooks to the environment of every child: env(1) takes them away again.
      const node = ['-u', 'NODE_OPTIONS', ...by, process.execPath, ...args]
      const child = spawn('nsenter', inside(uid, 'env', node), {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: plainEnv(),
        cwd: '/',
      })
      children.push(child)
      return daemon(child, directory)
    },
    mounts,
    until: (directory, mounted) =>
      within(
        PATIENCE,
        `${directory} ${mounted ? '' : 'not '}mounted`,
        (async () => {
          while (mounts(directory).length > 0 !== mounted) {
            await new Promise((resolve) => setTimeout(resolve, 20))
          }
        })(),
      ),
  }
}
