import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** What lets a Node of its own run our TypeScript, as tap's processes do. */
export const LOADER: readonly string[] = [
  `--import=${import.meta.resolve('@tapjs/typescript/import')}`,
]

/** Without what the test runner puts into its own processes. */
export function childEnvironment(more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _, DEBUG: __, ...environment } = process.env
  return { ...environment, ...more }
}

export interface Ran {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Run a module next to the caller to its end. */
export function runChild(
  module: URL,
  {
    node = [],
    args = [],
    env = {},
  }: { node?: readonly string[]; args?: readonly string[]; env?: NodeJS.ProcessEnv } = {},
): Ran {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [...LOADER, ...node, fileURLToPath(module), ...args],
    {
      encoding: 'utf8',
      timeout: 60_000,
      killSignal: 'SIGKILL',
      env: childEnvironment({ TS_NODE_TRANSPILE_ONLY: '1', ...env }),
    },
  )
  return { status, stdout, stderr }
}
