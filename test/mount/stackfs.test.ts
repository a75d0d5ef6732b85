// stackfs against the named POSIX checks and the workloads.
import t from 'tap'
import { lowerDir, lowerFeatures } from './lower_dir.ts'
import { cannotMount, mountExample } from './mount.ts'
import { posixTable } from './run.ts'
import { runWorkloads } from './workloads/index.ts'

const always = 'allow_other,default_permissions'
const nothingCached = 'nothing cached, locks on the lower files'
const configurations: Record<string, string> = {
  [nothingCached]: `${always},cache=never,posix_lock,flock`,
  'default timeouts': always,
  'everything cached': `${always},cache=always,no_splice`,
  'write-back cache': `${always},writeback_cache`,
  passthrough: `${always},passthrough`,
}

const skip = cannotMount('stackfs')

t.setTimeout(1_200_000)
for (const [name, options] of Object.entries(configurations)) {
  t.test(`POSIX checks, ${name}`, { skip }, async (t) => {
    const { dir } = await mountExample(t, 'stackfs', { args: [lowerDir(t)], options })
    await posixTable(t, dir, { features: lowerFeatures() })
  })
}
for (const name of [nothingCached, 'write-back cache', 'passthrough']) {
  const options = configurations[name] ?? ''
  t.test(`workloads, ${name}`, { skip }, async (t) => {
    const { dir } = await mountExample(t, 'stackfs', { args: [lowerDir(t)], options })
    await runWorkloads(t, dir)
  })
}
