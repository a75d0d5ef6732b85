// A file system in memory. node dist/examples/memfs.js MOUNTPOINT [-o size=2g,allow_other,...]

import { bytes, flag, type Said, seconds, type Words } from '../lib/words.ts'
import { type Command, type Invocation, main, type Plan } from './cli.ts'
import { PAGE } from './memfs/chunk.ts'
import { memfs, memfsCapabilities } from './memfs/memfs.ts'
import type { MemfsOptions } from './memfs/options.ts'

const WORDS = {
  size: bytes(PAGE, 'most bytes of file data (half of the memory)'),
  entry_timeout: seconds('how long the kernel remembers names (1)'),
  attr_timeout: seconds('how long it remembers attributes (1)'),
  negative_timeout: seconds('how long it remembers that there is no such name (0)'),
  direct_io: flag('no page cache'),
  kernel_cache: flag('the page cache keeps files that are opened again'),
  writeback_cache: flag('the page cache collects writes'),
  posix_lock: flag('fcntl(2) locks are kept here, not in the kernel'),
  flock: flag('flock(2) locks are kept here, not in the kernel'),
  no_xattr: flag('no extended attributes, no ACLs: fewer requests'),
  idmap: flag('idmapped mounts of it can be made (Linux 6.12)'),
} satisfies Words

const optionsOf = (said: Said<typeof WORDS>): MemfsOptions => ({
  ...(said.size !== undefined && { size: said.size }),
  ...(said.entry_timeout !== undefined && { entryTimeout: said.entry_timeout }),
  ...(said.attr_timeout !== undefined && { attrTimeout: said.attr_timeout }),
  ...(said.negative_timeout !== undefined && { negativeTimeout: said.negative_timeout }),
  ...(said.direct_io && { directIo: true }),
  ...(said.kernel_cache && { kernelCache: true }),
  ...(said.writeback_cache && { writebackCache: true }),
  ...(said.posix_lock && { posixLock: true }),
  ...(said.flock && { flock: true }),
  ...(said.no_xattr && { xattr: false }),
})

function plan(said: Said<typeof WORDS>, { mount }: Invocation): Plan {
  const options = optionsOf(said)
  const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }
  // Access is checked by the kernel alone. Where root alone gets in there is nothing to check, and
  // the kernel need not ask for a directory's attributes after each change.
  const others = mount.allowOther === true || mount.allowRoot === true
  const { defaultPermissions = owner.uid !== 0 || others } = mount
  return {
    ops: memfs(options, owner),
    options: {
      capabilities: {
        ...memfsCapabilities(options, defaultPermissions),
        ...(said.idmap && { FUSE_CAP_ALLOW_IDMAP: 'required' }),
      },
      defaultPermissions,
      subtype: 'memfs',
    },
  }
}

const command: Command<typeof WORDS> = {
  name: 'memfs',
  about: 'A file system in memory.',
  words: WORDS,
  plan,
}

export default command
await main(command, import.meta.url)
