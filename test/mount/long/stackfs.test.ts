// The workloads at full length over a directory of ext4, and pjdfstest, in each configuration:
// `npm run test:long`.
import t from 'tap'
import { lowerDir } from '../lower_dir.ts'
import { cannotMount, mountExample } from '../mount.ts'
import { configurations } from '../stack_configurations.ts'
import { command } from '../workloads/command.ts'
import { long, runWorkloads } from '../workloads/index.ts'

const skip = cannotMount('stackfs')
const pjdfstest = process.env.PJDFSTEST_DIR === undefined ? 'PJDFSTEST_DIR is not set' : skip
const HOUR = 3_600_000

t.setTimeout(5 * HOUR)
for (const [name, options] of Object.entries({
  ...configurations,
  'everything cached, watched': 'allow_other,cache=always,watch',
})) {
  t.test(`long workloads, ${name}`, { skip }, async (t) => {
    const mounted = await mountExample(t, 'stackfs', { args: [lowerDir(t)], options })
    await runWorkloads(t, mounted.dir, long)
    t.equal(mounted.stderr(), '', 'nothing went wrong unseen')
  })
  t.test(`pjdfstest, ${name}`, { skip: pjdfstest }, async (t) => {
    const { dir } = await mountExample(t, 'stackfs', { args: [lowerDir(t)], options })
    const program = new URL('../pjdfstest.mjs', import.meta.url).pathname
    t.comment(await command(process.execPath, [program, dir], { timeout: HOUR }))
  })
}
