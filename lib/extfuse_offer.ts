/** A flag of FUSE_INIT that an ExtFUSE kernel sets, and where it cannot be anything else. */
interface Sign {
  readonly profile: string
  /** Its name in mainline: both ABIs took a bit that means something else there. */
  readonly flag: string
  readonly fits: (minor: number, flags: readonly string[]) => boolean
}

const SIGNS: readonly Sign[] = [
  {
    profile: 'atc19',
    flag: 'FUSE_MAP_ALIGNMENT',
    // Linux 5.2 speaks 7.31; mainline sets the bit for virtiofs, later and with FUSE_INIT_EXT.
    fits: (minor, flags) => minor === 31 && !flags.includes('FUSE_INIT_EXT'),
  },
  // Mainline's bit 43 came with 7.46.
  { profile: 'port2026', flag: 'FUSE_HAS_IO_URING_BUFPOOL', fits: (minor) => minor < 46 },
]

/**
 * The ExtFUSE ABI whose bit the kernel's FUSE_INIT has; undefined on every released kernel. Only loading
 * a program proves it.
 *
 * @param minor of the kernel's version of the protocol.
 * @param flags that it offers, by name.
 */
export const extfuseOffer = (minor: number, flags: readonly string[]): string | undefined =>
  SIGNS.find(({ flag, fits }) => flags.includes(flag) && fits(minor, flags))?.profile
