import { LayoutError } from '../protocol/words.ts'

/** libfuse's `fuse_config`: how paths and attributes are shown to the kernel. */
export interface PathOptions {
  /** Seconds that the kernel remembers a name; default 1. Infinity: as long as it likes. */
  readonly entryTimeout?: number
  /** Seconds that it remembers attributes; default 1. */
  readonly attrTimeout?: number
  /** Seconds that it remembers that there is no such name; default 0. */
  readonly negativeTimeout?: number
  /** Show every file as this user's, or group's. */
  readonly setUid?: number
  readonly setGid?: number
  /** Show every file's permissions as 0o777 less these bits. */
  readonly umask?: number
  /** Show the `ino` that attributes have; default true. False: always the kernel's number. */
  readonly useIno?: boolean
  /** Entries of a listing without `ino` show that of the file that is known there; default true. */
  readonly readdirIno?: boolean
  /** No page cache for any file, see `OpenedOptions`. Default false. */
  readonly directIo?: boolean
  /** With `directIo`: several writes to a file at once. Default false. */
  readonly parallelDirectWrites?: boolean
  /** The page cache stays good when a file is opened again; default false. */
  readonly kernelCache?: boolean
  /** The same where neither size nor modification time have changed; default false. */
  readonly autoCache?: boolean
  /** Seconds for which attributes are good enough for `autoCache`; default `attrTimeout`. */
  readonly acAttrTimeout?: number
  /** Seconds that a number is remembered after the kernel has forgotten it; default 0. Infinity: for ever. */
  readonly remember?: number
  /** Handlers that get an open file's handle get null for its path: none is put together. Default false. */
  readonly nullpathOk?: boolean
  /** close(2) of a file that is open for reading only does not call `flush`. Default false. */
  readonly noRofdFlush?: boolean
  /**
   * Default true: a file that is removed while it is open has no path any more, handlers get null and its
   * handle. False: it is renamed to `.fuse_hidden…` and removed when it is closed (libfuse's default).
   */
  readonly hardRemove?: boolean
  /** A rename waits for handlers that work with the paths that it would change; default true. */
  readonly pathLocks?: boolean
  /** An interrupted caller aborts `ctx.signal`; default true. False: only the end of the session does. */
  readonly intr?: boolean
}

/** The same, everything said. */
export type PathConfig = Required<Omit<PathOptions, 'setUid' | 'setGid' | 'umask'>> &
  Pick<PathOptions, 'setUid' | 'setGid' | 'umask'>

const SECONDS = [
  'entryTimeout',
  'attrTimeout',
  'negativeTimeout',
  'acAttrTimeout',
  'remember',
] as const
const NUMBERS = { setUid: 0xffff_ffff, setGid: 0xffff_ffff, umask: 0o777 } as const
const SWITCHES = {
  useIno: true,
  readdirIno: true,
  directIo: false,
  parallelDirectWrites: false,
  kernelCache: false,
  autoCache: false,
  nullpathOk: false,
  noRofdFlush: false,
  hardRemove: true,
  pathLocks: true,
  intr: true,
} as const

const switchNames = Object.keys(SWITCHES) as (keyof typeof SWITCHES)[]

/** The names of all options of the path API. */
export const PATH_OPTIONS: ReadonlySet<string> = new Set([
  ...SECONDS,
  ...Object.keys(NUMBERS),
  ...switchNames,
])

/** Throws LayoutError that names the option, what was expected and what came. */
export function pathConfig(options: PathOptions): PathConfig {
  for (const name of SECONDS) {
    const value = options[name]
    if (value !== undefined && !(typeof value === 'number' && value >= 0)) {
      throw new LayoutError(name, 'seconds from 0 on', value)
    }
  }
  for (const name of ['setUid', 'setGid', 'umask'] as const) {
    const value = options[name]
    const most = NUMBERS[name]
    if (value !== undefined && !(Number.isInteger(value) && value >= 0 && value <= most)) {
      throw new LayoutError(name, `an integer from 0 to ${most}`, value)
    }
  }
  for (const name of switchNames) {
    const value: unknown = options[name]
    if (value !== undefined && typeof value !== 'boolean') {
      throw new LayoutError(name, 'true or false', value)
    }
  }
  const { entryTimeout = 1, attrTimeout = 1, negativeTimeout = 0, remember = 0 } = options
  const { acAttrTimeout = attrTimeout } = options
  const said = Object.fromEntries(
    switchNames.map((name) => [name, options[name] ?? SWITCHES[name]]),
  ) as Record<keyof typeof SWITCHES, boolean>
  const { setUid, setGid, umask } = options
  return {
    ...said,
    entryTimeout,
    attrTimeout,
    negativeTimeout,
    acAttrTimeout,
    remember,
    ...(setUid !== undefined && { setUid }),
    ...(setGid !== undefined && { setGid }),
    ...(umask !== undefined && { umask }),
  }
}
