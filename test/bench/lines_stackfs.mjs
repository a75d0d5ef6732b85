// StackFS beside the lower file system itself and libfuse's passthrough_ll with the same cache
// options.

/** @typedef {import('./lines.mjs').Line} Line */

const MIB = String(1 << 20)
const never = ['stackfs-never', 'passthrough_ll-never', 'lower']
const auto = ['stackfs-auto', 'passthrough_ll-auto', 'lower']
const passthrough = ['stackfs-passthrough', 'lower']
const handlers = ['memory', 'pread', 'range', 'thread', 'pool'].map((kind) => `reads-${kind}`)

/**
 * Ours against passthrough_ll, and for what it is worth against the lower file system.
 *
 * @param {'never' | 'auto'} cache
 * @param {number} max
 * @returns {Line['bars']}
 */
const against = (cache, max) => [{ peer: `passthrough_ll-${cache}`, max }, { peer: 'lower' }]

/**
 * @param {string} id
 * @param {string} title
 * @param {(dir: string, tar: string) => string[]} command
 * @param {(dir: string, tar: string) => string[][]} [before]
 * @returns {Line}
 */
const program = (id, title, command, before) => ({
  id,
  title,
  unit: 'ms',
  peers: auto,
  bars: against('auto', 1.25),
  // The kernel's memory of the tree is over, so that each file is asked for.
  idle: 1200,
  args: (p) => ['command', ...command(p.dir, p.tar ?? '')],
  ...(before && { before: (p) => before(p.dir, p.tar ?? '') }),
})

/** @type {Line[]} */
export const stackfsLines = [
  {
    id: 'stat-uncached',
    title: 'stat of a path, not cached',
    unit: 'us',
    peers: never,
    bars: against('never', 1.15),
    args: (p, { ms }) => ['--ms', String(ms), 'stat', p.file ?? '', '20000'],
  },
  {
    id: 'open-read-close-stacked',
    title: 'open + read 4 KiB + close, lower file',
    unit: 'us',
    peers: never,
    bars: against('never', 1.15),
    args: (p, { ms }) => ['--ms', String(ms), 'open-read-close', p.file ?? '', '10000'],
  },
  {
    id: 'read-descriptor',
    title: 'read 1 MiB of a lower file, direct',
    unit: 'us',
    peers: never,
    bars: against('never', 1),
    args: (p, { ms }) => ['--ms', String(ms), 'read-cached', p.big ?? '', MIB, '400'],
  },
  {
    id: 'read-sequential',
    title: 'read 64 MiB in sequence, buffered',
    unit: 'us',
    peers: auto,
    bars: against('auto', 1 / 0.9),
    args: (p) => ['read-buffered', p.big ?? '', MIB, '128'],
  },
  {
    id: 'read-passthrough',
    title: 'read 1 MiB, passthrough',
    unit: 'us',
    peers: passthrough,
    bars: [{ peer: 'lower', max: 1 / 0.95 }],
    args: (p, { ms }) => ['--ms', String(ms), 'read-cached', p.big ?? '', MIB, '2000'],
  },
  {
    id: 'write-passthrough',
    title: 'write 1 MiB, passthrough',
    unit: 'us',
    peers: passthrough,
    bars: [{ peer: 'lower', max: 1 / 0.95 }],
    args: (p, { ms }) => ['--ms', String(ms), 'write-cached', p.big ?? '', MIB, '1000'],
  },
  program(
    'untar',
    'unpack 3,000 files',
    (dir, tar) => ['tar', '-C', `${dir}/work`, '-xf', tar],
    (dir) => [
      ['rm', '-rf', `${dir}/work`],
      ['mkdir', `${dir}/work`],
    ],
  ),
  program(
    'rm',
    'rm -rf of 3,000 files',
    (dir) => ['rm', '-rf', `${dir}/work`],
    (dir, tar) => [
      ['mkdir', '-p', `${dir}/work`],
      ['tar', '-C', `${dir}/work`, '-xf', tar],
    ],
  ),
  program('find', 'find by size in 3,000 files', (dir) => ['find', `${dir}/kept`, '-size', '+1M']),
  program('git-status', 'git status of 3,000 files', (dir) => [
    'git',
    '-C',
    `${dir}/repository`,
    'status',
    '--porcelain',
  ]),
  {
    id: 'ways-to-read',
    title: 'read 4 KiB of a lower file, by handler',
    unit: 'us',
    peers: handlers,
    bars: handlers.slice(1).map((of) => ({ peer: 'reads-memory', of })),
    args: (p, { ms }) => ['--ms', String(ms), 'read', p.big ?? '', '4096', '10000'],
  },
  {
    id: 'ways-to-read-1m',
    title: 'read 1 MiB of a lower file, by handler',
    unit: 'us',
    peers: handlers,
    bars: handlers.slice(1).map((of) => ({ peer: 'reads-memory', of })),
    args: (p, { ms }) => ['--ms', String(ms), 'read', p.big ?? '', MIB, '400'],
  },
]
