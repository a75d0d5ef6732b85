import { type Device, deviceOf, isOn } from './device.ts'
import type { Stat } from './stat.ts'

/** Numbers from here to 2^53 are ours to give away: a JavaScript program can hold them, too. */
const OURS = 2 ** 52
const END = 2 ** 53
/** Numbers of a device that fit into a range. */
const RANGE = 2 ** 40
/** The last range is for whatever fits into none. */
const REST = (END - OURS) / RANGE - 1

/**
 * What stat(2) shows as the inode's number. All of the mount is one device, so that files of different
 * devices below LOWER must not have the same number: those of LOWER's own keep theirs, others get one
 * in a range that belongs to their device.
 */
export class InodeNumbers {
  readonly #root: Device
  readonly #ranges = new Map<string, number>()
  readonly #rest = new Map<string, number>()

  /** @param root the device of LOWER itself. */
  constructor(root: Device) {
    this.#root = root
  }

  /** For what was read last. */
  shown(stat: Stat): number | bigint {
    const { ino } = stat
    if (isOn(stat, this.#root) && isFree(ino)) return ino
    return this.#foreign(deviceOf(stat), ino)
  }

  /** For a number that stands in a listing. @param foreign its device where that is not LOWER's own. */
  listed(foreign: Device | undefined, ino: bigint): number | bigint {
    const number = Number(ino)
    const exact = number < END ? number : ino
    if (foreign === undefined && isFree(exact)) return exact
    return this.#foreign(foreign ?? this.#root, exact)
  }

  #foreign(device: Device, ino: number | bigint): number {
    const name = `${device.major}:${device.minor}`
    const range = this.#ranges.get(name) ?? this.#newRange(name)
    if (range < REST && ino < RANGE) return OURS + range * RANGE + Number(ino)
    return OURS + REST * RANGE + this.#one(`${name}:${ino}`)
  }

  #newRange(name: string): number {
    const range = this.#ranges.size
    if (range < REST) this.#ranges.set(name, range)
    return range
  }

  #one(key: string): number {
    const number = this.#rest.get(key) ?? this.#rest.size
    this.#rest.set(key, number)
    return number
  }
}

/** Whether LOWER's own may have it. */
const isFree = (ino: number | bigint): boolean => ino < OURS || ino >= END
