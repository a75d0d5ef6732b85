import { LayoutError, show } from '../protocol/words.ts'
import type { SessionOptions } from './session_options.ts'
import { choice, count, flag, readWords, type Said, text, type Word, type Words } from './words.ts'

/** How to mount, in mount(8)'s and libfuse's terms. */
export interface MountOptions extends SessionOptions {
  /** What stands as the source in /proc/mounts. Default: the subtype, or `devfuse`. */
  readonly fsname?: string
  /** The type is then `fuse.<subtype>`. */
  readonly subtype?: string
  readonly readOnly?: boolean
  /**
   * Let other users in. Without it only the user who mounts gets in, not even root.
   * It turns `defaultPermissions` on.
   */
  readonly allowOther?: boolean
  /**
   * Let root in besides the user who mounts. The kernel has no such option: it lets everybody in,
   * and the session answers EACCES to everybody else who looks up a name or opens something.
   */
  readonly allowRoot?: boolean
  /**
   * The kernel checks modes and owners. Default: on with `allowOther` and `allowRoot`, else off. Where
   * others get in and nobody checks, everybody may read what is 0600 and write what is root's: say
   * `false` only for a file system that checks each request by itself (`req.uid`).
   */
  readonly defaultPermissions?: boolean
  /** Most bytes of one READ. At least 4,096; default: no limit beyond the kernel's. */
  readonly maxRead?: number
  /**
   * Most bytes that the kernel reads ahead of a buffered reader, whole pages; `connection.maxReadahead`
   * tells what is in force. Beyond the 128 KiB that the kernel offers only root gets it. Default 1 MiB.
   */
  readonly maxReadahead?: number
  /** Honour set-user-id bits; default false (MS_NOSUID). */
  readonly suid?: boolean
  /** Honour device nodes; default false (MS_NODEV). */
  readonly dev?: boolean
  /** Do not allow programs to be executed. */
  readonly noexec?: boolean
  /** Each write(2) is as with O_SYNC. */
  readonly sync?: boolean
  /** Changes to directories are synchronous. */
  readonly dirsync?: boolean
  /** Do not update access times. */
  readonly noatime?: boolean
  /** Nor those of directories. */
  readonly nodiratime?: boolean
  /** Update an access time that is older than the modification or a day; so it is by default. */
  readonly relatime?: boolean
  /** Update access times always. */
  readonly strictatime?: boolean
  /** Mount a block device, `fsname`: the type is fuseblk, and umount waits for `destroy`. */
  readonly blkdev?: boolean
  /** Bytes of a block of `blkdev`: a power of two from 512 to 4,096. Default 512. */
  readonly blksize?: number
  /**
   * Unmount when this process has ended, also by kill -9: a fusermount3 stays and watches it, for root
   * too. For others than root it needs `allowOther` or `allowRoot`: fusermount3 looks as root whether
   * the mount is dead. Default false: after kill -9 the mount stays and answers ENOTCONN.
   */
  readonly autoUnmount?: boolean
  /**
   * How: mount(2), which needs CAP_SYS_ADMIN in the user namespace of the mounts, or the set-user-id
   * helper fusermount3. Default: mount(2), and fusermount3 where that is not permitted.
   */
  readonly via?: 'mount' | 'fusermount3'
  /**
   * Where a FUSE mount is in the way whose server has died (ENOTCONN): `replace` detaches it first.
   * Default `refuse`: MountError EFUSE_STALE_MOUNT.
   */
  readonly staleMount?: 'refuse' | 'replace'
  /**
   * Unmount on SIGINT, SIGTERM and SIGHUP, and then exit with status 0 where nobody else listens
   * for the signal. Default true. On process exit it is unmounted in any case.
   */
  readonly handleSignals?: boolean
}

/** A word of -o and the option that it is. */
export interface MountWord<K extends keyof MountOptions = keyof MountOptions>
  extends Word<MountOptions[K]> {
  readonly key: K
  /** Of a word alone: what it makes of the option. */
  readonly is?: boolean
  /** The flag of mount(2) that it sets, also where it is the default. */
  readonly bit?: number
}

type Switch = {
  [K in keyof MountOptions]-?: MountOptions[K] extends boolean | undefined ? K : never
}[keyof MountOptions]

const on = <K extends Switch>(key: K, about: string, bit = 0): MountWord<K> => ({
  ...flag(about),
  key,
  is: true,
  bit,
})

const off = <K extends Switch>(key: K, about: string, bit = 0): MountWord<K> => ({
  about,
  key,
  is: false,
  bit,
  read: (said) => !flag(about).read(said),
})

const valued = <K extends keyof MountOptions>(
  key: K,
  word: Word<NonNullable<MountOptions[K]>>,
): MountWord<K> => ({ ...word, key })

const REQUESTS = [1, 65_535, 'requests'] as const
const MAX_U32 = 2 ** 32 - 1

/** Every option that has a word: mount(8)'s, libfuse's. */
export const MOUNT_WORDS = {
  allow_other: on('allowOther', 'let other users in; implies default_permissions'),
  allow_root: on('allowRoot', 'let root in; implies default_permissions'),
  default_permissions: on('defaultPermissions', 'the kernel checks modes, owners and ACLs'),
  no_default_permissions: off('defaultPermissions', 'it does not, even with allow_other'),
  ro: on('readOnly', 'read-only', 1),
  rw: off('readOnly', 'not so'),
  nosuid: off('suid', 'set-user-id bits do nothing (so it is)', 2),
  suid: on('suid', 'they count'),
  nodev: off('dev', 'device nodes cannot be opened (so it is)', 4),
  dev: on('dev', 'they can'),
  noexec: on('noexec', 'programs cannot be executed', 8),
  exec: off('noexec', 'they can (so it is)'),
  sync: on('sync', 'writes are synchronous', 16),
  async: off('sync', 'they are not (so it is)'),
  dirsync: on('dirsync', 'changes to directories are synchronous', 128),
  noatime: on('noatime', 'access times are not updated', 1024),
  atime: off('noatime', 'they are (so it is)'),
  nodiratime: on('nodiratime', 'access times of directories are not updated', 2048),
  diratime: off('nodiratime', 'they are (so it is)'),
  relatime: on('relatime', 'access times are updated once a day (so it is)', 1 << 21),
  norelatime: off('relatime', 'no matter'),
  strictatime: on('strictatime', 'access times are always updated', 1 << 24),
  nostrictatime: off('strictatime', 'no matter'),
  fsname: valued('fsname', text('the source in /proc/mounts')),
  subtype: valued('subtype', text('the type is then fuse.TEXT')),
  blkdev: on('blkdev', 'mount the block device that fsname is'),
  blksize: valued('blksize', count(512, 4096, 'bytes', 'bytes of its blocks (512)')),
  auto_unmount: on('autoUnmount', 'unmount when the process has ended, whatever ended it'),
  via: valued('via', choice(['mount', 'fusermount3'] as const, 'how to mount (what is permitted)')),
  stale_mount: valued(
    'staleMount',
    choice(['refuse', 'replace'] as const, 'what becomes of a dead mount in the way (refuse)'),
  ),
  max_read: valued('maxRead', count(4096, MAX_U32, 'bytes', 'most bytes of one read request')),
  max_write: valued(
    'maxWrite',
    count(4096, 2 ** 24, 'bytes', 'most bytes of one write request (1 MiB)'),
  ),
  max_readahead: valued('maxReadahead', count(0, MAX_U32, 'bytes', 'most bytes to read ahead')),
  max_background: valued(
    'maxBackground',
    count(...REQUESTS, 'most requests that no process waits for (12)'),
  ),
  congestion_threshold: valued(
    'congestionThreshold',
    count(...REQUESTS, 'from how many of them on it is congested (9)'),
  ),
} satisfies Readonly<Record<string, MountWord>>

type Worded = (typeof MOUNT_WORDS)[keyof typeof MOUNT_WORDS]['key']

/** Every option that has none. A key that is missing or too many here does not compile. */
const WORDLESS: Readonly<Record<Exclude<keyof MountOptions, Worded>, true>> = {
  capabilities: true,
  maxStackDepth: true,
  timeGran: true,
  requestTimeout: true,
  onError: true,
  interrupts: true,
  maxInFlight: true,
  poison: true,
  pageSize: true,
  onlyFor: true,
  handleSignals: true,
}

const rows: readonly (readonly [string, MountWord])[] = Object.entries(MOUNT_WORDS)

/** The options that words said, of which some may be somebody else's. */
export function mountOptionsOf(said: Said<Words>): MountOptions {
  const table: Readonly<Record<string, MountWord>> = MOUNT_WORDS
  const options: Record<string, unknown> = {}
  for (const [word, value] of Object.entries(said)) {
    const row = Object.hasOwn(table, word) ? table[word] : undefined
    if (row !== undefined) options[row.key] = value
  }
  // Each value was read by the reader of its option.
  return options as MountOptions
}

/**
 * The options that `-o list` stands for: `ro,allow_other,fsname=a\,b`. Of words that exclude each other
 * the last counts. Throws UsageError that names the word that is none, or is wrong.
 */
export const parseMountOptions = (list: string): MountOptions =>
  mountOptionsOf(readWords(list, MOUNT_WORDS))

const MAX_TEXT = 4095

function checkText(name: string, value: unknown): void {
  const bad =
    typeof value !== 'string' || value === '' || value.includes('\0') || value.length > MAX_TEXT
  if (bad) throw new LayoutError(name, `a text of 1 to ${MAX_TEXT} characters without NUL`, value)
}

function checkNumbers({ maxRead, blksize, maxInFlight }: MountOptions): void {
  const inRange = (n: number, least: number, most: number) =>
    Number.isInteger(n) && n >= least && n <= most
  if (maxRead !== undefined && !inRange(maxRead, 4096, MAX_U32)) {
    throw new LayoutError('maxRead', '4096 to 4294967295 bytes', maxRead)
  }
  const isBlock = (n: number) => inRange(n, 512, 4096) && (n & (n - 1)) === 0
  if (blksize !== undefined && !isBlock(blksize)) {
    throw new LayoutError('blksize', '512, 1024, 2048 or 4096 bytes', blksize)
  }
  if (maxInFlight !== undefined && !(maxInFlight > 0)) {
    throw new LayoutError('maxInFlight', 'bytes above 0', maxInFlight)
  }
}

function checkTogether(options: MountOptions): void {
  if (options.allowOther && options.allowRoot) {
    throw new TypeError('allowOther and allowRoot exclude each other')
  }
  if (options.allowRoot && options.capabilities?.FUSE_CAP_ALLOW_IDMAP) {
    throw new TypeError(
      'allowRoot and FUSE_CAP_ALLOW_IDMAP exclude each other: requests then do not say whose they are',
    )
  }
  if (options.blksize !== undefined && !options.blkdev) {
    throw new TypeError('blksize is for blkdev: the kernel takes it of block devices only')
  }
  if (options.blkdev && options.fsname === undefined) {
    throw new TypeError('blkdev: fsname must name the block device')
  }
  const { via, autoUnmount } = options
  if (via !== undefined && via !== 'mount' && via !== 'fusermount3') {
    throw new TypeError(`via: expected mount or fusermount3, got ${show(via)}`)
  }
  const { staleMount } = options
  if (staleMount !== undefined && staleMount !== 'refuse' && staleMount !== 'replace') {
    throw new TypeError(`staleMount: expected refuse or replace, got ${show(staleMount)}`)
  }
  if (via === 'mount' && autoUnmount) {
    throw new TypeError('autoUnmount is what fusermount3 does: via cannot be mount')
  }
}

/** Throws an error that names the option, what was expected and what came. */
export function checkMountOptions(options: MountOptions): void {
  for (const [key, value] of Object.entries(options)) {
    if (value === undefined) continue
    const row = rows.find(([, row]) => row.key === key)?.[1]
    if (row === undefined && !Object.hasOwn(WORDLESS, key)) {
      throw new TypeError(`${key}: there is no such option`)
    }
    if (row?.is !== undefined && typeof value !== 'boolean') {
      throw new LayoutError(key, 'true or false', value)
    }
  }
  if (options.fsname !== undefined) checkText('fsname', options.fsname)
  if (options.subtype !== undefined) checkText('subtype', options.subtype)
  checkNumbers(options)
  checkTogether(options)
  if (options.onError !== undefined && typeof options.onError !== 'function') {
    throw new TypeError(`onError: expected a function, got ${show(options.onError)}`)
  }
}

/** Whether the kernel checks modes: where others get in and nobody has said otherwise, it does. */
export const permissionsByKernel = (options: MountOptions): boolean =>
  options.defaultPermissions ?? Boolean(options.allowOther || options.allowRoot)

/** The flags of mount(2). */
export const kernelFlags = (options: MountOptions): number =>
  rows.reduce(
    (flags, [, { key, is, bit = 0 }]) => (Boolean(options[key]) === is ? flags | bit : flags),
    0,
  )

/** These depend on more than one option. */
const COMPUTED: ReadonlySet<string> = new Set(['defaultPermissions', 'allowOther', 'allowRoot'])
const S_IFMT = 0o170000

/** What the file system's own part of mount(2) is told, without the descriptor. */
export function kernelWords(mode: number, options: MountOptions): string[] {
  const words = [
    `rootmode=${(mode & S_IFMT).toString(8)}`,
    `user_id=${process.getuid?.() ?? 0}`,
    `group_id=${process.getgid?.() ?? 0}`,
  ]
  if (permissionsByKernel(options)) words.push('default_permissions')
  if (options.allowOther || options.allowRoot) words.push('allow_other')
  if (options.maxRead !== undefined) words.push(`max_read=${options.maxRead}`)
  if (options.blksize !== undefined) words.push(`blksize=${options.blksize}`)
  return words
}

/** A comma ends an option, unless a backslash stands before it. */
const escaped = (value: string): string => value.replace(/[\\,]/g, '\\$&')

/** What fusermount3 is told behind -o. It adds rootmode and the ids by itself, and nosuid and nodev. */
export function helperWords(options: MountOptions): string {
  const words = rows.flatMap(([word, { key, is }]) =>
    is === true && options[key] === true && !COMPUTED.has(key) ? [word] : [],
  )
  if (permissionsByKernel(options)) words.push('default_permissions')
  if (options.allowOther || options.allowRoot) words.push('allow_other')
  if (options.maxRead !== undefined) words.push(`max_read=${options.maxRead}`)
  if (options.blksize !== undefined) words.push(`blksize=${options.blksize}`)
  if (options.subtype !== undefined) words.push(`subtype=${escaped(options.subtype)}`)
  return [...words, `fsname=${escaped(sourceOf(options))}`].join(',')
}

export const sourceOf = ({ fsname, subtype }: MountOptions): string =>
  fsname ?? subtype ?? 'devfuse'

export function typeOf({ blkdev, subtype }: MountOptions): string {
  const type = blkdev ? 'fuseblk' : 'fuse'
  return subtype === undefined ? type : `${type}.${subtype}`
}
