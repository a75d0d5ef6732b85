import { posix } from '../../lib/posix.ts'
import { HI, LO } from './stat.ts'
import { check } from './system.ts'

/** Bytes of records that are read at once, and buffers for them that are kept. */
const SIZE = 32_768
const SPARE = 16

/** struct linux_dirent64: d_ino, d_off, d_reclen, d_type, d_name; at which byte, word or half word. */
const D_NAME = 19
const D_TYPE = 18
const D_RECLEN = 8
const D_OFF = 2
const ALIGN = 8

/** 64 bits as the two words that they stand in. */
const bits = new BigUint64Array(1)
const halves = new Uint32Array(bits.buffer)

class Records {
  readonly bytes: Buffer = Buffer.allocUnsafeSlow(SIZE)
  readonly halves: Uint16Array = new Uint16Array(this.bytes.buffer)
  readonly words: Uint32Array = new Uint32Array(this.bytes.buffer)
}

const spare: Records[] = []

/**
 * A directory that is open, and the records that were read from it and not yet asked for; it stands on
 * one of them. Cookies are the lower file system's own: where it goes on behind a record.
 */
export class Listing {
  readonly fd: number
  #records = spare.pop() ?? new Records()
  /** Where the record is, in bytes. */
  #at = 0
  #end = 0
  /** The cookie of the record before, in two words. */
  #cookie0 = 0
  #cookie1 = 0

  constructor(fd: number) {
    this.fd = fd
  }

  close(): void {
    posix.close(this.fd)
    if (spare.length < SPARE) spare.push(this.#records)
  }

  /** Go on behind a cookie, 0n for the start. Throws a system error. */
  seek(cookie: bigint): void {
    bits[0] = cookie
    const [word0 = 0, word1 = 0] = halves
    // A listing from the start is a new one, whatever is still here.
    if (cookie !== 0n && word0 === this.#cookie0 && word1 === this.#cookie1) return
    if (this.#end === 0 && cookie === 0n && this.#cookie0 === 0 && this.#cookie1 === 0) return
    check(posix.seekTo(this.fd, cookie))
    this.#at = 0
    this.#end = 0
    this.#cookie0 = word0
    this.#cookie1 = word1
  }

  /** Whether there is a record; reads more where there is none left. Throws a system error. */
  more(): boolean {
    if (this.#at < this.#end) return true
    this.#at = 0
    this.#end = check(posix.getdents64(this.fd, this.#records.bytes))
    return this.#end > 0
  }

  /** On to the next one. */
  next(): void {
    const word = (this.#at >> 2) + D_OFF
    this.#cookie0 = this.words[word] as number
    this.#cookie1 = this.words[word + 1] as number
    this.#at += this.#records.halves[(this.#at >> 1) + D_RECLEN] as number
  }

  get bytes(): Buffer {
    return this.#records.bytes
  }

  /** Number and cookie stand at the start of a record, two words each. */
  get words(): Uint32Array {
    return this.#records.words
  }

  /** The word at which the record starts. */
  get word(): number {
    return this.#at >> 2
  }

  /** The inode's number. */
  get ino(): bigint {
    halves[0] = this.words[this.word] as number
    halves[1] = this.words[this.word + 1] as number
    return bits[0] as bigint
  }

  /** The same, not exact from 2^53 on. */
  get number(): number {
    const { words, word } = this
    return (words[word + HI] as number) * 2 ** 32 + (words[word + LO] as number)
  }

  /** DT_*. */
  get type(): number {
    return this.#records.bytes[this.#at + D_TYPE] as number
  }

  get nameStart(): number {
    return this.#at + D_NAME
  }

  /** Behind it are a NUL and up to 7 bytes that mean nothing. */
  get nameEnd(): number {
    const { bytes, halves } = this.#records
    const length = halves[(this.#at >> 1) + D_RECLEN] as number
    let end = this.#at + Math.max(length - ALIGN, D_NAME)
    while (bytes[end] !== 0) end++
    return end
  }
}
