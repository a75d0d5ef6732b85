// StackFS and what it is compared with: each with a lower directory of its own on the same disk.

import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { built, here, libfuseExample } from './build.mjs'

/** @typedef {import('./peers.mjs').Peer} Peer */

const MIB = 1 << 20

/** @param {string} dir is made anew */
const putFiles = (dir) => {
  rmSync(dir, { recursive: true, force: true })
  mkdirSync(dir, { recursive: true })
  writeFileSync(join(dir, 'f'), Buffer.alloc(4096, 'f'))
  const piece = Buffer.alloc(MIB, 'big')
  for (let i = 0; i < 64; i++) writeFileSync(join(dir, 'big'), piece, { flag: 'a' })
}

/**
 * @param {string} id
 * @param {string} title
 * @param {(lower: string, mnt: string) => string[]} [command] absent: the lower directory itself
 * @returns {Peer}
 */
const stacked = (id, title, command) => ({
  id,
  title,
  plan(mnt, scratch) {
    const lower = command === undefined ? mnt : join(scratch, `lower-${id}`)
    const plan = command && { command: command(lower, mnt) }
    putFiles(lower)
    return { ...plan, file: 'f', big: 'big', fill: 'tree' }
  },
})

/**
 * @param {string} kind of test/bench/peer_handlers.mjs
 * @returns {Peer}
 */
const reads = (kind) => ({
  id: `reads-${kind}`,
  title: `devfuse, ${kind}`,
  plan(mnt, scratch) {
    built('lib/index.js')
    const lower = join(scratch, 'lower-reads')
    if (!existsSync(lower)) putFiles(lower)
    const script = join(here, 'peer_handlers.mjs')
    return { command: [process.execPath, script, mnt, kind, join(lower, 'big')], big: 'big' }
  },
})

/** @param {string} options */
const stackfs = (options) => (/** @type {string} */ lower, /** @type {string} */ mnt) => [
  process.execPath,
  built('examples/stackfs.js'),
  lower,
  mnt,
  '-o',
  options,
]

/** @param {string} options */
const passthroughLl = (options) => (/** @type {string} */ lower, /** @type {string} */ mnt) => [
  libfuseExample('passthrough_ll'),
  '-f',
  '-s',
  '-o',
  `source=${lower},${options}`,
  mnt,
]

/** @type {Peer[]} */
export const stackfsPeers = [
  stacked('lower', 'the lower file system'),
  stacked('stackfs-never', 'devfuse stackfs, cache=never', stackfs('cache=never')),
  stacked('stackfs-auto', 'devfuse stackfs, cache=auto', stackfs('cache=auto')),
  stacked('stackfs-passthrough', 'devfuse stackfs, passthrough', stackfs('passthrough')),
  stacked(
    'passthrough_ll-never',
    'libfuse passthrough_ll -s, cache=never',
    passthroughLl('cache=never'),
  ),
  stacked(
    'passthrough_ll-auto',
    'libfuse passthrough_ll -s, cache=auto',
    passthroughLl('cache=auto'),
  ),
  ...['memory', 'pread', 'range', 'thread', 'pool'].map(reads),
]
