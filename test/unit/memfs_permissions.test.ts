import t from 'tap'
import { ACL_ACCESS, ACL_DEFAULT, chmodAcl, setAcl } from '../../examples/memfs/acl.ts'
import { Directory } from '../../examples/memfs/directory.ts'
import { Inode, Symlink } from '../../examples/memfs/inode.ts'
import { dropPrivileges, dropPrivilegesOnChown, inherit } from '../../examples/memfs/permissions.ts'
import { Space } from '../../examples/memfs/space.ts'
import { getXattr, listXattrs, removeXattr, setXattr } from '../../examples/memfs/xattr.ts'

const S_IFDIR = 0o040000
const S_IFREG = 0o100000
const now = { seconds: 0, nanoseconds: 0 }
const owner = { uid: 1, gid: 1 }
const newSpace = () => new Space(2 ** 20, 10)
const newFile = (mode: number) => new Inode(2, S_IFREG | mode, owner, now)
const newDirectory = (mode: number) => new Directory(3, S_IFDIR | mode, owner, now)

const NO_ID = 0xffff_ffff
const [USER_OBJ, USER, GROUP_OBJ, MASK, OTHER] = [1, 2, 4, 16, 32]

function acl(...entries: [tag: number, perm: number, id?: number][]): Uint8Array {
  const bytes = Buffer.alloc(4 + 8 * entries.length)
  bytes.writeUInt32LE(2)
  entries.forEach(([tag, perm, id = NO_ID], i) => {
    bytes.writeUInt16LE(tag, 4 + 8 * i)
    bytes.writeUInt16LE(perm, 6 + 8 * i)
    bytes.writeUInt32LE(id, 8 + 8 * i)
  })
  return new Uint8Array(bytes)
}

const minimal = acl([USER_OBJ, 6], [GROUP_OBJ, 4], [OTHER, 0])
const extended = acl([USER_OBJ, 7], [USER, 7, 50], [GROUP_OBJ, 5], [MASK, 6], [OTHER, 1])

t.test('an ACL that a mode can say is the mode, and kept as nothing else', async (t) => {
  const file = newFile(0o4777)
  setAcl(newSpace(), file, ACL_ACCESS, extended)
  t.equal(file.attr.mode, S_IFREG | 0o4761, "the group's digit is the mask")
  t.same(file.xattrs.get(ACL_ACCESS), extended)
  setAcl(newSpace(), file, ACL_ACCESS, minimal)
  t.equal(file.attr.mode, S_IFREG | 0o4640)
  t.notOk(file.xattrs.has(ACL_ACCESS))
})

t.test('chmod changes owner, mask and other of the ACL', async (t) => {
  const file = newFile(0)
  setAcl(newSpace(), file, ACL_ACCESS, extended)
  file.attr.mode = S_IFREG | 0o425
  chmodAcl(newSpace(), file)
  const expected = acl([USER_OBJ, 4], [USER, 7, 50], [GROUP_OBJ, 5], [MASK, 2], [OTHER, 5])
  t.same(file.xattrs.get(ACL_ACCESS), expected)
})

t.test('a default ACL takes the place of the umask', async (t) => {
  const space = newSpace()
  const parent = newDirectory(0o755)
  setAcl(space, parent, ACL_DEFAULT, extended)
  const file = newFile(0o664)
  inherit(space, file, parent, 0o077)
  t.equal(file.attr.mode, S_IFREG | 0o660)
  t.same(
    file.xattrs.get(ACL_ACCESS),
    acl([USER_OBJ, 6], [USER, 7, 50], [GROUP_OBJ, 5], [MASK, 6], [OTHER, 0]),
  )
  const directory = newDirectory(0o777)
  inherit(space, directory, parent, 0o077)
  t.same(directory.xattrs.get(ACL_DEFAULT), extended)
  const link = new Symlink(4, 0o120777, owner, now, 'x')
  inherit(space, link, parent, 0o077)
  t.equal(link.attr.mode, 0o120777)
  t.equal(link.xattrs.size, 0)
})

t.test('without one the umask counts; a set-group-id directory hands on its group', async (t) => {
  const parent = newDirectory(0o2775)
  parent.attr.gid = 77
  const [file, directory] = [newFile(0o666), newDirectory(0o777)]
  inherit(newSpace(), file, parent, 0o027)
  inherit(newSpace(), directory, parent, 0o027)
  t.equal(file.attr.mode, S_IFREG | 0o640)
  t.equal(directory.attr.mode, S_IFDIR | 0o2750)
  t.same([file.attr.gid, directory.attr.gid], [77, 77])
})

t.test('bytes that are no ACL are EINVAL', async (t) => {
  const file = newFile(0o644)
  const wrong = [new Uint8Array(3), extended.slice(0, 11), acl([3, 7]), acl([USER_OBJ, 8])]
  for (const bytes of wrong) {
    t.throws(() => setAcl(newSpace(), file, ACL_ACCESS, bytes), { code: 'EINVAL' })
  }
  t.throws(() => setAcl(newSpace(), file, ACL_DEFAULT, minimal), { code: 'EACCES' })
  t.equal(file.attr.mode, S_IFREG | 0o644)
})

t.test('set-id bits go with a write and with chown', async (t) => {
  const cases = [
    { mode: 0o6755, written: 0o755, byRoot: 0o755, byOther: 0o755 },
    { mode: 0o6644, written: 0o2644, byRoot: 0o2644, byOther: 0o644 },
    { mode: 0o1644, written: 0o1644, byRoot: 0o1644, byOther: 0o1644 },
  ]
  for (const { mode, written, byRoot, byOther } of cases) {
    const files = [newFile(mode), newFile(mode), newFile(mode)] as const
    dropPrivileges(newSpace(), files[0])
    dropPrivilegesOnChown(newSpace(), files[1], { uid: 0, gid: 0 })
    dropPrivilegesOnChown(newSpace(), files[2], { uid: 5, gid: 5 })
    t.same(
      files.map(({ attr }) => attr.mode & 0o7777),
      [written, byRoot, byOther],
    )
  }
  const directory = newDirectory(0o6777)
  dropPrivilegesOnChown(newSpace(), directory, { uid: 5, gid: 5 })
  t.equal(directory.attr.mode, S_IFDIR | 0o6777)
})

t.test('extended attributes take space, give it back, and keep their flags', async (t) => {
  const space = newSpace()
  const file = newFile(0o644)
  const value = Buffer.from('value')
  t.throws(() => setXattr(space, file, 'user.a', value, 2), { code: 'ENODATA' })
  setXattr(space, file, 'user.a', value, 1)
  value.fill(0)
  t.equal(Buffer.from(getXattr(file, 'user.a') ?? []).toString(), 'value', 'it is a copy')
  t.throws(() => setXattr(space, file, 'user.a', value, 1), { code: 'EEXIST' })
  setXattr(space, file, 'trusted.b', Buffer.alloc(100), 0)
  t.same(listXattrs(file, 0), ['user.a', 'trusted.b'])
  t.same(listXattrs(file, 1), ['user.a'])
  t.throws(() => setXattr(space, file, 'other.c', value, 0), { code: 'EOPNOTSUPP' })
  t.equal(getXattr(file, 'user.c'), null)
  t.throws(() => setXattr(space, file, 'user.big', Buffer.alloc(2 ** 21), 0), { code: 'ENOSPC' })
  for (const name of ['user.a', 'trusted.b']) removeXattr(space, file, name)
  t.equal(space.usedBytes, 0)
  t.throws(() => removeXattr(space, file, 'user.a'), { code: 'ENODATA' })
})

t.test('no more names than Linux can list', async (t) => {
  const file = newFile(0o644)
  const set = () => {
    for (let i = 0; i < 400; i++) {
      setXattr(newSpace(), file, `user.${String(i).padStart(200, 'x')}`, Buffer.alloc(0), 0)
    }
  }
  t.throws(set, { code: 'ENOSPC' })
  t.ok(listXattrs(file, 0).reduce((sum, name) => sum + name.length + 1, 0) < 65_536)
})
