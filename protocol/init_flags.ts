/**
 * The flags of FUSE_INIT, one row each: the bit on the wire (low 32 in `flags`, high 32 in `flags2`),
 * libfuse's bit in the number space of FUSE_CAP_* (not the same numbers from bit 19 up) and the
 * minor version that brought it.
 */
export interface InitFlag {
  /** Bit on the wire. */
  readonly wire: number
  /** libfuse's FUSE_CAP_* bit; null where libfuse negotiates by itself. */
  readonly cap: number | null
  /** Minor version. */
  readonly since: number
}

const flag = (wire: number, cap: number | null, since: number): InitFlag => ({ wire, cap, since })

export const FUSE_INIT_FLAGS = {
  FUSE_ASYNC_READ: flag(0, 0, 6),
  FUSE_POSIX_LOCKS: flag(1, 1, 7),
  FUSE_FILE_OPS: flag(2, null, 9),
  FUSE_ATOMIC_O_TRUNC: flag(3, 3, 9),
  FUSE_EXPORT_SUPPORT: flag(4, 4, 10),
  FUSE_BIG_WRITES: flag(5, null, 9),
  FUSE_DONT_MASK: flag(6, 6, 12),
  FUSE_SPLICE_WRITE: flag(7, 7, 14),
  FUSE_SPLICE_MOVE: flag(8, 8, 14),
  FUSE_SPLICE_READ: flag(9, 9, 14),
  FUSE_FLOCK_LOCKS: flag(10, 10, 17),
  FUSE_HAS_IOCTL_DIR: flag(11, 11, 18),
  FUSE_AUTO_INVAL_DATA: flag(12, 12, 20),
  FUSE_DO_READDIRPLUS: flag(13, 13, 21),
  FUSE_READDIRPLUS_AUTO: flag(14, 14, 21),
  FUSE_ASYNC_DIO: flag(15, 15, 22),
  FUSE_WRITEBACK_CACHE: flag(16, 16, 23),
  FUSE_NO_OPEN_SUPPORT: flag(17, 17, 23),
  FUSE_PARALLEL_DIROPS: flag(18, 18, 25),
  FUSE_HANDLE_KILLPRIV: flag(19, 20, 26),
  FUSE_POSIX_ACL: flag(20, 19, 26),
  FUSE_ABORT_ERROR: flag(21, null, 27),
  FUSE_MAX_PAGES: flag(22, null, 28),
  FUSE_CACHE_SYMLINKS: flag(23, 23, 28),
  FUSE_NO_OPENDIR_SUPPORT: flag(24, 24, 29),
  FUSE_EXPLICIT_INVAL_DATA: flag(25, 25, 30),
  FUSE_MAP_ALIGNMENT: flag(26, null, 31),
  FUSE_SUBMOUNTS: flag(27, null, 32),
  FUSE_HANDLE_KILLPRIV_V2: flag(28, 21, 33),
  FUSE_SETXATTR_EXT: flag(29, 27, 33),
  FUSE_INIT_EXT: flag(30, null, 36),
  FUSE_INIT_RESERVED: flag(31, null, 36),
  FUSE_SECURITY_CTX: flag(32, 33, 36),
  FUSE_HAS_INODE_DAX: flag(33, null, 36),
  FUSE_CREATE_SUPP_GROUP: flag(34, null, 38),
  FUSE_HAS_EXPIRE_ONLY: flag(35, 26, 38),
  FUSE_DIRECT_IO_ALLOW_MMAP: flag(36, 28, 39),
  FUSE_PASSTHROUGH: flag(37, 29, 40),
  FUSE_NO_EXPORT_SUPPORT: flag(38, 30, 40),
  FUSE_HAS_RESEND: flag(39, null, 40),
  FUSE_ALLOW_IDMAP: flag(40, 32, 41),
  FUSE_OVER_IO_URING: flag(41, 31, 42),
  FUSE_REQUEST_TIMEOUT: flag(42, null, 43),
  FUSE_HAS_IO_URING_BUFPOOL: flag(43, null, 46),
} as const satisfies Readonly<Record<string, InitFlag>>

/** A flag's name on the wire: `FUSE_WRITEBACK_CACHE`. */
export type InitFlagName = keyof typeof FUSE_INIT_FLAGS

/** What a user asks for: `FUSE_CAP_WRITEBACK_CACHE`. */
export type CapabilityName = InitFlagName extends `FUSE_${infer Rest}` ? `FUSE_CAP_${Rest}` : never

const names = Object.keys(FUSE_INIT_FLAGS) as InitFlagName[]

/** The names of the bits that are set; a bit without a name is `bit 44`. */
export function initFlagNames(flags: number, flags2: number): string[] {
  const found: string[] = []
  for (let bit = 0; bit < 64; bit++) {
    const word = bit < 32 ? flags : flags2
    if (((word >>> (bit & 31)) & 1) === 0) continue
    found.push(names.find((name) => FUSE_INIT_FLAGS[name].wire === bit) ?? `bit ${bit}`)
  }
  return found
}

export const hasInitFlag = (name: InitFlagName, flags: number, flags2: number): boolean => {
  const { wire } = FUSE_INIT_FLAGS[name]
  return (((wire < 32 ? flags : flags2) >>> (wire & 31)) & 1) === 1
}

/** The two words of a set of flags. */
export function initFlagWords(set: Iterable<InitFlagName>): { flags: number; flags2: number } {
  let flags = 0
  let flags2 = 0
  for (const name of set) {
    const { wire } = FUSE_INIT_FLAGS[name]
    if (wire < 32) flags |= 1 << wire
    else flags2 |= 1 << (wire - 32)
  }
  return { flags: flags >>> 0, flags2: flags2 >>> 0 }
}

/** `FUSE_X` to `FUSE_CAP_X`. */
export const capabilityOf = (name: InitFlagName): CapabilityName =>
  name.replace(/^FUSE_/, 'FUSE_CAP_') as CapabilityName

/** `FUSE_CAP_X` to `FUSE_X`; undefined for a name that no flag has. */
export const initFlagOf = (capability: string): InitFlagName | undefined =>
  names.find((name) => capabilityOf(name) === capability)
