import type { Stat } from './stat.ts'

/** The number of a device, as stat(2) and /proc/self/mountinfo have it. */
export interface Device {
  readonly major: number
  readonly minor: number
}

export const deviceOf = (stat: Stat): Device => ({ major: stat.devMajor, minor: stat.devMinor })

/** Whether what was read last lies on a device. */
export const isOn = (stat: Stat, { major, minor }: Device): boolean =>
  stat.devMinor === minor && stat.devMajor === major
