import { spawnSync } from 'node:child_process'
import { compile } from './compile.mjs'

/** An operation of sys.c and its arguments. */
export type Op = readonly (string | number)[]

/**
 * Runs operations of sys.c in a process of its own and gives the line that each of them has printed;
 * what follows 'try' gives '!ECODE' where it fails, anything else throws an error with that `code`.
 */
export function sys(...ops: readonly Op[]): string[] {
  const words = ops.flatMap((op, i) => (i === 0 ? op : [':', ...op])).map(String)
  const { stdout, stderr, status } = spawnSync(compile(new URL('sys.c', import.meta.url)), words, {
    encoding: 'utf8',
    timeout: 60_000,
    killSignal: 'SIGKILL',
    maxBuffer: 64 << 20,
  })
  const lines = stdout.split('\n').slice(0, -1)
  if (status === 0) return lines
  const error = new Error(`${words.join(' ')}: ${stdout}${stderr} (status ${status})`)
  throw Object.assign(error, { code: lines.at(-1)?.slice(1) })
}
