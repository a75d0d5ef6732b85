// stackfs over a directory of ext4, against the workloads in their short form.
import t from 'tap'
import { lowerDir } from './lower_dir.ts'
import { cannotMount, mountExample } from './mount.ts'
import { configurations } from './stack_configurations.ts'
import { runWorkloads } from './workloads/index.ts'

const skip = cannotMount('stackfs')
// The others take part in `npm run test:long`.
const names = ['nothing cached, locks on the lower files', 'default timeouts', 'passthrough']

t.setTimeout(1_200_000)
for (const name of names) {
  const options = configurations[name] ?? ''
  t.test(`workloads, ${name}`, { skip }, async (t) => {
    const mounted = await mountExample(t, 'stackfs', { args: [lowerDir(t)], options })
    await runWorkloads(t, mounted.dir)
    t.equal(mounted.stderr(), '', 'nothing went wrong unseen')
  })
}
