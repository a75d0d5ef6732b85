import type { Timestamp } from './clock.ts'
import { FileData } from './file_data.ts'
import { Inode, type Owner } from './inode.ts'
import type { Space } from './space.ts'

/** A file with bytes. */
export class RegularFile extends Inode {
  readonly data: FileData

  constructor(nodeid: number, mode: number, owner: Owner, now: Timestamp, space: Space) {
    super(nodeid, mode, owner, now)
    this.data = new FileData(this.attr, space)
  }
}
