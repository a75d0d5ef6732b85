// npm start: memfs on a folder of its own, to try out.

import { mkdtempSync, rmdirSync } from 'node:fs'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { mountLowLevel } from '../lib/index.ts'
import { memfs, memfsCapabilities } from './memfs/memfs.ts'

const README = `This file is in the memory of a Node process.
The kernel asks it for these bytes by FUSE, and devfuse answers.
`

/** By way of the mount itself. Not with the synchronous calls: they wait for the thread that they block. */
async function fill(folder: string): Promise<void> {
  await writeFile(join(folder, 'README'), README)
  await mkdir(join(folder, 'notes'))
  await writeFile(join(folder, 'notes', 'today.txt'), 'Write something here.\n')
  await symlink('notes/today.txt', join(folder, 'latest'))
}

const invitation = (folder: string): string => `A file system in memory is mounted on

  ${folder}

Try, in another terminal:

  ls -la ${folder}
  cat ${folder}/README
  echo 'hello' >> ${folder}/latest
  df -h ${folder}

Ctrl-C ends it; what is in it is gone then.
`

async function start(folder: string): Promise<void> {
  const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }
  const session = await mountLowLevel(folder, memfs({}, owner), {
    capabilities: memfsCapabilities({}, true),
    defaultPermissions: true,
    subtype: 'memfs',
  })
  await fill(folder)
  process.stdout.write(invitation(folder))
  await session.closed
}

const folder = mkdtempSync(join(tmpdir(), 'devfuse-'))
try {
  await start(folder)
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`)
  process.exitCode = 1
} finally {
  rmdirSync(folder)
}
