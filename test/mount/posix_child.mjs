// posix_child.mjs DIR [--features a,b] [--only REGEXP] [--list]
//
// Runs the named POSIX checks on DIR and prints one JSON line for each:
// {"name", "ok", "error"?, "skipped"?, "ms"?}. Exits 0 when it came to the end, failures or not.
import fs from 'node:fs'
import { parseArgs } from 'node:util'
import { checks, features as known } from './posix/index.mjs'
import { killStarted } from './posix/support.mjs'

const LONGEST = 60_000

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    features: { type: 'string', default: 'all' },
    only: { type: 'string', default: '' },
    list: { type: 'boolean', default: false },
  },
})

/**
 * 'all', a list of names, or 'all,-acl'.
 *
 * @param {string} list
 */
function parseFeatures(list) {
  /** @type {Set<string>} */
  const set = new Set()
  for (const word of list.split(',').filter(Boolean)) {
    const name = word.replace(/^-/, '')
    if (name !== 'all' && !known.has(name)) throw new Error(`unknown feature '${name}'`)
    if (name === 'all') for (const each of known.keys()) set.add(each)
    else if (word.startsWith('-')) set.delete(name)
    else set.add(name)
  }
  return set
}

/** @param {unknown} error */
function describe(error) {
  if (!(error instanceof Error)) return String(error)
  const at = error.stack?.split('\n').find((line) => line.includes('/posix/'))
  return `${error.message}${at === undefined ? '' : ` (${at.trim().replace(/^at .*\/posix\//, '')})`}`
}

/**
 * @param {import('./posix/support.mjs').Check} check
 * @param {string} dir
 */
async function run(check, dir) {
  fs.mkdirSync(dir)
  fs.chmodSync(dir, 0o777)
  /** @type {NodeJS.Timeout | undefined} */
  let timer
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no end after ${LONGEST} ms`)), LONGEST)
  })
  try {
    await Promise.race([check.run(dir), late])
  } finally {
    clearTimeout(timer)
    killStarted()
  }
  fs.rmSync(dir, { recursive: true })
}

/**
 * @param {import('./posix/support.mjs').Check} check
 * @param {Set<string>} have
 * @param {string} dir
 */
async function result(check, have, dir) {
  const lacking = (check.needs ?? []).filter((need) => !have.has(need))
  if (lacking.length > 0) {
    return { name: check.name, ok: true, skipped: `needs ${lacking.join(', ')}` }
  }
  const since = performance.now()
  const ms = () => Math.round(performance.now() - since)
  try {
    await run(check, dir)
    return { name: check.name, ok: true, ms: ms() }
  } catch (error) {
    return { name: check.name, ok: false, error: describe(error), ms: ms() }
  }
}

/**
 * Ends here when the file system itself has died: the rest would only repeat it.
 *
 * @param {string} base
 * @param {number} left
 */
function leaveIfGone(base, left) {
  try {
    fs.statfsSync(base)
  } catch (error) {
    console.log(JSON.stringify({ name: `${left} more checks`, ok: false, error: describe(error) }))
    process.exit(0)
  }
}

// A check that fails leaves behind the promises of the processes it had started, which are
// killed, and whose ends nobody awaits.
process.on('unhandledRejection', () => {})
process.umask(0o022)
const only = new RegExp(values.only)
const chosen = checks.filter((check) => only.test(check.name))
if (values.list) {
  for (const { name, needs = [] } of chosen) console.log([name, ...needs].join('\t'))
} else {
  const [dir] = positionals
  if (dir === undefined) throw new Error('usage: posix_child.mjs DIR [--features a,b] [--only re]')
  const have = parseFeatures(values.features)
  const base = fs.mkdtempSync(`${dir}/p-`)
  fs.chmodSync(base, 0o755)
  const total = chosen.length
  for (const [i, check] of chosen.entries()) {
    // Short names: the path of a unix socket has room for 107 bytes.
    const line = await result(check, have, `${base}/${i}`)
    console.log(JSON.stringify(line))
    if (!line.ok) leaveIfGone(base, total - i - 1)
  }
  fs.rmSync(base, { recursive: true, force: true })
}
