import debug from 'debug'
import type { FuseRequest } from './context.ts'
import { errnoName } from './errno.ts'
import { operationName } from './fuse_ll_ops.ts'

/** One readable line a message: `DEBUG=devfuse:wire`. Built only where that is enabled. */
const wire = debug('devfuse:wire')

/** Longest text of a value in a line. */
const MOST = 60

function brief(value: unknown): string {
  if (typeof value === 'string')
    return JSON.stringify(value.length > MOST ? `${value.slice(0, MOST)}…` : value)
  if (value instanceof Uint8Array) return `<${value.length} bytes>`
  if (Array.isArray(value)) return `<${value.length} items>`
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).filter(([, v]) => v !== 0 && v !== 0n && v !== undefined)
    return `{${members.map(([k, v]) => `${k}:${brief(v)}`).join(' ')}}`
  }
  return String(value)
}

export interface Trace {
  /** A request with its arguments. */
  call(req: FuseRequest, args: readonly unknown[]): void
  reply(req: FuseRequest, error: number, length: number, value: unknown, result: number): void
  notify(code: string, args: readonly unknown[]): void
}

const nameOf = (opcode: number): string => operationName(opcode).toUpperCase()

const lines: Trace = {
  call(req, args) {
    const { unique, opcode, nodeid, uid, gid, pid } = req
    const who = `uid ${uid} gid ${gid} pid ${pid}`
    wire(`-> ${unique} ${nameOf(opcode)} node ${nodeid} ${who} ${args.map(brief).join(' ')}`)
  },
  reply(req, error, length, value, result) {
    const what = error === 0 ? `ok ${brief(value)}` : errnoName(-error)
    const fate = result === 0 ? '' : ` NOT DELIVERED: ${errnoName(-result)}`
    wire(`<- ${req.unique} ${nameOf(req.opcode)} ${what} (${length} bytes)${fate}`)
  },
  notify(code, args) {
    wire(`<- notify ${code} ${args.map(brief).join(' ')}`)
  },
}

/** The trace, where somebody listens. */
export const trace = (): Trace | undefined => (wire.enabled ? lines : undefined)
