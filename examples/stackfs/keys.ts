import { type Device, deviceOf, isOn } from './device.ts'
import type { Key } from './node.ts'
import type { Stat } from './stat.ts'

/** Of what was read last. @param root the device of LOWER itself. */
export function keyOf(stat: Stat, root: Device): Key {
  const { ino } = stat
  if (typeof ino === 'number' && isOn(stat, root)) return ino
  const { major, minor } = deviceOf(stat)
  return `${major}:${minor}:${ino}`
}
