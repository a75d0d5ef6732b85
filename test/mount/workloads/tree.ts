import { rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { command } from './command.ts'

/** Type, mode, owner, time and target of every entry; size and links of what is no directory. */
async function listing(dir: string): Promise<string[]> {
  const common = '%P\\t%y %m %U %G %T@ %l'
  const args = ['.', '-type', 'd', '-printf', `${common}\\n`, '-o', '-printf', `${common} %s\\n`]
  return (await command('find', args, { cwd: dir })).split('\n').sort()
}

/** Contents by diff, everything else by find. */
async function expectSame(source: string, copy: string): Promise<void> {
  await command('diff', ['-r', '--no-dereference', source, copy], { timeout: 1_800_000 })
  const [expected, got] = await Promise.all([listing(source), listing(copy)])
  const at = expected.findIndex((line, i) => line !== got[i])
  if (at !== -1) throw new Error(`the copy has '${got[at]}' instead of '${expected[at]}'`)
  if (got.length !== expected.length) throw new Error(`${got.length} entries`)
}

export async function copyTree(dir: string, source: string): Promise<void> {
  const copy = join(dir, 'copy')
  await command('cp', ['-a', source, copy], { timeout: 1_800_000 })
  await expectSame(source, copy)
  await command('rm', ['-r', copy], { timeout: 600_000 })
}

/** The archive and what comes out of it are both on the mount. */
export async function tarTree(dir: string, source: string): Promise<void> {
  const archive = join(dir, 'archive.tar')
  await command('tar', ['--format=pax', '-cf', archive, '-C', dirname(source), basename(source)])
  await command('tar', ['-xf', archive, '--numeric-owner', '-p', '-C', dir])
  await expectSame(source, join(dir, basename(source)))
  await command('tar', ['-df', archive, '-C', dir])
  rmSync(archive)
  await command('rm', ['-r', join(dir, basename(source))])
}
