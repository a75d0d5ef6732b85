// Builds the addon with AddressSanitizer and UndefinedBehaviorSanitizer and runs the native tests
// on it: `node test/native/asan.mjs`.
import { execFileSync, spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const root = dirname(dirname(here))
const tests = readdirSync(here).filter((name) => name.endsWith('.test.ts'))

const runtime = (name) =>
  execFileSync('gcc', [`-print-file-name=${name}`], { encoding: 'utf8' }).trim()

const environment = {
  ...process.env,
  DEVFUSE_ADDON: join(root, 'build/Asan/devfuse.node'),
  // Node itself is not instrumented, so the runtimes must be there before it. libstdc++ too, or
  // AddressSanitizer does not find the __cxa_throw it wraps.
  LD_PRELOAD: [runtime('libasan.so'), runtime('libubsan.so'), runtime('libstdc++.so.6')].join(' '),
  // Node leaves most of its memory to the end of the process: leaks of ours are the tests' matter.
  ASAN_OPTIONS: 'detect_leaks=0:abort_on_error=1',
  UBSAN_OPTIONS: 'halt_on_error=1:print_stacktrace=1',
}

function run(command, args, env) {
  const { status } = spawnSync(command, args, { cwd: root, env, stdio: 'inherit' })
  if (status !== 0) process.exit(1)
}

run(process.execPath, ['native/build.mjs', '--asan'], process.env)
run(
  process.execPath,
  [
    'node_modules/tap/dist/esm/run.mjs',
    '--disable-coverage',
    '--reporter=terse',
    '--timeout=120',
    ...tests.map((name) => `test/native/${name}`),
  ],
  environment,
)
