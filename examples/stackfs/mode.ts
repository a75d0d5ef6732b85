import { constants } from 'node:fs'

/** Bits of st_mode. */
export const { S_IFMT, S_IFREG, S_IFDIR, S_IFLNK } = constants
/** Everything that chmod(2) can set. */
export const PERMISSIONS = 0o7777
