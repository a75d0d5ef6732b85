// How a mount ends when somebody is in the way, and what is in the way of a mount.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import t, { type Test } from 'tap'
import type { MountedSession } from '../../lib/index.ts'
import { mountFor, run, twoFiles } from './living.ts'
import { cannotMount, freeDir, freshDir, isMounted, start, within } from './mount.ts'
import { plainEnv } from './plain_env.ts'
import { newWorld, noWorld } from './world.ts'

const skip = cannotMount('memfs')
const SOON = 300
const PATIENCE = 15_000

/** A process that stands in the mount. */
async function standIn(t: Test, { mountpoint }: MountedSession): Promise<ChildProcess> {
  const child = spawn('sh', ['-c', `cd ${mountpoint} && echo there && exec cat`], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: plainEnv(),
  })
  t.teardown(async () => {
    const closed = once(child, 'close')
    child.kill('SIGKILL')
    await closed
  })
  await within(PATIENCE, 'somebody in the mount', once(child.stdout, 'data'))
  return child
}

/** A file system that does not answer who asks for `stuck`, and when it was asked. */
function stuck(): { ops: typeof twoFiles; asked: Promise<void> } {
  let tell = () => {}
  const asked = new Promise<void>((resolve) => {
    tell = resolve
  })
  const ops: typeof twoFiles = {
    ...twoFiles,
    lookup(req, parent, name) {
      if (name !== 'stuck') return twoFiles.lookup?.(req, parent, name) ?? null
      tell()
      return new Promise(() => {})
    },
  }
  return { ops, asked }
}

const steps = (...taken: [string, string][]) => taken.map(([step, result]) => ({ step, result }))

t.test(
  'an idle one is unmounted by one step, and then there is nothing to do',
  { skip },
  async (t) => {
    const session = await mountFor(t)
    const [first, same] = await Promise.all([session.unmount(), session.unmount()])
    t.same(first, { steps: steps(['umount', 'done']), end: { reason: 'unmounted' } })
    t.equal(same, first)
    t.same((await session.unmount({ force: true })).steps, [])
    t.notOk(isMounted(session.mountpoint))
  },
)

t.test('a late second call does not unmount what is there now', { skip }, async (t) => {
  const first = await mountFor(t)
  await first.unmount()
  const second = await mountFor(t, {}, twoFiles, first.mountpoint)
  t.same((await first.unmount({ force: true })).steps, [])
  // The kernel gives the number of a connection that is over to the next one.
  t.throws(() => first.control.abort(), { code: 'EFUSE_NO_CONTROL' })
  t.ok(isMounted(second.mountpoint))
  t.match(await run('ls', [second.mountpoint]), { stdout: 'open\nsecret\n' })
})

t.test('a busy one: EBUSY, or by force detached and aborted', { skip }, async (t) => {
  const session = await mountFor(t)
  await standIn(t, session)
  await t.rejects(session.unmount(), { code: 'EBUSY', path: session.mountpoint })
  t.match(await run('ls', [session.mountpoint]), { code: 0 }, 'goes on')
  const ended = await session.unmount({ force: true, timeout: SOON })
  t.same(ended, {
    steps: steps(['umount', 'EBUSY'], ['lazy', 'timeout'], ['abort', 'done']),
    end: { reason: 'aborted' },
  })
  t.notOk(isMounted(session.mountpoint))
})

t.test('lazy with a timeout gives up waiting, and force ends it', { skip }, async (t) => {
  const session = await mountFor(t)
  await standIn(t, session)
  await t.rejects(session.unmount({ lazy: true, timeout: SOON }), { code: 'ETIMEDOUT' })
  t.notOk(isMounted(session.mountpoint), 'detached')
  const { end } = await session.unmount({ force: true, timeout: SOON })
  t.equal(end.reason, 'aborted')
})

t.test('who insists does not wait for who does not', { skip }, async (t) => {
  const session = await mountFor(t)
  const child = await standIn(t, session)
  const patient = session.unmount({ lazy: true })
  const { steps: taken } = await session.unmount({ force: true, timeout: SOON })
  t.same(taken.at(-1), { step: 'abort', result: 'done' })
  t.same((await patient).steps, steps(['lazy', 'done']))
  t.equal(child.exitCode, null)
})

t.test('a handler that never answers does not keep it', { skip }, async (t) => {
  const { ops, asked } = stuck()
  const session = await mountFor(t, {}, ops)
  const ls = run('ls', [`${session.mountpoint}/stuck`])
  await within(PATIENCE, 'the request', asked)
  t.equal(session.control.waiting >= 1, true, 'it is counted')
  const unmounted = session.unmount({ force: true, timeout: SOON })
  const { end, steps: taken } = await within(PATIENCE, 'the end', unmounted)
  t.equal(end.reason, 'aborted')
  t.equal(taken.at(-1)?.step === 'abort' || taken.at(-1)?.step === 'close', true)
  t.match(await ls, { code: 2, stderr: /Software caused connection abort|not connected/ })
})

t.test('the connection is controlled from the session', { skip }, async (t) => {
  const { control, closed, mountpoint } = await mountFor(t, {
    maxBackground: 20,
    congestionThreshold: 10,
  })
  t.equal(control.waiting, 0)
  t.same([control.maxBackground, control.congestionThreshold], [20, 10])
  control.maxBackground = 40
  control.congestionThreshold = 30
  t.same([control.maxBackground, control.congestionThreshold], [40, 30])
  for (const wrong of [0, 65_536, 1.5, Number.NaN]) {
    t.throws(
      () => {
        control.maxBackground = wrong
      },
      { name: 'LayoutError', message: /^maxBackground: expected 1 to 65535 requests/ },
    )
  }
  control.abort()
  t.same(await closed, { reason: 'aborted' })
  t.ok(isMounted(mountpoint), 'the mount stays')
  t.match(await run('ls', [mountpoint]), { stderr: /not connected/ })
})

t.test('what is left of a dead server is named, or replaced', { skip }, async (t) => {
  const dir = freshDir()
  t.teardown(() => freeDir(dir))
  // The second lies on the first, which is alive when it comes.
  const layers = [await start('memfs', {}, dir), await start('memfs', {}, dir)]
  for (const { child, ended } of layers) {
    child.kill('SIGKILL')
    await ended
  }
  await t.rejects(mountFor(t, {}, twoFiles, dir), {
    name: 'MountError',
    code: 'EFUSE_STALE_MOUNT',
    message: /has ended: umount -l it .*staleMount: 'replace'$/,
  })
  const session = await mountFor(t, { staleMount: 'replace' }, twoFiles, dir)
  t.match(await run('ls', [dir]), { code: 0, stdout: 'open\nsecret\n' })
  await session.unmount()
  t.notOk(isMounted(dir), 'nothing is left below')
})

t.test('a live mount is not replaced, but mounted upon', { skip }, async (t) => {
  const below = await mountFor(t)
  const above = await mountFor(t, { staleMount: 'replace' }, twoFiles, below.mountpoint)
  await above.unmount()
  t.match(await run('ls', [below.mountpoint]), { code: 0 })
})

t.test('nobody replaces a dead one of his own', { skip: await noWorld() }, async (t) => {
  const world = await newWorld(t)
  const mnt = world.directory()
  const first = world.example('memfs', mnt, '')
  await first.said
  first.child.kill('SIGKILL')
  await first.ended
  const refused = world.example('memfs', mnt, '')
  t.match(await refused.said, /EFUSE_STALE_MOUNT/)
  const second = world.example('memfs', mnt, 'stale_mount=replace')
  t.equal(await second.said, `mounted ${mnt}`)
  t.equal(world.mounts(mnt).length, 1)
  second.child.kill('SIGTERM')
  await second.ended
  t.same(world.mounts(mnt), [])
})
