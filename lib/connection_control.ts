import { readFileSync, writeFileSync } from 'node:fs'
import { LayoutError } from '../protocol/words.ts'
import { MountError } from './mount_error.ts'

export const CONNECTIONS = '/sys/fs/fuse/connections'

/** The number of a superblock's connection: the minor of its device, `0:45`. */
export const numberOf = (device: string): number => Number(device.split(':')[1])

/**
 * A connection's files in /sys/fs/fuse/connections, for root and for whoever has mounted it. Nothing
 * here asks the file system anything. Throws MountError EFUSE_NO_CONTROL where the files are not there:
 * fusectl is not mounted, or the connection is over.
 */
export class ConnectionControl {
  readonly #number: () => number | undefined

  /** @param number of the connection; undefined where it is not known, or another's by now. */
  constructor(number: () => number | undefined) {
    this.#number = number
  }

  /** Requests that wait to be read or to be answered. */
  get waiting(): number {
    return this.#read('waiting')
  }

  /** Most requests under way that no process waits for. For others than root at most max_user_bgreq. */
  get maxBackground(): number {
    return this.#read('max_background')
  }
  set maxBackground(requests: number) {
    this.#set('max_background', 'maxBackground', requests)
  }

  /** From how many of them on the file system counts as congested. */
  get congestionThreshold(): number {
    return this.#read('congestion_threshold')
  }
  set congestionThreshold(requests: number) {
    this.#set('congestion_threshold', 'congestionThreshold', requests)
  }

  /** Whoever waits gets ECONNABORTED, everybody after that ENOTCONN; the session ends, the mount stays. */
  abort(): void {
    this.#access('abort', (path) => writeFileSync(path, '1'))
  }

  #read(file: string): number {
    return this.#access(file, (path) => Number(readFileSync(path, 'latin1')))
  }

  #set(file: string, name: string, requests: number): void {
    if (!(Number.isInteger(requests) && requests >= 1 && requests <= 0xffff)) {
      throw new LayoutError(name, '1 to 65535 requests', requests)
    }
    this.#access(file, (path) => writeFileSync(path, String(requests)))
  }

  #access<T>(file: string, access: (path: string) => T): T {
    const path = `${CONNECTIONS}/${this.#number() ?? 'unknown'}/${file}`
    try {
      return access(path)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      throw new MountError('EFUSE_NO_CONTROL', `there is no ${path}`, error)
    }
  }
}
