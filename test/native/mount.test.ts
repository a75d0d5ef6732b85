import { constants, readFileSync } from 'node:fs'
import t from 'tap'
import {
  addon,
  cstring,
  EAGAIN,
  ENODEV,
  EPERM,
  temporaryDirectory,
  unavailable,
  until,
} from './addon.ts'

const FUSE_INIT = 26
const POLLERR = 8
const MNT_DETACH = 2
const options = constants.O_RDWR | constants.O_NONBLOCK

const isMounted = (path: string) => readFileSync('/proc/mounts', 'utf8').includes(` ${path} `)

t.test('a mount from INIT to ENODEV', { skip: unavailable() }, async (t) => {
  const fd = addon.open(cstring('/dev/fuse'), options)
  const path = temporaryDirectory(t)
  const target = cstring(path)
  t.teardown(() => addon.close(fd)) // ends the connection
  t.teardown(() => addon.umount2(target, MNT_DETACH))
  const room = Buffer.alloc(1 << 16)
  const reads: number[] = []
  const watcher = addon.watch(fd, () => {
    const count = addon.read(fd, room, 0, room.length)
    reads.push(count)
    if (count === ENODEV) watcher.close()
    return count > 0
  })
  t.teardown(() => watcher.close())

  const data = Buffer.from(`fd=${fd},rootmode=40000,user_id=0,group_id=0`)
  const mounted = new Promise((done) =>
    addon.mountAsync(cstring('devfuse-test'), target, cstring('fuse'), 0, data, done),
  )
  t.equal(await mounted, 0)
  t.ok(isMounted(path))
  watcher.start()
  await until(() => reads.length > 0)
  t.equal(reads[0], room.readUInt32LE(0), 'the header tells the length of what was read')
  t.equal(room.readUInt32LE(4), FUSE_INIT)

  const unmounted = new Promise((done) => addon.umountAsync(target, MNT_DETACH, done))
  t.equal(await unmounted, 0)
  t.notOk(isMounted(path))
  await until(() => reads.includes(ENODEV))
  t.same(new Set(reads.slice(1, -1)), new Set([EAGAIN]))
  t.equal(addon.revents(fd), POLLERR)
})

t.test('a device without a mount counts as readable', { skip: unavailable() }, async (t) => {
  const fd = addon.open(cstring('/dev/fuse'), options)
  t.teardown(() => addon.close(fd))
  const reads: number[] = []
  const watcher = addon.watch(fd, () => {
    reads.push(addon.read(fd, Buffer.alloc(1 << 16), 0, 1 << 16))
    if (reads.length === 3) watcher.close()
    return false
  })
  watcher.start()
  await until(() => reads.length === 3)
  t.same(reads, [EPERM, EPERM, EPERM], 'call after call, like anything that stays readable')
})

t.test('umount2 unmounts on this thread', { skip: unavailable() }, async (t) => {
  const fd = addon.open(cstring('/dev/fuse'), options)
  const path = temporaryDirectory(t)
  t.teardown(() => addon.close(fd))
  const data = Buffer.from(`fd=${fd},rootmode=40000,user_id=0,group_id=0`)
  const mounted = new Promise((done) =>
    addon.mountAsync(cstring('devfuse-test'), cstring(path), cstring('fuse'), 0, data, done),
  )
  t.equal(await mounted, 0)
  t.equal(addon.umount2(cstring(path), MNT_DETACH), 0)
  t.notOk(isMounted(path))
  t.equal(addon.read(fd, Buffer.alloc(1 << 16), 0, 1 << 16), ENODEV)
})
