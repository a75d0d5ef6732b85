/** devfuse: FUSE for Node.js without libfuse. */
export * from '../protocol/index.ts'
export { type CacheOptions, cached } from './adapters/cached.ts'
export type { Content } from './adapters/content.ts'
export { type FromFsOptions, fromFs } from './adapters/from_fs.ts'
export { fromTree, type Tree, type TreeFile } from './adapters/from_tree.ts'
export type { FsLike } from './adapters/fs_like.ts'
export { overlay } from './adapters/overlay.ts'
export { prefix } from './adapters/prefix.ts'
export { readonly } from './adapters/readonly.ts'
export { type TraceLine, traced, traceText } from './adapters/trace.ts'
export {
  type Attr,
  attr,
  attrOut,
  type EntryOptions,
  entry,
  makedev,
  negative,
  timeout,
} from './attributes.ts'
export type { ConnectionControl } from './connection_control.ts'
export { FuseRequest, InterruptedError } from './context.ts'
export { cloneDevice, Device, openDevice } from './device.ts'
export { type ErrnoCode, errno } from './errno.ts'
export { type FdRange, fdRange, writeTo } from './fd_range.ts'
export { type HighLevel, highLevel } from './highlevel.ts'
export {
  type Connection,
  type InitOptions,
  NegotiationError,
  type Wish,
} from './init.ts'
export { type MountedSession, mountLowLevel } from './mount.ts'
export { MountError, type MountErrorCode } from './mount_error.ts'
export {
  MOUNT_WORDS,
  type MountOptions,
  type MountWord,
  mountOptionsOf,
  parseMountOptions,
} from './mount_options.ts'
export { AddonError } from './native.ts'
export type { Notifier } from './notify.ts'
export { type Opened, type OpenedOptions, opened } from './opened.ts'
export type * from './ops.ts'
export type { PathContext } from './path_context.ts'
export { mount, type PathSession } from './path_mount.ts'
export type {
  Attributes,
  CookieEntry,
  DirectoryEntry,
  FileLock,
  FileType,
  Listing,
  LockCommand,
  PathOps,
  StatfsLike,
  StatLike,
  Time,
} from './path_ops.ts'
export type { PathOptions } from './path_options.ts'
export { PATH_WORDS, pathOptionsOf } from './path_words.ts'
export { type Probe, type ProbeCheck, probe } from './probe.ts'
export { Session } from './session.ts'
export type { SessionEnd, SessionOptions } from './session_options.ts'
export type { OperationStats, SessionStats } from './stats.ts'
export type { Agreed, Message, Receiver, Transport } from './transport.ts'
export type { Unmounted, UnmountOptions, UnmountStep } from './unmounting.ts'
