import { readFileSync } from 'node:fs'
import { decodeName } from '../protocol/names.ts'

/** One line of /proc/self/mountinfo, as far as it is needed to know a mount again. */
export interface MountEntry {
  /** The superblock: `0:45`; its minor is the connection's number in /sys/fs/fuse/connections. */
  readonly device: string
  readonly mountpoint: string
  readonly type: string
  readonly source: string
  /** What the file system says of its options, as it stands there: `rw,user_id=0,group_id=0`. */
  readonly superOptions: string
}

/** A FUSE file system, of whatever subtype. */
export const isFuse = ({ type }: MountEntry): boolean => /^fuse(blk)?(\.|$)/.test(type)

/** The kernel writes space, tab, newline and backslash as three octal digits. */
function unescaped(field: Buffer): string {
  const bytes = Buffer.alloc(field.length)
  let length = 0
  for (let i = 0; i < field.length; i++) {
    const escaped = field[i] === 0x5c && i + 3 < field.length
    bytes[length++] = escaped
      ? Number.parseInt(field.latin1Slice(i + 1, i + 4), 8)
      : (field[i] as number)
    if (escaped) i += 3
  }
  return decodeName(bytes, 0, length)
}

function* split(bytes: Buffer, separator: number): Generator<Buffer> {
  for (let from = 0; from < bytes.length; ) {
    const found = bytes.indexOf(separator, from)
    const to = found < 0 ? bytes.length : found
    yield bytes.subarray(from, to)
    from = to + 1
  }
}

/** The mounts that this process sees, those mounted later behind those mounted before. */
export function mounts(path = '/proc/self/mountinfo'): MountEntry[] {
  const entries: MountEntry[] = []
  for (const line of split(readFileSync(path), 0x0a)) {
    const fields = [...split(line, 0x20)]
    const dash = fields.findIndex((field) => field.length === 1 && field[0] === 0x2d)
    const [device, mountpoint, type, source, words] = [2, 4, dash + 1, dash + 2, dash + 3].map(
      (i) => fields[i],
    )
    if (dash < 0 || !device || !mountpoint || !type || !source) continue
    entries.push({
      device: device.toString('latin1'),
      mountpoint: unescaped(mountpoint),
      type: unescaped(type),
      source: unescaped(source),
      superOptions: words?.toString('latin1') ?? '',
    })
  }
  return entries
}

/** The mount that one sees at a path: the last one mounted there. */
export const mountAt = (mountpoint: string): MountEntry | undefined =>
  mounts().findLast((entry) => entry.mountpoint === mountpoint)
