// The smallest file system: one file. node dist/examples/hello.js MOUNTPOINT

import { constants } from 'node:fs'
import { attrOut, DirentWriter, entry, errno, type LowLevelOps } from '../lib/index.ts'
import type { Words } from '../lib/words.ts'
import { type Command, main } from './cli.ts'

const ROOT = 1
const HELLO = 2
const TEXT = Buffer.from('Hello World!\n')

const root = { ino: ROOT, mode: constants.S_IFDIR | 0o755, nlink: 2 }
const hello = { ino: HELLO, mode: constants.S_IFREG | 0o444, nlink: 1, size: TEXT.length }

const ops: LowLevelOps = {
  lookup: (_req, parent, name) =>
    parent === ROOT && name === 'hello' ? entry(HELLO, hello) : null,

  getattr: (_req, nodeid) => attrOut(nodeid === ROOT ? root : hello),

  open(_req, _nodeid, { flags }) {
    if ((flags & 3) !== constants.O_RDONLY) throw errno('EACCES')
    return {}
  },

  read: (_req, _nodeid, { offset, size }) => TEXT.subarray(offset, offset + size),

  readdir(_req, _nodeid, { offset, size }) {
    const names = new DirentWriter(size)
    const all: [string, { ino: number; mode: number }][] = [
      ['.', root],
      ['..', root],
      ['hello', hello],
    ]
    // An entry's cookie is where to go on behind it.
    for (const [i, [name, { ino, mode }]] of all.entries()) {
      if (i >= offset && !names.add(name, ino, i + 1, mode)) break
    }
    return names
  },
}

const command: Command<Words> = {
  name: 'hello',
  about: 'A folder with one file.',
  words: {},
  plan: () => ({ ops }),
}

export default command
await main(command, import.meta.url)
