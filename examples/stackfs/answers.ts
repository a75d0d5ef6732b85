import * as fuse from '../../lib/index.ts'
import { Attributes, statxOf } from './attributes.ts'
import type { InodeNumbers } from './inode_numbers.ts'
import type { Node } from './node.ts'
import type { Settings } from './options.ts'
import type { Stat } from './stat.ts'

/** How long the kernel may believe something, in seconds and nanoseconds. */
export interface Validity {
  readonly entry_valid: number
  readonly entry_valid_nsec: number
  readonly attr_valid: number
  readonly attr_valid_nsec: number
}

function validity(entryTimeout: number, attrTimeout: number): Validity {
  const [entry_valid, entry_valid_nsec] = fuse.timeout(entryTimeout)
  const [attr_valid, attr_valid_nsec] = fuse.timeout(attrTimeout)
  return { entry_valid, entry_valid_nsec, attr_valid, attr_valid_nsec }
}

/** Seconds, where changes would be told if they could be. */
const BRIEF = 1

/**
 * What the kernel is told. Attributes are those that were read last: an answer of the same turn is
 * sent before anything else can be read.
 */
export class Answers {
  /** To `lookup`: there is no such name. */
  readonly negative: fuse.EntryOut | null
  readonly #valid: Validity
  readonly #brief: Validity
  readonly #stat: Stat
  readonly #numbers: InodeNumbers
  readonly #attributes = new Attributes()

  constructor(stat: Stat, numbers: InodeNumbers, settings: Settings) {
    const { entryTimeout, attrTimeout, negativeTimeout } = settings
    this.#stat = stat
    this.#numbers = numbers
    this.#valid = validity(entryTimeout, attrTimeout)
    this.#brief = validity(Math.min(entryTimeout, BRIEF), Math.min(attrTimeout, BRIEF))
    this.negative = negativeTimeout > 0 ? fuse.negative(negativeTimeout) : null
  }

  validity({ brief }: Node): Validity {
    return brief ? this.#brief : this.#valid
  }

  /** To whatever finds or makes an inode. Counts as a lookup: only where it is really sent. */
  entry(node: Node): fuse.EntryOut {
    node.nlookup++
    this.#fill()
    const { entry_valid, entry_valid_nsec, attr_valid, attr_valid_nsec } = this.validity(node)
    return {
      nodeid: node.nodeid,
      generation: 0,
      entry_valid,
      attr_valid,
      entry_valid_nsec,
      attr_valid_nsec,
      attr: this.#attributes,
    }
  }

  attr(node: Node): fuse.AttrOut {
    this.#fill()
    const { attr_valid, attr_valid_nsec } = this.validity(node)
    return { attr_valid, attr_valid_nsec, attr: this.#attributes }
  }

  statx(node: Node): fuse.StatxOut {
    const { attr_valid, attr_valid_nsec } = this.validity(node)
    const stat = statxOf(this.#stat, this.#numbers.shown(this.#stat))
    return { attr_valid, attr_valid_nsec, stat }
  }

  #fill(): void {
    this.#attributes.fill(this.#stat, this.#numbers.shown(this.#stat))
  }
}
