/** How much the kernel may rely on what it has been told. */
export const CACHES = ['never', 'auto', 'always'] as const
export type Cache = (typeof CACHES)[number]

export interface StackfsOptions {
  /**
   * `never`: every request reaches the lower file system, and no data stays in the page cache.
   * `auto`, the default: names and attributes are believed for a second, data until the file is
   * opened again or its time or size is seen to have changed. `always`: nobody else changes anything.
   */
  readonly cache?: Cache
  /** Seconds that the kernel may remember a name, attributes, and that there is no such name. */
  readonly entryTimeout?: number
  readonly attrTimeout?: number
  readonly negativeTimeout?: number
  /** Every read(2) and write(2) comes here; nothing stays in the page cache. */
  readonly directIo?: boolean
  /** The kernel collects writes and keeps size and times of files meanwhile. */
  readonly writebackCache?: boolean
  /** The kernel reads and writes the lower files itself, where it can (FUSE_PASSTHROUGH). */
  readonly passthrough?: boolean
  /** What is read goes from the lower file to the kernel without a copy; default true. */
  readonly splice?: boolean
  /** fcntl(2) and flock(2) locks are set on the lower files, so that who uses those sees them. */
  readonly posixLock?: boolean
  readonly flock?: boolean
  /** Extended attributes and ACLs; default true. Without, the kernel asks once and never again. */
  readonly xattr?: boolean
  /** Reading leaves the lower files' times alone. */
  readonly noatime?: boolean
  /** Tell the kernel at once what others change below LOWER (inotify). */
  readonly watch?: boolean
  /** Most inodes that are open at once; default half of what the process may open, at most 8,192. */
  readonly descriptors?: number
}

export type Settings = Required<StackfsOptions>

const DAY = 86_400

const BY_CACHE: Readonly<Record<Cache, { readonly timeout: number; readonly directIo: boolean }>> =
  {
    never: { timeout: 0, directIo: true },
    auto: { timeout: 1, directIo: false },
    always: { timeout: DAY, directIo: false },
  }

/** @param descriptors that the process may have. */
export function settings(options: StackfsOptions, descriptors: number): Settings {
  const { cache = 'auto' } = options
  const { timeout, directIo } = BY_CACHE[cache]
  return {
    cache,
    entryTimeout: timeout,
    attrTimeout: timeout,
    negativeTimeout: 0,
    directIo,
    writebackCache: false,
    passthrough: false,
    splice: true,
    posixLock: false,
    flock: false,
    xattr: true,
    noatime: false,
    watch: false,
    descriptors: Math.min(Math.floor(descriptors / 2), 8192),
    ...options,
  }
}
