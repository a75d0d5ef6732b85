// The named POSIX checks that any writable file system must pass, topic by topic.
import { checks as access } from './access.mjs'
import { checks as attr } from './attr.mjs'
import { checks as data } from './data.mjs'
import { checks as dir } from './dir.mjs'
import { checks as link } from './link.mjs'
import { checks as locks } from './locks.mjs'
import { checks as names } from './names.mjs'
import { checks as nodes } from './nodes.mjs'
import { checks as open } from './open.mjs'
import { checks as rename } from './rename.mjs'
import { checks as space } from './space.mjs'
import { checks as unlink } from './unlink.mjs'
import { checks as xattr } from './xattr.mjs'

/** What some file systems lack for good reason; a check names what it needs. */
export const features = new Map([
  ['acl', 'POSIX ACLs, and the commands setfacl and getfacl'],
  ['btime', 'statx tells a birth time'],
  ['devices', 'mknod of character and block devices'],
  ['direct', 'O_DIRECT'],
  ['dirnlink', 'the link count of a directory is 2 and its sub directories'],
  ['dotino', "readdir gives '.' its inode number"],
  ['exchange', 'RENAME_EXCHANGE'],
  ['exec', 'programs can be run (not mounted noexec)'],
  ['fallocate', 'fallocate with mode 0 and KEEP_SIZE'],
  ['fcntl', 'POSIX record locks'],
  ['flock', 'BSD locks'],
  ['holes', 'SEEK_DATA and SEEK_HOLE find holes'],
  ['mmap', 'shared writable mappings'],
  ['mmap_tail', 'a write into a mapping past the end of the file is lost (tmpfs keeps it)'],
  ['noreplace', 'RENAME_NOREPLACE'],
  ['punch_hole', 'FALLOC_FL_PUNCH_HOLE'],
  ['seekdir', 'telldir cookies are unique and stay valid'],
  ['setgid_dir', 'set-group-ID directories hand on their group'],
  ['sparse', 'holes take no blocks, files of a tebibyte'],
  ['statfs', 'statfs follows what files take'],
  ['tmpfile', 'O_TMPFILE'],
  ['whiteout', 'RENAME_WHITEOUT'],
  ['xattr', 'extended attributes, user and trusted'],
  ['xattr64k', 'extended attributes of 64 KiB'],
  ['zero_range', 'FALLOC_FL_ZERO_RANGE'],
])

export const checks = [
  ...open,
  ...data,
  ...space,
  ...unlink,
  ...rename,
  ...link,
  ...dir,
  ...names,
  ...attr,
  ...access,
  ...xattr,
  ...nodes,
  ...locks,
]
