// PostgreSQL, as Debian has it: it does not run as root, and the directory must be its own.
import { chownSync, existsSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { command, Lacking } from './command.ts'

const PROGRAMS = '/usr/lib/postgresql'
const USER = 'postgres'
/** A file of a megabyte or more that processes map; all of it on the mount, the socket too. */
const SERVER = [
  "listen_addresses=''",
  'dynamic_shared_memory_type=mmap',
  'shared_buffers=16MB',
  'max_wal_size=64MB',
  'checkpoint_timeout=30s',
  'fsync=on',
  'min_parallel_table_scan_size=0',
]

/** The folder of the programs. Throws `Lacking`. */
function programs(): string {
  const versions = existsSync(PROGRAMS) ? readdirSync(PROGRAMS) : []
  const found = versions
    .map((version) => join(PROGRAMS, version, 'bin'))
    .find((bin) => ['initdb', 'pgbench'].every((program) => existsSync(join(bin, program))))
  if (found === undefined) throw new Lacking('needs postgresql')
  return found
}

async function userOf(): Promise<{ uid: number; gid: number }> {
  const [uid, gid] = await Promise.all([
    command('id', ['-u', USER]),
    command('id', ['-g', USER]),
  ]).catch(() => {
    throw new Lacking(`needs the user ${USER}`)
  })
  return { uid: Number(uid), gid: Number(gid) }
}

class Cluster {
  readonly #bin: string
  readonly #user: { uid: number; gid: number }
  readonly #dir: string
  readonly #data: string

  constructor(bin: string, user: { uid: number; gid: number }, dir: string) {
    this.#bin = bin
    this.#user = user
    this.#dir = dir
    this.#data = join(dir, 'data')
  }

  async run(program: string, ...args: string[]): Promise<string> {
    const env = { PGHOST: this.#dir, PGDATA: this.#data, PGUSER: USER, PGDATABASE: USER }
    const options = { cwd: this.#dir, env, user: this.#user, timeout: 900_000 }
    return await command(join(this.#bin, program), args, options)
  }

  async start(): Promise<void> {
    const words = [...SERVER, `unix_socket_directories=${this.#dir}`]
    const options = words.map((word) => `-c ${word}`).join(' ')
    const log = join(this.#dir, 'log')
    await this.run('pg_ctl', 'start', '--silent', '--wait', '-t', '300', '-l', log, '-o', options)
  }

  async stop(how: 'fast' | 'immediate'): Promise<void> {
    await this.run('pg_ctl', 'stop', '--silent', '--wait', '-t', '300', '-m', how)
  }

  async query(sql: string): Promise<string> {
    return (await this.run('psql', '-X', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-c', sql)).trim()
  }
}

/** What pgbench adds it adds to all of them. */
const SUMS = `SELECT (SELECT sum(abalance) FROM pgbench_accounts),
  (SELECT sum(tbalance) FROM pgbench_tellers), (SELECT sum(bbalance) FROM pgbench_branches),
  (SELECT sum(delta) FROM pgbench_history), (SELECT count(*) FROM pgbench_history)`

async function expectSums(cluster: Cluster, count: number): Promise<void> {
  const got = await cluster.query(SUMS)
  const [accounts, tellers, branches, history, transactions] = got.split('|')
  const same = [tellers, branches, history].every((sum) => sum === accounts)
  if (!same || Number(transactions) !== count) {
    throw new Error(`after ${count} transactions: ${got}`)
  }
}

/** A query whose workers share memory that is a mapped file. */
async function expectParallel(cluster: Cluster, scale: number): Promise<void> {
  const got = await cluster.query(
    `SET force_parallel_mode = on; SET parallel_setup_cost = 0; SELECT count(*) FROM pgbench_accounts`,
  )
  const count = got.split('\n').at(-1)
  if (count !== String(scale * 100_000)) throw new Error(`a parallel count gave ${count}`)
}

/**
 * initdb, pgbench, a crash of the server and what it makes of that, pgbench once more; then all
 * indexes and all checksums must be right. Throws `Lacking` where it is not installed.
 */
export async function pgbench(dir: string, scale: number, transactions: number): Promise<void> {
  const bin = programs()
  const user = await userOf()
  const own = join(dir, 'postgres')
  mkdirSync(own)
  chownSync(own, user.uid, user.gid)
  const cluster = new Cluster(bin, user, own)
  await cluster.run('initdb', '-A', 'trust', '-U', USER, '-k', '--no-locale', '-E', 'UTF8')
  await cluster.start()
  try {
    await cluster.run('pgbench', '-i', '-q', '-s', String(scale))
    const run = ['-n', '-c', '4', '-j', '2', '-t', String(transactions)]
    await cluster.run('pgbench', ...run)
    await expectSums(cluster, 4 * transactions)
    await expectParallel(cluster, scale)
    await cluster.stop('immediate')
    await cluster.start()
    await expectSums(cluster, 4 * transactions)
    await cluster.run('pgbench', ...run)
    await expectSums(cluster, 8 * transactions)
    await cluster.run('pg_amcheck', '--install-missing', '--heapallindexed', USER)
  } finally {
    await cluster.stop('fast')
  }
  await cluster.run('pg_checksums', '--check')
}
