// PJDFSTEST_DIR=... pjdfstest.mjs DIR [TOPIC...]
//
// Runs pjdfstest, already built in PJDFSTEST_DIR, as root on DIR, a directory of the file
// system to be tested: all of it, or topics like `chmod` or `rename/00.t`. Prints each
// assertion that fails, a count for each file with failures, and the sum. Exits with 0 if there was
// none, 1 if there was one, 2 if it could not run.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { createInterface } from 'node:readline'

const TOOLS = ['prove', 'openssl', 'perl']

/** @param {string} reason @returns {never} */
function giveUp(reason) {
  console.error(`pjdfstest: ${reason}`)
  process.exit(2)
}

/** @param {string} name */
const installed = (name) =>
  (process.env.PATH ?? '').split(':').some((dir) => existsSync(join(dir, name)))

const [dir, ...topics] = process.argv.slice(2)
const home = process.env.PJDFSTEST_DIR
if (dir === undefined) giveUp('usage: PJDFSTEST_DIR=... pjdfstest.mjs DIR [TOPIC...]')
if (home === undefined) giveUp('PJDFSTEST_DIR is not set')
if (!existsSync(join(home, 'pjdfstest'))) giveUp(`${home}/pjdfstest is missing: build it first`)
if (process.getuid?.() !== 0) giveUp('needs root')
const lacking = TOOLS.filter((tool) => !installed(tool))
if (lacking.length > 0) giveUp(`needs ${lacking.join(', ')}`)

const tests = join(home, 'tests')
const cwd = mkdtempSync(join(dir, 'pjd-'))
// Its tests go there as other users, too.
chmodSync(cwd, 0o755)
const files = topics.length === 0 ? [tests] : topics.map((topic) => join(tests, topic))
const child = spawn('prove', ['-r', '-v', '--norc', ...files], {
  cwd,
  env: { ...process.env, LC_ALL: 'C' },
  stdio: ['ignore', 'pipe', 'ignore'],
})
const closed = once(child, 'close')
process.once('SIGTERM', () => child.kill('SIGTERM'))

/** @type {Map<string, { count: number, failed: number }>} */
const results = new Map()
let current = { count: 0, failed: 0 }
let name = ''
let over = false
for await (const line of createInterface({ input: child.stdout })) {
  const header = /^(\S+\.t) \.\./.exec(line)?.[1]
  if (over) continue
  if (header !== undefined) {
    name = relative(tests, header)
    current = { count: 0, failed: 0 }
    results.set(name, current)
  } else if (/^(not )?ok \d/.test(line)) {
    current.count++
    if (line.startsWith('not') && !line.includes('# TODO')) {
      current.failed++
      console.log(`${name}: ${line}`)
    }
  } else over ||= line.startsWith('Test Summary Report')
}
const [code, signal] = await closed
rmSync(cwd, { recursive: true, force: true })

const all = [...results.values()]
const sum = (/** @type {'count' | 'failed'} */ key) => all.reduce((n, one) => n + one[key], 0)
for (const [file, { count, failed }] of results) {
  if (failed > 0) console.log(`${file}: ${failed} of ${count} failed`)
}
console.log(`${sum('count')} tests in ${all.length} files, ${sum('failed')} failed`)
if (sum('count') === 0) giveUp(`prove ended with ${code ?? signal} and ran nothing`)
process.exitCode = sum('failed') > 0 || code !== 0 ? 1 : 0
