// Builds the addon: `node native/build.mjs [--if-missing | --asan | --prebuild]`.
// Plain Node, for it also runs where only the production dependencies are installed.
import { execFileSync, spawnSync } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  statSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { homedir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const require = createRequire(import.meta.url)

class BuildError extends Error {}

function which(name) {
  const directories = (process.env.PATH ?? '').split(delimiter)
  return directories.map((directory) => join(directory, name)).find((path) => existsSync(path))
}

/** The path of the command `name` of an installed package, or undefined. */
function commandOf(name) {
  try {
    const manifest = require.resolve(`${name}/package.json`)
    const { bin } = JSON.parse(readFileSync(manifest, 'utf8'))
    return join(dirname(manifest), typeof bin === 'string' ? bin : bin[name])
  } catch {
    return undefined
  }
}

function loads(path) {
  try {
    require(join(root, path))
    return true
  } catch {
    return false
  }
}

const installation = 'On Debian or Ubuntu: apt-get install g++ make cmake'

function requireTools(cmake) {
  const missing = []
  if (!process.env.CXX && !which('c++') && !which('g++')) missing.push('a C++ compiler (g++)')
  if (!which('make') && !(cmake && which('ninja'))) missing.push('make')
  if (!cmake && !which('python3')) missing.push('python3')
  if (missing.length === 0) return
  throw new BuildError(`Building the addon needs ${missing.join(', ')}. ${installation}`)
}

function run(title, args) {
  const options = { cwd: root, encoding: 'utf8', maxBuffer: 1 << 28 }
  const { status, stdout, stderr, error } = spawnSync(process.execPath, args, options)
  if (status === 0) return
  throw new BuildError(`${error?.message ?? stdout + stderr}\n${title} failed, see above.`)
}

/** cmake-js's command where both it and cmake are there. It brings Node's headers with it. */
function cmakeJs() {
  return which('cmake') ? commandOf('cmake-js') : undefined
}

function buildWithCmake(command, out, config) {
  const where = ['--directory', 'native', '--out', out, '--config', config]
  requireTools(true)
  run('cmake-js', [command, 'compile', ...where, '--log-level', 'error'])
}

/** node-gyp: ours, the one npm names, the one npm brings, the one in PATH. */
function nodeGyp() {
  const npm = which('npm')
  const bundled = 'node_modules/node-gyp/bin/node-gyp.js'
  const candidates = [
    commandOf('node-gyp'),
    process.env.npm_config_node_gyp,
    npm && join(dirname(dirname(realpathSync(npm))), bundled),
    which('node-gyp') && realpathSync(which('node-gyp')),
  ]
  return candidates.find((path) => path && existsSync(path))
}

const hasHeaders = (directory) => existsSync(join(directory, 'include/node/node_api.h'))

/** The directory whose include/node are the headers, `null` where node-gyp has them in its cache. */
function headers() {
  if (process.env.npm_config_nodedir) return process.env.npm_config_nodedir
  const beside = dirname(dirname(process.execPath))
  if (hasHeaders(beside)) return beside
  const configured = npmConfig('nodedir')
  if (configured) return configured
  const cache = process.env.npm_config_devdir ?? join(homedir(), '.cache/node-gyp')
  if (hasHeaders(join(cache, process.versions.node))) return null
  throw new BuildError(
    `The headers of Node ${process.versions.node} are neither in ${join(beside, 'include/node')} ` +
      `nor in ${cache}, and a build downloads nothing: set npm_config_nodedir to where they are, ` +
      'or run `npx node-gyp install` first.',
  )
}

function npmConfig(key) {
  try {
    const value = execFileSync('npm', ['config', 'get', key], { encoding: 'utf8' }).trim()
    return ['', 'undefined', 'null'].includes(value) ? undefined : value
  } catch {
    return undefined
  }
}

function buildWithGyp() {
  const command = nodeGyp()
  if (command === undefined)
    throw new BuildError(`There is neither cmake with cmake-js nor node-gyp. ${installation}`)
  requireTools(false)
  const nodedir = headers()
  const where = nodedir === null ? [] : [`--nodedir=${nodedir}`]
  run('node-gyp', [command, 'rebuild', '--release', ...where])
}

function buildSanitized() {
  const command = cmakeJs()
  if (command === undefined)
    throw new BuildError(`The AddressSanitizer build needs cmake and cmake-js. ${installation}`)
  buildWithCmake(command, 'build/Asan', 'Asan')
  return 'built build/Asan/devfuse.node with cmake-js'
}

function build() {
  const command = cmakeJs()
  if (command === undefined) buildWithGyp()
  else buildWithCmake(command, 'build', 'Release')
  return `built build/Release/devfuse.node with ${command === undefined ? 'node-gyp' : 'cmake-js'}`
}

/** What the published package carries, so that its users need no compiler. */
function prebuild() {
  const said = build()
  const carried = join(root, `prebuilds/linux-${process.arch}`)
  mkdirSync(carried, { recursive: true })
  copyFileSync(join(root, 'build/Release/devfuse.node'), join(carried, 'devfuse.node'))
  return `${said}, and put it into prebuilds/`
}

function main(option) {
  if (option === undefined) return build()
  if (option === '--asan') return buildSanitized()
  if (option === '--prebuild') return prebuild()
  if (option !== '--if-missing')
    throw new BuildError('usage: node native/build.mjs [--if-missing | --asan | --prebuild]')
  // The package runs on Linux; elsewhere it can be imported, and says so when it is used.
  if (process.platform !== 'linux') return 'nothing to build outside of Linux'
  const built = 'build/Release/devfuse.node'
  const carried = `prebuilds/linux-${process.arch}/devfuse.node`
  if (existsSync(join(root, built)))
    return isCurrent(built) && loads(built) ? `${built} is there` : build()
  return loads(carried) ? `${carried} is there` : build()
}

/** Whether no source is newer: a checkout moves on, and its build stays behind. */
function isCurrent(built) {
  const since = statSync(join(root, built)).mtimeMs
  const sources = readdirSync(join(root, 'native')).map((name) => join('native', name))
  return [...sources, 'binding.gyp'].every((path) => statSync(join(root, path)).mtimeMs <= since)
}

try {
  console.log(`devfuse: ${main(process.argv[2])}`)
} catch (error) {
  if (!(error instanceof BuildError)) throw error
  console.error(`devfuse: ${error.message}`)
  process.exitCode = 1
}
