import { constants } from 'node:os'
import { LayoutError } from '../../protocol/words.ts'
import { errnoOf } from '../errno.ts'
import type { Answer } from '../ops.ts'
import { methodsOf } from '../path_methods.ts'
import { type Listing, PATH_OPERATIONS, type PathOps, type StatLike } from '../path_ops.ts'
import { attempt, then } from '../then.ts'

const { ENOENT } = constants.errno

export interface CacheOptions {
  /** Milliseconds for which an answer is good. Default 1,000. */
  readonly ttl?: number
  /** Most answers that are kept; the oldest goes. Default 10,000. */
  readonly most?: number
}

interface Kept<T> {
  readonly until: number
  readonly value: T
}

/** Answers by path, for some time. */
class Answers<T> {
  readonly #kept = new Map<string, Kept<T>>()
  readonly #ttl: number
  readonly #most: number
  #age = 0

  constructor(ttl: number, most: number) {
    this.#ttl = ttl
    this.#most = most
  }

  get(path: string): Kept<T> | undefined {
    const kept = this.#kept.get(path)
    if (kept === undefined || kept.until > performance.now()) return kept
    this.#kept.delete(path)
    return undefined
  }

  /** What is asked for from now on counts as asked after the last `clear`. */
  get age(): number {
    return this.#age
  }

  /** @param age as of the time of asking: what was asked before something changed is not kept. */
  put(path: string, value: T, age: number): T {
    if (age !== this.#age) return value
    this.#kept.delete(path)
    this.#kept.set(path, { until: performance.now() + this.#ttl, value })
    const [oldest] = this.#kept.keys()
    if (this.#kept.size > this.#most && oldest !== undefined) this.#kept.delete(oldest)
    return value
  }

  clear(): void {
    this.#age++
    this.#kept.clear()
  }
}

/** Those that leave every answer as it is. */
const HARMLESS: ReadonlySet<string> = new Set([
  'init',
  'destroy',
  'getattr',
  'statx',
  'readlink',
  'open',
  'reopen',
  'forget',
  'read',
  'flush',
  'release',
  'fsync',
  'getxattr',
  'listxattr',
  'opendir',
  'readdir',
  'readdir_from',
  'releasedir',
  'fsyncdir',
  'statfs',
  'access',
  'lock',
  'flock',
  'bmap',
  'poll',
  'lseek',
  'syncfs',
])

/**
 * The same file system, which is asked for attributes, link targets and listings once in `ttl`: for what is
 * slow to ask, such as an API. That there is no such name is remembered too. Whatever changes something
 * through it makes it forget everything.
 */
export function cached<FH, DH>(ops: PathOps<FH, DH>, options: CacheOptions = {}): PathOps<FH, DH> {
  const { ttl = 1000, most = 10_000 } = options
  if (!(ttl >= 0)) throw new LayoutError('cached: ttl', 'milliseconds from 0 on', ttl)
  if (!(most >= 1)) throw new LayoutError('cached: most', 'at least 1', most)
  const methods = methodsOf(ops)
  const stats = new Answers<StatLike | null>(ttl, most)
  const links = new Answers<string | Uint8Array>(ttl, most)
  const listings = new Answers<Listing>(ttl, most)
  const { readlink, readdir } = methods

  return {
    ...forgetting(methods, () => {
      for (const answers of [stats, links, listings]) answers.clear()
    }),
    getattr(path, fh, ctx) {
      if (path === null) return methods.getattr(path, fh, ctx)
      const kept = stats.get(path)
      if (kept !== undefined) return kept.value
      const { age } = stats
      return attempt<StatLike | null, StatLike | null>(
        () => methods.getattr(path, fh, ctx),
        (stat) => stats.put(path, stat, age),
        (error) => {
          if (errnoOf(error) === ENOENT) return stats.put(path, null, age)
          throw error
        },
      )
    },
    ...(readlink && {
      readlink(path, ctx) {
        const { age } = links
        const kept = links.get(path)
        if (kept !== undefined) return kept.value
        return then(readlink(path, ctx), (target) => links.put(path, target, age))
      },
    }),
    ...(readdir && {
      readdir(path, fh, ctx) {
        const kept = path === null ? undefined : listings.get(path)
        if (kept !== undefined) return kept.value
        const { age } = listings
        return then<Listing, Listing>(readdir(path, fh, ctx), (listing) => {
          if (path === null) return listing
          if (Array.isArray(listing)) return listings.put(path, listing, age)
          return collected(listing, most, (all) => listings.put(path, all, age))
        })
      },
    }),
  }
}

type Item = Listing extends Iterable<infer T> | AsyncIterable<infer U> ? T | U : never

/** The same listing; what came, where it was not too much, can be gone through again. */
async function* collected(
  listing: Listing,
  most: number,
  keep: (all: readonly Item[]) => void,
): AsyncGenerator<Item> {
  const all: Item[] = []
  for await (const item of listing) {
    if (all.length <= most) all.push(item)
    yield item
  }
  if (all.length <= most) keep(all)
}

/** Methods that change something, followed by `forget` whether they succeed or not. */
function forgetting<FH, DH>(methods: PathOps<FH, DH>, forget: () => void): PathOps<FH, DH> {
  const all = { ...methods } as unknown as Record<string, (...args: readonly unknown[]) => unknown>
  for (const name of PATH_OPERATIONS) {
    const method = all[name]
    if (method === undefined || HARMLESS.has(name)) continue
    const call = (...args: readonly unknown[]) =>
      attempt(
        () => method(...args) as Answer<unknown>,
        (result) => {
          forget()
          return result
        },
        (error) => {
          forget()
          throw error
        },
      )
    all[name] = Object.defineProperty(call, 'length', { value: method.length })
  }
  // The border: each method by its name.
  return all as unknown as PathOps<FH, DH>
}
