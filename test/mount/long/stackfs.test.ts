// The workloads at full length, and pjdfstest: `npm run test:long`, an hour.
import t from 'tap'
import { lowerDir } from '../lower_dir.ts'
import { cannotMount, mountExample } from '../mount.ts'
import { command } from '../workloads/command.ts'
import { long, runWorkloads } from '../workloads/index.ts'

const always = 'allow_other,default_permissions'
const configurations = {
  'default timeouts': always,
  'write-back cache': `${always},writeback_cache`,
  passthrough: `${always},passthrough`,
}
const skip = cannotMount('stackfs')
const pjdfstest = process.env.PJDFSTEST_DIR === undefined ? 'PJDFSTEST_DIR is not set' : skip
const HOUR = 3_600_000

t.setTimeout(3 * HOUR)

for (const [name, options] of Object.entries(configurations)) {
  t.test(`long workloads, ${name}`, { skip }, async (t) => {
    const { dir } = await mountExample(t, 'stackfs', { args: [lowerDir(t)], options })
    await runWorkloads(t, dir, long)
  })
  t.test(`pjdfstest, ${name}`, { skip: pjdfstest }, async (t) => {
    const { dir } = await mountExample(t, 'stackfs', { args: [lowerDir(t)], options })
    const program = new URL('../pjdfstest.mjs', import.meta.url).pathname
    t.comment(await command(process.execPath, [program, dir], { timeout: HOUR }))
  })
}
