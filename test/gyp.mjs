// Where cmake is missing node-gyp builds the addon, from the same list of sources, and says so.
// In a copy of what a build needs. `npm run test:gyp`.
import { execFileSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const place = mkdtempSync(join(tmpdir(), 'devfuse-gyp-'))

/** The directory, or in its stead links to all that it has but cmake. */
function withoutCmake(directory, index) {
  if (!existsSync(join(directory, 'cmake'))) return directory
  const links = join(place, `path${index}`)
  mkdirSync(links)
  for (const name of readdirSync(directory)) {
    if (name !== 'cmake') symlinkSync(join(directory, name), join(links, name))
  }
  return links
}

try {
  for (const name of ['native', 'binding.gyp', 'package.json']) {
    cpSync(join(root, name), join(place, name), { recursive: true })
  }
  symlinkSync(join(root, 'node_modules'), join(place, 'node_modules'))
  const PATH = (process.env.PATH ?? '').split(delimiter).map(withoutCmake).join(delimiter)
  const output = execFileSync(process.execPath, ['native/build.mjs'], {
    cwd: place,
    env: { ...process.env, PATH },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  console.log(output)
  if (!output.includes('node-gyp')) throw new Error('it did not say that node-gyp built it')
  const addon = createRequire(import.meta.url)(join(place, 'build/Release/devfuse.node'))
  if (typeof addon.open !== 'function') throw new Error('the addon has no open')
} finally {
  rmSync(place, { recursive: true, force: true })
}
