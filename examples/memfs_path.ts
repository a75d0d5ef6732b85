// A file system in memory on paths. node dist/examples/memfs_path.js MOUNTPOINT [-o size=2g,...]

import { PATH_WORDS, pathOptionsOf } from '../lib/index.ts'
import { bytes, flag, type Words } from '../lib/words.ts'
import { type Command, main } from './cli.ts'
import { PAGE } from './memfs/chunk.ts'
import { DEFAULTS, inodesFor } from './memfs/options.ts'
import { Space } from './memfs/space.ts'
import { MemfsPath } from './memfs_path/memfs_path.ts'

const WORDS = {
  ...PATH_WORDS,
  size: bytes(PAGE, 'most bytes of file data (half of the memory)'),
  writeback_cache: flag('the page cache collects writes'),
} satisfies Words

const command: Command<typeof WORDS> = {
  name: 'memfs_path',
  about: 'A file system in memory, on paths.',
  words: WORDS,
  plan(said) {
    const { size = DEFAULTS.size } = said
    const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }
    return {
      paths: new MemfsPath(new Space(size, inodesFor(size)), owner),
      options: {
        ...pathOptionsOf(said),
        capabilities: { FUSE_CAP_WRITEBACK_CACHE: said.writeback_cache ?? false },
        defaultPermissions: true,
        subtype: 'memfs_path',
      },
    }
  },
}

export default command
await main(command, import.meta.url)
