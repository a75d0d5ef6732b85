// The smallest file system on paths: one file. node dist/examples/hello_path.js MOUNTPOINT

import type { PathOps } from '../lib/index.ts'
import type { Words } from '../lib/words.ts'
import { type Command, main } from './cli.ts'

const text = Buffer.from('Hello, world\n')

const paths: PathOps = {
  getattr: (path) => {
    if (path === '/') return { type: 'directory' }
    return path === '/hello' ? { size: text.length, mode: 0o444 } : null
  },
  readdir: () => ['hello'],
  read: (_path, _fh, size, offset) => text.subarray(offset, offset + size),
}

const command: Command<Words> = {
  name: 'hello_path',
  about: 'A folder with one file.',
  words: {},
  plan: () => ({ paths }),
}

export default command
await main(command, import.meta.url)
