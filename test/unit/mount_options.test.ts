import t from 'tap'
import {
  checkMountOptions,
  kernelFlags,
  kernelWords,
  type MountOptions,
  parseMountOptions,
  permissionsByKernel,
  typeOf,
} from '../../lib/mount_options.ts'

const said: Readonly<Record<string, MountOptions>> = {
  '': {},
  ro: { readOnly: true },
  'ro,rw': { readOnly: false },
  'ro,rw,ro': { readOnly: true },
  'suid,dev,noexec': { suid: true, dev: true, noexec: true },
  'suid,nosuid': { suid: false },
  'sync,dirsync,noatime,nodiratime': {
    sync: true,
    dirsync: true,
    noatime: true,
    nodiratime: true,
  },
  'allow_other,no_default_permissions': { allowOther: true, defaultPermissions: false },
  allow_root: { allowRoot: true },
  'fsname=a\\,ro\\\\,subtype=x=y': { fsname: 'a,ro\\', subtype: 'x=y' },
  'max_read=65536,max_write=131072,max_readahead=0,max_background=7,congestion_threshold=5': {
    maxRead: 65_536,
    maxWrite: 131_072,
    maxReadahead: 0,
    maxBackground: 7,
    congestionThreshold: 5,
  },
  'blkdev,fsname=/dev/loop0,blksize=1024': { blkdev: true, fsname: '/dev/loop0', blksize: 1024 },
}

t.test('words of -o are the options that they stand for', async (t) => {
  for (const [list, options] of Object.entries(said)) {
    t.strictSame(parseMountOptions(list), options, list)
    t.doesNotThrow(() => checkMountOptions(options), list)
  }
})

t.test('what is no word, or wrong, is refused by name', async (t) => {
  const wrong = {
    frobnicate: '-o frobnicate: there is no such option',
    'ro,readOnly': '-o readOnly: there is no such option',
    'rw=1': '-o rw: expected no value, got "1"',
    'max_read=1': '-o max_read: expected 4096 to 4294967295 bytes, got "1"',
    'fsname=': '-o fsname: expected a text, got ""',
    constructor: '-o constructor: there is no such option',
  }
  for (const [list, message] of Object.entries(wrong)) {
    t.throws(() => parseMountOptions(list), { name: 'UsageError', message }, list)
  }
})

t.test('typed options are checked, whatever a caller without types says', async (t) => {
  const wrong: readonly (readonly [object, string])[] = [
    [{ readonly: true }, 'readonly: there is no such option'],
    [{ toString: true }, 'toString: there is no such option'],
    [{ readOnly: 'yes' }, 'readOnly: expected true or false, got "yes"'],
    [{ maxRead: 4095 }, 'maxRead: expected 4096 to 4294967295 bytes, got 4095'],
    [{ fsname: 'a\0b' }, /^fsname: expected a text of 1 to 4095 characters without NUL/],
    [{ subtype: '' }, /^subtype: expected a text/],
    [{ allowOther: true, allowRoot: true }, 'allowOther and allowRoot exclude each other'],
    [
      { allowRoot: true, capabilities: { FUSE_CAP_ALLOW_IDMAP: true } },
      /^allowRoot and FUSE_CAP_ALLOW_IDMAP exclude each other/,
    ],
    [{ blksize: 512 }, /^blksize is for blkdev/],
    [{ blkdev: true, fsname: 'x', blksize: 768 }, /^blksize: expected 512, 1024, 2048 or 4096/],
    [{ blkdev: true }, /^blkdev: fsname must name/],
  ].map(([options, message]) => [options as object, message as string])
  for (const [options, message] of wrong) {
    t.throws(() => checkMountOptions(options), { message }, JSON.stringify(options))
  }
  t.doesNotThrow(() => checkMountOptions({ readonly: undefined } as object))
})

t.test('the flags of mount(2): nosuid and nodev unless told otherwise', async (t) => {
  t.equal(kernelFlags({}), 2 | 4)
  t.equal(kernelFlags({ suid: true, dev: true }), 0)
  t.equal(kernelFlags({ readOnly: true, noexec: true, noatime: true }), 1 | 2 | 4 | 8 | 1024)
  t.equal(kernelFlags({ sync: true, dirsync: true, suid: false }), 2 | 4 | 16 | 128)
})

t.test('the kernel checks modes where others get in, unless told not to', async (t) => {
  t.equal(permissionsByKernel({}), false)
  t.equal(permissionsByKernel({ allowOther: true }), true)
  t.equal(permissionsByKernel({ allowRoot: true }), true)
  t.equal(permissionsByKernel({ allowOther: true, defaultPermissions: false }), false)
  t.equal(permissionsByKernel({ defaultPermissions: true }), true)
  const words = kernelWords(0o40755, { allowRoot: true, maxRead: 4096 })
  t.same(words.slice(3), ['default_permissions', 'allow_other', 'max_read=4096'])
  t.equal(words[0], 'rootmode=40000')
})

t.test('the type has the subtype', async (t) => {
  t.equal(typeOf({}), 'fuse')
  t.equal(typeOf({ subtype: 'x' }), 'fuse.x')
  t.equal(typeOf({ subtype: 'x', blkdev: true }), 'fuseblk.x')
})
