// stackfs over a directory of ext4, against the workloads in their short form.
import t from 'tap'
import { lowerDir } from './lower_dir.ts'
import { cannotMount, mountExample } from './mount.ts'
import { configurations, unknownTo } from './stack_configurations.ts'
import { runWorkloads } from './workloads/index.ts'

const skip = cannotMount('stackfs')

t.setTimeout(1_200_000)
for (const [name, options] of Object.entries(configurations)) {
  const lacking = skip || (await unknownTo(options))
  t.test(`workloads, ${name}`, { skip: lacking }, async (t) => {
    const mounted = await mountExample(t, 'stackfs', { args: [lowerDir(t)], options })
    await runWorkloads(t, mounted.dir)
    t.equal(mounted.stderr(), '', 'nothing went wrong unseen')
  })
}
