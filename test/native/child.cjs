// What the script of a child process, or of a worker in it, finds as its `context`.
const { execFileSync } = require('node:child_process')
const fs = require('node:fs')
const { Worker } = require('node:worker_threads')

const path = process.env.DEVFUSE_ADDON ?? require.resolve('../../build/Release/devfuse.node')

function addonThreads() {
  return fs
    .readdirSync('/proc/self/task')
    .map((id) => `/proc/self/task/${id}`)
    .filter((task) => {
      try {
        return fs.readFileSync(`${task}/comm`, 'latin1').trim() === 'devfuse-call'
      } catch {
        return false // it ended in between
      }
    })
}

function orAgain(call) {
  try {
    return call()
  } catch (error) {
    if (error.code === 'EAGAIN') return 0
    throw error
  }
}

function sum(call) {
  let total = 0
  for (let count = call(); count > 0; count = call()) total += count
  return total
}

async function until(condition) {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5))
}

module.exports = {
  /** Loaded on first use: a worker may be the only one that has it. */
  get addon() {
    return require(path)
  },
  require,
  addonThreads,
  until,
  cstring: (text) => Buffer.from(`${text}\0`),
  /** A pipe whose `fd` blocks writers once `fill` was called. `drain` returns how much was in it. */
  pipe(directory) {
    const name = `${directory}/fifo`
    execFileSync('mkfifo', [name])
    const reader = fs.openSync(name, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK)
    const filler = fs.openSync(name, fs.constants.O_WRONLY | fs.constants.O_NONBLOCK)
    const fd = fs.openSync(name, 'w')
    fs.unlinkSync(name)
    const room = Buffer.alloc(1 << 20)
    const fill = () => orAgain(() => fs.writeSync(filler, room, 0, 4096))
    const take = () => orAgain(() => fs.readSync(reader, room))
    return { fd, fill: () => sum(fill), drain: () => sum(take) }
  },
  /** /dev/fuse, mounted on `directory`, blocking, with nothing to read: INIT has been. */
  async device(directory) {
    const { addon, cstring } = module.exports
    const fd = fs.openSync('/dev/fuse', 'r+')
    const type = cstring('fuse')
    const data = Buffer.from(`fd=${fd},rootmode=40000,user_id=0,group_id=0`)
    const error = await new Promise((done) =>
      addon.mountAsync(type, cstring(directory), type, 0, data, done),
    )
    if (error !== 0) throw new Error(`mount: ${error}`)
    addon.read(fd, Buffer.alloc(1 << 16), 0, 1 << 16)
    return { fd, unmount: () => addon.umount2(cstring(directory), 2) }
  },
  worker(body, workerData) {
    const source = `(${body})(require(${JSON.stringify(__filename)}))`
    return new Worker(source, { eval: true, workerData })
  },
}
