import {
  fh,
  type Infer,
  i32,
  i64,
  nodeid,
  optional,
  pad,
  struct,
  truncated,
  u16,
  u32,
  u64,
  x64,
} from './layout.ts'

/**
 * Every struct of fuse.h 7.45 and what 7.46 adds, in the header's words. Members named `padding`,
 * `dummy`, `spare`, `unused` and `reserved` mean nothing and are declared as `pad`. Seconds are
 * two's complement although the header says u64.
 *
 * What a file system may leave out of a reply is `optional`: absent means 0.
 */

/** Attributes of an inode, as stat(2) gives them. `blocks` counts 512 bytes. `ino` is only shown. */
export const fuse_attr = struct('fuse_attr', {
  ino: optional(x64),
  size: optional(u64),
  blocks: optional(u64),
  atime: optional(i64),
  mtime: optional(i64),
  ctime: optional(i64),
  atimensec: optional(u32),
  mtimensec: optional(u32),
  ctimensec: optional(u32),
  mode: u32,
  nlink: optional(u32),
  uid: optional(u32),
  gid: optional(u32),
  rdev: optional(u32),
  blksize: optional(u32),
  flags: optional(u32),
})
export type fuse_attr = Infer<typeof fuse_attr>

export const fuse_sx_time = struct('fuse_sx_time', {
  tv_sec: optional(i64),
  tv_nsec: optional(u32),
  __reserved: pad(4),
})
export type fuse_sx_time = Infer<typeof fuse_sx_time>

/** statx(2). The kernel uses the basic members and `btime`, and ignores `attributes` (6.x). */
export const fuse_statx = struct('fuse_statx', {
  mask: u32,
  blksize: optional(u32),
  attributes: optional(x64),
  nlink: optional(u32),
  uid: optional(u32),
  gid: optional(u32),
  mode: u16,
  __spare0: pad(2),
  ino: optional(x64),
  size: optional(u64),
  blocks: optional(u64),
  attributes_mask: optional(x64),
  atime: fuse_sx_time,
  btime: fuse_sx_time,
  ctime: fuse_sx_time,
  mtime: fuse_sx_time,
  rdev_major: optional(u32),
  rdev_minor: optional(u32),
  dev_major: optional(u32),
  dev_minor: optional(u32),
  __spare2: pad(112),
})
export type fuse_statx = Infer<typeof fuse_statx>

/** statfs(2): `blocks`, `bfree` and `bavail` count `frsize` bytes, `bsize` is the preferred I/O size. */
export const fuse_kstatfs = struct('fuse_kstatfs', {
  blocks: optional(u64),
  bfree: optional(u64),
  bavail: optional(u64),
  files: optional(u64),
  ffree: optional(u64),
  bsize: optional(u32),
  namelen: optional(u32),
  frsize: optional(u32),
  padding: pad(4),
  spare: pad(24),
})
export type fuse_kstatfs = Infer<typeof fuse_kstatfs>

/** `end` is inclusive, 0x7fffffffffffffffn for "to the end"; `type` is F_RDLCK 0, F_WRLCK 1, F_UNLCK 2. */
export const fuse_file_lock = struct('fuse_file_lock', {
  start: x64,
  end: x64,
  type: u32,
  pid: optional(u32),
})
export type fuse_file_lock = Infer<typeof fuse_file_lock>

/** `nodeid` 0 is a cached negative answer. Valid times are seconds and nanoseconds. */
export const fuse_entry_out = struct('fuse_entry_out', {
  nodeid,
  generation: optional(x64),
  entry_valid: optional(u64),
  attr_valid: optional(u64),
  entry_valid_nsec: optional(u32),
  attr_valid_nsec: optional(u32),
  attr: fuse_attr,
})
export type fuse_entry_out = Infer<typeof fuse_entry_out>

export const fuse_forget_in = struct('fuse_forget_in', { nlookup: u64 })
export type fuse_forget_in = Infer<typeof fuse_forget_in>

export const fuse_forget_one = struct('fuse_forget_one', { nodeid, nlookup: u64 })
export type fuse_forget_one = Infer<typeof fuse_forget_one>

export const fuse_batch_forget_in = struct('fuse_batch_forget_in', { count: u32, dummy: pad(4) })
export type fuse_batch_forget_in = Infer<typeof fuse_batch_forget_in>

export const fuse_getattr_in = struct('fuse_getattr_in', {
  getattr_flags: u32,
  dummy: pad(4),
  fh,
})
export type fuse_getattr_in = Infer<typeof fuse_getattr_in>

export const fuse_attr_out = struct('fuse_attr_out', {
  attr_valid: optional(u64),
  attr_valid_nsec: optional(u32),
  dummy: pad(4),
  attr: fuse_attr,
})
export type fuse_attr_out = Infer<typeof fuse_attr_out>

export const fuse_statx_in = struct('fuse_statx_in', {
  getattr_flags: u32,
  reserved: pad(4),
  fh,
  sx_flags: u32,
  sx_mask: u32,
})
export type fuse_statx_in = Infer<typeof fuse_statx_in>

export const fuse_statx_out = struct('fuse_statx_out', {
  attr_valid: optional(u64),
  attr_valid_nsec: optional(u32),
  flags: optional(u32),
  spare: pad(16),
  stat: fuse_statx,
})
export type fuse_statx_out = Infer<typeof fuse_statx_out>

export const fuse_mknod_in = struct('fuse_mknod_in', {
  mode: u32,
  rdev: u32,
  umask: u32,
  padding: pad(4),
})
export type fuse_mknod_in = Infer<typeof fuse_mknod_in>

export const fuse_mkdir_in = struct('fuse_mkdir_in', { mode: u32, umask: u32 })
export type fuse_mkdir_in = Infer<typeof fuse_mkdir_in>

export const fuse_rename_in = struct('fuse_rename_in', { newdir: nodeid })
export type fuse_rename_in = Infer<typeof fuse_rename_in>

export const fuse_rename2_in = struct('fuse_rename2_in', {
  newdir: nodeid,
  flags: u32,
  padding: pad(4),
})
export type fuse_rename2_in = Infer<typeof fuse_rename2_in>

export const fuse_link_in = struct('fuse_link_in', { oldnodeid: nodeid })
export type fuse_link_in = Infer<typeof fuse_link_in>

/** `valid` says by FATTR_* bits which members count. */
export const fuse_setattr_in = struct('fuse_setattr_in', {
  valid: u32,
  padding: pad(4),
  fh,
  size: u64,
  lock_owner: x64,
  atime: i64,
  mtime: i64,
  ctime: i64,
  atimensec: u32,
  mtimensec: u32,
  ctimensec: u32,
  mode: u32,
  unused4: pad(4),
  uid: u32,
  gid: u32,
  unused5: pad(4),
})
export type fuse_setattr_in = Infer<typeof fuse_setattr_in>

/** `flags` are open(2)'s, `open_flags` FUSE_OPEN_*. */
export const fuse_open_in = struct('fuse_open_in', { flags: u32, open_flags: u32 })
export type fuse_open_in = Infer<typeof fuse_open_in>

export const fuse_create_in = struct('fuse_create_in', {
  flags: u32,
  mode: u32,
  umask: u32,
  open_flags: u32,
})
export type fuse_create_in = Infer<typeof fuse_create_in>

/** `open_flags` are FOPEN_*; `backing_id` counts with FOPEN_PASSTHROUGH. */
export const fuse_open_out = struct('fuse_open_out', {
  fh: optional(fh),
  open_flags: optional(u32),
  backing_id: optional(i32),
})
export type fuse_open_out = Infer<typeof fuse_open_out>

export const fuse_release_in = struct('fuse_release_in', {
  fh,
  flags: u32,
  release_flags: u32,
  lock_owner: x64,
})
export type fuse_release_in = Infer<typeof fuse_release_in>

export const fuse_flush_in = struct('fuse_flush_in', {
  fh,
  unused: pad(4),
  padding: pad(4),
  lock_owner: x64,
})
export type fuse_flush_in = Infer<typeof fuse_flush_in>

export const fuse_read_in = struct('fuse_read_in', {
  fh,
  offset: u64,
  size: u32,
  read_flags: u32,
  lock_owner: x64,
  flags: u32,
  padding: pad(4),
})
export type fuse_read_in = Infer<typeof fuse_read_in>

/**
 * `fuse_read_in` as READDIR and READDIRPLUS mean it: `offset` is a cookie, 64 opaque bits: 0n, or
 * the `off` of the entry after which to go on.
 */
export const fuse_readdir_in = struct('fuse_readdir_in', {
  fh,
  offset: x64,
  size: u32,
  read_flags: u32,
  lock_owner: x64,
  flags: u32,
  padding: pad(4),
})
export type fuse_readdir_in = Infer<typeof fuse_readdir_in>

export const fuse_write_in = struct('fuse_write_in', {
  fh,
  offset: u64,
  size: u32,
  write_flags: u32,
  lock_owner: x64,
  flags: u32,
  padding: pad(4),
})
export type fuse_write_in = Infer<typeof fuse_write_in>

export const fuse_write_out = struct('fuse_write_out', { size: u32, padding: pad(4) })
export type fuse_write_out = Infer<typeof fuse_write_out>

export const fuse_statfs_out = struct('fuse_statfs_out', { st: fuse_kstatfs })
export type fuse_statfs_out = Infer<typeof fuse_statfs_out>

export const fuse_fsync_in = struct('fuse_fsync_in', { fh, fsync_flags: u32, padding: pad(4) })
export type fuse_fsync_in = Infer<typeof fuse_fsync_in>

/** 16 bytes only where FUSE_SETXATTR_EXT was agreed; `fuse_setxattr_in_compat` elsewhere. */
export const fuse_setxattr_in = struct('fuse_setxattr_in', {
  size: u32,
  flags: u32,
  setxattr_flags: u32,
  padding: pad(4),
})
export type fuse_setxattr_in = Infer<typeof fuse_setxattr_in>

export const fuse_getxattr_in = struct('fuse_getxattr_in', { size: u32, padding: pad(4) })
export type fuse_getxattr_in = Infer<typeof fuse_getxattr_in>

export const fuse_getxattr_out = struct('fuse_getxattr_out', { size: u32, padding: pad(4) })
export type fuse_getxattr_out = Infer<typeof fuse_getxattr_out>

export const fuse_lk_in = struct('fuse_lk_in', {
  fh,
  owner: x64,
  lk: fuse_file_lock,
  lk_flags: u32,
  padding: pad(4),
})
export type fuse_lk_in = Infer<typeof fuse_lk_in>

export const fuse_lk_out = struct('fuse_lk_out', { lk: fuse_file_lock })
export type fuse_lk_out = Infer<typeof fuse_lk_out>

export const fuse_access_in = struct('fuse_access_in', { mask: u32, padding: pad(4) })
export type fuse_access_in = Infer<typeof fuse_access_in>

/** 16 bytes (no `flags2`) before 7.36, 8 before 7.6. */
export const fuse_init_in = struct('fuse_init_in', {
  major: u32,
  minor: u32,
  max_readahead: u32,
  flags: u32,
  flags2: optional(u32),
  unused: pad(44),
})
export type fuse_init_in = Infer<typeof fuse_init_in>

/** 24 bytes before 7.23, 8 before 7.5. */
export const fuse_init_out = struct('fuse_init_out', {
  major: u32,
  minor: u32,
  max_readahead: optional(u32),
  flags: optional(u32),
  max_background: optional(u16),
  congestion_threshold: optional(u16),
  max_write: optional(u32),
  time_gran: optional(u32),
  max_pages: optional(u16),
  map_alignment: optional(u16),
  flags2: optional(u32),
  max_stack_depth: optional(u32),
  request_timeout: optional(u16),
  unused: pad(22),
})
export type fuse_init_out = Infer<typeof fuse_init_out>

export const cuse_init_in = struct('cuse_init_in', {
  major: u32,
  minor: u32,
  unused: pad(4),
  flags: u32,
})
export type cuse_init_in = Infer<typeof cuse_init_in>

export const cuse_init_out = struct('cuse_init_out', {
  major: u32,
  minor: u32,
  unused: pad(4),
  flags: u32,
  max_read: u32,
  max_write: u32,
  dev_major: u32,
  dev_minor: u32,
  spare: pad(40),
})
export type cuse_init_out = Infer<typeof cuse_init_out>

/** `unique` is that of the request to interrupt. */
export const fuse_interrupt_in = struct('fuse_interrupt_in', { unique: x64 })
export type fuse_interrupt_in = Infer<typeof fuse_interrupt_in>

export const fuse_bmap_in = struct('fuse_bmap_in', { block: u64, blocksize: u32, padding: pad(4) })
export type fuse_bmap_in = Infer<typeof fuse_bmap_in>

export const fuse_bmap_out = struct('fuse_bmap_out', { block: u64 })
export type fuse_bmap_out = Infer<typeof fuse_bmap_out>

/** `arg` is the caller's third argument to ioctl(2), an address in its memory or a number. */
export const fuse_ioctl_in = struct('fuse_ioctl_in', {
  fh,
  flags: u32,
  cmd: u32,
  arg: x64,
  in_size: u32,
  out_size: u32,
})
export type fuse_ioctl_in = Infer<typeof fuse_ioctl_in>

export const fuse_ioctl_iovec = struct('fuse_ioctl_iovec', { base: x64, len: u64 })
export type fuse_ioctl_iovec = Infer<typeof fuse_ioctl_iovec>

export const fuse_ioctl_out = struct('fuse_ioctl_out', {
  result: i32,
  flags: optional(u32),
  in_iovs: optional(u32),
  out_iovs: optional(u32),
})
export type fuse_ioctl_out = Infer<typeof fuse_ioctl_out>

/** `kh` names the waiter for FUSE_NOTIFY_POLL; `events` are poll(2)'s. */
export const fuse_poll_in = struct('fuse_poll_in', { fh, kh: u64, flags: u32, events: u32 })
export type fuse_poll_in = Infer<typeof fuse_poll_in>

export const fuse_poll_out = struct('fuse_poll_out', { revents: u32, padding: pad(4) })
export type fuse_poll_out = Infer<typeof fuse_poll_out>

export const fuse_notify_poll_wakeup_out = struct('fuse_notify_poll_wakeup_out', { kh: u64 })
export type fuse_notify_poll_wakeup_out = Infer<typeof fuse_notify_poll_wakeup_out>

/** `mode` is fallocate(2)'s FALLOC_FL_*. */
export const fuse_fallocate_in = struct('fuse_fallocate_in', {
  fh,
  offset: u64,
  length: u64,
  mode: u32,
  padding: pad(4),
})
export type fuse_fallocate_in = Infer<typeof fuse_fallocate_in>

export const fuse_in_header = struct('fuse_in_header', {
  len: u32,
  opcode: u32,
  unique: x64,
  nodeid,
  uid: u32,
  gid: u32,
  pid: u32,
  total_extlen: optional(u16),
  padding: pad(2),
})
export type fuse_in_header = Infer<typeof fuse_in_header>

export const fuse_out_header = struct('fuse_out_header', { len: u32, error: i32, unique: x64 })
export type fuse_out_header = Infer<typeof fuse_out_header>

/** Followed by `namelen` bytes of name. `off` is the cookie of the entry after this one. */
export const fuse_dirent = struct('fuse_dirent', { ino: x64, off: x64, namelen: u32, type: u32 })
export type fuse_dirent = Infer<typeof fuse_dirent>

export const fuse_direntplus = struct('fuse_direntplus', {
  entry_out: fuse_entry_out,
  dirent: fuse_dirent,
})
export type fuse_direntplus = Infer<typeof fuse_direntplus>

/** `off` below 0: attributes only. `len` 0 or below: to the end of the file. */
export const fuse_notify_inval_inode_out = struct('fuse_notify_inval_inode_out', {
  ino: nodeid,
  off: i64,
  len: i64,
})
export type fuse_notify_inval_inode_out = Infer<typeof fuse_notify_inval_inode_out>

export const fuse_notify_inval_entry_out = struct('fuse_notify_inval_entry_out', {
  parent: nodeid,
  namelen: u32,
  flags: optional(u32),
})
export type fuse_notify_inval_entry_out = Infer<typeof fuse_notify_inval_entry_out>

export const fuse_notify_delete_out = struct('fuse_notify_delete_out', {
  parent: nodeid,
  child: nodeid,
  namelen: u32,
  padding: pad(4),
})
export type fuse_notify_delete_out = Infer<typeof fuse_notify_delete_out>

export const fuse_notify_store_out = struct('fuse_notify_store_out', {
  nodeid,
  offset: u64,
  size: u32,
  padding: pad(4),
})
export type fuse_notify_store_out = Infer<typeof fuse_notify_store_out>

export const fuse_notify_retrieve_out = struct('fuse_notify_retrieve_out', {
  notify_unique: u64,
  nodeid,
  offset: u64,
  size: u32,
  padding: pad(4),
})
export type fuse_notify_retrieve_out = Infer<typeof fuse_notify_retrieve_out>

/** The body of NOTIFY_REPLY; laid out like `fuse_write_in`. */
export const fuse_notify_retrieve_in = struct('fuse_notify_retrieve_in', {
  dummy1: pad(8),
  offset: u64,
  size: u32,
  dummy2: pad(4),
  dummy3: pad(8),
  dummy4: pad(8),
})
export type fuse_notify_retrieve_in = Infer<typeof fuse_notify_retrieve_in>

/** Followed by `count` nodeids of 8 bytes. */
export const fuse_notify_prune_out = struct('fuse_notify_prune_out', {
  count: u32,
  padding: pad(4),
  spare: pad(8),
})
export type fuse_notify_prune_out = Infer<typeof fuse_notify_prune_out>

/** The argument of FUSE_DEV_IOC_BACKING_OPEN. */
export const fuse_backing_map = struct('fuse_backing_map', {
  fd: i32,
  flags: optional(u32),
  padding: pad(8),
})
export type fuse_backing_map = Infer<typeof fuse_backing_map>

/** `whence` is SEEK_DATA 3 or SEEK_HOLE 4. */
export const fuse_lseek_in = struct('fuse_lseek_in', {
  fh,
  offset: u64,
  whence: u32,
  padding: pad(4),
})
export type fuse_lseek_in = Infer<typeof fuse_lseek_in>

export const fuse_lseek_out = struct('fuse_lseek_out', { offset: u64 })
export type fuse_lseek_out = Infer<typeof fuse_lseek_out>

export const fuse_copy_file_range_in = struct('fuse_copy_file_range_in', {
  fh_in: fh,
  off_in: u64,
  nodeid_out: nodeid,
  fh_out: fh,
  off_out: u64,
  len: u64,
  flags: x64,
})
export type fuse_copy_file_range_in = Infer<typeof fuse_copy_file_range_in>

export const fuse_copy_file_range_out = struct('fuse_copy_file_range_out', { bytes_copied: u64 })
export type fuse_copy_file_range_out = Infer<typeof fuse_copy_file_range_out>

export const fuse_setupmapping_in = struct('fuse_setupmapping_in', {
  fh,
  foffset: u64,
  len: u64,
  flags: x64,
  moffset: u64,
})
export type fuse_setupmapping_in = Infer<typeof fuse_setupmapping_in>

/** Followed by `count` of `fuse_removemapping_one`. */
export const fuse_removemapping_in = struct('fuse_removemapping_in', { count: u32 })
export type fuse_removemapping_in = Infer<typeof fuse_removemapping_in>

export const fuse_removemapping_one = struct('fuse_removemapping_one', {
  moffset: x64,
  len: x64,
})
export type fuse_removemapping_one = Infer<typeof fuse_removemapping_one>

export const fuse_syncfs_in = struct('fuse_syncfs_in', { padding: pad(8) })
export type fuse_syncfs_in = Infer<typeof fuse_syncfs_in>

/** Followed by the name, NUL-terminated, and `size` bytes of value. */
export const fuse_secctx = struct('fuse_secctx', { size: u32, padding: pad(4) })
export type fuse_secctx = Infer<typeof fuse_secctx>

export const fuse_secctx_header = struct('fuse_secctx_header', { size: u32, nr_secctx: u32 })
export type fuse_secctx_header = Infer<typeof fuse_secctx_header>

export const fuse_ext_header = struct('fuse_ext_header', { size: u32, type: u32 })
export type fuse_ext_header = Infer<typeof fuse_ext_header>

/** Followed by `nr_groups` gids of 4 bytes. */
export const fuse_supp_groups = struct('fuse_supp_groups', { nr_groups: u32 })
export type fuse_supp_groups = Infer<typeof fuse_supp_groups>

/** `offset` into the buffer pool since 7.46, padding before. */
export const fuse_uring_ent_in_out = struct('fuse_uring_ent_in_out', {
  flags: x64,
  commit_id: x64,
  payload_sz: u32,
  offset: optional(u32),
  reserved: pad(8),
})
export type fuse_uring_ent_in_out = Infer<typeof fuse_uring_ent_in_out>

/** `in_out` holds a fuse_in_header or fuse_out_header, `op_in` the operation's struct. */
export const fuse_uring_req_header = struct('fuse_uring_req_header', {
  in_out: pad(128),
  op_in: pad(128),
  ring_ent_in_out: fuse_uring_ent_in_out,
})
export type fuse_uring_req_header = Infer<typeof fuse_uring_req_header>

/** In the 80 bytes of command area of an SQE128. */
export const fuse_uring_cmd_req = struct('fuse_uring_cmd_req', {
  flags: x64,
  commit_id: x64,
  qid: u16,
  padding: pad(6),
})
export type fuse_uring_cmd_req = Infer<typeof fuse_uring_cmd_req>

/** 7.46, FUSE_IO_URING_CMD_ADD_BUFPOOL: the union's `bufpool`. */
export const fuse_uring_cmd_req_bufpool = struct('fuse_uring_cmd_req_bufpool', {
  flags: x64,
  commit_id: x64,
  qid: u16,
  padding: pad(6),
  uaddr: x64,
  len: u32,
  reserved: pad(4),
})
export type fuse_uring_cmd_req_bufpool = Infer<typeof fuse_uring_cmd_req_bufpool>

/** 7.46, FUSE_IO_URING_CMD_REGISTER: the union's `ent_zero_copy_buf_index`. */
export const fuse_uring_cmd_req_zero_copy = struct('fuse_uring_cmd_req_zero_copy', {
  flags: x64,
  commit_id: x64,
  qid: u16,
  padding: pad(6),
  ent_zero_copy_buf_index: u16,
  padding2: pad(14),
})
export type fuse_uring_cmd_req_zero_copy = Infer<typeof fuse_uring_cmd_req_zero_copy>

/** Without FUSE_SETXATTR_EXT. */
export const fuse_setxattr_in_compat = truncated(fuse_setxattr_in, 8)
