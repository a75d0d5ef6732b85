import { type Members, type Struct, truncated } from './layout.ts'
import * as s from './structs.ts'

/**
 * Sizes that older minors used: [struct, first minor with today's size, bytes before that].
 * Each older form is a prefix of today's. Chosen by the agreed minor, never by a message's length.
 */
export const COMPAT_SIZES: readonly (readonly [Struct<Members>, number, number])[] = [
  [s.fuse_getattr_in, 9, 0],
  [s.fuse_read_in, 9, 24],
  [s.fuse_readdir_in, 9, 24],
  [s.fuse_write_in, 9, 24],
  [s.fuse_entry_out, 9, 120],
  [s.fuse_attr_out, 9, 96],
  [s.fuse_lk_in, 9, 40],
  [s.fuse_release_in, 8, 16],
  [s.fuse_mknod_in, 12, 8],
  [s.fuse_create_in, 12, 8],
  [s.fuse_statfs_out, 4, 48],
  [s.fuse_init_in, 6, 8],
  [s.fuse_init_in, 36, 16],
  [s.fuse_init_out, 5, 8],
  [s.fuse_init_out, 23, 24],
]

/** The struct as protocol 7.`minor` lays it out. */
export function forMinor<M extends Members>(whole: Struct<M>, minor: number): Struct<M> {
  const older = COMPAT_SIZES.find(([known, since]) => known.name === whole.name && minor < since)
  return older === undefined ? whole : truncated(whole, older[2])
}
