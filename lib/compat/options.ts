import { LayoutError } from '../../protocol/words.ts'
import type { MountOptions } from '../mount_options.ts'
import type { PathOptions } from '../path_options.ts'
import type { Timeouts } from './timeouts.ts'

type Devfuse = MountOptions & PathOptions

/** fuse-native's options; all others of `mount` count, too. Those that say nothing (null, '') are left out. */
export interface FuseOptions extends Omit<Devfuse, 'umask' | 'setUid' | 'setGid'> {
  /** Each call and what came of it, on stderr: the same as `DEBUG=devfuse:compat` for this one only. */
  readonly debug?: boolean | undefined
  /** Take away a mount whose server has died. One that lives is not replaced. */
  readonly force?: boolean | undefined
  /** Make the mount point where there is none. */
  readonly mkdir?: boolean | undefined
  /** How long a callback may take until the caller gets ETIMEDOUT; default 15,000 ms. */
  readonly timeout?: Timeouts | undefined
  /** Show every file as this user's, or group's. */
  readonly uid?: number | undefined
  readonly gid?: number | undefined
  /** Octal digits: `'022'`. Show permissions as 777 less these. */
  readonly umask?: string | number | undefined
  /** Numbers of files are never given to others: `remember` for ever. */
  readonly noforget?: boolean | undefined
  /** Of macOS: without effect here, as in fuse-native. */
  readonly displayFolder?: boolean | string | undefined
  readonly name?: string | undefined
}

/** What is not for `mount`. */
const OURS: ReadonlySet<string> = new Set([
  ...['debug', 'force', 'mkdir', 'timeout', 'displayFolder', 'name'],
  ...['uid', 'gid', 'umask', 'noforget'],
])

/** Those of fuse-native that cannot be done, and why. */
const CANNOT: Readonly<Record<string, string>> = {
  modules: 'it would load modules of libfuse, which is not there',
  fd: 'the device is opened by the library',
  userId: 'the user who mounts is the owner of the mount',
}

const SWITCHES: ReadonlySet<string> = new Set([
  ...['allowOther', 'allowRoot', 'autoUnmount', 'defaultPermissions'],
  ...['blkdev', 'kernelCache', 'autoCache'],
])
const NUMBERS: ReadonlySet<string> = new Set([
  ...['blksize', 'maxRead', 'entryTimeout', 'attrTimeout', 'acAttrTimeout', 'remember'],
])
/** 0 is none: no number. */
const SIZES: ReadonlySet<string> = new Set(['blksize', 'maxRead'])

const saysNothing = (value: unknown): boolean =>
  value === undefined || value === null || value === ''

/** fuse-native puts options into libfuse's words, so that `1` and `'1'` will do. */
function read(name: string, value: unknown): unknown {
  if (SWITCHES.has(name)) return Boolean(value)
  return NUMBERS.has(name) ? numberOf(name, value) : value
}

/** Throws LayoutError. */
function numberOf(name: string, value: unknown): number {
  const number = Number(value)
  if (Number.isNaN(number)) throw new LayoutError(name, 'a number', value)
  return number
}

/** Throws LayoutError. */
function umaskOf(umask: string | number): number {
  if (/^0?[0-7]{1,3}$/.test(String(umask))) return Number.parseInt(String(umask), 8)
  throw new LayoutError('umask', "octal digits, '022'", umask)
}

/** Throws an error that names the option that is wrong, or cannot be done. */
export function mountOptionsOf(options: FuseOptions): Devfuse {
  for (const [name, why] of Object.entries(CANNOT)) {
    const value = (options as Readonly<Record<string, unknown>>)[name]
    if (value) throw new TypeError(`${name}: devfuse cannot do that: ${why}`)
  }
  const rest = Object.entries(options)
    .filter(
      ([name, value]) => !OURS.has(name) && !Object.hasOwn(CANNOT, name) && !saysNothing(value),
    )
    .filter(([name, value]) => !SIZES.has(name) || Number(value) !== 0)
    .map(([name, value]) => [name, read(name, value)])
  const { uid, gid, umask, noforget, force } = options
  return {
    // libfuse's defaults: the kernel's numbers, and open files that are removed keep a path.
    useIno: false,
    hardRemove: false,
    ...(Object.fromEntries(rest) as Devfuse),
    ...(!saysNothing(uid) && { setUid: numberOf('uid', uid) }),
    ...(!saysNothing(gid) && { setGid: numberOf('gid', gid) }),
    ...(umask !== undefined && umask !== null && umask !== '' && { umask: umaskOf(umask) }),
    ...(noforget && { remember: Number.POSITIVE_INFINITY }),
    ...(force && { staleMount: 'replace' as const }),
  }
}
