import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { cannotMount, mountExample } from './mount.ts'

/**
 * The same addon under other Node versions, whose binaries npm packages carry: installed once into a
 * cache outside of the repository.
 */
const CACHE = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'devfuse-test')

function nodeBinary(major: number): string | { readonly error: string } {
  const place = join(CACHE, `node-${major}`)
  const name = `node-linux-${process.arch}`
  const binary = join(place, 'node_modules', name, 'bin/node')
  if (existsSync(binary)) return binary
  mkdirSync(place, { recursive: true })
  const args = ['install', '--prefix', place, '--no-save', '--ignore-scripts', `${name}@${major}`]
  const { status, stderr } = spawnSync('npm', args, { encoding: 'utf8', timeout: 240_000 })
  return status === 0 && existsSync(binary) ? binary : { error: stderr }
}

for (const major of [22, 24]) {
  t.test(
    `memfs is served by Node ${major} with the same addon`,
    { skip: cannotMount('memfs') },
    async (t) => {
      const node = nodeBinary(major)
      if (typeof node !== 'string') {
        t.fail(`Node ${major} cannot be had from npm`, node)
        return
      }
      const version = spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout
      t.match(version, new RegExp(`^v${major}\\.`))
      const mount = await mountExample(t, 'memfs', { node })
      const file = join(mount.dir, 'a file')
      await writeFile(file, 'written through the kernel')
      t.equal(await readFile(file, 'utf8'), 'written through the kernel')
      t.equal(spawnSync('ls', [mount.dir], { encoding: 'utf8' }).stdout, 'a file\n')
      await mount.stop()
    },
  )
}
