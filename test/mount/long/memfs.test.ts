// The workloads at full length, and pjdfstest: `npm run test:long`, half an hour.
import t from 'tap'
import { cannotMount, mountExample } from '../mount.ts'
import { command } from '../workloads/command.ts'
import { long, runWorkloads } from '../workloads/index.ts'

const always = 'allow_other,default_permissions'
const skip = cannotMount('memfs')
const HOUR = 3_600_000

t.setTimeout(3 * HOUR)

for (const [name, options] of Object.entries({
  'default timeouts': `${always},size=8g`,
  'write-back cache': `${always},size=8g,writeback_cache`,
})) {
  t.test(`long workloads, ${name}`, { skip }, async (t) => {
    const { dir } = await mountExample(t, 'memfs', { options })
    await runWorkloads(t, dir, long)
  })
}

const pjdfstest = process.env.PJDFSTEST_DIR === undefined ? 'PJDFSTEST_DIR is not set' : skip

t.test('pjdfstest', { skip: pjdfstest }, async (t) => {
  const { dir } = await mountExample(t, 'memfs', { options: always })
  const program = new URL('../pjdfstest.mjs', import.meta.url).pathname
  t.comment(await command(process.execPath, [program, dir], { timeout: HOUR }))
})
