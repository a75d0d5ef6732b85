import { forMinor } from '../protocol/compat.ts'
import { FUSE_KERNEL_MINOR_VERSION, FUSE_KERNEL_VERSION } from '../protocol/constants.ts'
import {
  type CapabilityName,
  capabilityOf,
  FUSE_INIT_FLAGS,
  hasInitFlag,
  type InitFlagName,
  initFlagNames,
  initFlagOf,
  initFlagWords,
} from '../protocol/init_flags.ts'
import type { InferIn } from '../protocol/layout.ts'
import { type fuse_init_in, fuse_init_out } from '../protocol/structs.ts'
import { show } from '../protocol/words.ts'
import type { LowLevelOps, OperationName } from './ops.ts'

/** Ask for a capability: never, where the kernel offers it, or refuse to mount without it. */
export type Wish = boolean | 'required'

/** What a file system may ask of the negotiation. */
export interface InitOptions {
  /** By name, `FUSE_CAP_WRITEBACK_CACHE: true`; what is not named has the default of its row. */
  readonly capabilities?: Readonly<Partial<Record<CapabilityName, Wish>>>
  /** Most bytes of one WRITE, and with FUSE_MAX_PAGES of one READ. 4,096 to 16 MiB; default 1 MiB. */
  readonly maxWrite?: number
  /** Most bytes that the kernel reads ahead; default what it offers (128 KiB). */
  readonly maxReadahead?: number
  /**
   * With FUSE_CAP_PASSTHROUGH: 1 where backing files are on file systems that are not stacked
   * themselves, 2 where they may be on an overlayfs or the like. Nothing can be stacked on a mount with 2.
   * Default 1.
   */
  readonly maxStackDepth?: number
  /** Granularity of times in nanoseconds, 1 to 1,000,000,000; default 1. */
  readonly timeGran?: number
  /** Most requests under way that no process waits for; default the kernel's (12). 1 to 65,535. */
  readonly maxBackground?: number
  /** From how many of them on the kernel calls the file system congested; default 3/4 of it. */
  readonly congestionThreshold?: number
  /** Seconds after which the kernel itself aborts the connection over an unanswered request. 1 to 65,535. */
  readonly requestTimeout?: number
}

/** What was agreed with the kernel. */
export interface Connection {
  readonly major: number
  /** The smaller of the kernel's minor version and ours. */
  readonly minor: number
  readonly kernelMinor: number
  readonly capabilities: ReadonlySet<CapabilityName>
  /** What the kernel offers, unknown bits as `bit 44`. */
  readonly offered: readonly string[]
  /** Bytes. */
  readonly maxWrite: number
  /** Pages of one request, 32 without FUSE_MAX_PAGES. */
  readonly maxPages: number
  /** Bytes. */
  readonly maxReadahead: number
  /**
   * `active` where opens may be answered with a backing file, else why not: not agreed, or what the
   * kernel said to the last one (`EPERM: …`). Changes with it.
   */
  readonly passthrough: string
  /** Nanoseconds. */
  readonly timeGran: number
  /** 0: the kernel's default. */
  readonly maxBackground: number
  readonly congestionThreshold: number
  /** Seconds, 0 for none. */
  readonly requestTimeout: number
}

/** A negotiation that fails: a wish that cannot be had, or a kernel that we do not understand. */
export class NegotiationError extends Error {
  override readonly name = 'NegotiationError'
  readonly code = 'EPROTO'
}

interface Rule {
  /** Asked for where nothing else is said. */
  readonly wish: boolean
  /** Only where every one of these methods is there. */
  readonly needs?: readonly OperationName[]
  /** Only where this method is not there (or where it is asked for by name). */
  readonly instead?: OperationName
  /** Why it cannot be asked for by name. */
  readonly refused?: string
}

const on: Rule = { wish: true }
const off: Rule = { wish: false }
const with_ = (...needs: OperationName[]): Rule => ({ wish: true, needs })
const onWish = (...needs: OperationName[]): Rule => ({ wish: false, needs })
const refused = (why: string): Rule => ({ wish: false, refused: why })
const VIRTIOFS = 'only virtiofs has it'
const LATER = 'devfuse does not implement it yet'

/** Defaults: what is safe for a file system that never heard of the flag. */
const RULES: Readonly<Record<InitFlagName, Rule>> = {
  FUSE_ASYNC_READ: on,
  FUSE_POSIX_LOCKS: with_('getlk', 'setlk'),
  FUSE_FILE_OPS: refused('no kernel uses it'),
  // Whoever does not look at O_TRUNC in `open` would lose truncations: only on request.
  FUSE_ATOMIC_O_TRUNC: onWish('open'),
  FUSE_EXPORT_SUPPORT: onWish('lookup'),
  FUSE_BIG_WRITES: on,
  FUSE_DONT_MASK: off,
  FUSE_SPLICE_WRITE: with_('read'),
  // Takes pages away from the cache of the file that they are of: only on request.
  FUSE_SPLICE_MOVE: onWish('read'),
  FUSE_SPLICE_READ: refused(LATER),
  FUSE_FLOCK_LOCKS: onWish('setlk'),
  FUSE_HAS_IOCTL_DIR: with_('ioctl'),
  FUSE_AUTO_INVAL_DATA: on,
  FUSE_DO_READDIRPLUS: with_('readdirplus'),
  FUSE_READDIRPLUS_AUTO: with_('readdirplus', 'readdir'),
  FUSE_ASYNC_DIO: on,
  FUSE_WRITEBACK_CACHE: onWish('write'),
  FUSE_NO_OPEN_SUPPORT: { wish: true, instead: 'open' },
  FUSE_PARALLEL_DIROPS: on,
  FUSE_HANDLE_KILLPRIV: off,
  FUSE_POSIX_ACL: onWish('getxattr', 'setxattr'),
  FUSE_ABORT_ERROR: on,
  FUSE_MAX_PAGES: on,
  FUSE_CACHE_SYMLINKS: onWish('readlink'),
  FUSE_NO_OPENDIR_SUPPORT: { wish: true, instead: 'opendir' },
  FUSE_EXPLICIT_INVAL_DATA: off,
  FUSE_MAP_ALIGNMENT: refused(VIRTIOFS),
  FUSE_SUBMOUNTS: refused(VIRTIOFS),
  FUSE_HANDLE_KILLPRIV_V2: off,
  FUSE_SETXATTR_EXT: with_('setxattr'),
  FUSE_INIT_EXT: refused('it follows from the others'),
  FUSE_INIT_RESERVED: refused('it is reserved'),
  FUSE_SECURITY_CTX: off,
  FUSE_HAS_INODE_DAX: refused(VIRTIOFS),
  FUSE_CREATE_SUPP_GROUP: off,
  FUSE_HAS_EXPIRE_ONLY: on,
  FUSE_DIRECT_IO_ALLOW_MMAP: off,
  FUSE_PASSTHROUGH: onWish('open'),
  FUSE_NO_EXPORT_SUPPORT: off,
  FUSE_HAS_RESEND: on,
  FUSE_ALLOW_IDMAP: off,
  FUSE_OVER_IO_URING: refused(LATER),
  FUSE_REQUEST_TIMEOUT: refused('set requestTimeout'),
  FUSE_HAS_IO_URING_BUFPOOL: refused(LATER),
}

/** Not both: the first yields where only the second was asked for by name. */
const EXCLUSIVE: readonly (readonly [InitFlagName, InitFlagName])[] = [
  ['FUSE_AUTO_INVAL_DATA', 'FUSE_EXPLICIT_INVAL_DATA'],
  ['FUSE_NO_EXPORT_SUPPORT', 'FUSE_EXPORT_SUPPORT'],
  ['FUSE_WRITEBACK_CACHE', 'FUSE_PASSTHROUGH'],
]

const flagNames = Object.keys(FUSE_INIT_FLAGS) as InitFlagName[]
function fail(message: string): never {
  throw new NegotiationError(message)
}

function checkWish(key: string, wish: unknown, ops: LowLevelOps): void {
  const name = initFlagOf(key)
  if (name === undefined) fail(`capabilities: there is no ${key}`)
  if (wish !== true && wish !== false && wish !== 'required') {
    fail(`capabilities: ${key}: expected true, false or 'required', got ${show(wish)}`)
  }
  const rule = RULES[name]
  if (wish === false) return
  if (rule.refused !== undefined) fail(`${key} cannot be asked for: ${rule.refused}`)
  const missing = rule.needs?.find((method) => ops[method] === undefined)
  if (wish === 'required' && missing !== undefined) {
    fail(`${key} is required but the file system has no method ${missing}`)
  }
}

interface Range {
  readonly least: number
  readonly most: number
  readonly unit: string
}
const NUMBERS: Readonly<Record<Exclude<keyof InitOptions, 'capabilities'>, Range>> = {
  maxWrite: { least: 4096, most: 16 * 1024 * 1024, unit: 'bytes' },
  maxReadahead: { least: 0, most: 0xffff_ffff, unit: 'bytes' },
  maxStackDepth: { least: 1, most: 2, unit: 'file systems' },
  timeGran: { least: 1, most: 1_000_000_000, unit: 'nanoseconds' },
  maxBackground: { least: 1, most: 0xffff, unit: 'requests' },
  congestionThreshold: { least: 1, most: 0xffff, unit: 'requests' },
  requestTimeout: { least: 1, most: 0xffff, unit: 'seconds' },
}

/**
 * Check what can be checked before a kernel is asked. Throws NegotiationError that names the
 * option, what was expected and what came.
 */
export function checkInitOptions(
  options: InitOptions,
  ops: LowLevelOps,
  defaultPermissions: boolean,
): void {
  for (const [name, { least, most, unit }] of Object.entries(NUMBERS)) {
    const value = options[name as keyof typeof NUMBERS]
    if (value === undefined) continue
    if (!Number.isInteger(value) || value < least || value > most) {
      fail(`${name}: expected ${least} to ${most} ${unit}, got ${show(value)}`)
    }
  }
  const wishes = Object.entries(options.capabilities ?? {}).filter(([, wish]) => wish !== undefined)
  for (const [key, wish] of wishes) checkWish(key, wish, ops)
  const asked = (name: InitFlagName) => Boolean(options.capabilities?.[capabilityOf(name)])
  for (const [a, b] of EXCLUSIVE) {
    if (asked(a) && asked(b)) fail(`${capabilityOf(a)} and ${capabilityOf(b)} exclude each other`)
  }
  // The kernel refuses the connection otherwise: every request ECONNREFUSED.
  if (asked('FUSE_ALLOW_IDMAP') && !defaultPermissions && !asked('FUSE_POSIX_ACL')) {
    fail('FUSE_CAP_ALLOW_IDMAP needs default_permissions')
  }
}

/** Whether the flag is wanted, offered or not. */
function wanted(
  name: InitFlagName,
  init: fuse_init_in,
  options: InitOptions,
  ops: LowLevelOps,
): Wish {
  const rule = RULES[name]
  const wish = options.capabilities?.[capabilityOf(name)]
  if (rule.needs?.some((method) => ops[method] === undefined)) return false
  if (wish !== undefined) return wish
  if (rule.instead !== undefined) return ops[rule.instead] === undefined
  const rival = EXCLUSIVE.find(([first]) => first === name)?.[1]
  const rivalled =
    rival !== undefined &&
    options.capabilities?.[capabilityOf(rival)] &&
    hasInitFlag(rival, init.flags, init.flags2)
  return rivalled ? false : rule.wish
}

function agree(init: fuse_init_in, options: InitOptions, ops: LowLevelOps): Set<InitFlagName> {
  const agreed = new Set<InitFlagName>()
  for (const name of flagNames) {
    const wish = wanted(name, init, options, ops)
    if (wish === false) continue
    if (hasInitFlag(name, init.flags, init.flags2)) agreed.add(name)
    else if (wish === 'required') {
      fail(`${capabilityOf(name)} is required and this kernel (7.${init.minor}) does not offer it`)
    }
  }
  const timeout = hasInitFlag('FUSE_REQUEST_TIMEOUT', init.flags, init.flags2)
  if (options.requestTimeout !== undefined && timeout) agreed.add('FUSE_REQUEST_TIMEOUT')
  // flags2 counts only with it.
  if (hasInitFlag('FUSE_INIT_EXT', init.flags, 0)) agreed.add('FUSE_INIT_EXT')
  return agreed
}

const DEFAULT_MAX_WRITE = 1024 * 1024
/** Pages of a request without FUSE_MAX_PAGES. */
const FEW_PAGES = 32

/** The answer to one FUSE_INIT. */
export interface Negotiated {
  /** Undefined where the kernel is to ask again in our major version. */
  readonly connection: Connection | undefined
  readonly reply: InferIn<typeof fuse_init_out>
  /** The layout of the reply: shorter for old minors. */
  readonly layout: typeof fuse_init_out
}

/**
 * Answer FUSE_INIT. Nothing is ever set that the kernel did not offer.
 * Throws NegotiationError for a kernel below 7.0 and for a required flag that is not offered.
 *
 * @param pageSize of this machine, in bytes.
 */
export function negotiate(
  init: fuse_init_in,
  options: InitOptions,
  ops: LowLevelOps,
  pageSize: number,
): Negotiated {
  if (init.major < FUSE_KERNEL_VERSION) {
    fail(`the kernel speaks FUSE ${init.major}.${init.minor}, expected 7`)
  }
  if (init.major > FUSE_KERNEL_VERSION) {
    const reply = { major: FUSE_KERNEL_VERSION, minor: FUSE_KERNEL_MINOR_VERSION }
    return { connection: undefined, reply, layout: fuse_init_out }
  }
  const minor = Math.min(init.minor, FUSE_KERNEL_MINOR_VERSION)
  const ext = hasInitFlag('FUSE_INIT_EXT', init.flags, 0)
  const offer = ext ? init : { ...init, flags2: 0 }
  const agreed = agree(offer, options, ops)
  const connection = connect(offer, minor, agreed, options, pageSize)
  const reply = {
    major: FUSE_KERNEL_VERSION,
    minor: FUSE_KERNEL_MINOR_VERSION,
    ...initFlagWords(agreed),
    max_readahead: connection.maxReadahead,
    max_background: connection.maxBackground,
    congestion_threshold: connection.congestionThreshold,
    max_write: connection.maxWrite,
    time_gran: connection.timeGran,
    max_pages: agreed.has('FUSE_MAX_PAGES') ? connection.maxPages : 0,
    request_timeout: connection.requestTimeout,
    max_stack_depth: agreed.has('FUSE_PASSTHROUGH') ? (options.maxStackDepth ?? 1) : 0,
  }
  return { connection, reply, layout: forMinor(fuse_init_out, minor) }
}

function passthroughOf(agreed: ReadonlySet<InitFlagName>, options: InitOptions): string {
  if (agreed.has('FUSE_PASSTHROUGH')) return 'active'
  const asked = options.capabilities?.FUSE_CAP_PASSTHROUGH
  return asked ? 'the kernel does not offer it, or there is no open' : 'not asked for'
}

function connect(
  init: fuse_init_in,
  minor: number,
  agreed: ReadonlySet<InitFlagName>,
  options: InitOptions,
  pageSize: number,
): Connection {
  const maxPages = agreed.has('FUSE_MAX_PAGES') ? 0xffff : FEW_PAGES
  const big = agreed.has('FUSE_BIG_WRITES') ? maxPages * pageSize : 4096
  const maxWrite = Math.min(options.maxWrite ?? DEFAULT_MAX_WRITE, big)
  const maxBackground = options.maxBackground ?? 0
  return {
    major: FUSE_KERNEL_VERSION,
    minor,
    kernelMinor: init.minor,
    capabilities: new Set([...agreed].map(capabilityOf)),
    offered: initFlagNames(init.flags, init.flags2),
    maxWrite,
    maxPages: Math.min(maxPages, Math.ceil(maxWrite / pageSize)),
    maxReadahead: Math.min(init.max_readahead, options.maxReadahead ?? init.max_readahead),
    passthrough: passthroughOf(agreed, options),
    timeGran: options.timeGran ?? 1,
    maxBackground,
    congestionThreshold:
      options.congestionThreshold ?? (maxBackground > 0 ? Math.ceil((maxBackground * 3) / 4) : 0),
    requestTimeout: agreed.has('FUSE_REQUEST_TIMEOUT') ? (options.requestTimeout ?? 0) : 0,
  }
}
