import * as fuse from '../../lib/index.ts'
import { Attributes, statxOf } from './attributes.ts'
import type { InodeNumbers } from './inode_numbers.ts'
import type { Node } from './node.ts'
import type { Settings } from './options.ts'
import type { Stat } from './stat.ts'

/**
 * What the kernel is told. Attributes are those that were read last: an answer of the same turn is
 * sent before anything else can be read.
 */
export class Answers {
  /** To `lookup`: there is no such name. */
  readonly negative: fuse.EntryOut | null
  readonly entryValid: number
  readonly entryValidNsec: number
  readonly attrValid: number
  readonly attrValidNsec: number
  readonly #stat: Stat
  readonly #numbers: InodeNumbers
  readonly #attributes = new Attributes()
  readonly #attr: fuse.AttrOut

  constructor(stat: Stat, numbers: InodeNumbers, settings: Settings) {
    const { entryTimeout, attrTimeout, negativeTimeout } = settings
    this.#stat = stat
    this.#numbers = numbers
    ;[this.entryValid, this.entryValidNsec] = fuse.timeout(entryTimeout)
    ;[this.attrValid, this.attrValidNsec] = fuse.timeout(attrTimeout)
    this.negative = negativeTimeout > 0 ? fuse.negative(negativeTimeout) : null
    const { attrValid, attrValidNsec } = this
    this.#attr = { attr_valid: attrValid, attr_valid_nsec: attrValidNsec, attr: this.#attributes }
  }

  /** To whatever finds or makes an inode. Counts as a lookup: only where it is really sent. */
  entry(node: Node): fuse.EntryOut {
    node.nlookup++
    this.#fill()
    return {
      nodeid: node.nodeid,
      generation: 0,
      entry_valid: this.entryValid,
      attr_valid: this.attrValid,
      entry_valid_nsec: this.entryValidNsec,
      attr_valid_nsec: this.attrValidNsec,
      attr: this.#attributes,
    }
  }

  attr(): fuse.AttrOut {
    this.#fill()
    return this.#attr
  }

  statx(): fuse.StatxOut {
    const stat = statxOf(this.#stat, this.#numbers.shown(this.#stat))
    return { attr_valid: this.attrValid, attr_valid_nsec: this.attrValidNsec, stat }
  }

  #fill(): void {
    this.#attributes.fill(this.#stat, this.#numbers.shown(this.#stat))
  }
}
