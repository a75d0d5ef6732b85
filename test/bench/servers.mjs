// The servers' life: started, waited for, ended; nothing of them stays behind.

import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * @typedef {import('./peers.mjs').Peer} Peer
 * @typedef {import('./peers.mjs').Settings} Settings
 * @typedef {import('./lines.mjs').Paths} Paths
 * @typedef {import('node:child_process').ChildProcess} ChildProcess
 *
 * @typedef {object} Server
 * @property {string} id
 * @property {string} mnt
 * @property {Paths} paths
 * @property {'entries' | 'tree' | undefined} fill
 * @property {ChildProcess | undefined} child
 * @property {number} usedAt when a client last ended
 */

const START_MS = 15_000
const STOP_MS = 5_000

/** @param {string} mnt */
const isMounted = (mnt) => readFileSync('/proc/self/mountinfo', 'utf8').includes(` ${mnt} `)

/** @param {ChildProcess} child */
const hasEnded = (child) => child.exitCode !== null || child.signalCode !== null

/**
 * @param {ChildProcess | undefined} child
 * @param {string} mnt
 * @param {() => string} output
 */
const waitForMount = async (child, mnt, output) => {
  if (child === undefined) return
  for (let waited = 0; !isMounted(mnt); waited += 20) {
    if (hasEnded(child)) throw new Error(`ended before it mounted: ${output()}`)
    if (waited > START_MS) throw new Error(`did not mount in ${START_MS} ms: ${output()}`)
    await sleep(20)
  }
}

/** @param {ChildProcess} child */
const end = async (child) => {
  if (hasEnded(child)) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
  await ended
  clearTimeout(timer)
}

export class Servers {
  /** @param {Settings} settings */
  constructor(settings) {
    this.settings = settings
    this.scratch = mkdtempSync(join(tmpdir(), 'devfuse-bench-'))
    /** @type {Map<string, Server>} */
    this.running = new Map()
    /** @type {Set<{ child: ChildProcess | undefined, mnt: string }>} */
    this.started = new Set()
    this.closing = false
    process.once('exit', () => this.abandon())
  }

  /**
   * @param {Peer} peer
   * @param {number | undefined} cpu where to pin it
   */
  async start(peer, cpu) {
    if (this.closing) throw new Error('interrupted')
    const mnt = join(this.scratch, `mnt-${peer.id}`)
    mkdirSync(mnt)
    const entry = { child: /** @type {ChildProcess | undefined} */ (undefined), mnt }
    this.started.add(entry)
    const { command, env, file, big, fill } = peer.plan(mnt, this.scratch, this.settings)
    let output = ''
    if (command !== undefined) {
      const pinned = cpu === undefined ? command : ['taskset', '-c', String(cpu), ...command]
      entry.child = spawn(pinned[0] ?? '', pinned.slice(1), {
        env: { ...process.env, ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      entry.child.on('error', (error) => (output += error.message))
      entry.child.stdout?.on('data', (data) => (output = `${output}${data}`.slice(-500)))
      entry.child.stderr?.on('data', (data) => (output = `${output}${data}`.slice(-500)))
    }
    await waitForMount(entry.child, mnt, () => output.trim())
    /** @type {Paths} */
    const paths = { dir: mnt, entries: join(mnt, 'entries') }
    if (file !== undefined) paths.file = join(mnt, file)
    if (big !== undefined) paths.big = join(mnt, big)
    const server = { id: peer.id, mnt, paths, fill, child: entry.child, usedAt: 0 }
    this.running.set(peer.id, server)
    return server
  }

  /** End every server, unmount what they left, and forget them. */
  async stop() {
    await Promise.all([...this.started].map(({ child }) => child && end(child)))
    for (const { mnt } of this.started) this.#remove(mnt)
    this.started.clear()
    this.running.clear()
  }

  async close() {
    this.closing = true
    await this.stop()
    rmSync(this.scratch, { recursive: true, force: true })
  }

  /** What can still be done when the process ends by surprise. */
  abandon() {
    for (const { child, mnt } of this.started) {
      child?.kill('SIGKILL')
      this.#remove(mnt)
    }
    // Not recursive over something mounted: #remove has seen to it, or left the directory.
    if (![...this.started].some(({ mnt }) => isMounted(mnt))) {
      rmSync(this.scratch, { recursive: true, force: true })
    }
  }

  /** @param {string} mnt */
  #remove(mnt) {
    if (isMounted(mnt)) spawnSync('umount', ['-l', mnt])
    if (isMounted(mnt)) spawnSync('fusermount3', ['-uz', mnt])
    if (isMounted(mnt)) throw new Error(`${mnt} is still mounted`)
    try {
      rmdirSync(mnt)
    } catch {
      rmSync(mnt, { recursive: true, force: true })
    }
  }
}
