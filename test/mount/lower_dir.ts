// What stackfs is mounted over in the tests.
import { chmodSync, mkdtempSync, rmSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'

/** An empty directory on the temporary folder's file system, which every user may enter. */
export function lowerDir(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'devfuse-lower-'))
  chmodSync(dir, 0o755)
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

const EXT4 = 0xef53
const TMPFS = 0x01021994

/** Features for the POSIX checks: what that file system has not, stackfs cannot have. */
export function lowerFeatures(): string[] {
  const { type } = statfsSync(tmpdir())
  if (type === EXT4) return ['all', '-xattr64k']
  if (type === TMPFS) return ['all', '-zero_range', '-mmap_tail']
  return ['all']
}
