/** Numbers of fuse.h, 7.45 and what 7.46 adds, under the header's names. */

export const FUSE_KERNEL_VERSION = 7
export const FUSE_KERNEL_MINOR_VERSION = 45
export const FUSE_ROOT_ID = 1
/** The smallest buffer with which read(2) on the device may be called, in bytes. */
export const FUSE_MIN_READ_BUFFER = 8192
/** uid or gid in a header under FUSE_ALLOW_IDMAP, where none is sent. */
export const FUSE_INVALID_UIDGID = 0xffff_ffff
/** Bit 63 of `unique`: the request was sent before (FUSE_NOTIFY_RESEND). As a bit of the high word. */
export const FUSE_UNIQUE_RESEND_HI = 0x8000_0000

export const FUSE_LOOKUP = 1
export const FUSE_FORGET = 2
export const FUSE_GETATTR = 3
export const FUSE_SETATTR = 4
export const FUSE_READLINK = 5
export const FUSE_SYMLINK = 6
export const FUSE_MKNOD = 8
export const FUSE_MKDIR = 9
export const FUSE_UNLINK = 10
export const FUSE_RMDIR = 11
export const FUSE_RENAME = 12
export const FUSE_LINK = 13
export const FUSE_OPEN = 14
export const FUSE_READ = 15
export const FUSE_WRITE = 16
export const FUSE_STATFS = 17
export const FUSE_RELEASE = 18
export const FUSE_FSYNC = 20
export const FUSE_SETXATTR = 21
export const FUSE_GETXATTR = 22
export const FUSE_LISTXATTR = 23
export const FUSE_REMOVEXATTR = 24
export const FUSE_FLUSH = 25
export const FUSE_INIT = 26
export const FUSE_OPENDIR = 27
export const FUSE_READDIR = 28
export const FUSE_RELEASEDIR = 29
export const FUSE_FSYNCDIR = 30
export const FUSE_GETLK = 31
export const FUSE_SETLK = 32
export const FUSE_SETLKW = 33
export const FUSE_ACCESS = 34
export const FUSE_CREATE = 35
export const FUSE_INTERRUPT = 36
export const FUSE_BMAP = 37
export const FUSE_DESTROY = 38
export const FUSE_IOCTL = 39
export const FUSE_POLL = 40
export const FUSE_NOTIFY_REPLY = 41
export const FUSE_BATCH_FORGET = 42
export const FUSE_FALLOCATE = 43
export const FUSE_READDIRPLUS = 44
export const FUSE_RENAME2 = 45
export const FUSE_LSEEK = 46
export const FUSE_COPY_FILE_RANGE = 47
export const FUSE_SETUPMAPPING = 48
export const FUSE_REMOVEMAPPING = 49
export const FUSE_SYNCFS = 50
export const FUSE_TMPFILE = 51
export const FUSE_STATX = 52
export const FUSE_COPY_FILE_RANGE_64 = 53

export const CUSE_INIT = 4096
/** INIT as a daemon of the other byte order reads it. */
export const FUSE_INIT_BSWAP_RESERVED = 436_207_616
export const CUSE_INIT_BSWAP_RESERVED = 1_048_576

export const FUSE_NOTIFY_POLL = 1
export const FUSE_NOTIFY_INVAL_INODE = 2
export const FUSE_NOTIFY_INVAL_ENTRY = 3
export const FUSE_NOTIFY_STORE = 4
export const FUSE_NOTIFY_RETRIEVE = 5
export const FUSE_NOTIFY_DELETE = 6
export const FUSE_NOTIFY_RESEND = 7
export const FUSE_NOTIFY_INC_EPOCH = 8
export const FUSE_NOTIFY_PRUNE = 9

export const FATTR_MODE = 1 << 0
export const FATTR_UID = 1 << 1
export const FATTR_GID = 1 << 2
export const FATTR_SIZE = 1 << 3
export const FATTR_ATIME = 1 << 4
export const FATTR_MTIME = 1 << 5
export const FATTR_FH = 1 << 6
export const FATTR_ATIME_NOW = 1 << 7
export const FATTR_MTIME_NOW = 1 << 8
export const FATTR_LOCKOWNER = 1 << 9
export const FATTR_CTIME = 1 << 10
export const FATTR_KILL_SUIDGID = 1 << 11

export const FOPEN_DIRECT_IO = 1 << 0
export const FOPEN_KEEP_CACHE = 1 << 1
export const FOPEN_NONSEEKABLE = 1 << 2
export const FOPEN_CACHE_DIR = 1 << 3
export const FOPEN_STREAM = 1 << 4
export const FOPEN_NOFLUSH = 1 << 5
export const FOPEN_PARALLEL_DIRECT_WRITES = 1 << 6
export const FOPEN_PASSTHROUGH = 1 << 7
/** 7.46. */
export const FOPEN_IO_URING_ZERO_COPY = 1 << 8

export const FUSE_RELEASE_FLUSH = 1 << 0
export const FUSE_RELEASE_FLOCK_UNLOCK = 1 << 1
export const FUSE_GETATTR_FH = 1 << 0
export const FUSE_LK_FLOCK = 1 << 0
export const FUSE_WRITE_CACHE = 1 << 0
export const FUSE_WRITE_LOCKOWNER = 1 << 1
export const FUSE_WRITE_KILL_SUIDGID = 1 << 2
/** The old name. */
export const FUSE_WRITE_KILL_PRIV: typeof FUSE_WRITE_KILL_SUIDGID = FUSE_WRITE_KILL_SUIDGID
export const FUSE_READ_LOCKOWNER = 1 << 1
export const FUSE_FSYNC_FDATASYNC = 1 << 0

export const FUSE_IOCTL_COMPAT = 1 << 0
export const FUSE_IOCTL_UNRESTRICTED = 1 << 1
export const FUSE_IOCTL_RETRY = 1 << 2
export const FUSE_IOCTL_32BIT = 1 << 3
export const FUSE_IOCTL_DIR = 1 << 4
export const FUSE_IOCTL_COMPAT_X32 = 1 << 5
export const FUSE_IOCTL_MAX_IOV = 256

export const FUSE_POLL_SCHEDULE_NOTIFY = 1 << 0
export const FUSE_ATTR_SUBMOUNT = 1 << 0
export const FUSE_ATTR_DAX = 1 << 1
export const FUSE_OPEN_KILL_SUIDGID = 1 << 0
export const FUSE_SETXATTR_ACL_KILL_SGID = 1 << 0
export const FUSE_EXPIRE_ONLY = 1 << 0
export const FUSE_SETUPMAPPING_FLAG_WRITE = 1 << 0
export const FUSE_SETUPMAPPING_FLAG_READ = 1 << 1
export const CUSE_UNRESTRICTED_IOCTL = 1 << 0
export const CUSE_INIT_INFO_MAX = 4096

/** Types of extension records: below, a `fuse_secctx_header`'s count. */
export const FUSE_MAX_NR_SECCTX = 31
export const FUSE_EXT_GROUPS = 32

export const FUSE_DEV_IOC_CLONE = 0x8004_e500
export const FUSE_DEV_IOC_BACKING_OPEN = 0x4010_e501
export const FUSE_DEV_IOC_BACKING_CLOSE = 0x4004_e502
export const FUSE_DEV_IOC_SYNC_INIT = 0xe503

export const FUSE_IO_URING_CMD_REGISTER = 1
export const FUSE_IO_URING_CMD_COMMIT_AND_FETCH = 2
/** 7.46. */
export const FUSE_IO_URING_CMD_ADD_QUEUE = 3
export const FUSE_IO_URING_CMD_ADD_BUFPOOL = 4
export const FUSE_URING_ZERO_COPY = 1 << 0
export const FUSE_URING_ENT_ZERO_COPY = 1 << 0

export const FUSE_COMPAT_ENTRY_OUT_SIZE = 120
export const FUSE_COMPAT_ATTR_OUT_SIZE = 96
export const FUSE_COMPAT_MKNOD_IN_SIZE = 8
export const FUSE_COMPAT_WRITE_IN_SIZE = 24
export const FUSE_COMPAT_STATFS_SIZE = 48
export const FUSE_COMPAT_SETXATTR_IN_SIZE = 8
export const FUSE_COMPAT_INIT_OUT_SIZE = 8
export const FUSE_COMPAT_22_INIT_OUT_SIZE = 24

export const FUSE_NAME_OFFSET = 24
export const FUSE_NAME_OFFSET_DIRENTPLUS = 152
