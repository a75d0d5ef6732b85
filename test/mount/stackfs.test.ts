// stackfs against the named POSIX checks and the workloads.
import t from 'tap'
import { lowerDir, lowerFeatures } from './lower_dir.ts'
import { cannotMount, mountExample } from './mount.ts'
import { posixTable } from './run.ts'
import { configurations } from './stack_configurations.ts'
import { runWorkloads } from './workloads/index.ts'

const skip = cannotMount('stackfs')

t.setTimeout(1_200_000)
for (const [name, options] of Object.entries(configurations)) {
  t.test(`POSIX checks, ${name}`, { skip }, async (t) => {
    const { dir } = await mountExample(t, 'stackfs', { args: [lowerDir(t)], options })
    await posixTable(t, dir, { features: lowerFeatures() })
  })
}
for (const name of [
  'nothing cached, locks on the lower files',
  'write-back cache',
  'passthrough',
]) {
  const options = configurations[name] ?? ''
  t.test(`workloads, ${name}`, { skip }, async (t) => {
    const { dir } = await mountExample(t, 'stackfs', { args: [lowerDir(t)], options })
    await runWorkloads(t, dir)
  })
}
