// What the machine offers, to root, to others, and where things are missing.
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { run } from './living.ts'
import { newWorld, noWorld } from './world.ts'

const skip = await noWorld()
const root = fileURLToPath(new URL('../..', import.meta.url))

/** probe() of a package's folder, and what it left in the temporary folder, as JSON. */
const SCRIPT = `
import { readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
const { probe } = await import(process.argv[1] + '/dist/lib/index.js')
const found = await probe()
const left = readdirSync(tmpdir()).filter((name) => name.startsWith('devfuse-probe-'))
console.log(JSON.stringify({ ...found, left }))
`
const command = (folder: string): string[] => [
  ...['-u', 'NODE_OPTIONS', process.execPath, '--input-type=module', '-e', SCRIPT, folder],
]

t.test('root mounts both ways, and every flag has its name', { skip }, async (t) => {
  const { code, stdout, stderr } = await run('env', command(root))
  t.match({ code, stderr }, { code: 0, stderr: '' })
  const found = JSON.parse(stdout)
  t.match(found, {
    addon: { ok: true },
    device: { ok: true },
    mount: { ok: true },
    fusermount3: { ok: true },
    node: process.versions.node,
    kernel: /^\d+\.\d+/,
    protocol: /^7\.\d+$/,
    extfuse: { ok: false, code: 'EFUSE_NO_EXTFUSE' },
    left: [],
  })
  t.ok(found.flags.includes('FUSE_ASYNC_READ') && found.flags.includes('FUSE_INIT_EXT'))
  t.equal(found.ioUring, found.limits.enable_uring === 'Y')
  t.match(found.limits.max_user_namespaces, /^\d+$/)
})

t.test('nobody mounts by fusermount3 only', { skip }, async (t) => {
  const world = await newWorld(t)
  const { stdout } = await world.run('env', command(world.package))
  t.match(JSON.parse(stdout), {
    device: { ok: true },
    mount: { ok: false, code: 'EFUSE_NOT_PERMITTED', message: /fusermount3/ },
    fusermount3: { ok: true },
    protocol: /^7\./,
    left: [],
  })
})

t.test('a user namespace is tried where there may be one', { skip }, async (t) => {
  const found = JSON.parse((await run('env', command(root))).stdout)
  const { code } = await run('unshare', ['--user', '--map-root-user', '--mount', 'true'])
  if (code === 0) t.same(found.namespace, { ok: true, message: 'mounts and unmounts' })
  else t.match(found.namespace, { ok: false, code: 'EFUSE_NO_USERNS', message: /sysctl/ })
  const none = await run(process.execPath, command(root).slice(3), { env: { PATH: '/nowhere' } })
  t.match(JSON.parse(none.stdout), {
    namespace: { ok: false, code: 'EFUSE_NO_UNSHARE', message: /install util-linux/ },
  })
  const limited = await run('unshare', [
    ...['--user', '--map-root-user', 'sh', '-c'],
    'echo 0 > /proc/sys/user/max_user_namespaces; exec env "$@"',
    ...['sh', ...command(root)],
  ])
  t.match(JSON.parse(limited.stdout), {
    mount: { ok: false },
    namespace: { ok: false, code: 'EFUSE_NO_USERNS', message: /max_user_namespaces/ },
    extfuse: { code: 'EFUSE_NO_EXTFUSE', message: /not known/ },
  })
})

t.test('a device that is closed to others', { skip }, async (t) => {
  const world = await newWorld(t)
  const codes = async () => {
    const { device, mount, fusermount3, flags } = JSON.parse(
      (await world.run('env', command(world.package))).stdout,
    )
    t.same(flags, [])
    t.match(device.message, /\/dev\/fuse/)
    return [device.code, mount.code, fusermount3.code]
  }
  await world.run('chmod', ['600', '/dev/fuse'], 0)
  t.same(await codes(), ['EFUSE_DEVICE_DENIED', 'EFUSE_DEVICE_DENIED', 'EFUSE_DEVICE_DENIED'])
})

t.test('without the addon it says what is missing', { skip }, async (t) => {
  const { stdout } = await run('env', command(root), {
    env: { DEVFUSE_ADDON: '/nowhere.node' },
  })
  t.match(JSON.parse(stdout), { addon: { ok: false, code: 'EFUSE_NO_ADDON' }, flags: [] })
})
