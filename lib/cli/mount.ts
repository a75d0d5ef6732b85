import { runInForeground } from '../command.ts'
import { UsageError } from '../words.ts'
import type { Arguments } from './arguments.ts'
import { exampleNames, fileSystem } from './file_systems.ts'
import type { Subcommand } from './subcommand.ts'
import { table } from './table.ts'

async function help(): Promise<string> {
  const examples = await Promise.all(exampleNames().map(fileSystem))
  return `FILESYSTEM is an example of this package or the path of a module, with a / in it, whose default export is
an object of handlers (LowLevelOps or PathOps), a function that makes one, or a command of devfuse/command.

${table(examples.map(({ name, about }) => [`  ${name}`, about]))}
It stays in the foreground until Ctrl-C, SIGTERM or umount. devfuse mount FILESYSTEM --help lists what it
can be told. mount.fuse.devfuse is the same for mount(8) and fstab.

Exit status 0 once it is unmounted, 1 for what has failed, 2 for wrong arguments.`
}

async function run({ operands: [name, ...argv] }: Arguments): Promise<undefined> {
  if (name === undefined) throw new UsageError('expected a file system')
  const command = await fileSystem(name)
  await runInForeground({ ...command, name: `devfuse mount ${command.name}` }, argv)
}

export const mountCommand: Subcommand = {
  synopsis: 'FILESYSTEM [ARGUMENT...] MOUNTPOINT [-o OPTION[=VALUE],...]',
  about: 'mount an example of this package or a module of yours',
  help,
  flags: {},
  passes: true,
  run,
}
