// What people do with a file system, as tests: the workloads, and their short and long forms.
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { compile } from '../compile.mjs'
import { command, missing } from './command.ts'
import { cloneAndCheck } from './git.ts'
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
  tree: join(root, 'node_modules', '@types'),
}

export const long: Scale = {
  fsxOps: 100_000,
  fsxSeeds: [11, 12, 13],
  metadataOps: 10_000,
  gitFiles: 3000,
  sqliteRows: 2000,
  tree: '/usr/share',
}

interface Workload {
  name: string
  tools: string[]
  run: (dir: string, scale: Scale) => Promise<unknown>
}

async function fsx(dir: string, { fsxOps, fsxSeeds }: Scale, ...flags: string[]): Promise<void> {
  const program = compile(new URL('fsx.c', import.meta.url))
  for (const seed of fsxSeeds) {
    const args = [join(dir, 'file'), '-n', String(fsxOps), '-s', String(seed), ...flags]
    await command(program, args, { timeout: 3_600_000 })
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
]

/** Each workload as one assertion, in a directory of its own below `dir`. */
export async function runWorkloads(t: Test, dir: string, scale = short): Promise<void> {
  for (const { name, tools, run } of workloads) {
    const lacking = missing(tools)
    if (lacking.length > 0) {
      t.pass(name, { skip: `needs ${lacking.join(', ')}` })
      continue
    }
    const own = mkdtempSync(join(dir, 'w-'))
    chmodSync(own, 0o755)
    try {
      await run(own, scale)
      t.pass(name)
    } catch (error) {
      t.fail(name, { found: String(error), stack: '' })
    }
    rmSync(own, { recursive: true, force: true })
  }
}
