import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { Lower } from '../../examples/stackfs/lower.ts'
import { settings } from '../../examples/stackfs/options.ts'
import { stackfs } from '../../examples/stackfs/stackfs.ts'
import { FakeKernel } from '../../lib/fake_kernel.ts'
import { FUSE_LOOKUP, FUSE_ROOT_ID, Session } from '../../lib/index.ts'

t.test('"." and ".." are nothing to look up, in LOWER itself or below', async (t) => {
  const above = mkdtempSync('/tmp/devfuse-names-')
  t.teardown(() => rmSync(above, { recursive: true }))
  const path = join(above, 'lower')
  mkdirSync(join(path, 'd'), { recursive: true })
  writeFileSync(join(above, 'secret'), 'secret')
  const lower = new Lower(path)
  const kernel = new FakeKernel()
  const session = new Session(kernel, stackfs(lower, path, settings({}, 1024)).ops)
  session.start()
  await kernel.init()
  const d = await kernel.request(FUSE_LOOKUP, ['d'], { nodeid: FUSE_ROOT_ID })
  t.equal(d.error, 0)
  const below = Number(d.payload.readBigUInt64LE())
  for (const nodeid of [FUSE_ROOT_ID, below]) {
    for (const name of ['.', '..']) {
      const { error } = await kernel.request(FUSE_LOOKUP, [name], { nodeid })
      t.equal(error, -constants.errno.ESTALE, `${name} in ${nodeid}`)
    }
  }
  kernel.unmount()
})
