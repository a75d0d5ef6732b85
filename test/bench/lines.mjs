// What is measured, who takes part, and the bars.

/**
 * @typedef {object} Paths what a peer serves
 * @property {string} dir
 * @property {string} [file] a small file
 * @property {string} [big] a file of 64 MiB
 * @property {string} [entries] a directory of 10,000 entries
 * @property {string} [tar] an archive of 3,000 files
 *
 * @typedef {object} Bar
 * @property {string} peer
 * @property {string} [of] whose ratio to the peer: the line's first peer, unless given
 * @property {number} [max] the ratio may not be above (times)
 * @property {number} [min] the ratio may not be below (operations per second)
 *
 * @typedef {object} Line
 * @property {string} id
 * @property {string} title
 * @property {'us' | 'ms' | 'ops/s'} unit
 * @property {string[]} peers ours first
 * @property {Bar[]} bars
 * @property {(paths: Paths, options: { ms: number }) => string[]} args of test/bench/client.c
 * @property {(paths: Paths) => string[][]} [before] commands that are not measured
 * @property {number} [idle] milliseconds a peer was left alone before: its timeouts are over
 */

import { stackfsLines } from './lines_stackfs.mjs'

const MIB = String(1 << 20)
const fixed = ['devfuse', 'c', 'hello_ll', 'passthrough_ll', 'fuse-native']
const paths = ['memfs_path-t0', 'memfs-t0']
const memory = ['memfs', 'memfs-t0', 'memfs_ll', 'fuse-native-memfs']

/**
 * @param {string} command
 * @param {(paths: Paths) => string | undefined} path
 * @param {string[]} rest
 * @returns {Line['args']}
 */
const timed =
  (command, path, ...rest) =>
  (paths, { ms }) => ['--ms', String(ms), command, path(paths) ?? '', ...rest]

/** @type {Line[]} */
export const lines = [
  {
    id: 'getattr',
    title: 'getattr',
    unit: 'us',
    peers: fixed,
    bars: [
      { peer: 'c', max: 1.1 },
      { peer: 'fuse-native', max: 0.5 },
    ],
    args: timed('getattr', (p) => p.file, '20000'),
  },
  {
    id: 'getattr-async',
    title: 'getattr, async handler',
    unit: 'us',
    peers: ['devfuse-async', 'c'],
    bars: [{ peer: 'c', max: 1.2 }],
    args: timed('getattr', (p) => p.file, '20000'),
  },
  {
    id: 'lookup-negative',
    title: 'negative lookup',
    unit: 'us',
    peers: fixed,
    bars: [
      { peer: 'c', max: 1.18 },
      { peer: 'fuse-native', max: 0.5 },
    ],
    args: timed('lookup-negative', (p) => p.dir, '20000'),
  },
  {
    id: 'getattr-16',
    title: 'getattr, 16 clients',
    unit: 'ops/s',
    peers: fixed,
    bars: [
      { peer: 'c', min: 0.88 },
      { peer: 'fuse-native', min: 2 },
    ],
    args: (p, { ms }) => ['getattr-parallel', p.file ?? '', '16', String(ms * 2)],
  },
  {
    id: 'open-read-close',
    title: 'open + read 4 KiB + close',
    unit: 'us',
    peers: ['devfuse', 'c', 'passthrough_ll', 'fuse-native'],
    bars: [{ peer: 'c' }, { peer: 'fuse-native', max: 0.5 }],
    args: timed('open-read-close', (p) => p.file, '10000'),
  },
  {
    id: 'read-direct',
    title: 'read 1 MiB, direct',
    unit: 'us',
    peers: ['devfuse', 'c', 'fuse-native'],
    bars: [{ peer: 'c', max: 1.05 }, { peer: 'fuse-native' }],
    args: timed('read', (p) => p.big, MIB, '400'),
  },
  {
    id: 'write-direct',
    title: 'write 1 MiB, direct',
    unit: 'us',
    peers: ['devfuse', 'c', 'fuse-native'],
    bars: [{ peer: 'c', max: 1.05 }, { peer: 'fuse-native' }],
    args: timed('write', (p) => p.big, MIB, '400'),
  },
  {
    id: 'read-buffered',
    title: 'read 1 MiB, buffered',
    unit: 'us',
    peers: ['devfuse', 'c', 'fuse-native'],
    bars: [{ peer: 'c' }, { peer: 'fuse-native' }],
    args: timed('read-buffered', (p) => p.big, MIB, '256'),
  },
  {
    id: 'write-buffered-fixed',
    title: 'write 1 MiB, buffered, discarded',
    unit: 'us',
    peers: ['devfuse', 'c', 'fuse-native'],
    bars: [{ peer: 'c' }, { peer: 'fuse-native', max: 0.1 }],
    args: timed('write-buffered', (p) => p.big, MIB, '400'),
  },
  {
    id: 'write-buffered',
    title: 'write 1 MiB, buffered, into memory',
    unit: 'us',
    peers: memory,
    bars: [{ peer: 'memfs_ll' }, { peer: 'fuse-native-memfs', max: 0.1 }],
    args: timed('write-buffered', (p) => `${p.dir}/written`, MIB, '400'),
  },
  {
    id: 'churn',
    title: 'create + write 4 KiB + close + unlink',
    unit: 'us',
    peers: memory,
    // Each as it comes, and ours without timeouts too: memfs_ll has the name looked up twice.
    bars: [
      { peer: 'memfs_ll', max: 1.2 },
      { peer: 'memfs_ll', of: 'memfs-t0' },
      { peer: 'fuse-native-memfs', max: 0.5 },
    ],
    args: timed('churn', (p) => p.dir, '2000'),
  },
  {
    id: 'ls',
    title: 'ls -l of 10,000, timeouts over',
    unit: 'ms',
    peers: ['memfs', 'ext4', 'memfs_ll', 'fuse-native-memfs'],
    bars: [
      { peer: 'ext4', max: 1.3 },
      { peer: 'fuse-native-memfs', max: 0.5 },
    ],
    args: (p) => ['ls', p.entries ?? '', '1'],
    idle: 1200,
  },
  {
    id: 'ls-again',
    title: 'ls -l of 10,000, again at once',
    unit: 'ms',
    peers: ['memfs', 'ext4', 'fuse-native-memfs'],
    bars: [{ peer: 'ext4', max: 1.3 }, { peer: 'fuse-native-memfs' }],
    args: (p) => ['ls', p.entries ?? '', '5'],
  },
  {
    id: 'path-stat',
    title: 'stat of a path, path API against low-level API',
    unit: 'us',
    peers: paths,
    bars: [{ peer: 'memfs-t0', max: 1.25 }],
    args: timed('stat', (p) => `${p.entries}/entry-00001`, '20000'),
  },
  {
    id: 'path-churn',
    title: 'create + write + close + unlink, path API against low-level API',
    unit: 'us',
    peers: paths,
    bars: [{ peer: 'memfs-t0', max: 1.4 }],
    args: timed('churn', (p) => p.dir, '2000'),
  },
  ...stackfsLines,
]
