// The device's transport on a socket pair: what happens between two reads.
import { setImmediate as turn } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { Device } from '../../lib/device.ts'
import { addon } from '../../lib/native.ts'

/** A device whose receiver answers nothing and does `then` in a microtask after each message. */
function open(t: Test, then: (device: Device) => void) {
  const pair = addon().socketpair()
  if (typeof pair === 'number') throw new Error(`socketpair: ${pair}`)
  const [near, far] = pair
  const device = new Device(near)
  const seen = { received: 0, ended: [] as number[] }
  device.start({
    waiting: true,
    turn() {},
    receive() {
      seen.received++
      queueMicrotask(() => then(device))
      return false
    },
    undelivered() {},
    ended: (errno) => seen.ended.push(errno),
  })
  for (const text of ['one', 'two']) addon().write(far, Buffer.from(text), text.length)
  t.teardown(() => {
    device.close()
    addon().close(far)
  })
  return { device, seen }
}

/** Until the event loop has looked at the descriptor again. */
async function look(done: () => boolean): Promise<void> {
  while (!done()) await turn()
  for (let i = 0; i < 10; i++) await turn()
}

t.test('a device that is closed between two reads reads no more', async (t) => {
  const { seen } = open(t, (device) => device.close())
  await look(() => seen.received > 0)
  t.same(seen, { received: 1, ended: [] })
})

t.test('a device that is paused between two reads goes on where it stopped', async (t) => {
  const { device, seen } = open(t, (device) => device.pause())
  await look(() => seen.received > 0)
  t.same(seen, { received: 1, ended: [] })
  device.resume()
  await look(() => seen.received > 1)
  t.same(seen, { received: 2, ended: [] })
})
