import t from 'tap'
import { COMPAT_SIZES, forMinor } from '../../protocol/compat.ts'
import * as s from '../../protocol/structs.ts'
import { wholeStructs } from './codec_checks.ts'

/** Sizes by minor, from the history of fuse.h: [struct, [minor, size]…], each from that minor on. */
const history: readonly (readonly [
  (typeof wholeStructs)[number],
  ...(readonly [number, number])[],
])[] = [
  [s.fuse_getattr_in, [1, 0], [9, 16]],
  [s.fuse_read_in, [1, 24], [9, 40]],
  [s.fuse_readdir_in, [1, 24], [9, 40]],
  [s.fuse_write_in, [1, 24], [9, 40]],
  [s.fuse_entry_out, [1, 120], [9, 128]],
  [s.fuse_attr_out, [1, 96], [9, 104]],
  [s.fuse_lk_in, [7, 40], [9, 48]],
  [s.fuse_release_in, [1, 16], [8, 24]],
  [s.fuse_mknod_in, [1, 8], [12, 16]],
  [s.fuse_create_in, [3, 8], [12, 16]],
  [s.fuse_statfs_out, [1, 48], [4, 80]],
  [s.fuse_init_in, [1, 8], [6, 16], [36, 64]],
  [s.fuse_init_out, [1, 8], [5, 24], [23, 64]],
]

t.test('each minor has the sizes that it had', async (t) => {
  for (const [shape, ...steps] of history) {
    for (let minor = 1; minor <= 46; minor++) {
      const size = steps.findLast(([since]) => minor >= since)?.[1]
      if (size !== undefined)
        t.equal(forMinor(shape, minor).size, size, `${shape.name} of 7.${minor}`)
    }
  }
})

t.test('structs that never grew are the same at every minor', async (t) => {
  const grew = new Set(COMPAT_SIZES.map(([shape]) => shape.name))
  t.same([...grew].sort(), history.map(([shape]) => shape.name).sort(), 'all that grew are checked')
  for (const shape of wholeStructs.filter(({ name }) => !grew.has(name))) {
    t.equal(forMinor(shape, 1), shape, shape.name)
  }
})

t.test('an older form is a prefix: the rest is 0 when read, dropped when written', async (t) => {
  const words = new Uint32Array(10).fill(0xffff_ffff)
  words.set([7, 0, 4096, 0, 512, 0], 0)
  const old = forMinor(s.fuse_write_in, 8)
  t.same(old.decode(words, 0), {
    fh: 7,
    offset: 4096,
    size: 512,
    write_flags: 0,
    lock_owner: 0n,
    flags: 0,
  })
  const out = new Uint32Array(26).fill(0xa5a5_a5a5)
  forMinor(s.fuse_attr_out, 8).encode(out, 0, {
    attr_valid: 1,
    attr: { mode: 0o644, rdev: 5, blksize: 512 },
  })
  t.equal(out[23], 5, 'rdev is the last member')
  t.equal(out[24], 0xa5a5_a5a5, 'blksize is not sent')
})
