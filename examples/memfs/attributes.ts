import type { fuse_attr } from '../../lib/index.ts'

/** What stat(2) shows, in the wire's words: kept as it is sent. */
export type Attributes = Record<keyof fuse_attr, number>
