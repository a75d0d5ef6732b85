// Trees of files for what works on many of them: an archive to unpack, a git repository.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const DIRECTORIES = 100
const FILES_EACH = 30

/** @param {string} command @param {string[]} args */
const run = (command, ...args) => {
  const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${command}: ${error?.message ?? stderr.trim()}`)
}

/** @param {string} dir */
const makeTree = (dir) => {
  for (let d = 0; d < DIRECTORIES; d++) {
    const name = join(dir, `group-${d % 10}`, `part-${d}`)
    mkdirSync(name, { recursive: true })
    for (let f = 0; f < FILES_EACH; f++) {
      const size = 200 + ((d * 7919 + f * 104_729) % 12_000)
      writeFileSync(join(name, `file-${f}.txt`), Buffer.alloc(size, `${d} ${f}\n`))
    }
  }
}

/**
 * An archive of 3,000 files, made once.
 *
 * @param {string} scratch
 */
export const archive = (scratch) => {
  const path = join(scratch, 'tree.tar')
  if (existsSync(path)) return path
  const dir = join(scratch, 'tree')
  makeTree(dir)
  run('tar', '-C', scratch, '-cf', path, 'tree')
  rmSync(dir, { recursive: true })
  return path
}

/**
 * Below `dir`: `kept`, the unpacked tree, and `repository`, the same committed to git.
 *
 * @param {string} dir
 * @param {string} tar
 */
export const fillTree = (dir, tar) => {
  const repository = join(dir, 'repository')
  for (const to of [join(dir, 'kept'), repository]) {
    mkdirSync(to)
    run('tar', '-C', to, '-xf', tar)
  }
  const git = ['-C', repository, '-c', 'user.name=bench', '-c', 'user.email=bench@localhost']
  run('git', ...git, 'init', '-q')
  run('git', ...git, 'add', '.')
  run('git', ...git, 'commit', '-q', '-m', 'tree')
}
