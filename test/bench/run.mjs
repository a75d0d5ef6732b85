// Benchmarks: devfuse against its peers, as ratios of one interleaved run.
//
//   node test/bench/run.mjs [--rounds 15] [--starts 3] [--only LINE,LINE] [--peers PEER,PEER]
//                           [--mode core|unpinned|both] [--cpu N] [--ms 60] [--quick]
//                           [--strict] [--json FILE] [--devfuse-options JSON]
//
// In every round each line is measured once with each of its peers, one right after the other, in
// random order; the table shows the median of the rounds' ratios. The rounds are spread over several
// starts of the servers, since where a process's code happens to lie is worth 5 %. `one core` pins client and
// server to one core, which compares codes; `unpinned` leaves both to the scheduler, which is what
// users get, and mostly measures how the kernel wakes the server.
//
// Needs root and a C compiler. Ends with 0 whatever the ratios are, unless a measurement broke;
// with --strict a missed bar (on one core) ends it with 1, and so does a server of ours that could
// not run.

import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, release } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { ownProgram, Unavailable } from './build.mjs'
import { lines } from './lines.mjs'
import { peers } from './peers.mjs'
import { barTable, medianTable, verdicts } from './report.mjs'
import { Servers } from './servers.mjs'
import { shuffled } from './stats.mjs'
import { archive, fillTree } from './trees.mjs'

/**
 * @typedef {import('./lines.mjs').Line} Line
 * @typedef {import('./servers.mjs').Server} Server
 * @typedef {import('./report.mjs').Samples} Samples
 */

const CLIENT_MS = 60_000
const ENTRIES = '10000'

const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string' },
    starts: { type: 'string' },
    only: { type: 'string' },
    peers: { type: 'string' },
    mode: { type: 'string', default: 'both' },
    cpu: { type: 'string' },
    ms: { type: 'string' },
    quick: { type: 'boolean', default: false },
    strict: { type: 'boolean', default: false },
    json: { type: 'string' },
    'devfuse-options': { type: 'string', default: '{}' },
  },
})

const rounds = Number(flags.rounds ?? (flags.quick ? 3 : 15))
const starts = Math.min(rounds, Number(flags.starts ?? (flags.quick ? 1 : 3)))
const ms = Number(flags.ms ?? (flags.quick ? 30 : 60))
const core = Number(flags.cpu ?? availableParallelism() - 1)
const modes = new Map([
  ['one core', core],
  ['unpinned', undefined],
])
if (flags.mode === 'core') modes.delete('unpinned')
if (flags.mode === 'unpinned') modes.delete('one core')

/** @param {string | undefined} list */
const chosen = (list) => {
  const ids = list?.split(',')
  return (/** @type {{ id: string }} */ item) => ids === undefined || ids.includes(item.id)
}
const myLines = lines.filter(chosen(flags.only))
const myPeers = peers.filter(
  (peer) => chosen(flags.peers)(peer) && myLines.some((line) => line.peers.includes(peer.id)),
)
if (myLines.length === 0)
  throw new Error(`--only: the lines are ${lines.map((l) => l.id).join(' ')}`)

/** @type {Map<string, string>} peer, or peer and line -> why it could not run */
const unavailable = new Map()
/** @type {Map<string, string>} peer, or peer and line -> what broke */
const broken = new Map()

/**
 * @param {string[]} args
 * @param {number | undefined} cpu
 * @returns {Promise<{ ops: number, ns_total: number, ns_per_op: number, ns_median: number }>}
 */
const client = async (args, cpu) => {
  const pin = cpu === undefined ? [] : ['--cpu', String(cpu)]
  const child = spawn(ownProgram('client'), [...pin, ...args])
  let out = ''
  let err = ''
  child.stdout.on('data', (data) => (out += data))
  child.stderr.on('data', (data) => (err += data))
  const timer = setTimeout(() => child.kill('SIGKILL'), CLIENT_MS)
  const [code, signal] = await new Promise((resolve) => {
    child.once('close', (...end) => resolve(end))
  })
  clearTimeout(timer)
  if (code !== 0) throw new Error(`client ${args.join(' ')}: ${signal ?? err.trim()}`)
  return JSON.parse(out)
}

/** @param {Line} line @param {Server} server @param {number | undefined} cpu */
const measure = async (line, server, cpu) => {
  for (const [command = '', ...args] of line.before?.(server.paths) ?? []) {
    const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8' })
    if (status !== 0) throw new Error(`${command}: ${error?.message ?? stderr}`)
    server.usedAt = Date.now()
  }
  const wait = (line.idle ?? 0) - (Date.now() - server.usedAt)
  if (wait > 0) await sleep(wait)
  const result = await client(line.args(server.paths, { ms }), cpu)
  server.usedAt = Date.now()
  if (line.unit === 'ops/s') return (result.ops / result.ns_total) * 1e9
  return result.ns_median
}

/** @param {Server} server @param {string} scratch @param {number | undefined} cpu */
const fill = async ({ fill, paths }, scratch, cpu) => {
  if (fill === 'entries' && paths.entries !== undefined) {
    mkdirSync(paths.entries)
    await client(['mkfiles', paths.entries, ENTRIES], cpu)
  }
  if (fill === 'tree') {
    paths.tar = archive(scratch)
    fillTree(paths.dir, paths.tar)
  }
}

/** @param {Servers} servers @param {number | undefined} cpu */
const startAll = async (servers, cpu) => {
  for (const peer of myPeers) {
    try {
      const server = await servers.start(peer, cpu)
      await fill(server, servers.scratch, cpu)
    } catch (error) {
      servers.running.delete(peer.id)
      const list = error instanceof Unavailable ? unavailable : broken
      list.set(peer.id, error instanceof Error ? error.message : String(error))
    }
  }
}

/**
 * One round of one line.
 *
 * @param {Line} line
 * @param {Servers} servers
 * @param {number | undefined} cpu
 * @param {Samples} [samples] absent: a round to warm up
 */
const round = async (line, servers, cpu, samples) => {
  for (const id of shuffled(line.peers)) {
    const server = servers.running.get(id)
    const key = `${id}, ${line.id}`
    if (server === undefined || broken.has(key)) continue
    try {
      const value = await measure(line, server, cpu)
      samples?.[line.id]?.[id]?.push(value)
    } catch (error) {
      broken.set(key, error instanceof Error ? error.message : String(error))
    }
  }
}

/** @returns {Samples} */
const noSamples = () =>
  Object.fromEntries(
    myLines.map(({ id, peers }) => [id, Object.fromEntries(peers.map((peer) => [peer, []]))]),
  )

/**
 * @param {Servers} servers
 * @param {string} name
 * @param {number | undefined} cpu
 */
const runMode = async (servers, name, cpu) => {
  const samples = noSamples()
  for (let start = 0, done = 0; start < starts; start++) {
    await startAll(servers, cpu)
    const until = Math.round((rounds * (start + 1)) / starts)
    for (let i = done - 2; i < until; i++) {
      const warmingUp = i < done
      const what = warmingUp ? `start ${start + 1}, warming up` : `round ${i + 1} of ${rounds}`
      process.stderr.write(`\r${name}: ${what.padEnd(24)}`)
      for (const line of myLines) await round(line, servers, cpu, warmingUp ? undefined : samples)
    }
    done = until
    await servers.stop()
  }
  process.stderr.write('\n')
  return samples
}

const machine = () => ({
  date: new Date().toISOString(),
  kernel: release(),
  node: process.version,
  cpu: cpus()[0]?.model ?? '',
  cpus: availableParallelism(),
  governor: governor(),
  load: loadavg().map((load) => Number(load.toFixed(2))),
})

const governor = () => {
  try {
    return readFileSync('/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor', 'utf8').trim()
  } catch {
    return 'unknown'
  }
}

/** @param {Map<string, string>} reasons @param {string} head */
const list = (reasons, head) => {
  if (reasons.size === 0) return
  console.log(`\n${head}:`)
  for (const [key, reason] of reasons) console.log(`  ${key}: ${reason}`)
}

const main = async () => {
  const before = machine()
  const servers = new Servers({ devfuseOptions: flags['devfuse-options'] })
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.once(signal, () => servers.close().finally(() => process.exit(130)))
  }
  /** @type {Record<string, Samples>} */
  const results = {}
  try {
    for (const [name, cpu] of modes) {
      results[name] = await runMode(servers, name, cpu)
    }
  } finally {
    await servers.close()
  }
  report(before, results)
}

/** @param {ReturnType<typeof machine>} before @param {Record<string, Samples>} results */
const report = (before, results) => {
  const after = machine()
  console.log(`\n${before.cpu}, ${before.cpus} CPUs, Linux ${before.kernel}, Node ${before.node}`)
  console.log(`load ${before.load.join(' ')} before, ${after.load.join(' ')} after`)
  console.log(`${rounds} rounds, ${starts} starts; "one core": client and server on CPU ${core}`)
  for (const [name, samples] of Object.entries(results)) {
    console.log(`\nMedians, ${name}:\n\n${medianTable(samples)}`)
  }
  console.log(`\nOurs against the peers:\n\n${barTable(results)}`)
  list(unavailable, 'Could not run')
  list(broken, 'Broke')
  if (flags.json) {
    const reasons = {
      unavailable: Object.fromEntries(unavailable),
      broken: Object.fromEntries(broken),
    }
    const all = Object.entries(results).map(([name, samples]) => [name, verdicts(samples)])
    const data = { before, after, rounds, core, ...reasons, verdicts: Object.fromEntries(all) }
    writeFileSync(flags.json, `${JSON.stringify({ ...data, results }, null, 2)}\n`)
  }
  const missed = verdicts(results['one core'] ?? {}).some(({ verdict }) => verdict === 'miss')
  const absent = myLines.some((line) => unavailable.has(line.peers[0] ?? ''))
  process.exitCode = broken.size > 0 || (flags.strict && (missed || absent)) ? 1 : 0
}

await main()
