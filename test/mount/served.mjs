// served.mjs KIND [ARGUMENT...] MOUNTPOINT [-o ...]: a file system made by an adapter, as a command.
import fs from 'node:fs'

const dist = new URL('../../dist/', import.meta.url)
const { cached, fromFs, fromTree, overlay, prefix, readonly, traced } = await import(
  new URL('lib/index.js', dist).href
)
const { runInForeground } = await import(new URL('lib/command.js', dist).href)
const { MemfsPath } = await import(new URL('examples/memfs_path/memfs_path.js', dist).href)
const { Space } = await import(new URL('examples/memfs/space.js', dist).href)

const memory = () => new MemfsPath(new Space(2 ** 30, 1_000_000), { uid: 0, gid: 0 })

/** @type {Record<string, (...operands: string[]) => unknown>} */
const kinds = {
  promises: (root) => fromFs(fs.promises, { root }),
  callbacks: (root) => fromFs({ ...fs, promises: undefined }, { root }),
  async memfs() {
    const { memfs } = await import('memfs')
    return fromFs(memfs().fs, { renameReplaces: false })
  },
  overlay: (root) => overlay(fromFs(fs.promises, { root }), memory()),
  readonly: (root) => readonly(fromFs(fs.promises, { root })),
  prefix: (root) => prefix(fromFs(fs.promises, { root: '/' }), root),
  cached: (root) => cached(fromFs(fs.promises, { root }), { ttl: 60_000 }),
  traced: (root) => traced(fromFs(fs.promises, { root }), () => {}),
  tree: () =>
    fromTree({
      'a.txt': 'text\n',
      'name with ö': new Uint8Array([65, 10]),
      dir: {
        blob: new Blob(['blob\n']),
        function: () => 'made\n',
        later: async () => Buffer.from('later\n'),
        fails: () => {
          throw new Error('no content today')
        },
        lines: (function* () {
          for (let i = 0; i < 20_000; i++) yield `line ${i}\n`
        })(),
      },
    }),
}

const [, , kind = '', ...rest] = process.argv
const operands = kind === 'tree' || kind === 'memfs' ? [] : ['ROOT']
const paths = await kinds[kind]?.(...rest)
const command = { name: 'served', about: kind, words: {}, operands, plan: () => ({ paths }) }
await runInForeground(command, rest)
