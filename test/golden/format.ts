import { readFileSync } from 'node:fs'
import { fuse_ll_ops } from '../../lib/fuse_ll_ops.ts'
import type { OperationName } from '../../lib/ops.ts'
import * as c from '../../protocol/constants.ts'
import { DirentPlusWriter, DirentWriter } from '../../protocol/dirent.ts'
import type { AnyStruct, Placed, Struct } from '../../protocol/layout.ts'
import { nameOf } from '../../protocol/names.ts'
import * as s from '../../protocol/structs.ts'

/**
 * Golden files: a request byte by byte, what the handler answered, the reply byte by byte. Written
 * by record.ts with buffer-layout's reading of the bytes; the test holds them against the codecs.
 */

/** A piece of a message: what its bytes are called and what they mean. */
export interface Field {
  readonly name: string
  readonly value: string
  readonly size: number
}

export interface Golden {
  /** Where it comes from: the file's first line. */
  readonly title: string
  readonly opcode: number
  /** Options of the session that it belongs to. */
  readonly options: Readonly<Record<string, unknown>>
  readonly request: Buffer
  readonly requestFields: readonly Field[]
  /** What the handler answered; undefined where there is none. */
  readonly answer: unknown
  /** Undefined where the kernel expects none. */
  readonly reply: Buffer | undefined
}

// Values as text.

const OCTAL = /(^|\.)(mode|umask)$/
const HEX = /(flags\d?|(^|\.)valid|mask|events|cmd)$/

/** How a member's value is written down. */
export function shown(name: string, value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (value instanceof Uint8Array)
    return value.length === 0 ? 'nothing' : Buffer.from(value).toString('hex')
  if (typeof value === 'number' && OCTAL.test(name)) return `0o${value.toString(8)}`
  if (typeof value === 'number' && value >= 0 && HEX.test(name)) return `0x${value.toString(16)}`
  return String(value)
}

/** The visible members of a decoded struct, in wire order. */
export function membersOf(shape: AnyStruct, value: unknown, prefix = ''): [string, string][] {
  return shape.flat
    .filter(({ kind }) => kind !== 'pad')
    .map(({ path }) => {
      let at = value
      for (const name of path.split('.')) at = (at as Record<string, unknown>)[name]
      return [prefix + path, shown(path, at)]
    })
}

// Bytes to fields, by buffer-layout.

function fieldOf({ path, kind, size }: Placed, raw: unknown, prefix: string): Field {
  if (kind === 'pad') return { name: `${prefix}${path}`, value: 'padding', size }
  if (kind !== 'u64' && kind !== 'i64' && kind !== 'x64') {
    return { name: prefix + path, value: shown(path, raw), size }
  }
  const { first, second } = raw as { first: number; second: number }
  const unsigned = (BigInt(second) << 32n) | BigInt(first)
  const value = kind === 'i64' ? BigInt.asIntN(64, unsigned) : unsigned
  return {
    name: prefix + path,
    value: kind === 'x64' ? String(value) : shown(path, Number(value)),
    size,
  }
}

function structFields(shape: Struct, bytes: Buffer, prefix = ''): Field[] {
  const raw = shape.layout.decode(bytes) as Record<string, unknown>
  return shape.flat.map((member) => fieldOf(member, raw[member.path], prefix))
}

/** Structs of opcodes that have no row, and of those whose row is not the whole story. */
const WITHOUT_ROW: Readonly<Record<number, Struct>> = {
  [c.FUSE_INIT]: s.fuse_init_in as unknown as Struct,
  [c.FUSE_INTERRUPT]: s.fuse_interrupt_in as unknown as Struct,
  [c.FUSE_NOTIFY_REPLY]: s.fuse_notify_retrieve_in as unknown as Struct,
  [c.CUSE_INIT]: s.cuse_init_in as unknown as Struct,
}

/** The struct of a request; SETXATTR's depends on what was agreed. */
export function layoutOf(
  opcode: number,
  options: Readonly<Record<string, unknown>>,
): Struct | null {
  const { FUSE_CAP_SETXATTR_EXT: ext = true } = (options['capabilities'] ?? {}) as Record<
    string,
    boolean
  >
  if (opcode === c.FUSE_SETXATTR && !ext) return s.fuse_setxattr_in_compat as unknown as Struct
  return fuse_ll_ops[opcode]?.in ?? WITHOUT_ROW[opcode] ?? null
}

function extensionFields(bytes: Buffer): Field[] {
  const fields: Field[] = []
  for (let at = 0; at < bytes.length; ) {
    const size = bytes.readUInt32LE(at)
    if (bytes.readUInt32LE(at + 4) !== c.FUSE_EXT_GROUPS) {
      return [
        ...fields,
        { name: 'extension', value: shown('', bytes.subarray(at)), size: bytes.length - at },
      ]
    }
    fields.push(...structFields(s.fuse_ext_header as unknown as Struct, bytes.subarray(at), 'ext.'))
    fields.push(
      ...structFields(s.fuse_supp_groups as unknown as Struct, bytes.subarray(at + 8), 'ext.'),
    )
    for (let g = at + 12; g < at + size; g += 4) {
      fields.push({ name: 'ext.group', value: String(bytes.readUInt32LE(g)), size: 4 })
    }
    at += (size + 7) & ~7
  }
  return fields
}

/** A request cut into its fields. */
export function requestFields(
  request: Buffer,
  options: Readonly<Record<string, unknown>>,
): Field[] {
  const opcode = request.readUInt32LE(4)
  const row = fuse_ll_ops[opcode]
  const fields = structFields(s.fuse_in_header as unknown as Struct, request)
  const end = request.length - request.readUInt16LE(36) * 8
  let at = 40
  const layout = layoutOf(opcode, options)
  if (layout !== null) {
    fields.push(...structFields(layout, request.subarray(at)))
    at += layout.size
  }
  for (let i = 0; i < (row?.names ?? 0); i++) {
    const nul = request.indexOf(0, at)
    const value = shown('', nameOf(request.subarray(at, nul)))
    fields.push({ name: i === 0 ? 'name' : 'name2', value, size: nul + 1 - at })
    at = nul + 1
  }
  if (row !== undefined && typeof row.data === 'object' && row.data !== null) {
    for (let i = 0; at < end; i++, at += row.data.size) {
      fields.push(...structFields(row.data, request.subarray(at), `[${i}].`))
    }
  } else if (at < end) {
    fields.push({ name: 'data', value: shown('', request.subarray(at, end)), size: end - at })
  }
  return [...fields, ...extensionFields(request.subarray(end))]
}

const OUT: Readonly<Partial<Record<OperationName, readonly AnyStruct[]>>> = {
  lookup: [s.fuse_entry_out],
  symlink: [s.fuse_entry_out],
  mknod: [s.fuse_entry_out],
  mkdir: [s.fuse_entry_out],
  link: [s.fuse_entry_out],
  getattr: [s.fuse_attr_out],
  setattr: [s.fuse_attr_out],
  open: [s.fuse_open_out],
  opendir: [s.fuse_open_out],
  write: [s.fuse_write_out],
  statfs: [s.fuse_statfs_out],
  create: [s.fuse_entry_out, s.fuse_open_out],
  tmpfile: [s.fuse_entry_out, s.fuse_open_out],
  getlk: [s.fuse_lk_out],
  bmap: [s.fuse_bmap_out],
  ioctl: [s.fuse_ioctl_out],
  poll: [s.fuse_poll_out],
  lseek: [s.fuse_lseek_out],
  copy_file_range: [s.fuse_write_out],
  copy_file_range_64: [s.fuse_copy_file_range_out],
  statx: [s.fuse_statx_out],
}

/** Entries of READDIR and READDIRPLUS: heads, names and padding. */
function direntFields(bytes: Buffer, plus: boolean): Field[] {
  const shape = (plus ? s.fuse_direntplus : s.fuse_dirent) as unknown as Struct
  const fields: Field[] = []
  for (let at = 0, i = 0; at + shape.size <= bytes.length; i++) {
    fields.push(...structFields(shape, bytes.subarray(at), `[${i}].`))
    const namelen = bytes.readUInt32LE(at + shape.size - 8)
    const from = at + shape.size
    const value = shown('', nameOf(bytes.subarray(from, from + namelen)))
    fields.push({ name: `[${i}].name`, value, size: (namelen + 7) & ~7 })
    at = from + ((namelen + 7) & ~7)
  }
  return fields
}

/** A reply cut into its fields. */
export function replyFields(opcode: number, reply: Buffer): Field[] {
  const fields = structFields(s.fuse_out_header as unknown as Struct, reply)
  const name = fuse_ll_ops[opcode]?.name
  if (name === 'readdir' || name === 'readdirplus') {
    return [...fields, ...direntFields(reply.subarray(16), name === 'readdirplus')]
  }
  const shapes =
    opcode === c.FUSE_INIT ? [s.fuse_init_out] : name === undefined ? [] : (OUT[name] ?? [])
  let at = 16
  for (const shape of shapes) {
    if (at === reply.length) break
    fields.push(...structFields(shape as unknown as Struct, reply.subarray(at)))
    at += shape.size
  }
  if (at < reply.length) {
    fields.push({ name: 'data', value: shown('', reply.subarray(at)), size: reply.length - at })
  }
  return fields
}

// Answers: JSON with bigints as "1n", bytes as { hex } and listings as lists.

interface Listed {
  readonly name: string
  readonly ino: number
  readonly mode: number
  readonly off: number
  readonly entry?: never
}

/** The value that a handler returns for an answer of a golden file. */
export function revive(answer: unknown, size: number): unknown {
  if (typeof answer === 'string' && /^\d+n$/.test(answer)) return BigInt(answer.slice(0, -1))
  if (typeof answer !== 'object' || answer === null || Array.isArray(answer)) return answer
  if ('hex' in answer) return Buffer.from(answer.hex as string, 'hex')
  if ('dirents' in answer) {
    const writer = new DirentWriter(size)
    for (const { name, ino, off, mode } of answer.dirents as Listed[])
      writer.add(name, ino, off, mode)
    return writer
  }
  if ('direntsplus' in answer) {
    const writer = new DirentPlusWriter(size)
    for (const { name, entry, off } of answer.direntsplus as Listed[]) {
      writer.add(name, revive(entry, size) as never, off)
    }
    return writer
  }
  return Object.fromEntries(
    Object.entries(answer).map(([key, value]) => [key, revive(value, size)]),
  )
}

// Files.

const hexOf = (bytes: Buffer): string =>
  bytes.length <= 16
    ? bytes.toString('hex')
    : (bytes.toString('hex').match(/.{1,32}/g) ?? []).join('\n      ')

function section(title: string, bytes: Buffer, fields: readonly Field[]): string[] {
  const lines = [title]
  let at = 0
  for (const { name, value, size } of fields) {
    const hex = hexOf(bytes.subarray(at, at + size))
    lines.push(`${at.toString(16).padStart(4, '0')}  ${hex.padEnd(17)} ${name} = ${value}`)
    at += size
  }
  if (at !== bytes.length) throw new Error(`${title}: ${at} of ${bytes.length} bytes have a name`)
  return lines
}

export function write(golden: Golden): string {
  const { title, opcode, options, request, reply, answer } = golden
  const lines = [title]
  if (Object.keys(options).length > 0) lines.push(`options ${JSON.stringify(options)}`)
  lines.push('', ...section('request', request, requestFields(request, options)))
  if (answer !== undefined) lines.push('', 'answer', JSON.stringify(answer, null, 1))
  if (reply !== undefined) lines.push('', ...section('reply', reply, replyFields(opcode, reply)))
  return `${lines.join('\n')}\n`
}

function parseSection(lines: readonly string[]): { bytes: Buffer; fields: Field[] } {
  const pieces: Buffer[] = []
  const fields: Field[] = []
  for (const block of lines.join('\n').split(/\n(?=[0-9a-f]{4} {2})/)) {
    const parts = /^[0-9a-f]{4} {2}([0-9a-f\s]*?) +(\S+) = (.*)$/s.exec(block)
    if (parts === null) throw new Error(`not a field: ${block}`)
    const [, hex = '', name = '', value = ''] = parts
    const bytes = Buffer.from(hex.replace(/\s/g, ''), 'hex')
    pieces.push(bytes)
    fields.push({ name, value, size: bytes.length })
  }
  return { bytes: Buffer.concat(pieces), fields }
}

export function read(path: string | URL): Golden {
  const [head = '', ...sections] = readFileSync(path, 'utf8').trimEnd().split('\n\n')
  const [title = '', optionLine] = head.split('\n')
  const named = new Map(
    sections.map((text) => {
      const [name = '', ...lines] = text.split('\n')
      return [name, lines] as const
    }),
  )
  const request = parseSection(named.get('request') ?? [])
  const reply = named.get('reply')
  const answer = named.get('answer')
  return {
    title,
    opcode: request.bytes.readUInt32LE(4),
    options: optionLine === undefined ? {} : JSON.parse(optionLine.replace('options ', '')),
    request: request.bytes,
    requestFields: request.fields,
    answer: answer === undefined ? undefined : JSON.parse(answer.join('\n')),
    reply: reply === undefined ? undefined : parseSection(reply).bytes,
  }
}
