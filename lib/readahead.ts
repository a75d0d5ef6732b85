import { readFileSync, writeFileSync } from 'node:fs'

/** Most that a mount reads ahead where nothing else is said; see `MountOptions`. */
export const DEFAULT_READAHEAD = 1024 * 1024

const KIB = 1024

/**
 * Let the kernel read ahead further than it offers in FUSE_INIT: that is the value of its backing-dev
 * info (128 KiB), and the reply can only lower it (fs/fuse/inode.c, process_init_reply). From then on
 * the sysfs file is what counts, for files opened afterwards; root may write it.
 *
 * @param device of the superblock, `0:45`.
 * @returns the bytes that are in force, undefined where that cannot be told (no /sys).
 */
export function raiseReadahead(device: string, bytes: number): number | undefined {
  const path = `/sys/class/bdi/${device}/read_ahead_kb`
  try {
    writeFileSync(path, String(Math.floor(bytes / KIB)))
  } catch {
    // Not root, or a read-only /sys: the kernel's value stays.
  }
  try {
    return Number(readFileSync(path, 'utf8')) * KIB
  } catch {
    return undefined
  }
}
