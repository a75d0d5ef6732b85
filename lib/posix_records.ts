import { decodeName } from '../protocol/names.ts'
import { fuse_statx } from '../protocol/structs.ts'

/** struct statx, which `fuse_statx` repeats byte for byte; `dev_major` and `dev_minor` are st_dev. */
export type Statx = fuse_statx

const STATX_SIZE = 256

/**
 * What `posix.statx` has put into an array. Not for a hot path: it makes an object, and 8-byte
 * members are read where you need one by `bytes.readBigUInt64LE`.
 */
export function readStatx(bytes: Uint8Array): Statx {
  // A copy: the bytes need not be aligned.
  const words = new Uint32Array(Uint8Array.prototype.slice.call(bytes, 0, STATX_SIZE).buffer)
  return fuse_statx.decode(words, 0)
}

/** A record of getdents64(2): `off` is the cookie of what comes next, for `posix.seekTo`. */
export interface Dirent64 {
  readonly ino: bigint
  readonly off: bigint
  /** DT_DIR 4, DT_REG 8 and so on; 0 where the file system does not tell. */
  readonly type: number
  readonly name: string
}

const NAME = 19 // after u64 d_ino, s64 d_off, u16 d_reclen, u8 d_type

/** The records in `bytes[0, count)`, `count` as `posix.getdents64` has returned it. */
export function* readDirents64(bytes: Uint8Array, count: number): Generator<Dirent64> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let at = 0; at < count; at += buffer.readUInt16LE(at + 16)) {
    yield {
      ino: buffer.readBigUInt64LE(at),
      off: buffer.readBigUInt64LE(at + 8),
      type: buffer.readUInt8(at + 18),
      name: decodeName(buffer, at + NAME, buffer.indexOf(0, at + NAME)),
    }
  }
}
