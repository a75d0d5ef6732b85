import type { PathLayer } from './highlevel/layer.ts'
import { highLevel } from './highlevel.ts'
import { type MountedSession, mountLowLevel } from './mount.ts'
import type { MountOptions } from './mount_options.ts'
import type { PathOps } from './path_ops.ts'
import { PATH_OPTIONS, type PathOptions } from './path_options.ts'

/** A mounted file system on paths. */
export type PathSession = MountedSession & {
  /**
   * What the kernel remembers of a path is no longer true, because the file system has changed by itself:
   * drop its name, attributes and data. Resolves to false where the kernel knows nothing of it. Rejects as
   * `notify` does.
   */
  invalidate(path: string): Promise<boolean>
}

/**
 * Mount a file system on paths and serve it on this thread's event loop.
 *
 * ```js
 * const session = await mount('/mnt', {
 *   getattr: (path) => (path === '/' ? { type: 'directory' } : { size: 6 }),
 *   readdir: () => ['hello'],
 *   read: (path, fh, size, offset) => Buffer.from('hello\n').subarray(offset, offset + size),
 * })
 * ```
 *
 * Resolves once it is usable, rejects as `mountLowLevel` does, and with LayoutError for a method that is
 * no function.
 */
export async function mount<FH, DH>(
  mountpoint: string,
  ops: PathOps<FH, DH>,
  options: MountOptions & PathOptions = {},
): Promise<PathSession> {
  const said = Object.entries(options)
  const of = (path: boolean) =>
    Object.fromEntries(said.filter(([name]) => PATH_OPTIONS.has(name) === path))
  const { ops: lowLevel, capabilities, layer } = highLevel(ops, of(true) as PathOptions)
  const rest = of(false) as MountOptions
  const session = await mountLowLevel(mountpoint, lowLevel, {
    interrupts: layer.config.intr,
    ...rest,
    capabilities: { ...capabilities, ...rest.capabilities },
  })
  layer.notify = session.notify
  return Object.assign(session, {
    invalidate: (path: string) => invalidate(layer, session, path),
  })
}

async function invalidate(
  layer: PathLayer,
  { notify }: MountedSession,
  path: string,
): Promise<boolean> {
  const names = path.split('/').filter((name) => name !== '')
  const name = names.pop()
  const node = layer.known(path)
  const parent = layer.known(`/${names.join('/')}`)
  const dropped = await Promise.all([
    node !== undefined && notify.invalInode(node.nodeid),
    name !== undefined && parent !== undefined && notify.invalEntry(parent.nodeid, name),
  ])
  return dropped.includes(true)
}
