// Serves a file system for mount.fuse.devfuse, which waits for one message and then leaves it alone.
// Started with SOURCE TARGET SUBTYPE OPTIONS [fake] [sloppy], as ps(1) shows it.

import { planCommand, wordsOf } from '../command.ts'
import { UsageError } from '../words.ts'
import { fileSystem } from './file_systems.ts'
import { nameOfSource, operandsOf, withoutUnknown } from './fstab.ts'

/** What the parent hears. */
export interface Told {
  /** Why it is not mounted; absent where it is. */
  readonly error?: string
  /** The error is the user's. */
  readonly usage?: boolean
}

const tell = (told: Told): Promise<void> =>
  new Promise((resolve) => {
    // A parent that has gone hears nothing.
    if (process.send === undefined) resolve()
    else process.send(told, () => resolve())
  })

async function mount([source, mountpoint, subtype, list, ...mode]: readonly string[]) {
  if (source === undefined || mountpoint === undefined || list === undefined) {
    throw new UsageError('expected SOURCE TARGET SUBTYPE OPTIONS')
  }
  const command = await fileSystem(nameOfSource(source))
  const operands = operandsOf(source, command.operands?.length ?? 0)
  const known = mode.includes('sloppy') ? withoutUnknown(list, wordsOf(command)) : list
  // mountinfo then says what fstab says: by that `mount -a` knows what is mounted already.
  const named = { fsname: source, ...(subtype && { subtype }) }
  const line = { mountpoint, operands, list: known }
  const planned = await planCommand(command, line, named)
  if (mode.includes('fake')) return
  const session = await planned.mount(mountpoint)
  // The folder that it was started in is nothing to it.
  process.chdir('/')
  return session
}

/** Whoever waited is gone, and nobody would know of the mount: exit unmounts it. */
const orphaned = () => process.exit(1)

process.on('disconnect', orphaned)
try {
  const session = await mount(process.argv.slice(2))
  process.off('disconnect', orphaned)
  await tell({})
  process.disconnect?.()
  if (session === undefined) process.exit()
} catch (error) {
  process.off('disconnect', orphaned)
  const message = error instanceof Error ? error.message : String(error)
  await tell({ error: message, usage: error instanceof UsageError })
  // Whatever the module has begun.
  process.exit(1)
}
