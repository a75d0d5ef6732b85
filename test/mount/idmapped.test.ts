// Idmapped mounts: what is the file system's user 5 is somebody else's file where it is mounted so.
import { lstatSync, mkdtempSync, rmdirSync, rmSync } from 'node:fs'
import { release, tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { cannotMount, freshDir, mountExample, umount } from './mount.ts'
import { type Op, sys } from './sys.ts'

/** From this user of the file system on, who is seen as that one, so many of them. */
const [FIRST, SEEN, COUNT] = [0, 20_000, 1000]

/** Why there are none here, for tap's `skip`, or false. */
function cannotMap(name: string): string | false {
  const [major = 0, minor = 0] = release().split('.').map(Number)
  if (major * 100 + minor < 612) return 'FUSE has idmapped mounts since Linux 6.12'
  return cannotMount(name)
}

/** `dir` once more, mapped, as long as the test runs. */
function mappedFrom(t: Test, dir: string): string {
  const mapped = freshDir()
  t.teardown(() => rmdirSync(mapped))
  sys(['idmap', dir, mapped, FIRST, SEEN, COUNT])
  t.teardown(() => umount(mapped))
  return mapped
}

const ownerOf = (path: string): string => {
  const { uid, gid } = lstatSync(path)
  return `${uid}:${gid}`
}

/** Some operations as another user: the error's symbol where one fails. */
function as(id: number, ...ops: Op[]): string | undefined {
  try {
    sys(['as', id, id], ...ops)
    return undefined
  } catch (error) {
    return (error as { code?: string }).code
  }
}

function ids(t: Test, plain: string, mapped: string): void {
  const user = SEEN + 5
  sys(['chmod', plain, '1777'])
  t.equal(ownerOf(plain), '0:0')
  t.equal(ownerOf(mapped), `${SEEN}:${SEEN}`, 'the root, which is root of the file system')

  const made: [string, (path: string) => Op][] = [
    ['file', (path) => ['open', path, 'CREAT|WRONLY', '600']],
    ['dir', (path) => ['mkdir', path, '700']],
    ['link', (path) => ['symlink', 'file', path]],
  ]
  for (const [name, op] of made) {
    t.equal(as(user, op(join(mapped, name))), undefined, `${name} is made`)
    t.equal(ownerOf(join(plain, name)), '5:5')
    t.equal(ownerOf(join(mapped, name)), `${user}:${user}`)
  }
  const file = join(mapped, 'file')
  t.equal(as(user, ['open', file, 'WRONLY', '0'], ['write', 0, 'x']), undefined, 'his to write')
  t.equal(as(user + 1, ['open', file, 'RDONLY', '0']), 'EACCES', 'and nobody else to read')
  t.equal(as(5, ['open', join(plain, 'file'), 'RDONLY', '0']), undefined, 'his, where he is 5')
  t.equal(as(user, ['open', join(plain, 'file'), 'RDONLY', '0']), 'EACCES')

  sys(['chown', file, SEEN + 7, SEEN + 8])
  t.equal(ownerOf(join(plain, 'file')), '7:8', 'chown is mapped')
  t.equal(
    as(SEEN + COUNT, ['mkdir', join(mapped, 'none'), '700']),
    'EOVERFLOW',
    'who is nobody there',
  )
  sys(
    ['open', join(plain, 'far'), 'CREAT|WRONLY', '644'],
    ['chown', join(plain, 'far'), COUNT, COUNT],
  )
  t.equal(ownerOf(join(mapped, 'far')), '65534:65534', 'whom nobody is')
}

t.test('memfs', { skip: cannotMap('memfs') }, async (t) => {
  const { dir } = await mountExample(t, 'memfs', { options: 'allow_other,idmap' })
  ids(t, dir, mappedFrom(t, dir))
})

t.test(
  'stackfs: below, everything is who it is in the file system',
  { skip: cannotMap('stackfs') },
  async (t) => {
    const lower = mkdtempSync(join(tmpdir(), 'devfuse-idmapped-'))
    t.teardown(() => rmSync(lower, { recursive: true }))
    const { dir } = await mountExample(t, 'stackfs', {
      args: [lower],
      options: 'allow_other,idmap',
    })
    ids(t, dir, mappedFrom(t, dir))
    t.equal(ownerOf(join(lower, 'file')), '7:8')
    t.equal(ownerOf(join(lower, 'dir')), '5:5')
  },
)

t.test('without the capability there is none', { skip: cannotMap('memfs') }, async (t) => {
  const { dir } = await mountExample(t, 'memfs', { options: 'allow_other' })
  const unused = freshDir()
  t.teardown(() => rmdirSync(unused))
  t.throws(() => sys(['idmap', dir, unused, FIRST, SEEN, COUNT]), { code: 'EINVAL' })
})
