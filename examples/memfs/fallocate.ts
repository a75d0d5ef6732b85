import { errno } from '../../lib/index.ts'
import { type FileData, MAX_SIZE } from './file_data.ts'

const FALLOC_FL_KEEP_SIZE = 1
const FALLOC_FL_PUNCH_HOLE = 2
const FALLOC_FL_ZERO_RANGE = 16
/** The kernel does not pass the other modes on. */
const KNOWN = FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE
const PUNCH = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE

/** fallocate(2). Throws EOPNOTSUPP, EFBIG, ENOSPC; then nothing has changed. */
export function fallocate(data: FileData, mode: number, offset: number, length: number): void {
  const punch = (mode & FALLOC_FL_PUNCH_HOLE) !== 0
  if ((mode & ~KNOWN) !== 0 || (punch && mode !== PUNCH)) throw errno('EOPNOTSUPP')
  if (punch) {
    data.punch(offset, length)
    return
  }
  if (offset + length > MAX_SIZE) throw errno('EFBIG')
  data.allocate(offset, length)
  if ((mode & FALLOC_FL_ZERO_RANGE) !== 0) {
    // Zeros by making a hole; the space for its pages is there.
    data.punch(offset, length)
    data.allocate(offset, length)
  }
  if ((mode & FALLOC_FL_KEEP_SIZE) === 0) data.extend(offset + length)
}
