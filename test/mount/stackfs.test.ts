// stackfs over a directory of ext4, against the named POSIX checks.
import t from 'tap'
import { lowerDir } from './lower_dir.ts'
import { cannotMount, mountExample } from './mount.ts'
import { posixTable } from './run.ts'
import { configurations } from './stack_configurations.ts'

const skip = cannotMount('stackfs')

t.setTimeout(2_400_000)
for (const [name, options] of Object.entries(configurations)) {
  t.test(`POSIX checks, ${name}`, { skip }, async (t) => {
    const { dir } = await mountExample(t, 'stackfs', { args: [lowerDir(t)], options })
    await posixTable(t, dir, { features: ['all', '-xattr64k'] })
  })
}
