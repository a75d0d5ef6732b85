// A file system of callbacks in memory that writes down how it is called.
import { EventEmitter, once } from 'node:events'
import type { Test } from 'tap'
import Fuse, { type FuseOptions, type Handlers, type Stat } from '../../lib/compat.ts'
import { compile } from './compile.mjs'
import { type Ran, run } from './living.ts'
import { freeDir, freshDir, within } from './mount.ts'
import type { Op } from './sys.ts'

const PATIENCE = 10_000
export const FD = 42
export const DIR_FD = 7
const DIRECTORY = 0o040755
const FILE = 0o100644
export const TEXT = 'Hello\n'

export interface Mounted {
  readonly fuse: InstanceType<typeof Fuse>
  readonly dir: string
  /** What `onError` has heard. */
  readonly reports: unknown[]
}

/** Mounted for a test, and gone after it. The kernel asks again each time. */
export async function mountCompat(
  t: Test,
  handlers: Handlers,
  options: FuseOptions = {},
  dir = freshDir(),
): Promise<Mounted> {
  const reports: unknown[] = []
  const fuse = new Fuse(dir, handlers, {
    handleSignals: false,
    entryTimeout: 0,
    attrTimeout: 0,
    onError: (error) => reports.push(error),
    ...options,
  })
  t.teardown(() => freeDir(dir))
  await mounting(fuse)
  t.teardown(() => unmounting(fuse))
  return { fuse, dir, reports }
}

type Called = (cb: (error: Error | null) => void) => void
const calling = (call: Called): Promise<void> =>
  new Promise((resolve, reject) => call((error) => (error ? reject(error) : resolve())))

export const mounting = (fuse: InstanceType<typeof Fuse>): Promise<void> =>
  calling((cb) => fuse.mount(cb))
export const unmounting = (fuse: InstanceType<typeof Fuse>): Promise<void> =>
  calling((cb) => fuse.unmount(cb))
export const unmountingAt = (dir: string): Promise<void> => calling((cb) => Fuse.unmount(dir, cb))

/** Operations of sys.c in a process of its own, while this one serves: the lines that they print. */
export async function sys(...ops: readonly Op[]): Promise<string[]> {
  const words = ops.flatMap((op, i) => (i === 0 ? op : [':', ...op])).map(String)
  const { stdout, stderr }: Ran = await run(compile(new URL('sys.c', import.meta.url)), words)
  if (stderr !== '') throw new Error(`${words.join(' ')}: ${stderr}`)
  return stdout.split('\n').slice(0, -1)
}

/** A directory and what is in it; `/f` is a file, `/d` a directory. */
export class Recorder {
  readonly calls: (readonly [name: string, ...args: unknown[]])[] = []
  readonly modes = new Map([
    ['/', DIRECTORY],
    ['/f', FILE],
    ['/d', DIRECTORY],
  ])
  readonly #heard = new EventEmitter()

  /** The arguments of the first call of a handler, without its callback; waits for it. */
  first(name: string): Promise<readonly unknown[]> {
    return within(PATIENCE, `a call of ${name}`, this.#first(name))
  }

  async #first(name: string): Promise<readonly unknown[]> {
    for (;;) {
      const [call] = this.calls.filter(([called]) => called === name)
      if (call !== undefined) return call.slice(1)
      await once(this.#heard, name)
    }
  }

  count(name: string): number {
    return this.calls.filter(([called]) => called === name).length
  }

  get handlers(): Handlers {
    const give = (value?: unknown) => () => value
    const make = (path: string, mode: number) => void this.modes.set(path, mode)
    const drop = (path: string) => void this.modes.delete(path)
    const move = (from: string, to: string) => {
      make(to, this.modes.get(from) ?? FILE)
      drop(from)
    }
    const answers: Readonly<Record<string, (...args: never[]) => unknown>> = {
      ...Object.fromEntries(
        ['init', 'access', 'flush', 'fsync', 'fsyncdir', 'truncate', 'ftruncate', 'utimens']
          .concat('chown', 'chmod', 'setxattr', 'removexattr', 'release', 'releasedir')
          .map((name) => [name, give()]),
      ),
      getattr: (path: string) => this.stat(path),
      fgetattr: (path: string) => this.stat(path),
      statfs: give({
        bsize: 512,
        frsize: 1024,
        blocks: 9,
        bfree: 8,
        bavail: 7,
        files: 6,
        ffree: 5,
      }),
      readdir: give(['f', 'd']),
      readlink: give('target'),
      open: give(FD),
      opendir: give(DIR_FD),
      getxattr: give(Buffer.from('value')),
      listxattr: give(['user.a', 'user.b']),
      create: (path: string, mode: number) => {
        make(path, mode)
        return FD
      },
      mknod: make,
      mkdir: (path: string, mode: number) => make(path, 0o040000 | mode),
      symlink: (_target: string, path: string) => make(path, 0o120777),
      link: (_from: string, to: string) => make(to, FILE),
      rename: move,
      unlink: drop,
      rmdir: drop,
    }
    const callbacks = Object.entries(answers).map(([name, answer]) => [
      name,
      (...args: unknown[]) => {
        const cb = args.pop() as (...said: unknown[]) => void
        this.#write(name, args)
        const value = answer(...(args as never[]))
        if (value === null) cb(Fuse.ENOENT)
        else cb(0, value)
      },
    ])
    // The border: made by the table above.
    return { ...(Object.fromEntries(callbacks) as Handlers), ...this.#data() }
  }

  stat(path: string): Stat | null {
    const mode = this.modes.get(path)
    return mode === undefined ? null : { mode, size: TEXT.length, mtime: 2000, atime: 1000 }
  }

  #write(name: string, args: readonly unknown[]): void {
    this.calls.push([name, ...args])
    this.#heard.emit(name)
  }

  #data(): Pick<Handlers, 'read' | 'write'> {
    return {
      read: (path, fd, buffer, length, position, cb) => {
        this.#write('read', [path, fd, buffer, length, position])
        cb(buffer.write(TEXT.slice(position, position + length)))
      },
      write: (path, fd, buffer, length, position, cb) => {
        this.#write('write', [path, fd, buffer, length, position])
        cb(length)
      },
    }
  }
}
