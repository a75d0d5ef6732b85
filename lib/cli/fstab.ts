import { UsageError, type Words } from '../words.ts'

/** What stands in fstab(5) for mount(8) and others, and is nothing to a file system. */
const FOR_OTHERS: ReadonlySet<string> = new Set([
  ...['defaults', 'auto', 'noauto', 'nofail', '_netdev', 'comment', 'loop'],
  ...['user', 'nouser', 'users', 'nousers', 'owner', 'noowner', 'group', 'nogroup'],
])

const nameOf = (item: string): string => item.split('=', 1)[0] as string

/** At commas, of which those in values have a backslash before them; it stays there. */
const items = (list: string): string[] => list.match(/(\\.|[^,\\])+/gs) ?? []

/** A list behind -o without what mount(8) keeps for itself. */
export const withoutOthers = (list: string): string =>
  items(list)
    .filter((item) => !FOR_OTHERS.has(nameOf(item)) && !/^x-/i.test(item))
    .join(',')

/** For `mount -s`: without the words that nobody knows here, too. */
export const withoutUnknown = (list: string, words: Words): string =>
  items(list)
    .filter((item) => Object.hasOwn(words, nameOf(item)))
    .join(',')

/**
 * `stackfs#/lower` is stackfs of /lower, `memfs` and `memfs#scratch` are both memfs: behind the # of one
 * that takes nothing is a label. Throws UsageError.
 *
 * @param takes how many operands the file system has.
 */
export function operandsOf(source: string, takes: number): readonly string[] {
  const hash = source.indexOf('#')
  const operand = hash < 0 ? '' : source.slice(hash + 1)
  if (takes > 1) throw new UsageError(`${source}: it takes more than one operand`)
  return takes === 0 || operand === '' ? [] : [operand]
}

/** What stands before the #. */
export const nameOfSource = (source: string): string => source.split('#', 1)[0] as string

/** `fuse.devfuse` is subtype devfuse, `fuse` none. Throws UsageError for another type. */
export function subtypeOf(type: string): string | undefined {
  const parts = /^fuse(?:\.(.+))?$/s.exec(type)
  if (parts === null) throw new UsageError(`-t ${type}: expected fuse or fuse.SUBTYPE`)
  return parts[1]
}
