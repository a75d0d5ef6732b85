// File systems mounted by the test's own process, and what other processes see of them.
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { Test } from 'tap'
import {
  attrOut,
  dirents,
  entry,
  errno,
  type LowLevelOps,
  type MountedSession,
  type MountOptions,
  mountLowLevel,
} from '../../lib/index.ts'
import { freeDir, freshDir } from './mount.ts'
import { plainEnv } from './plain_env.ts'

/** nobody: whoever is not the one who mounts. */
export const NOBODY = 65_534

export const TEXT = 'Hello\n'
const root = { ino: 1, mode: 0o40755, nlink: 2 }
const files = [
  { name: 'open', ino: 2, mode: 0o100644, nlink: 1, size: TEXT.length },
  { name: 'secret', ino: 3, mode: 0o100600, nlink: 1, size: TEXT.length },
]

/** Two files of root's: `open` is for everybody to read, `secret` is not. Nobody writes. */
export const twoFiles: LowLevelOps = {
  lookup(_req, _parent, name) {
    const file = files.find((candidate) => candidate.name === name)
    return file === undefined ? null : entry(file.ino, file, { attrTimeout: 0 })
  },
  getattr: (_req, nodeid) => attrOut(files.find(({ ino }) => ino === nodeid) ?? root, 0),
  open(_req, _nodeid, { flags }) {
    if ((flags & 3) !== 0) throw errno('EACCES')
    return {}
  },
  read: (_req, _nodeid, { offset, size }) => Buffer.from(TEXT).subarray(offset, offset + size),
  readdir: (_req, _nodeid, args) => dirents(args, files),
}

export interface Ran {
  readonly code: number | string
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  readonly uid?: number
  readonly cwd?: string
  readonly env?: NodeJS.ProcessEnv
}

/** A command run to its end while this process serves; at most 20 s. */
export const run = (
  command: string,
  args: readonly string[],
  { uid, cwd = '/', env }: RunOptions = {},
): Promise<Ran> =>
  new Promise((resolve) => {
    const options = {
      cwd,
      timeout: 20_000,
      killSignal: 'SIGKILL',
      env: plainEnv({ LC_ALL: 'C', ...env }),
      ...(uid !== undefined && { uid, gid: uid }),
    } as const
    execFile(command, args, options, (error, stdout, stderr) => {
      resolve({ code: error?.code ?? (error ? String(error.signal) : 0), stdout, stderr })
    })
  })

/** Mounted for a test, and gone after it. */
export async function mountFor(
  t: Test,
  options: MountOptions = {},
  ops: LowLevelOps = twoFiles,
  directory = freshDir(),
): Promise<MountedSession> {
  t.teardown(() => freeDir(directory))
  const session = await mountLowLevel(directory, ops, { handleSignals: false, ...options })
  t.teardown(() => session.unmount({ lazy: true }))
  return session
}

/** The fields of a mount's line in mountinfo, a character a byte, as the kernel has escaped them. */
export function mountinfoLine(session: MountedSession): {
  readonly flags: string[]
  readonly type: string
  readonly source: string
  readonly data: string[]
} {
  const lines = readFileSync('/proc/self/mountinfo', 'latin1').split('\n')
  const device = session.device
  const line = lines.findLast((candidate) => candidate.split(' ')[2] === device) ?? ''
  const [before = '', after = ''] = line.split(' - ')
  const [type = '', source = '', data = ''] = after.split(' ')
  return { flags: (before.split(' ')[5] ?? '').split(','), type, source, data: data.split(',') }
}
