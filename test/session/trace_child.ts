import { FakeKernel } from '../../lib/fake_kernel.ts'
import { Session } from '../../lib/session.ts'
import * as c from '../../protocol/constants.ts'
import * as s from '../../protocol/structs.ts'
import { bytesOf } from './harness.ts'

/** A short conversation, for the trace of it. */
const kernel = new FakeKernel()
const session = new Session(kernel, {
  lookup: (_req, _parent, name) =>
    name === 'gone' ? null : { nodeid: 7, attr: { mode: 0o100644 } },
  read: () => Buffer.from('abc'),
  forget() {},
})
session.start()
await kernel.init()
const who = { uid: 1000, gid: 1001, pid: 42 }
await kernel.request(c.FUSE_LOOKUP, ['here'], { ...who, unique: 100 })
await kernel.request(c.FUSE_LOOKUP, ['gone'], { ...who, unique: 102 })
await kernel.request(c.FUSE_READ, [bytesOf(s.fuse_read_in, { size: 100 })], { unique: 104 })
await kernel.request(c.FUSE_UNLINK, ['x'], { unique: 106 })
kernel.post(c.FUSE_FORGET, [bytesOf(s.fuse_forget_in, { nlookup: 3 })], { unique: 108 })
await session.notify.invalEntry(1, 'here')
kernel.post(c.FUSE_LOOKUP, ['here'], { unique: 110 })
session.close()
await session.closed
process.stdout.write('done\n')
