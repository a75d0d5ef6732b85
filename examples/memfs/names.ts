import { errno, nameBytes } from '../../lib/index.ts'

/** Bytes of a name. The kernel would pass on up to 1,024. */
export const NAME_MAX = 255

/** Throws ENAMETOOLONG. */
export function checkName(name: string): void {
  // A UTF-16 unit is at most 3 bytes: most names need no counting.
  if (name.length * 3 <= NAME_MAX) return
  if (nameBytes(name).length > NAME_MAX) throw errno('ENAMETOOLONG')
}
