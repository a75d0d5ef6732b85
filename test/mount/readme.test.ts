// The file system on the README's first screen: ten lines, and it works. `npm run test:package` checks its types.
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { cannotMount, mountExample } from './mount.ts'

const root = new URL('../../', import.meta.url)
const readme = readFileSync(new URL('README.md', root), 'utf8')
const [, program = ''] = /```ts\n(.*?)```/s.exec(readme) ?? []

t.test('it has ten lines', (t) => {
  t.ok(program.split('\n').filter((line) => line !== '').length <= 10, program)
  t.end()
})

t.test('it can be mounted, listed and read', { skip: cannotMount('hello_path') }, async (t) => {
  const file = join(tmpdir(), `devfuse-readme-${process.pid}.mjs`)
  const runnable = program
    .replace("'devfuse'", `'${new URL('dist/lib/index.js', root).href}'`)
    .replace("'/mnt'", 'process.argv[2]')
    .replace('await session.closed', "console.log('mounted', process.argv[2])\n$&")
  writeFileSync(file, runnable)
  t.teardown(() => rmSync(file))
  const { dir, stderr } = await mountExample(t, file)
  t.same(readdirSync(dir), ['hello'])
  t.equal(readFileSync(`${dir}/hello`, 'utf8'), 'Hello, world\n')
  t.equal(
    execFileSync('stat', ['-c', '%s %A', `${dir}/hello`], { encoding: 'utf8' }),
    '13 -rw-r--r--\n',
  )
  t.throws(() => readFileSync(`${dir}/other`), { code: 'ENOENT' })
  t.equal(stderr(), '')
})
