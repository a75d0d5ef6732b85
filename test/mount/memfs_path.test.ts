// memfs_path, the example of the path API that can do everything, against the named POSIX checks and
// the workloads: as it is, with every handler a promise that waits, and as libfuse hides files.
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { cannotMount, mountExample } from './mount.ts'
import { posixTable } from './run.ts'
import { runWorkloads } from './workloads/index.ts'

const always = 'allow_other,default_permissions'
/** It enforces no ACLs. */
const features = ['all', '-acl']

const skip = cannotMount('memfs_path')
const slowly = fileURLToPath(new URL('memfs_path_slowly.mjs', import.meta.url))

t.setTimeout(1_200_000)
const configurations = {
  'default timeouts': always,
  'nothing cached': `${always},entry_timeout=0,attr_timeout=0`,
  'write-back cache': `${always},writeback_cache`,
}
for (const [name, options] of Object.entries(configurations)) {
  t.test(`POSIX checks, ${name}`, { skip }, async (t) => {
    const { dir, stderr } = await mountExample(t, 'memfs_path', { options })
    await posixTable(t, dir, { features })
    t.equal(stderr(), '', 'nothing went wrong unseen')
  })
}

t.test('POSIX checks, every handler waits', { skip }, async (t) => {
  const { dir, stderr } = await mountExample(t, slowly, { options: always })
  await posixTable(t, dir, { features })
  t.equal(stderr(), '', 'nothing went wrong unseen')
})

t.test('workloads, every handler waits', { skip }, async (t) => {
  const { dir } = await mountExample(t, slowly, { options: always })
  await runWorkloads(t, dir)
})

t.test('workloads, files that are removed while open are hidden', { skip }, async (t) => {
  const options = `${always},no_hard_remove`
  const { dir } = await mountExample(t, 'memfs_path', { options })
  await runWorkloads(t, dir)
})
