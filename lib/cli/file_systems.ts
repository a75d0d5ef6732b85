import { existsSync, readdirSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { Command, Invocation, Plan } from '../command.ts'
import { fuse_ll_ops } from '../fuse_ll_ops.ts'
import type { LowLevelOps } from '../ops.ts'
import type { PathOps } from '../path_ops.ts'
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

type FileSystem = LowLevelOps | PathOps

const has = (value: object, name: string): boolean =>
  typeof (value as Record<string, unknown>)[name] === 'function'

/** At least one method that is an operation. */
const isFileSystem = (value: unknown): value is FileSystem =>
  isObject(value) && [...METHODS].some((name) => has(value, name))

/** One with `lookup` is on inodes: on paths there is none. */
const planOf = (made: FileSystem, subtype: string): Plan =>
  has(made, 'lookup')
    ? { ops: made as LowLevelOps, options: { subtype } }
    : { paths: made as PathOps, options: { subtype } }

function checked(made: unknown, path: string): FileSystem {
  if (isFileSystem(made)) return made
  throw new TypeError(`${path}: expected an object with methods like getattr and readdir`)
}

/** What a module may export by default, besides a command. */
type Exported = FileSystem | ((invocation: Invocation) => FileSystem | Promise<FileSystem>)

function commandOf(exported: Exported, path: string): Command<Words> {
  const name = basename(path).replace(/\.[^.]*$/, '')
  const about = `The file system of ${path}.`
  if (typeof exported !== 'function') {
    return { name, about, words: {}, plan: () => planOf(exported, name) }
  }
  return {
    name,
    about,
    operands: ['SOURCE'],
    words: {},
    plan: async (_said, invocation) => planOf(checked(await exported(invocation), path), name),
  }
}

async function load(path: string): Promise<Command<Words>> {
  const { default: exported } = (await import(pathToFileURL(path).href)) as { default?: unknown }
  if (isCommand(exported)) return exported
  if (typeof exported === 'function') return commandOf(exported as Exported, path)
  if (isFileSystem(exported)) return commandOf(exported, path)
  throw new UsageError(
    `${path}: the default export is no file system: expected methods like getattr and readdir, a ` +
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
