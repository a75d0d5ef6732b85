import t from 'tap'
import { addon, EAGAIN, EBADF } from './addon.ts'

const ENODATA = -61

function streamPair(): [number, number] {
  const pair = addon.streamPair()
  if (typeof pair === 'number') throw new Error(`streamPair: ${pair}`)
  return pair
}

// The way of a descriptor is tested with fusermount3: test/mount/fusermount.test.ts.
t.test('a descriptor is waited for, and what is none is told', async (t) => {
  const [ours, theirs] = streamPair()
  t.equal(addon.receiveFd(ours), EAGAIN)
  addon.write(theirs, Buffer.from('x'), 1)
  t.equal(addon.receiveFd(ours), ENODATA, 'a byte alone')
  t.equal(addon.receiveFd(ours), EAGAIN)
  addon.close(theirs)
  t.equal(addon.receiveFd(ours), ENODATA, 'closed')
  addon.close(ours)
  t.equal(addon.receiveFd(ours), EBADF)
})
