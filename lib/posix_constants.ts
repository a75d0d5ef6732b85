import { constants } from 'node:fs'

// What node:fs has no constants for. The same on x86-64 and arm64, unless computed.

export const AT_FDCWD = -100
export const AT_SYMLINK_NOFOLLOW = 0x100
export const AT_EACCESS = 0x200
export const AT_REMOVEDIR = 0x200
export const AT_SYMLINK_FOLLOW = 0x400
export const AT_NO_AUTOMOUNT = 0x800
export const AT_EMPTY_PATH = 0x1000
export const AT_STATX_FORCE_SYNC = 0x2000
export const AT_STATX_DONT_SYNC = 0x4000

export const STATX_BASIC_STATS = 0x7ff
export const STATX_BTIME = 0x800
/** Since Linux 5.8. */
export const STATX_MNT_ID = 0x1000
/** Since Linux 6.8: an id that is not used again. */
export const STATX_MNT_ID_UNIQUE = 0x4000

/** The bits of open(2)'s flags that say for what; O_RDONLY is 0. */
export const O_ACCMODE = 3
export const O_PATH = 0o10000000
export const O_CLOEXEC = 0o2000000
export const O_TMPFILE = 0o20000000 | (constants.O_DIRECTORY ?? 0)

export const RENAME_NOREPLACE = 1
export const RENAME_EXCHANGE = 2
export const RENAME_WHITEOUT = 4

export const RWF_HIPRI = 1
export const RWF_DSYNC = 2
export const RWF_SYNC = 4
export const RWF_NOWAIT = 8
export const RWF_APPEND = 16

export const UTIME_NOW = 0x3fffffff
export const UTIME_OMIT = 0x3ffffffe

export const SEEK_SET = 0
export const SEEK_CUR = 1
export const SEEK_END = 2
export const SEEK_DATA = 3
export const SEEK_HOLE = 4

export const FALLOC_FL_KEEP_SIZE = 1
export const FALLOC_FL_PUNCH_HOLE = 2
export const FALLOC_FL_COLLAPSE_RANGE = 8
export const FALLOC_FL_ZERO_RANGE = 16
export const FALLOC_FL_INSERT_RANGE = 32

export const XATTR_CREATE = 1
export const XATTR_REPLACE = 2

export const LOCK_SH = 1
export const LOCK_EX = 2
export const LOCK_NB = 4
export const LOCK_UN = 8

export const F_OFD_GETLK = 36
export const F_OFD_SETLK = 37
export const F_RDLCK = 0
export const F_WRLCK = 1
export const F_UNLCK = 2
