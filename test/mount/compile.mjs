// Compiles the C helpers of these tests, once for each version of their source.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { lstatSync, mkdirSync, readFileSync, renameSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** @param {string} path */
const exists = (path) => lstatSync(path, { throwIfNoEntry: false }) !== undefined

/**
 * The path of the program made from a C file of test/mount.
 *
 * It lives in `devfuse-test-<uid>-<hash of source>` under os.tmpdir(); a folder of that name
 * that belongs to somebody else is refused, because its contents would be run.
 * Throws with the compiler's words where there is no compiler, or it fails.
 *
 * @param {URL} source
 * @returns {string}
 */
export function compile(source) {
  const uid = process.getuid?.() ?? 0
  const text = readFileSync(source)
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 16)
  const folder = join(tmpdir(), `devfuse-test-${uid}-${hash}`)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const owner = lstatSync(folder)
  if (!owner.isDirectory() || owner.uid !== uid || (owner.mode & 0o022) !== 0) {
    throw new Error(`${folder} is not a folder that only uid ${uid} can write to`)
  }
  const program = join(folder, basename(fileURLToPath(source), '.c'))
  if (exists(program)) return program
  const partial = `${program}.${process.pid}`
  const flags = ['-std=gnu11', '-O1', '-Wall', '-Wextra', '-o', partial, fileURLToPath(source)]
  execFileSync('cc', flags, { stdio: ['ignore', 'inherit', 'pipe'] })
  renameSync(partial, program)
  return program
}
