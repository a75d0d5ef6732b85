import { type Device, deviceOf, isOn } from './device.ts'
import type { Stat } from './stat.ts'

/** Numbers from here on are ours to give away. */
const OURS = 1n << 63n
const BITS = 48n
/** How many devices get a range of their own, each for numbers of 48 bits. */
const RANGES = 32_766
/** Whatever fits into none of them. */
const REST = BigInt(RANGES + 1)

/**
 * What stat(2) shows as the inode's number. All of the mount is one device, so that files of different
 * devices below LOWER must not have the same number: those of LOWER's own keep theirs, others get one
 * in a range of bit 63 that no other has.
 */
export class InodeNumbers {
  readonly #root: Device
  readonly #ranges = new Map<string, number>()
  readonly #rest = new Map<string, bigint>()

  /** @param root the device of LOWER itself. */
  constructor(root: Device) {
    this.#root = root
  }

  /** For what was read last. */
  shown(stat: Stat): number | bigint {
    const { ino } = stat
    if (isOn(stat, this.#root) && (typeof ino === 'number' || ino < OURS)) return ino
    return this.#foreign(deviceOf(stat), BigInt(ino))
  }

  /** For a number that stands in a listing. @param foreign its device where that is not LOWER's own. */
  listed(foreign: Device | undefined, ino: bigint): bigint {
    if (foreign === undefined && ino < OURS) return ino
    return this.#foreign(foreign ?? this.#root, ino)
  }

  #foreign(device: Device, ino: bigint): bigint {
    const name = `${device.major}:${device.minor}`
    const range = this.#ranges.get(name) ?? this.#newRange(name)
    if (range <= RANGES && ino >> BITS === 0n) return OURS | (BigInt(range) << BITS) | ino
    return this.#one(`${name}:${ino}`)
  }

  #newRange(name: string): number {
    const range = this.#ranges.size + 1
    if (range <= RANGES) this.#ranges.set(name, range)
    return range
  }

  #one(key: string): bigint {
    const known = this.#rest.get(key)
    if (known !== undefined) return known
    const number = OURS | (REST << BITS) | BigInt(this.#rest.size)
    this.#rest.set(key, number)
    return number
  }
}
