import { readFileSync } from 'node:fs'

/**
 * The connection that a descriptor of /dev/fuse serves: its number in /sys/fs/fuse/connections.
 * Undefined where the kernel does not say (before 6.16), the descriptor is something else or not
 * mounted, or the process is not to be looked into.
 *
 * @param process a process id; this process otherwise.
 */
export function connectionOf(fd: number | string, process: string = 'self'): number | undefined {
  try {
    const info = readFileSync(`/proc/${process}/fdinfo/${fd}`, 'latin1')
    const said = /^fuse_connection:\s*(\d+)$/m.exec(info)?.[1]
    return said === undefined ? undefined : Number(said)
  } catch {
    return undefined
  }
}
