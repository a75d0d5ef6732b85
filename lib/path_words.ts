import type { PathOptions } from './path_options.ts'
import { count, flag, type Said, seconds, type Word, type Words } from './words.ts'

type Option = keyof PathOptions

export interface PathWord<K extends Option = Option> extends Word<unknown> {
  readonly key: K
  /** What the word alone makes of the option. */
  readonly is?: boolean | number
}

const on = <K extends Option>(key: K, about: string): PathWord<K> => ({
  ...flag(about),
  key,
  is: true,
})
const off = <K extends Option>(key: K, about: string): PathWord<K> => ({
  ...flag(about),
  key,
  is: false,
})
const valued = <K extends Option>(key: K, word: Word<number>): PathWord<K> => ({ ...word, key })

const ID = 2 ** 32 - 1
const PERMISSIONS = 0o777

const octal = (about: string): Word<number> => ({
  value: 'OCTAL',
  about,
  read(text) {
    const mask = /^0?[0-7]{1,3}$/.test(text ?? '') ? Number.parseInt(text ?? '', 8) : Number.NaN
    if (mask <= PERMISSIONS) return mask
    throw new RangeError(`expected 0 to 777, got ${text === undefined ? 'no value' : text}`)
  },
})

/** libfuse's words for `PathOptions`. */
export const PATH_WORDS = {
  entry_timeout: valued('entryTimeout', seconds('how long the kernel remembers names (1)')),
  attr_timeout: valued('attrTimeout', seconds('how long it remembers attributes (1)')),
  negative_timeout: valued(
    'negativeTimeout',
    seconds('how long it remembers that there is no such name (0)'),
  ),
  uid: valued('setUid', count(0, ID, 'as a user', "show every file as this user's")),
  gid: valued('setGid', count(0, ID, 'as a group', "show every file as this group's")),
  umask: valued('umask', octal('show permissions as 777 less these')),
  use_ino: on('useIno', "show the file system's inode numbers; so it is by default"),
  no_use_ino: off('useIno', "show the kernel's own numbers"),
  readdir_ino: on('readdirIno', 'show numbers in listings where known; so it is by default'),
  direct_io: on('directIo', 'no page cache'),
  parallel_direct_writes: on('parallelDirectWrites', 'with direct_io: several writes at once'),
  kernel_cache: on('kernelCache', 'the page cache keeps files that are opened again'),
  auto_cache: on('autoCache', 'the same where size and modification time have not changed'),
  ac_attr_timeout: valued('acAttrTimeout', seconds('how old attributes may be for auto_cache')),
  remember: valued('remember', seconds('how long numbers are kept that the kernel forgets (0)')),
  noforget: { ...flag('keep them for ever'), key: 'remember', is: Number.POSITIVE_INFINITY },
  nullpath_ok: on('nullpathOk', 'no paths for handlers that get a handle'),
  no_rofd_flush: on('noRofdFlush', 'no flush where a file was open for reading only'),
  hard_remove: on('hardRemove', 'remove files that are open; so it is by default'),
  no_hard_remove: off('hardRemove', 'rename them to .fuse_hidden until they are closed'),
  no_path_locks: off('pathLocks', 'a rename does not wait for handlers with paths below'),
  intr: on('intr', 'signals interrupt handlers; so it is by default'),
  no_intr: off('intr', 'they do not'),
} satisfies Words & Record<string, PathWord>

/** The options that were said. What was said last counts. */
export function pathOptionsOf(said: Said<typeof PATH_WORDS>): PathOptions {
  const options: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(said)) {
    if (!Object.hasOwn(PATH_WORDS, name)) continue
    const { key, is }: PathWord = PATH_WORDS[name as keyof typeof PATH_WORDS]
    options[key] = is ?? value
  }
  return options as PathOptions
}
