// stackfs with posix_lock and flock: locks meet those of whoever uses the lower files.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import t, { type Test } from 'tap'
import { compile } from './compile.mjs'
import { lowerDir } from './lower_dir.ts'
import { cannotMount, mountExample, within } from './mount.ts'
import { plainEnv } from './plain_env.ts'

const skip = cannotMount('stackfs')
const PATIENCE = 20_000

type Op = readonly (string | number)[]

interface Running {
  readonly child: ChildProcess
  /** The next line that it prints. */
  line(): Promise<string>
}

/** Operations of sys.c on an open file, in a process of its own. */
function start(t: Test, file: string, ...ops: Op[]): Running {
  const words = [['open', file, 'RDWR', 0], ...ops].flatMap((op, i) =>
    i === 0 ? op : [':', ...op],
  )
  const program = compile(new URL('sys.c', import.meta.url))
  const child = spawn(program, words.map(String), {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: plainEnv(),
  })
  t.teardown(() => child.kill('SIGKILL'))
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const line = async () => String((await within(PATIENCE, 'a line', lines.next())).value)
  return { child, line }
}

const kinds: [name: string, take: Op, attempt: Op][] = [
  ['flock', ['flock', 0, 'EX'], ['flock', 0, 'EX|NB']],
  ['fcntl', ['setlkw', 0, 'WRLCK', 10, 10], ['setlk', 0, 'WRLCK', 0, 11]],
]

t.setTimeout(120_000)
for (const [name, take, attempt] of kinds) {
  t.test(`${name} locks exclude each other, above and below`, { skip }, async (t) => {
    const lower = lowerDir(t)
    writeFileSync(join(lower, 'f'), '')
    const options = 'posix_lock,flock'
    const { dir } = await mountExample(t, 'stackfs', { args: [lower], options })
    const [below, above] = [join(lower, 'f'), join(dir, 'f')]
    for (const [one, other] of [
      [below, above],
      [above, below],
      [above, above],
    ] as const) {
      const holder = start(t, one, take, ['wait'])
      for (let line = ''; line !== 'waiting'; line = await holder.line());
      const refused = start(t, other, ['try', ...attempt])
      await refused.line()
      t.equal(await refused.line(), '!EAGAIN', `${other} is locked by ${one}`)
      const waiter = start(t, other, take, ['wait'])
      await waiter.line()
      holder.child.stdin?.write('\n')
      t.equal(await waiter.line(), '0', 'and free when that one ends')
      waiter.child.stdin?.write('\n')
      if (waiter.child.exitCode === null) await once(waiter.child, 'exit')
    }
  })
}

t.test('who is interrupted while somebody below has the lock gets EINTR', { skip }, async (t) => {
  const lower = lowerDir(t)
  writeFileSync(join(lower, 'f'), '')
  const options = 'posix_lock,flock'
  const { dir } = await mountExample(t, 'stackfs', { args: [lower], options })
  const take: Op = ['setlkw', 0, 'WRLCK', 0, 0]
  const holder = start(t, join(lower, 'f'), take, ['wait'])
  for (let line = ''; line !== 'waiting'; line = await holder.line());
  const waiter = start(t, join(dir, 'f'), ['alarm', 200], ['try', ...take], ['try', ...take])
  await waiter.line()
  await waiter.line()
  t.equal(await waiter.line(), '!EINTR')
  holder.child.stdin?.write('\n')
  t.equal(await waiter.line(), '0')
})
