// acknowledged.mjs DIR LOG [--fsync]
//
// Changes DIR without end, and writes each change to LOG before (`?`) and after it was made (`!`), with
// --fsync after it was synced: what stands there with `!` must be there whatever happens then. Ends
// with 0 once the file system below does.
import fs from 'node:fs'

const [dir = '', log = '', sync] = process.argv.slice(2)
const logFd = fs.openSync(log, 'w')
/** @type {Map<string, number>} bytes of a file by its name */
const files = new Map()
let next = 0

/** @param {unknown} change */
const say = (change) => fs.writeSync(logFd, `${JSON.stringify(change)}\n`)

/** @param {string} path */
function fsync(path) {
  if (!sync) return
  const fd = fs.openSync(path, 'r')
  fs.fsyncSync(fd)
  fs.closeSync(fd)
}

/** @param {number} seed @param {number} length */
const bytesOf = (seed, length) => Buffer.alloc(length, `${seed} `)

const acts = [
  function create() {
    const name = `f${next++}`
    say(['?', 'size', name, 0])
    fs.closeSync(fs.openSync(`${dir}/${name}`, 'wx'))
    fsync(`${dir}/${name}`)
    files.set(name, 0)
    say(['!', 'size', name, 0])
  },
  /** @param {string} name @param {number} size */
  function append(name, size) {
    const length = 1 + ((size * 7 + 13) % 20_000)
    const fd = fs.openSync(`${dir}/${name}`, 'r+')
    const bytes = bytesOf(Number.parseInt(name.slice(1), 10), length)
    // Killed between two pages of it, the file system has acknowledged the first, and may have
    // written the others.
    for (let done = 0; done < length; files.set(name, size + done)) {
      say(['?', 'size', name, size + length])
      done += fs.writeSync(fd, bytes, done, length - done, size + done)
      if (sync) fs.fsyncSync(fd)
      say(['!', 'size', name, size + done])
    }
    fs.closeSync(fd)
  },
  /** @param {string} name @param {number} size */
  function rename(name, size) {
    // The number of a file, which its bytes are made of, goes with it.
    const to = `${name}m`
    say(['?', 'move', name, to])
    fs.renameSync(`${dir}/${name}`, `${dir}/${to}`)
    fsync(dir)
    files.delete(name)
    files.set(to, size)
    say(['!', 'move', name, to])
  },
  /** @param {string} name */
  function unlink(name) {
    if (files.size < 20) return
    say(['?', 'gone', name])
    fs.unlinkSync(`${dir}/${name}`)
    fsync(dir)
    files.delete(name)
    say(['!', 'gone', name])
  },
]

try {
  for (let i = 0; ; i++) {
    const known = [...files][(i * 31) % Math.max(files.size, 1)]
    const act = acts[i % 7 === 0 ? 0 : i % 11 === 0 ? 2 : i % 13 === 0 ? 3 : 1]
    if (known === undefined) acts[0]?.('', 0)
    else act?.(...known)
  }
} catch (error) {
  const { code } = /** @type {NodeJS.ErrnoException} */ (error)
  say(['end', code])
}
