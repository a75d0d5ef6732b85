import { LayoutError } from '../../protocol/words.ts'
import type { Answer } from '../ops.ts'
import type { DirectoryEntry, Listing } from '../path_ops.ts'
import { then } from '../then.ts'
import { isThenable } from '../thenable.ts'
import { entryOf, isDot } from './entries.ts'

type AnyIterator = Iterator<unknown> | AsyncIterator<unknown>

/** Takes an entry and the place after it; false where there is no room for it. */
export type Take = (entry: DirectoryEntry, next: number) => boolean

const DOTS: readonly DirectoryEntry[] = [
  { name: '.', type: 'directory' },
  { name: '..', type: 'directory' },
]

/** Throws LayoutError for what cannot be gone through. */
function iteratorOf(listing: Listing): AnyIterator {
  const asked = listing as Partial<AsyncIterable<unknown> & Iterable<unknown>> | null | undefined
  if (typeof listing !== 'object' || asked === null) {
    throw new LayoutError('readdir', 'an array or an iterable of entries', listing)
  }
  const asynchronous = asked?.[Symbol.asyncIterator]
  if (typeof asynchronous === 'function') return asynchronous.call(asked)
  const synchronous = asked?.[Symbol.iterator]
  if (typeof synchronous === 'function') return synchronous.call(asked)
  throw new LayoutError('readdir', 'an array or an iterable of entries', listing)
}

/**
 * Where the reader of a directory is. A place is a count of entries. What was handed out last is kept,
 * since the kernel goes back into it where its caller had less room than it; further back, or to
 * changed contents, the listing is made again.
 */
export class Cursor {
  #iterator: AnyIterator | undefined
  /** Entries from place `#base` on. */
  #window: DirectoryEntry[] = []
  #base = 0
  /** The window is the whole listing. */
  #whole = false
  #begun = false
  /** What the listing threw after some entries: told to who comes next. */
  #failed: { readonly error: unknown } | undefined
  /** Of the reading under way: a directory has one reader at a time. */
  #turn: Promise<unknown> | undefined

  /**
   * Hand out entries from a place on, until there are no more or no room. Throws what the listing throws.
   *
   * @param list makes the listing, where it has to be made.
   */
  read(place: number, take: Take, list: () => Answer<Listing>): Answer<void> {
    if (this.#turn !== undefined) {
      const again = () => this.read(place, take, list)
      return this.#turn.then(again, again)
    }
    const done = this.#read(place, take, list)
    if (!isThenable(done)) return
    const turn = done as Promise<void>
    this.#turn = turn
    const over = () => {
      this.#turn = undefined
    }
    turn.then(over, over)
    return turn
  }

  /** Nobody reads on. */
  close(): Answer<void> {
    const end = () => this.#end()
    return this.#turn === undefined ? end() : this.#turn.then(end, end)
  }

  #end(): Answer<void> {
    const iterator = this.#iterator
    this.#iterator = undefined
    this.#window = []
    this.#begun = false
    return then(iterator?.return?.() as Answer<unknown>, () => {})
  }

  #read(place: number, take: Take, list: () => Answer<Listing>): Answer<void> {
    if (place > 0 && place >= this.#base && this.#begun) return this.#from(place, take)
    return then(this.#end(), () =>
      then(list(), (listing) => {
        this.#begin(listing)
        return this.#from(place, take)
      }),
    )
  }

  #begin(listing: Listing): void {
    this.#base = 0
    this.#failed = undefined
    this.#window = [...DOTS]
    this.#whole = Array.isArray(listing)
    if (Array.isArray(listing)) {
      for (const item of listing) this.#add(item)
    } else this.#iterator = iteratorOf(listing)
    this.#begun = true
  }

  #add(item: unknown): void {
    const entry = entryOf(item)
    if (!isDot(entry.name)) this.#window.push(entry)
  }

  #from(place: number, take: Take): Answer<void> {
    // An array is there as a whole; of what comes one by one, what lies before is not needed again.
    if (!this.#whole) this.#skip(place)
    return this.#go(place, take, false)
  }

  #skip(place: number): void {
    const count = Math.min(place - this.#base, this.#window.length)
    if (count <= 0) return
    this.#window.splice(0, count)
    this.#base += count
  }

  /** @param some entries were handed out: what goes wrong then is told to who comes next. */
  #go(start: number, take: Take, some: boolean): Answer<void> {
    let place = start
    let taken = some
    for (;;) {
      while (place - this.#base < this.#window.length) {
        const entry = this.#window[place - this.#base]
        if (entry !== undefined && !take(entry, place + 1)) return
        taken = true
        place++
      }
      if (this.#failed !== undefined && !taken) throw this.#failed.error
      if (this.#iterator === undefined) return
      const came = this.#pull(this.#iterator)
      if (isThenable(came)) {
        return (came as Promise<void>).then(() => {
          // Far ahead: what is skipped need not be kept.
          if (!taken) this.#skip(start)
          return this.#go(place, take, taken)
        })
      }
      if (!taken) this.#skip(start)
    }
  }

  /** One more entry into the window. Never throws or rejects. */
  #pull(iterator: AnyIterator): Answer<void> {
    const failed = (error: unknown) => {
      this.#failed = { error }
      this.#iterator = undefined
    }
    const came = (result: IteratorResult<unknown>) => {
      if (result.done) this.#iterator = undefined
      else this.#add(result.value)
    }
    try {
      const result = iterator.next()
      if (!isThenable(result)) return came(result as IteratorResult<unknown>)
      return Promise.resolve(result as Promise<IteratorResult<unknown>>)
        .then(came)
        .catch(failed)
    } catch (error) {
      failed(error)
      return
    }
  }
}
