// A directory shown once more. node dist/examples/stackfs.js LOWER MOUNTPOINT [-o cache=always,...]

import { readFileSync, realpathSync } from 'node:fs'
import {
  choice,
  count,
  flag,
  type Said,
  seconds,
  text,
  UsageError,
  type Words,
} from '../lib/words.ts'
import { type Command, type Invocation, main, type Plan } from './cli.ts'
import { Lower } from './stackfs/lower.ts'
import { CACHES, READDIRPLUS, type Settings, settings } from './stackfs/options.ts'
import { stackfs, stackfsCapabilities } from './stackfs/stackfs.ts'

const WORDS = {
  source: text('LOWER, where it is not given before the mount point'),
  cache: choice(CACHES, 'how much the kernel may rely on what it knows (auto)'),
  entry_timeout: seconds('how long the kernel remembers names (by cache: 0, 1, a day)'),
  attr_timeout: seconds('how long it remembers attributes (by cache: 0, 1, a day)'),
  negative_timeout: seconds('how long it remembers that there is no such name (0)'),
  direct_io: flag('no page cache'),
  writeback_cache: flag('the page cache collects writes'),
  passthrough: flag('the kernel reads and writes the lower files itself, where it can'),
  splice: flag('what is read goes to the kernel without a copy (so it does)'),
  no_splice: flag('it is copied'),
  posix_lock: flag('fcntl(2) locks are set on the lower files, too'),
  flock: flag('flock(2) locks are set on the lower files, too'),
  xattr: flag('extended attributes and ACLs (so it is)'),
  no_xattr: flag('no extended attributes, no ACLs: fewer requests'),
  idmap: flag('idmapped mounts of it can be made (Linux 6.12)'),
  readdirplus: choice(READDIRPLUS, 'whether listings bring attributes (auto: if asked for)'),
  noatime: flag("reading leaves the lower files' times alone"),
  watch: flag('what others change below LOWER is seen at once (inotify)'),
  max_fds: count(
    64,
    2 ** 20,
    'descriptors',
    'most inodes that are open at once (half the limit, 8192)',
  ),
} satisfies Words

/** What the process may have open. Node has raised it as far as it goes. */
function descriptorLimit(): number {
  const limits = readFileSync('/proc/self/limits', 'utf8')
  return Number(/^Max open files +(\d+)/m.exec(limits)?.[1] ?? 1024)
}

const settingsOf = (said: Said<typeof WORDS>): Settings =>
  settings(
    {
      ...(said.cache !== undefined && { cache: said.cache }),
      ...(said.entry_timeout !== undefined && { entryTimeout: said.entry_timeout }),
      ...(said.attr_timeout !== undefined && { attrTimeout: said.attr_timeout }),
      ...(said.negative_timeout !== undefined && { negativeTimeout: said.negative_timeout }),
      ...(said.direct_io && { directIo: true }),
      ...(said.writeback_cache && { writebackCache: true }),
      ...(said.passthrough && { passthrough: true }),
      ...(said.no_splice && { splice: false }),
      ...(said.posix_lock && { posixLock: true }),
      ...(said.flock && { flock: true }),
      ...(said.no_xattr && { xattr: false }),
      ...(said.readdirplus !== undefined && { readdirplus: said.readdirplus }),
      ...(said.noatime && { noatime: true }),
      ...(said.watch && { watch: true }),
      ...(said.max_fds !== undefined && { descriptors: said.max_fds }),
    },
    descriptorLimit(),
  )

function plan(said: Said<typeof WORDS>, { mountpoint, operands, mount }: Invocation): Plan {
  const source = operands[0] ?? said.source
  if (source === undefined) {
    throw new UsageError('expected LOWER before the mount point, or -o source=LOWER')
  }
  const lower = new Lower(realpathSync(source))
  const all = settingsOf(said)
  // Access is checked by the kernel alone. Where root alone gets in there is nothing to check, and
  // the kernel need not ask for a directory's attributes after each change.
  const others = mount.allowOther === true || mount.allowRoot === true
  const { defaultPermissions = process.getuid?.() !== 0 || others } = mount
  const { ops, mounted } = stackfs(lower, mountpoint, all)
  return {
    ops,
    mounted,
    options: {
      capabilities: {
        ...stackfsCapabilities(all, defaultPermissions),
        ...(said.idmap && { FUSE_CAP_ALLOW_IDMAP: 'required' }),
      },
      defaultPermissions,
      noatime: all.noatime,
      fsname: lower.path,
      subtype: 'stackfs',
    },
  }
}

const command: Command<typeof WORDS> = {
  name: 'stackfs',
  about: 'A directory shown once more.',
  operands: ['LOWER'],
  words: WORDS,
  plan,
}

export default command
await main(command, import.meta.url)
