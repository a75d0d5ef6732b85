// mount(2) by somebody who is root only in a user and mount namespace of his own.
import { readFileSync } from 'node:fs'
import t from 'tap'
import { newWorld, noWorld } from './world.ts'

const skip = await noWorld()

t.test('nobody mounts by mount(2) in a user and mount namespace', { skip }, async (t) => {
  const world = await newWorld(t)
  const own = await world.run('unshare', ['--user', '--map-root-user', '--mount', 'true'])
  if (own.code !== 0) {
    t.pass('mounted', { skip: `no user namespaces here: ${own.stderr.trim()}` })
    return
  }
  const mnt = world.directory()
  const by = ['unshare', '--user', '--map-root-user', '--mount']
  const memfs = world.example('memfs', mnt, 'via=mount', { by })
  t.equal(await memfs.said, `mounted ${mnt}`)
  const { pid } = memfs.child
  const mountinfo = readFileSync(`/proc/${pid}/mountinfo`, 'utf8')
  t.match(mountinfo, new RegExp(`${mnt} rw,nosuid,nodev,.* - fuse.memfs memfs rw,user_id=0`))
  t.same(world.mounts(mnt), [], 'nobody else sees it')
  const inside = ['--preserve-credentials', '--user', '--mount', `--target=${pid}`]
  const script = `echo hello > ${mnt}/file; cat ${mnt}/file; stat -c %u ${mnt}/file`
  const used = await world.run('nsenter', [...inside, 'sh', '-c', script])
  t.match(used, { code: 0, stdout: 'hello\n0\n' })
  memfs.child.kill('SIGTERM')
  await memfs.ended
  t.equal(memfs.child.exitCode, 0, memfs.stderr())
})
