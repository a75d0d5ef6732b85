// What people do with a file system, as tests: the workloads, and their short and long forms.
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { compile } from '../compile.mjs'
import { command, Lacking, missing } from './command.ts'
import { cloneAndCheck } from './git.ts'
import { npmCi } from './npm.ts'
import { pgbench } from './postgres.ts'
import { twoWriters } from './sqlite.ts'
import { copyTree, tarTree } from './tree.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const metadata = fileURLToPath(new URL('metadata.mjs', import.meta.url))

export interface Scale {
  fsxOps: number
  fsxSeeds: number[]
  metadataOps: number
  gitFiles: number
  sqliteRows: number
  pgbenchScale: number
  pgbenchTransactions: number
  listings: number
  lockRounds: number
  /** Also what takes more than a few seconds however little it does. */
  heavy: boolean
  /** Copied onto the mount and compared. */
  tree: string
}

/** About ten seconds altogether on ext4. */
export const short: Scale = {
  fsxOps: 2000,
  fsxSeeds: [1, 2],
  metadataOps: 400,
  gitFiles: 300,
  sqliteRows: 100,
  pgbenchScale: 1,
  pgbenchTransactions: 50,
  listings: 10,
  lockRounds: 100,
  heavy: false,
  tree: join(root, 'node_modules', '@types'),
}

export const long: Scale = {
  fsxOps: 100_000,
  fsxSeeds: [11, 12, 13],
  metadataOps: 10_000,
  gitFiles: 3000,
  sqliteRows: 2000,
  pgbenchScale: 5,
  pgbenchTransactions: 2000,
  listings: 300,
  lockRounds: 3000,
  heavy: true,
  tree: '/usr/share',
}

interface Workload {
  name: string
  tools: string[]
  heavy?: true
  run: (dir: string, scale: Scale) => Promise<unknown>
}

async function fsx(dir: string, { fsxOps, fsxSeeds }: Scale, ...flags: string[]): Promise<void> {
  const program = compile(new URL('fsx.c', import.meta.url))
  for (const seed of fsxSeeds) {
    const args = [join(dir, 'file'), '-n', String(fsxOps), '-s', String(seed), ...flags]
    await command(program, args, { timeout: 3_600_000 })
  }
}

async function locks(dir: string, { lockRounds }: Scale): Promise<void> {
  const program = compile(new URL('locks.c', import.meta.url))
  for (const kind of ['fcntl', 'ofd', 'flock']) {
    await command(program, [join(dir, kind), kind, '-n', String(lockRounds)])
  }
}

export const workloads: Workload[] = [
  {
    name: 'fsx: random operations on one file',
    tools: ['cc'],
    run: (dir, scale) => fsx(dir, scale),
  },
  {
    name: 'fsx without mmap and fallocate, on a file of up to 8 MiB',
    tools: ['cc'],
    run: (dir, scale) => fsx(dir, scale, '--no-mmap', '--no-fallocate', '-l', String(8 << 20)),
  },
  {
    name: 'random directory operations by four processes follow the model',
    tools: [],
    run: (dir, { metadataOps }) =>
      command(process.execPath, [metadata, dir, '--ops', String(metadataOps)], {
        timeout: 3_600_000,
      }),
  },
  {
    name: 'directories are listed while files come and go',
    tools: ['cc'],
    run: (dir, { listings }) =>
      command(compile(new URL('listing.c', import.meta.url)), [dir, '-n', String(listings)], {
        timeout: 1_800_000,
      }),
  },
  {
    name: 'locks of several processes',
    tools: ['cc'],
    run: locks,
  },
  {
    name: 'git clone, commit, gc and fsck',
    tools: ['git'],
    run: (dir, { gitFiles }) => cloneAndCheck(dir, gitFiles),
  },
  {
    name: 'cp -a of a tree, and diff -r',
    tools: ['cp', 'diff', 'find'],
    run: (dir, { tree }) => copyTree(dir, tree),
  },
  {
    name: 'tar and untar of a tree',
    tools: ['tar', 'diff', 'find'],
    run: (dir) => tarTree(dir, short.tree),
  },
  {
    name: 'sqlite, WAL journal, two writers',
    tools: ['sqlite3'],
    run: (dir, { sqliteRows }) => twoWriters(dir, 'WAL', sqliteRows),
  },
  {
    name: 'sqlite, DELETE journal, two writers',
    tools: ['sqlite3'],
    run: (dir, { sqliteRows }) => twoWriters(dir, 'DELETE', sqliteRows),
  },
  {
    name: 'PostgreSQL: initdb, pgbench, a crash, pgbench',
    tools: [],
    heavy: true,
    run: (dir, { pgbenchScale, pgbenchTransactions }) =>
      pgbench(dir, pgbenchScale, pgbenchTransactions),
  },
  {
    name: 'npm ci of the package tree of this project',
    tools: ['npm', 'diff'],
    heavy: true,
    run: (dir) => npmCi(dir),
  },
]

/** Those whose names match DEVFUSE_TEST_WORKLOADS, which is a regular expression. */
const chosen = new RegExp(process.env.DEVFUSE_TEST_WORKLOADS ?? '')

/** Why it has not run, or false. Throws where it failed. */
async function attempt(
  { name, tools, heavy, run }: Workload,
  own: string,
  scale: Scale,
): Promise<string | false> {
  if (!chosen.test(name)) return 'DEVFUSE_TEST_WORKLOADS is something else'
  if (heavy && !scale.heavy) return 'in npm run test:long'
  const lacking = missing(tools)
  if (lacking.length > 0) return `needs ${lacking.join(', ')}`
  try {
    await run(own, scale)
    return false
  } catch (error) {
    if (error instanceof Lacking) return error.message
    throw error
  }
}

/**
 * Each workload as one assertion, in a directory of its own below `dir`.
 *
 * @param only names of those that the file system claims to bear; default all.
 */
export async function runWorkloads(
  t: Test,
  dir: string,
  scale = short,
  only = /(?:)/,
): Promise<void> {
  for (const workload of workloads.filter(({ name }) => only.test(name))) {
    const own = mkdtempSync(join(dir, 'w-'))
    chmodSync(own, 0o755)
    const start = performance.now()
    try {
      const skip = await attempt(workload, own, scale)
      t.pass(workload.name, { skip })
    } catch (error) {
      t.fail(workload.name, { found: String(error), stack: '' })
    }
    t.comment(`${((performance.now() - start) / 1000).toFixed(1)} s: ${workload.name}`)
    rmSync(own, { recursive: true, force: true })
  }
}
