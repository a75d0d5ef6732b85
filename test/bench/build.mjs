// What the benchmarks need besides node: compiled and installed outside the repository, in
// ${XDG_CACHE_HOME:-~/.cache}/devfuse-bench, and kept there.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const here = dirname(fileURLToPath(import.meta.url))

export const cacheDir = join(
  process.env.XDG_CACHE_HOME || join(homedir(), '.cache'),
  'devfuse-bench',
)

const debianExamples = '/usr/share/doc/libfuse3-dev/examples'

const dist = join(here, '..', '..', 'dist')

/** Why a peer cannot run here. Everything else that is thrown is a bug. */
export class Unavailable extends Error {}

/**
 * @param {string} command
 * @param {string[]} args
 * @param {string} [cwd]
 */
const run = (command, args, cwd) => {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8' })
  if (error) throw new Unavailable(`${command}: ${error.message}`)
  if (status !== 0) {
    const lines = `${stderr}${stdout}`.trim().split('\n')
    throw new Unavailable(`${command} failed: ${lines.slice(0, 3).join(' / ')}`)
  }
  return stdout.trim()
}

/**
 * Compile one C file, unless that was done after its last change.
 *
 * @param {string} source
 * @param {string[]} flags
 * @returns the path of the binary
 */
const compile = (source, flags) => {
  if (!existsSync(source)) throw new Unavailable(`${source} is not there`)
  const bin = join(cacheDir, 'bin')
  const out = join(bin, source.replace(/^.*\//, '').replace(/\.c$/, ''))
  mkdirSync(bin, { recursive: true })
  if (!existsSync(out) || statSync(out).mtimeMs < statSync(source).mtimeMs) {
    run('cc', ['-O2', '-Wall', source, '-o', out, ...flags])
  }
  return out
}

/** @param {string} path below dist/ */
export const built = (path) => {
  const full = join(dist, path)
  if (!existsSync(full)) throw new Unavailable(`${full} is not built`)
  return full
}

/** @param {'client' | 'limit'} name */
export const ownProgram = (name) => compile(join(here, `${name}.c`), ['-Wextra', '-Werror'])

/**
 * An example of the distribution's libfuse3-dev, compiled from the distribution's own directory.
 *
 * @param {'hello_ll' | 'passthrough_ll'} name
 */
export const libfuseExample = (name) => {
  if (!existsSync(debianExamples)) {
    throw new Unavailable(`${debianExamples} is not there (Debian package libfuse3-dev)`)
  }
  const flags = run('pkg-config', ['fuse3', '--cflags', '--libs']).split(/\s+/)
  return compile(join(debianExamples, `${name}.c`), flags)
}

/** memfs_ll is in no distribution package: whoever has built libfuse says where. */
export const memfsLl = () => {
  const path = process.env.DEVFUSE_BENCH_MEMFS_LL
  if (!path) throw new Unavailable('DEVFUSE_BENCH_MEMFS_LL does not name a memfs_ll of libfuse')
  if (!existsSync(path)) throw new Unavailable(`DEVFUSE_BENCH_MEMFS_LL: ${path} is not there`)
  return path
}

/**
 * fuse-native, installed from npm the first time.
 *
 * Its prebuilt addon asks the loader for libfuse.so.2 and finds nothing, although the package
 * ships that library as libfuse.so: a link in a directory of LD_LIBRARY_PATH brings them together.
 *
 * @returns {{ module: string, libraryPath: string }}
 */
export const fuseNative = () => {
  const home = join(cacheDir, 'fuse-native')
  const module = join(home, 'node_modules', 'fuse-native')
  if (!existsSync(module)) {
    mkdirSync(home, { recursive: true })
    run('npm', ['install', '--prefix', home, '--no-audit', '--ignore-scripts', 'fuse-native'], home)
  }
  const shipped = join(module, 'prebuilds', `linux-${process.arch}`, 'libfuse.so')
  if (!existsSync(shipped)) throw new Unavailable(`fuse-native has no build for ${process.arch}`)
  const link = join(home, 'lib', 'libfuse.so.2')
  mkdirSync(dirname(link), { recursive: true })
  rmSync(link, { force: true })
  symlinkSync(shipped, link)
  const env = { ...process.env, LD_LIBRARY_PATH: dirname(link) }
  const { status, stderr } = spawnSync(
    process.execPath,
    ['-e', `require(${JSON.stringify(module)})`],
    { env, encoding: 'utf8' },
  )
  if (status !== 0) {
    const reason = stderr.split('\n').find((line) => line.startsWith('Error')) ?? stderr.trim()
    throw new Unavailable(`fuse-native does not load: ${reason}`)
  }
  return { module, libraryPath: dirname(link) }
}
