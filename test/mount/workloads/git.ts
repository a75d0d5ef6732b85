import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { command } from './command.ts'

const env = {
  HOME: '/nonexistent',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_AUTHOR_NAME: 'a',
  GIT_AUTHOR_EMAIL: 'a@example.org',
  GIT_COMMITTER_NAME: 'c',
  GIT_COMMITTER_EMAIL: 'c@example.org',
}

const git = (cwd: string, ...args: string[]): Promise<string> => command('git', args, { cwd, env })

/** A repository of that many files, three commits deep. */
async function synthesise(dir: string, files: number): Promise<void> {
  await git(dir, 'init', '-q', '-b', 'main')
  for (let commit = 0; commit < 3; commit++) {
    for (let i = 0; i < files; i++) {
      const folder = join(dir, `d${i % 17}`, `e${i % 5}`)
      mkdirSync(folder, { recursive: true })
      const lines = Array.from({ length: 20 + (i % 50) }, (_, n) => `${commit} ${i} ${n * i}\n`)
      writeFileSync(join(folder, `file-${i}.txt`), lines.join(''))
    }
    await git(dir, 'add', '-A')
    await git(dir, 'commit', '-q', '-m', `commit ${commit}`)
  }
}

/** Clone onto the mount, fsck, commit, repack, check out another commit, fsck again. */
export async function cloneAndCheck(dir: string, files: number): Promise<void> {
  const source = mkdtempSync(join(tmpdir(), 'devfuse-git-'))
  try {
    await synthesise(source, files)
    const clone = join(dir, 'clone')
    await git(dir, 'clone', '-q', '--no-local', source, clone)
    await git(clone, 'fsck', '--strict', '--no-progress')
    await expectClean(clone)
    writeFileSync(join(clone, 'new.txt'), 'new\n')
    await git(clone, 'add', '-A')
    await git(clone, 'commit', '-q', '-m', 'on the mount')
    await git(clone, 'checkout', '-q', 'HEAD~2')
    await git(clone, 'checkout', '-q', 'main')
    await git(clone, 'gc', '-q', '--prune=now')
    await git(clone, 'fsck', '--strict', '--no-progress')
    await expectClean(clone)
  } finally {
    rmSync(source, { recursive: true })
  }
}

async function expectClean(clone: string): Promise<void> {
  const status = await git(clone, 'status', '--porcelain')
  if (status !== '') throw new Error(`git status of a fresh clone: ${status}`)
}
