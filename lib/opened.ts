import {
  FOPEN_CACHE_DIR,
  FOPEN_DIRECT_IO,
  FOPEN_KEEP_CACHE,
  FOPEN_NOFLUSH,
  FOPEN_NONSEEKABLE,
  FOPEN_PARALLEL_DIRECT_WRITES,
  FOPEN_STREAM,
} from '../protocol/constants.ts'

/** How the kernel is to treat an open file or directory. What is not said, the mount's options say. */
export interface OpenedOptions {
  /** No page cache: each read(2) and write(2) comes here, of any size, also behind the file's end. */
  readonly directIo?: boolean
  /** What the page cache has of the file from before stays good. */
  readonly keepCache?: boolean
  /** lseek(2) is ESPIPE. */
  readonly nonseekable?: boolean
  /** A stream: no position at all. */
  readonly stream?: boolean
  /** Of a directory: the kernel may keep the listing. */
  readonly cacheReaddir?: boolean
  /** close(2) does not wait for `flush`, which is not called. */
  readonly noflush?: boolean
  /** With `directIo`: several writes at once. */
  readonly parallelDirectWrites?: boolean
  /** With FUSE_CAP_PASSTHROUGH: the descriptor of the file that the data is in, see `OpenOut`. */
  readonly backing?: number
}

/** See `opened`. */
export class Opened<H> {
  readonly handle: H
  readonly options: OpenedOptions

  constructor(handle: H, options: OpenedOptions) {
    this.handle = handle
    this.options = options
  }
}

/** What `open`, `create` and `opendir` return where the handle is not all that is to be said. */
export const opened = <H>(handle: H, options: OpenedOptions): Opened<H> =>
  new Opened(handle, options)

/** The handle of either form. */
export const handleOf = (value: unknown): unknown =>
  value instanceof Opened ? value.handle : value

const FLAGS: readonly (readonly [keyof OpenedOptions, number])[] = [
  ['directIo', FOPEN_DIRECT_IO],
  ['keepCache', FOPEN_KEEP_CACHE],
  ['nonseekable', FOPEN_NONSEEKABLE],
  ['stream', FOPEN_STREAM],
  ['cacheReaddir', FOPEN_CACHE_DIR],
  ['noflush', FOPEN_NOFLUSH],
  ['parallelDirectWrites', FOPEN_PARALLEL_DIRECT_WRITES],
]

/** FOPEN_*: what is said here, and of what is not said, `defaults`. */
export function openFlags(options: OpenedOptions, defaults: number): number {
  let flags = defaults
  for (const [name, bit] of FLAGS) {
    const said = options[name]
    if (said === true) flags |= bit
    else if (said === false) flags &= ~bit
  }
  return flags
}
