// Who takes part: how each server is started on a mount point, or why it cannot be.

import { spawnSync } from 'node:child_process'
import { mkdirSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  built,
  fuseNative,
  here,
  libfuseExample,
  memfsLl,
  ownProgram,
  Unavailable,
} from './build.mjs'
import { stackfsPeers } from './peers_stackfs.mjs'

/**
 * @typedef {object} Plan
 * @property {string[]} [command] absent: nothing to start, the mount point is a plain directory
 * @property {Record<string, string>} [env]
 * @property {string} [file] name of the small file
 * @property {string} [big] name of the big file
 * @property {'entries' | 'tree'} [fill] make a directory of 10,000 entries, or trees of 3,000 files,
 *   before measuring
 *
 * @typedef {object} Peer
 * @property {string} id
 * @property {string} title
 * @property {(mnt: string, scratch: string, settings: Settings) => Plan} plan
 *   throws Unavailable
 *
 * @typedef {object} Settings
 * @property {string} devfuseOptions JSON
 */

const EXT4_SUPER_MAGIC = 0xef53
const node = process.execPath
const fixedFiles = { file: 'f', big: 'big' }

const needRoot = () => {
  if (process.getuid?.() !== 0) throw new Unavailable('needs root for mount(2)')
}

/** @param {string} mnt @param {string} image */
const ext4Image = (mnt, image) => {
  needRoot()
  for (const command of [
    ['truncate', '-s', '512M', image],
    ['mkfs.ext4', '-q', '-F', image],
    ['mount', '-o', 'loop', image, mnt],
  ]) {
    const { status, stderr, error } = spawnSync(command[0] ?? '', command.slice(1))
    if (status !== 0) throw new Unavailable(`${command[0]}: ${error?.message ?? stderr}`.trim())
  }
}

/** @param {'sync' | 'async'} kind @returns {Peer['plan']} */
const devfuse = (kind) => (mnt, _scratch, settings) => {
  built('lib/index.js')
  const script = join(here, 'peer_devfuse.mjs')
  return { command: [node, script, mnt, kind, settings.devfuseOptions], ...fixedFiles }
}

/** @param {string[]} options @returns {Peer['plan']} */
const memfs =
  (...options) =>
  (mnt, _scratch) => ({
    command: [node, built('examples/memfs.js'), mnt, ...options],
    fill: 'entries',
  })

/** @param {'fixed' | 'memfs'} kind @returns {Peer['plan']} */
const native = (kind) => (mnt, _scratch) => {
  const { module, libraryPath } = fuseNative()
  return {
    command: [node, join(here, 'peer_fuse_native.cjs'), module, mnt, kind],
    env: { LD_LIBRARY_PATH: libraryPath },
    ...(kind === 'fixed' ? fixedFiles : { fill: 'entries' }),
  }
}

const t0 = 'entry_timeout=0,attr_timeout=0,negative_timeout=0'

/** @type {Peer[]} */
export const peers = [
  { id: 'devfuse', title: 'devfuse', plan: devfuse('sync') },
  { id: 'devfuse-async', title: 'devfuse, async handlers', plan: devfuse('async') },
  {
    id: 'c',
    title: 'C loop of read and write',
    plan: (mnt) => {
      needRoot()
      return { command: [ownProgram('limit'), mnt], ...fixedFiles }
    },
  },
  {
    id: 'hello_ll',
    title: 'libfuse hello_ll -s',
    plan: (mnt) => ({ command: [libfuseExample('hello_ll'), '-f', '-s', mnt], file: 'hello' }),
  },
  {
    id: 'passthrough_ll',
    title: 'libfuse passthrough_ll -s',
    plan: (mnt, scratch) => {
      const program = libfuseExample('passthrough_ll')
      const source = join(scratch, 'source')
      mkdirSync(source, { recursive: true })
      writeFileSync(join(source, 'f'), Buffer.alloc(4096))
      const options = `source=${source},cache=never`
      return { command: [program, '-f', '-s', '-o', options, mnt], file: 'f' }
    },
  },
  { id: 'fuse-native', title: 'fuse-native', plan: native('fixed') },
  { id: 'memfs', title: 'devfuse memfs', plan: memfs() },
  {
    id: 'memfs-t0',
    title: 'devfuse memfs, timeouts 0',
    plan: memfs('-o', t0),
  },
  {
    id: 'memfs_path-t0',
    title: 'devfuse memfs_path, timeouts 0',
    plan: (mnt) => ({
      command: [node, built('examples/memfs_path.js'), mnt, '-o', `no_default_permissions,${t0}`],
      fill: 'entries',
    }),
  },
  {
    id: 'memfs_ll',
    title: 'libfuse memfs_ll -s',
    plan: (mnt) => ({ command: [memfsLl(), '-f', '-s', mnt], fill: 'entries' }),
  },
  { id: 'fuse-native-memfs', title: 'fuse-native memfs', plan: native('memfs') },
  {
    id: 'ext4',
    title: 'ext4',
    plan: (mnt, scratch) => {
      if (statfsSync(scratch).type !== EXT4_SUPER_MAGIC) ext4Image(mnt, join(scratch, 'ext4.img'))
      return { fill: 'entries' }
    },
  },
  ...stackfsPeers,
]
