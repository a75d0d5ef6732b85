// What READ and WRITE carry, on real mounts: ranges of files, and files that the kernel reads itself.
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { FOPEN_DIRECT_IO, type MountedSession, mountLowLevel } from '../../lib/index.ts'
import type { MountOptions } from '../../lib/mount.ts'
import { compile } from './compile.mjs'
import { type Lower, type LowerOptions, lower } from './lower.ts'
import { cannotMount, freeDir, freshDir } from './mount.ts'

const run = promisify(execFile)
const skip = cannotMount()
const MiB = 1024 * 1024

interface Served extends Lower {
  readonly session: MountedSession
  /** A path on the mount. */
  at(name: string): string
  /** A path below it. */
  below(name: string): string
}

async function serve(
  t: Test,
  options: MountOptions = {},
  lowerOptions: LowerOptions = {},
): Promise<Served> {
  const file = lower(t, lowerOptions)
  const dir = freshDir()
  t.teardown(() => freeDir(dir))
  const session = await mountLowLevel(dir, file.ops, {
    onError: (error) => t.error(error),
    ...options,
  })
  t.teardown(() => session.unmount({ lazy: true }))
  return Object.assign(file, {
    session,
    at: (name: string) => join(dir, name),
    below: (name: string) => join(file.directory, name),
  })
}

type Op = readonly (string | number)[]

/** Operations of sys.c in one process; gives the lines that they print. */
async function sys(...ops: readonly Op[]): Promise<string[]> {
  const words = ops.flatMap((op, i) => (i === 0 ? op : [':', ...op])).map(String)
  const { stdout } = await run(compile(new URL('sys.c', import.meta.url)), words, {
    timeout: 60_000,
    maxBuffer: 64 << 20,
  })
  return stdout.split('\n').slice(0, -1)
}

/** The bytes that a process reads from a file, in pieces of so many. */
async function bytesOf(path: string, size: number, flags = ''): Promise<Buffer> {
  const { stdout } = await run(
    'dd',
    [`if=${path}`, `bs=${size}`, 'status=none', ...(flags ? [`iflag=${flags}`] : [])],
    {
      encoding: 'buffer',
      maxBuffer: 64 << 20,
    },
  )
  return stdout
}

for (const direct of [false, true]) {
  t.test(`ranges of a file, ${direct ? 'direct' : 'buffered'}`, { skip }, async (t) => {
    const served = await serve(t)
    served.answer = () => (direct ? { open_flags: FOPEN_DIRECT_IO } : {})
    for (const size of [0, 1, 4095, 4096, 65_535, 65_536, 70_001, MiB, 3 * MiB + 17]) {
      const content = randomBytes(size)
      writeFileSync(served.below('a'), content)
      for (const block of [4096, 65_536, 100_000, MiB, 2 * MiB]) {
        const found = await bytesOf(served.at('a'), block)
        t.ok(found.equals(content), `${size} bytes in blocks of ${block}`)
      }
    }
  })
}

const PASSTHROUGH = { capabilities: { FUSE_CAP_PASSTHROUGH: true } } as const

t.test('a file that is passed through is read and written by the kernel', { skip }, async (t) => {
  const served = await serve(t, PASSTHROUGH)
  served.answer = (fd) => ({ backing: fd })
  const content = randomBytes(2 * MiB)
  writeFileSync(served.below('a'), content)
  t.ok((await bytesOf(served.at('a'), 65_536)).equals(content))
  t.ok((await bytesOf(served.at('a'), 65_536, 'direct')).equals(content), 'O_DIRECT')
  const end = ['open', served.at('a'), 'RDWR|APPEND'] as const
  const [, , stat] = await sys([...end, 0], ['write', 0, 'more'], ['fstat', 0])
  t.match(stat, `"size":${2 * MiB + 4}`, 'the size follows an append')
  t.equal(
    readFileSync(served.below('a'))
      .subarray(2 * MiB)
      .toString(),
    'more',
  )
  t.same([served.seen.read, served.seen.write], [0, 0])
  t.equal(served.session.connection.passthrough, 'active')
})
