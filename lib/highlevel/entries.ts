import { LayoutError } from '../../protocol/words.ts'
import type { DirectoryEntry, FileType } from '../path_ops.ts'

export const isDot = (name: string): boolean => name === '.' || name === '..'

/** What `fs.Dirent` answers by methods. */
const QUESTIONS: readonly (readonly [string, FileType])[] = [
  ['isFile', 'file'],
  ['isDirectory', 'directory'],
  ['isSymbolicLink', 'symlink'],
  ['isFIFO', 'fifo'],
  ['isSocket', 'socket'],
  ['isCharacterDevice', 'character'],
  ['isBlockDevice', 'block'],
]

function direntType(dirent: object): FileType | undefined {
  const asked = dirent as Readonly<Record<string, unknown>>
  const yes = ([name]: readonly [string, FileType]) =>
    typeof asked[name] === 'function' && asked[name].call(dirent) === true
  return QUESTIONS.find(yes)?.[1]
}

/** Throws LayoutError for what is no entry. */
export function entryOf(item: unknown): DirectoryEntry {
  if (typeof item === 'string') return { name: item }
  if (typeof item !== 'object' || item === null || !('name' in item)) {
    throw new LayoutError('readdir', 'names, or entries with a name', item)
  }
  if (typeof item.name !== 'string') throw new LayoutError('readdir: name', 'a string', item.name)
  if (!('isDirectory' in item)) return item as DirectoryEntry
  const type = direntType(item)
  return type === undefined ? { name: item.name } : { name: item.name, type }
}
