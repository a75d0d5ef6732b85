import { errno } from '../../lib/index.ts'
import { type FileData, MAX_SIZE } from './file_data.ts'

const FALLOC_FL_KEEP_SIZE = 1
const FALLOC_FL_PUNCH_HOLE = 2
const FALLOC_FL_ZERO_RANGE = 16
/** The kernel does not pass the other modes on. */
const KNOWN = FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE

/** fallocate(2). Throws EOPNOTSUPP, EFBIG, ENOSPC; then nothing has changed. */
export function fallocate(data: FileData, mode: number, offset: number, length: number): void {
  const punch = (mode & FALLOC_FL_PUNCH_HOLE) !== 0
  if ((mode & ~KNOWN) !== 0) throw errno('EOPNOTSUPP')
  if (punch && mode !== (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)) throw errno('EOPNOTSUPP')
  if (offset + length > MAX_SIZE) throw errno('EFBIG')
  if (punch) {
    data.punch(offset, length)
    return
  }
  data.allocate(offset, length)
  if ((mode & FALLOC_FL_ZERO_RANGE) !== 0) {
    // Zeros by making a hole; its pages are there again at once.
    data.punch(offset, length)
    data.allocate(offset, length)
  }
  if ((mode & FALLOC_FL_KEEP_SIZE) === 0) data.extend(offset + length)
}
