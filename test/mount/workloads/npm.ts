import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { command, Lacking } from './command.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))

async function install(dir: string): Promise<void> {
  mkdirSync(dir)
  for (const file of ['package.json', 'package-lock.json'])
    copyFileSync(join(root, file), join(dir, file))
  const quiet = ['--no-audit', '--no-fund', '--no-update-notifier', '--loglevel=error']
  await command('npm', ['ci', '--ignore-scripts', '--prefer-offline', ...quiet], {
    cwd: dir,
    timeout: 1_800_000,
  })
}

/**
 * Installs the packages of this project twice: onto the mount, and beside it on a disk; both
 * must be the same. Throws `Lacking` where there is nothing to install from.
 */
export async function npmCi(dir: string): Promise<void> {
  const beside = mkdtempSync(join(tmpdir(), 'devfuse-npm-'))
  const [expected, got] = [join(beside, 'npm'), join(dir, 'npm')]
  try {
    try {
      await install(expected)
    } catch (error) {
      throw new Lacking(`npm ci fails on a disk as well: ${String(error).slice(0, 200)}`)
    }
    await install(got)
    // The list npm keeps of what it has installed holds the order in which it came.
    await command('diff', ['-r', '--no-dereference', '--exclude=.package-lock.json', expected, got])
  } finally {
    rmSync(beside, { recursive: true })
  }
}
