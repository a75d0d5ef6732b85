import t from 'tap'
import { posixTable } from './run.ts'
import { runWorkloads } from './workloads/index.ts'
const dir = process.env.DVT_DIR ?? '/tmp/dvt/ext4'
t.setTimeout(600_000)
t.test('posix', (t) => posixTable(t, dir, { features: (process.env.DVT_F ?? 'all,-xattr64k').split(',') }))
t.test('workloads', (t) => runWorkloads(t, dir))
