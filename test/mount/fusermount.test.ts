// Mounting without mount(2): by fusermount3, as nobody and as root.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { newWorld, noWorld } from './world.ts'

const skip = await noWorld()

t.test('nobody mounts by fusermount3', { skip }, async (t) => {
  const world = await newWorld(t)

  await t.test('and uses it, and SIGTERM unmounts it', async (t) => {
    const mnt = world.directory()
    const memfs = world.example('memfs', mnt, '')
    t.equal(await memfs.said, `mounted ${mnt}`)
    t.match(world.mounts(mnt)[0], /nosuid,nodev,relatime - fuse.memfs memfs rw,user_id=65534/)
    const script = `echo hello > ${mnt}/file && cat ${mnt}/file && stat -c %u ${mnt}/file`
    t.match(await world.run('sh', ['-c', script]), { code: 0, stdout: 'hello\n65534\n' })
    t.match(await world.run('ls', [mnt], 0), { code: 2, stderr: /Permission denied/ }, 'not root')
    memfs.child.kill('SIGTERM')
    await memfs.ended
    t.equal(memfs.child.exitCode, 0, memfs.stderr())
    t.same(world.mounts(mnt), [])
  })

  await t.test('a busy one is detached by SIGTERM', async (t) => {
    const mnt = world.directory()
    const memfs = world.example('memfs', mnt, '')
    await memfs.said
    const busy = world.run('sh', ['-c', `cd ${mnt}; echo > ready; sleep 0.5`])
    const ready = `while ! [ -e ${mnt}/ready ]; do sleep 0.02; done`
    await world.run('sh', ['-c', ready])
    memfs.child.kill('SIGTERM')
    await memfs.ended
    t.equal(memfs.child.exitCode, 0, memfs.stderr())
    t.same(world.mounts(mnt), [])
    await busy
  })

  await t.test('the device is not inherited, and the helper has gone', async (t) => {
    const mnt = world.directory()
    const memfs = world.example('memfs', mnt, '')
    await memfs.said
    const { pid } = memfs.child
    const links = await world.run('sh', ['-c', `ls -l /proc/${pid}/fd; cat /proc/${pid}/fdinfo/*`])
    t.match(links.stdout, /-> \/dev\/fuse/)
    t.match(links.stdout, /flags:\s+02104002/, 'O_CLOEXEC and O_NONBLOCK')
    t.match(await world.run('pgrep', ['-P', String(pid)]), { code: 1, stdout: '' })
    memfs.child.kill('SIGTERM')
    await memfs.ended
  })

  const names = ['a,allow_other', 'back\\slash', 'with space', '-o', 'new\nline', 'x\\,y']
  for (const name of names) {
    await t.test(`${JSON.stringify(name)} is just a name`, async (t) => {
      const mnt = join(world.directory(), name)
      await world.run('mkdir', [mnt])
      const word = name.replace(/[\\,]/g, '\\$&')
      const memfs = world.example('memfs', mnt, `fsname=${word},subtype=${word},ro`)
      t.match(await memfs.said, /^mounted /)
      const escaped = name.replace(
        /[\s\\]/g,
        (c) => `\\${c.charCodeAt(0).toString(8).padStart(3, '0')}`,
      )
      const lines = world.mounts(mnt.replace(name, escaped))
      t.equal(lines.length, 1)
      const [, source] = lines[0]?.split(` - fuse.${escaped} `) ?? []
      t.match(source, `${escaped} ro,user_id=65534,group_id=65534`)
      t.notMatch(source, /(rw|ro),.*allow_other/)
      memfs.child.kill('SIGTERM')
      await memfs.ended
      t.same(world.mounts(mnt.replace(name, escaped)), [])
    })
  }

  await t.test('what fusermount3 refuses is told with its reason and a remedy', async (t) => {
    const wrong = {
      allow_other:
        /EFUSE_ALLOW_OTHER: .*fusermount3: option allow_other only allowed .*user_allow_other to/,
      allow_root: /EFUSE_ALLOW_OTHER: .*user_allow_other/,
      relatime: /EFUSE_FUSERMOUNT: .*unknown option 'relatime'/,
      auto_unmount: /EFUSE_AUTO_UNMOUNT: .*allowRoot/,
      suid: /EFUSE_NOT_PERMITTED: suid and dev are for root/,
      'via=mount': /EFUSE_NOT_PERMITTED: EPERM: mount .*fusermount3/,
    }
    for (const [options, message] of Object.entries(wrong)) {
      const mnt = world.directory()
      const memfs = world.example('memfs', mnt, options)
      await memfs.ended
      t.match(memfs.stderr(), message, options)
      t.notMatch(memfs.stderr(), /\n\s+at /)
      t.equal(memfs.child.exitCode, 1)
      t.same(world.mounts(mnt), [])
    }
    const theirs = join(world.directory(), '..', 'roots')
    mkdirSync(theirs, { recursive: true })
    const memfs = world.example('memfs', theirs, '')
    await memfs.ended
    t.match(memfs.stderr(), /EFUSE_FUSERMOUNT: .*no write access to mountpoint/)
  })

  await t.test('root may ask for fusermount3', async (t) => {
    const mnt = world.directory()
    const memfs = world.example('memfs', mnt, 'via=fusermount3,allow_other,suid', { uid: 0 })
    t.equal(await memfs.said, `mounted ${mnt}`)
    t.match(
      world.mounts(mnt)[0],
      /rw,nodev,relatime - fuse.memfs memfs rw,user_id=0,group_id=0,default_permissions,allow_other/,
    )
    memfs.child.kill('SIGTERM')
    await memfs.ended
    t.same(world.mounts(mnt), [])
  })

  await t.test('several at once', async (t) => {
    const mounted = [1, 2, 3].map(() => world.example('memfs', world.directory(), ''))
    for (const { said, directory } of mounted) t.equal(await said, `mounted ${directory}`)
    for (const { child, ended, directory } of mounted) {
      child.kill('SIGTERM')
      await ended
      t.same(world.mounts(directory), [])
    }
  })
})

t.test('with user_allow_other nobody may let others in', { skip }, async (t) => {
  const world = await newWorld(t, 'user_allow_other\n')

  await t.test('allow_root: root gets in, and nobody else', async (t) => {
    const mnt = world.directory()
    const memfs = world.example('memfs', mnt, 'allow_root')
    t.equal(await memfs.said, `mounted ${mnt}`)
    t.match(world.mounts(mnt)[0], /user_id=65534,group_id=65534,default_permissions,allow_other/)
    t.match(await world.run('ls', [mnt], 0), { code: 0 })
    t.match(await world.run('ls', [mnt], 1234), { code: 2, stderr: /Permission denied/ })
    memfs.child.kill('SIGTERM')
    await memfs.ended
    t.same(world.mounts(mnt), [])
  })

  await t.test('auto_unmount: nothing stays behind after kill -9', async (t) => {
    for (const uid of [65_534, 0]) {
      const mnt = world.directory()
      const memfs = world.example('memfs', mnt, 'auto_unmount,allow_root', { uid })
      t.equal(await memfs.said, `mounted ${mnt}`)
      t.match(await world.run('touch', [`${mnt}/x`], uid), { code: 0 })
      memfs.child.kill('SIGKILL')
      await memfs.ended
      await world.until(mnt, false)
      t.same(world.mounts(mnt), [], `as ${uid}`)
    }
  })

  await t.test('auto_unmount: the helper does not outlive an unmount', async (t) => {
    const mnt = world.directory()
    const memfs = world.example('memfs', mnt, 'auto_unmount,allow_root')
    await memfs.said
    const helper = await world.run('pgrep', ['-P', String(memfs.child.pid)])
    t.match(helper, { code: 0, stdout: /^\d+\n$/ })
    t.match(await world.run('fusermount3', ['-u', mnt]), { code: 0 })
    await memfs.ended
    t.equal(memfs.child.exitCode, 0)
    const gone = `while [ -e /proc/${helper.stdout.trim()} ]; do sleep 0.02; done`
    t.match(await world.run('sh', ['-c', gone]), { code: 0 })
  })
})
