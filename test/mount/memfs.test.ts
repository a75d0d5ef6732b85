// memfs, the example that can do everything, against the named POSIX checks and the workloads.
import t from 'tap'
import { cannotMount, mountExample } from './mount.ts'
import { posixTable } from './run.ts'
import { runWorkloads } from './workloads/index.ts'

const always = 'allow_other,default_permissions'

const configurations = {
  'default timeouts': always,
  'nothing cached, own locks': `${always},entry_timeout=0,attr_timeout=0,posix_lock,flock`,
  'write-back cache': `${always},writeback_cache`,
}

const skip = cannotMount('memfs')

t.setTimeout(1_200_000)
for (const [name, options] of Object.entries(configurations)) {
  t.test(`POSIX checks, ${name}`, { skip }, async (t) => {
    const { dir } = await mountExample(t, 'memfs', { options })
    await posixTable(t, dir, { features: ['all'] })
  })
  t.test(`workloads, ${name}`, { skip }, async (t) => {
    const { dir } = await mountExample(t, 'memfs', { options })
    await runWorkloads(t, dir)
  })
}
