// stackfs over a directory of ext4, against the named POSIX checks.
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { cannotMount, mountExample } from './mount.ts'
import { posixTable } from './run.ts'

const always = 'allow_other,default_permissions'
const configurations = {
  'nothing cached, locks on the lower files': `${always},cache=never,posix_lock,flock`,
  'default timeouts': always,
  'everything cached': `${always},cache=always`,
  'write-back cache': `${always},writeback_cache`,
  passthrough: `${always},passthrough`,
  'copied reads': `${always},no_splice`,
}

const skip = cannotMount('stackfs')

/** A directory of the temporary folder's file system, which is ext4 where it matters. */
function lowerDir(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'devfuse-lower-'))
  chmodSync(dir, 0o755)
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

t.setTimeout(2_400_000)
for (const [name, options] of Object.entries(configurations)) {
  t.test(`POSIX checks, ${name}`, { skip }, async (t) => {
    const { dir } = await mountExample(t, 'stackfs', { args: [lowerDir(t)], options })
    await posixTable(t, dir, { features: ['all', '-xattr64k'] })
  })
}
