import { LayoutError } from '../../protocol/words.ts'
import type { Answer } from '../ops.ts'
import type { CookieEntry } from '../path_ops.ts'
import { isThenable } from '../thenable.ts'

type Add = (entry: CookieEntry, next: number | bigint) => boolean

const isAsync = (
  entries: Iterable<CookieEntry> | AsyncIterable<CookieEntry>,
): entries is AsyncIterable<CookieEntry> => Symbol.asyncIterator in entries

/** Hand out entries that carry their own cookies, until there is no room; then the iterator is closed. */
export function takeAll(
  entries: Iterable<CookieEntry> | AsyncIterable<CookieEntry>,
  add: Add,
): Answer<void> {
  if (typeof entries !== 'object' || entries === null || isThenable(entries)) {
    throw new LayoutError('readdir_from', 'an iterable of entries', entries)
  }
  if (isAsync(entries)) return takeLater(entries, add)
  for (const entry of entries) {
    if (!add(entry, cookieOf(entry))) return
  }
}

async function takeLater(entries: AsyncIterable<CookieEntry>, add: Add): Promise<void> {
  for await (const entry of entries) {
    if (!add(entry, cookieOf(entry))) return
  }
}

/** Throws LayoutError. */
function cookieOf(entry: CookieEntry): number | bigint {
  const cookie: unknown = entry?.cookie
  const is = typeof cookie === 'bigint' || (typeof cookie === 'number' && Number.isInteger(cookie))
  if (!is || cookie <= 0)
    throw new LayoutError('readdir_from: cookie', 'an integer above 0', cookie)
  return cookie
}
