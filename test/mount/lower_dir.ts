import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'

/**
 * An empty directory for stackfs to show, on the temporary folder's file system, which is ext4 where
 * it matters. At the end of the test it goes, with all that is in it.
 */
export function lowerDir(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'devfuse-lower-'))
  chmodSync(dir, 0o755)
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}
