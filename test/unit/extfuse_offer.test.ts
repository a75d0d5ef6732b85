import t from 'tap'
import { extfuseOffer } from '../../lib/extfuse_offer.ts'

const cases: readonly [string | undefined, number, readonly string[]][] = [
  [undefined, 45, ['FUSE_ASYNC_READ', 'FUSE_INIT_EXT']],
  ['atc19', 31, ['FUSE_ASYNC_READ', 'FUSE_MAP_ALIGNMENT']],
  // virtiofs's, in mainline.
  [undefined, 31, ['FUSE_MAP_ALIGNMENT', 'FUSE_INIT_EXT']],
  [undefined, 36, ['FUSE_MAP_ALIGNMENT']],
  ['port2026', 45, ['FUSE_INIT_EXT', 'FUSE_HAS_IO_URING_BUFPOOL']],
  // Mainline's own.
  [undefined, 46, ['FUSE_INIT_EXT', 'FUSE_HAS_IO_URING_BUFPOOL']],
]

t.test('ExtFUSE is told from what mainline means by the same bits', async (t) => {
  for (const [profile, minor, flags] of cases) t.equal(extfuseOffer(minor, flags), profile)
})
