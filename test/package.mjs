// The package as a user gets it: packed, installed without development dependencies into an empty
// folder, type-checked by a strict consumer, imported, and mounted. `npm run test:package`.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const place = mkdtempSync(join(tmpdir(), 'devfuse-package-'))
const run = (command, args, cwd = place) =>
  execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })

const consumer = `
import { createRequire } from 'node:module'
import { attrOut, dirents, entry, errno, mountLowLevel, type LowLevelOps } from 'devfuse'
import { fuse_attr, FUSE_LOOKUP } from 'devfuse/protocol'
import { AT_FDCWD, posix } from 'devfuse/posix'
import Fuse, { type Handlers } from 'devfuse/compat'
import { FakeKernel } from 'devfuse/testing'
import { type Command, main } from 'devfuse/command'
const file = { mode: 0o100444, size: 2, nlink: 1 }
const ops: LowLevelOps = {
  lookup: (_req, _parent, name) => (name === 'ok' ? entry(2, file) : null),
  getattr: (_req, nodeid) => attrOut(nodeid === 1 ? { mode: 0o40755 } : file),
  readdir: (_req, _nodeid, args) => dirents(args, [{ name: 'ok', ino: 2, mode: file.mode }]),
  read() { throw errno('EIO') },
}
const handlers: Handlers = { getattr: (_path, cb) => cb(Fuse.ENOENT) }
const command: Command<Record<string, never>> = {
  name: 'ok', about: 'One file.', words: {}, plan: () => ({ ops }),
}
await main(command, 'file:///not/this/program.js')
console.log(fuse_attr.size, FUSE_LOOKUP, new FakeKernel().name, posix.openat(AT_FDCWD, '', 0, 0))
console.log(new Fuse('/', handlers).errno('eio'), createRequire(import.meta.url)('devfuse/compat') === Fuse)
const mountpoint = process.argv[2]
if (mountpoint !== undefined) {
  const session = await mountLowLevel(mountpoint, ops)
  console.log('mounted')
  await session.unmount()
  console.log((await session.closed).reason)
}
`
/** The README's file system. */
function firstProgram() {
  const readme = readFileSync(join(root, 'README.md'), 'utf8')
  const program = /```ts\n(.*?)```/s.exec(readme)?.[1]
  if (program === undefined) throw new Error('there is no program in README.md')
  return program
}

const tsconfig = {
  compilerOptions: {
    module: 'NodeNext',
    target: 'ES2023',
    lib: ['ES2023', 'ESNext.Disposable'],
    types: ['node'],
    typeRoots: [join(root, 'node_modules/@types')],
    strict: true,
    noEmit: false,
    skipLibCheck: false,
    rootDir: '.',
  },
  files: ['consumer.ts', 'readme.ts'],
}

try {
  run('npm', ['pack', '--silent', '--pack-destination', place], root)
  const tarball = readdirSync(place).find((name) => name.endsWith('.tgz'))
  writeFileSync(join(place, 'package.json'), '{"private":true,"type":"module"}')
  run('npm', ['install', '--omit=dev', '--no-audit', '--no-fund', '--silent', `./${tarball}`])
  writeFileSync(join(place, 'consumer.ts'), consumer)
  writeFileSync(join(place, 'readme.ts'), firstProgram())
  writeFileSync(join(place, 'tsconfig.json'), JSON.stringify(tsconfig))
  console.log(run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc')]))
  mkdirSync(join(place, 'mnt'))
  const canMount = process.getuid?.() === 0
  const output = run(process.execPath, ['consumer.js', ...(canMount ? ['mnt'] : [])])
  console.log(output)
  const expected = canMount
    ? '88 1 fake -2\n-5 true\nmounted\nunmounted\n'
    : '88 1 fake -2\n-5 true\n'
  if (output !== expected) throw new Error(`expected ${expected}, got ${output}`)
  const commands = [
    ['devfuse', '--version'],
    ['devfuse', 'mount', '--help'],
    ['devfuse', 'ps'],
    ['mount.fuse.devfuse', '--help'],
  ]
  for (const [name, ...args] of commands) run(join(place, 'node_modules/.bin', name), args)
  if (canMount) {
    run(join(place, 'node_modules/.bin/mount.fuse.devfuse'), ['memfs', join(place, 'mnt')])
    run(join(place, 'node_modules/.bin/devfuse'), ['umount', 'mnt'])
  }
  const built = readdirSync(join(place, 'node_modules/devfuse'))
  if (built.includes('build')) throw new Error('the installed package built the addon again')
} finally {
  rmSync(place, { recursive: true, force: true })
}
