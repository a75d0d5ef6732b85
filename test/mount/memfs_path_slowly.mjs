// memfs_path with every handler a promise that settles in a later turn of the event loop.
import { setImmediate } from 'node:timers/promises'

const dist = new URL('../../dist/', import.meta.url)
const { runInForeground } = await import(new URL('lib/command.js', dist).href)
const { MemfsPath } = await import(new URL('examples/memfs_path/memfs_path.js', dist).href)
const { Space } = await import(new URL('examples/memfs/space.js', dist).href)

const memory = new MemfsPath(new Space(2 ** 30, 1_000_000), { uid: 0, gid: 0 })

/** @type {Record<string, unknown>} */
const paths = {}
for (const name of Object.getOwnPropertyNames(MemfsPath.prototype)) {
  const method = memory[name]
  if (name === 'constructor' || name === 'forget' || typeof method !== 'function') continue
  const slow = async (/** @type {unknown[]} */ ...args) => {
    await setImmediate()
    return method.apply(memory, args)
  }
  // A rename by its parameters says whether it knows of flags.
  paths[name] = Object.defineProperty(slow, 'length', { value: method.length })
}
paths.forget = memory.forget.bind(memory)

const about = 'A file system in memory that takes its time.'
const command = { name: 'memfs_path_slowly', about, words: {}, plan: () => ({ paths }) }
await runInForeground(command, process.argv.slice(2))
