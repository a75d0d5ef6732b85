import { constants } from 'node:fs'
import {
  FOPEN_DIRECT_IO,
  FOPEN_KEEP_CACHE,
  FOPEN_NOFLUSH,
  FOPEN_PARALLEL_DIRECT_WRITES,
} from '../../protocol/constants.ts'
import type { FuseRequest } from '../context.ts'
import type { PathNode } from '../nodes.ts'
import { Opened, type OpenedOptions, openFlags } from '../opened.ts'
import type { Answer, OpenOut } from '../ops.ts'
import { O_ACCMODE } from '../posix_constants.ts'
import type { PathLayer } from './layer.ts'

const { O_RDONLY } = constants

interface Unpacked {
  readonly handle: unknown
  readonly options: OpenedOptions
}
const NOTHING_SAID: OpenedOptions = {}

/** How files are opened: by the mount's options, and what the file system says of each. */
export class Opens {
  readonly #layer: PathLayer
  readonly #flags: number
  readonly #flushes: boolean

  constructor(layer: PathLayer, flushes: boolean) {
    const { config } = layer
    this.#layer = layer
    this.#flushes = flushes
    this.#flags =
      (config.directIo ? FOPEN_DIRECT_IO : 0) |
      (config.directIo && config.parallelDirectWrites ? FOPEN_PARALLEL_DIRECT_WRITES : 0) |
      (config.kernelCache ? FOPEN_KEEP_CACHE : 0) |
      // Nobody would do anything with a FLUSH: one request less for each close(2).
      (flushes ? 0 : FOPEN_NOFLUSH)
  }

  /** Whether the kernel has to tell us of open files. */
  get needed(): boolean {
    const { ops, config } = this.#layer
    const methods = ops.open ?? ops.create ?? ops.tmpfile ?? ops.release
    const { directIo, kernelCache, autoCache, hardRemove } = config
    return methods !== undefined || directIo || kernelCache || autoCache || !hardRemove
  }

  of(value: unknown): Unpacked {
    if (value instanceof Opened) return { handle: value.handle, options: value.options }
    return { handle: value, options: NOTHING_SAID }
  }

  /** Find out whether the page cache may stay, where nobody has looked for long. */
  fresh(req: FuseRequest, node: PathNode): Answer<unknown> {
    const { autoCache, acAttrTimeout } = this.#layer.config
    if (!autoCache) return undefined
    const age = performance.now() - (node.seen?.at ?? Number.NEGATIVE_INFINITY)
    return age <= acAttrTimeout * 1000 ? undefined : this.#layer.stat(req, node, undefined)
  }

  answer(node: PathNode, value: unknown, options: OpenedOptions, flags: number): OpenOut {
    const { config, handles } = this.#layer
    const { fh } = handles.open(node, value)
    let bits = this.#flags
    if (config.autoCache && !node.changed) bits |= FOPEN_KEEP_CACHE
    node.changed = false
    if (config.noRofdFlush && this.#flushes && (flags & O_ACCMODE) === O_RDONLY) {
      bits |= FOPEN_NOFLUSH
    }
    const { backing } = options
    return {
      fh,
      open_flags: openFlags(options, bits),
      ...(backing !== undefined && { backing }),
    }
  }
}
