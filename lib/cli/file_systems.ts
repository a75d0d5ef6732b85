import { existsSync, readdirSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { Command, Invocation } from '../command.ts'
import { fuse_ll_ops } from '../fuse_ll_ops.ts'
import type { LowLevelOps } from '../ops.ts'
import { UsageError, type Words } from '../words.ts'
import { unknown } from './nearest.ts'

const FOLDER = fileURLToPath(new URL('../../examples/', import.meta.url))
/** Of the folder's files, those that are no file system. */
const OTHERS: ReadonlySet<string> = new Set(['cli', 'start', 'locks'])

/** The names of the examples of this package. */
export const exampleNames = (): string[] =>
  readdirSync(FOLDER)
    .filter((file) => file.endsWith('.js'))
    .map((file) => basename(file, '.js'))
    .filter((name) => !OTHERS.has(name))
    .sort()

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

const isCommand = (value: unknown): value is Command<Words> =>
  isObject(value) && typeof (value as { plan?: unknown }).plan === 'function'

const METHODS: ReadonlySet<string> = new Set(Object.values(fuse_ll_ops).map(({ name }) => name))

/** At least one method that is an operation. */
function isFileSystem(value: unknown): value is LowLevelOps {
  if (!isObject(value)) return false
  return [...METHODS].some((name) => typeof (value as Record<string, unknown>)[name] === 'function')
}

function checked(made: unknown, path: string): LowLevelOps {
  if (isFileSystem(made)) return made
  throw new TypeError(`${path}: expected an object with methods like lookup and getattr`)
}

/** What a module may export by default, besides a command. */
type Exported = LowLevelOps | ((invocation: Invocation) => LowLevelOps | Promise<LowLevelOps>)

function commandOf(exported: Exported, path: string): Command<Words> {
  const name = basename(path).replace(/\.[^.]*$/, '')
  const about = `The file system of ${path}.`
  if (typeof exported !== 'function') {
    return { name, about, words: {}, plan: () => ({ ops: exported, options: { subtype: name } }) }
  }
  return {
    name,
    about,
    operands: ['SOURCE'],
    words: {},
    plan: async (_said, invocation) => ({
      ops: checked(await exported(invocation), path),
      options: { subtype: name },
    }),
  }
}

async function load(path: string): Promise<Command<Words>> {
  const { default: exported } = (await import(pathToFileURL(path).href)) as { default?: unknown }
  if (isCommand(exported)) return exported
  if (typeof exported === 'function') return commandOf(exported as Exported, path)
  if (isFileSystem(exported)) return commandOf(exported, path)
  throw new UsageError(
    `${path}: the default export is no file system: expected methods like lookup and getattr, a ` +
      'function that makes such an object, or a command of devfuse/command',
  )
}

/** The file of a module, as a path has a slash in it and a name has none. */
function fileOf(name: string): string {
  if (name.includes('/')) {
    const path = resolve(name)
    if (existsSync(path)) return path
    throw new UsageError(`there is no ${path}`)
  }
  const known = exampleNames()
  if (known.includes(name)) return `${FOLDER}${name}.js`
  throw new UsageError(`${unknown('file system', name, known)} (a path of a module has a / in it)`)
}

/**
 * A file system by name: an example of this package, or a module's path. Throws UsageError where there is
 * none, and what the module throws.
 */
export const fileSystem = (name: string): Promise<Command<Words>> => load(fileOf(name))
