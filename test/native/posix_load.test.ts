import t from 'tap'
import { AddonError } from '../../lib/native.ts'
import { AT_FDCWD, posix } from '../../lib/posix.ts'

t.test('the addon is loaded at the first call, which says where there is none', async (t) => {
  const built = process.env['DEVFUSE_ADDON']
  process.env['DEVFUSE_ADDON'] = '/nowhere/devfuse.node'
  t.equal(Object.prototype.toString.call(posix), '[object Object]')
  t.throws(() => posix.close(-1), AddonError)
  t.throws(() => posix.close(-1), { message: /devfuse\.node is not built/ })
  if (built === undefined) delete process.env['DEVFUSE_ADDON']
  else process.env['DEVFUSE_ADDON'] = built
  const fd = posix.openat(AT_FDCWD, '/', 0, 0)
  t.ok(fd >= 0)
  t.equal(posix.close(fd), 0)
})
