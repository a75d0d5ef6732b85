// What the named checks are written with. Everything here is synchronous where it can be:
// the checks run in a process of their own, never in the one that serves the mount.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import { createInterface } from 'node:readline'
import { compile } from '../compile.mjs'

/**
 * One named check. `run` gets an empty directory of its own, mode 0777.
 * `needs` names features that not every writable file system has; see index.mjs.
 *
 * @typedef {{ name: string, needs?: string[], run: (dir: string) => void | Promise<void> }} Check
 * @typedef {(string | number | bigint)[]} Op an operation of sys.c and its arguments
 */

export const NOBODY = 65534

const helper = compile(new URL('../sys.c', import.meta.url))

/** @param {Op[]} ops */
const words = (ops) => ops.flatMap((op, i) => (i === 0 ? op : [':', ...op])).map(String)

/**
 * Run operations of sys.c in one process and give the line that each of them printed.
 * Throws an error with `code` if one fails; an operation after 'try' gives '!ECODE' instead.
 *
 * @param {...Op} ops
 * @returns {string[]}
 */
export function sys(...ops) {
  const { stdout, stderr, status, signal, error } = spawnSync(helper, words(ops), {
    encoding: 'utf8',
    timeout: 60_000,
    killSignal: 'SIGKILL',
    maxBuffer: 64 << 20,
  })
  if (error !== undefined) throw error
  const lines = stdout.split('\n').slice(0, -1)
  if (status === 0) return lines
  const last = lines.at(-1) ?? ''
  const what = `${ops.map((op) => op.join(' ')).join(' : ')}: ${last}${stderr}`
  if (status === 1 && last.startsWith('!')) {
    throw Object.assign(new Error(what), { code: last.slice(1) })
  }
  throw new Error(`${what} (status ${status}, signal ${signal})`)
}

/**
 * The last line only, of operations of which only the last one matters.
 *
 * @param {...Op} ops
 */
export const last = (...ops) => sys(...ops).at(-1) ?? ''

/**
 * The same as another user, without supplementary groups.
 *
 * @param {...Op} ops
 */
export const asNobody = (...ops) => sys(['as', NOBODY, NOBODY], ...ops).slice(1)

/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set()

/** Ends what a check has started and left behind. */
export function killStarted() {
  for (const child of running) child.kill('SIGKILL')
}

/**
 * Start operations of sys.c and go on. `line()` waits for the next line, `go()` ends its
 * `wait`, `blocked()` resolves when it sleeps in a system call.
 *
 * @param {...Op} ops
 */
export function start(...ops) {
  const child = spawn(helper, words(ops), { stdio: ['pipe', 'pipe', 'inherit'] })
  running.add(child)
  const exited = once(child, 'close').then(([code, signal]) => {
    running.delete(child)
    return code ?? signal
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    exited,
    line: async () => /** @type {string | undefined} */ ((await lines.next()).value),
    go: () => child.stdin.write('\n'),
    /** @param {NodeJS.Signals} signal */
    kill: (signal) => child.kill(signal),
    blocked: () => asleep(child.pid ?? 0),
  }
}

/** @param {number} pid */
async function asleep(pid) {
  // The kernel offers no event for "this process blocks": look until it does, three times over.
  for (let seen = 0; seen < 3; ) {
    const state = fs.readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.[0]
    seen = state === 'S' || state === 'D' ? seen + 1 : 0
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/**
 * A Node program in a process of its own; gives its standard output.
 *
 * @param {string} code
 * @param {...string} args
 * @returns {Promise<string>}
 */
export async function node(code, ...args) {
  const child = spawn(process.execPath, ['-e', code, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  running.add(child)
  let out = ''
  child.stdout.setEncoding('utf8').on('data', (text) => {
    out += text
  })
  const [status, signal] = await once(child, 'close')
  running.delete(child)
  assert.equal(status, 0, `node -e: status ${status}, signal ${signal}`)
  return out
}

/**
 * @param {string | string[]} code
 * @param {() => unknown} act
 */
export function fails(code, act) {
  const codes = typeof code === 'string' ? [code] : code
  try {
    act()
  } catch (error) {
    const got = /** @type {NodeJS.ErrnoException} */ (error).code
    if (got === undefined || !codes.includes(got)) {
      assert.fail(`expected ${codes.join(' or ')}, came ${got ?? error}`)
    }
    return
  }
  assert.fail(`expected ${codes.join(' or ')}, but it succeeded`)
}

/** @param {fs.PathLike} path */
export const lstat = (path) => fs.lstatSync(path, { bigint: true })

/** @param {fs.PathLike} path */
export const exists = (path) => fs.lstatSync(path, { throwIfNoEntry: false }) !== undefined

/** @param {fs.PathLike} path permission bits, with setuid, setgid and sticky, in octal */
export const modeOf = (path) => (fs.lstatSync(path).mode & 0o7777).toString(8)

/** @param {fs.PathLike} path */
export const text = (path) => fs.readFileSync(path, 'utf8')

/** @param {fs.PathLike} path @param {string | Buffer} [data] */
export const put = (path, data = '') => fs.writeFileSync(path, data)

/**
 * Opens, hands over, closes.
 *
 * @template T
 * @param {fs.PathLike} path
 * @param {string | number} flags
 * @param {(fd: number) => T} use
 */
export function withFile(path, flags, use) {
  const fd = fs.openSync(path, flags, 0o644)
  try {
    return use(fd)
  } finally {
    fs.closeSync(fd)
  }
}

/**
 * Outlasts one tick of the kernel's clock for time stamps (10 ms where HZ is 100): two
 * changes within the same tick carry the same time on a correct file system, too.
 */
export function tick() {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 12)
}

/**
 * Which of mtime and ctime an action moves: 'mtime ctime', 'ctime', or ''.
 *
 * @param {fs.PathLike} path
 * @param {() => void} act
 */
export function moves(path, act) {
  const before = lstat(path)
  tick()
  act()
  const after = lstat(path)
  const moved = []
  if (after.mtimeNs !== before.mtimeNs) moved.push('mtime')
  if (after.ctimeNs !== before.ctimeNs) moved.push('ctime')
  return moved.join(' ')
}

/**
 * What getdents64 says, in its order, '.' and '..' included.
 *
 * @param {string} dir
 * @param {number} [size] of the buffer
 * @param {'getdents' | 'churn'} [op]
 * @returns {{ off: string, type: number, ino: number, name: string }[]}
 */
export const dirents = (dir, size = 32_768, op = 'getdents') => JSON.parse(last([op, dir, size]))

/** @param {string} line what fstat, stat, statx, statvfs and getlk of sys.c print */
export const json = (line) => JSON.parse(line)

/** @param {string} bytes */
export const hex = (bytes) => Buffer.from(bytes, 'latin1').toString('hex')

/** @param {number} length not a period of any page or block size */
export function pattern(length) {
  const bytes = Buffer.alloc(length)
  for (let i = 0; i < length; i++) bytes[i] = (i * 31 + (i >> 8) * 7 + (i >> 16)) & 0xff
  return bytes
}
