import { show } from '../protocol/words.ts'
import type { FuseRequest } from './context.ts'
import { operationName } from './fuse_ll_ops.ts'

/** Hears of what is a mistake rather than an answer. */
export type OnError = (error: unknown, req: FuseRequest | undefined) => void

function toStderr(error: unknown, req: FuseRequest | undefined): void {
  const where = req === undefined ? '' : `${operationName(req.opcode)} of node ${req.nodeid}: `
  const what = error instanceof Error ? (error.stack ?? error.message) : show(error)
  process.stderr.write(`devfuse: ${where}${what}\n`)
}

/** `onError`, or a line on stderr; never throws. */
export function reporter(onError: OnError | undefined): OnError {
  const tell = onError ?? toStderr
  return (error, req) => {
    try {
      tell(error, req)
    } catch {
      // A reporter that throws has nobody to report to.
    }
  }
}
