import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { COMPAT_SIZES } from '../../protocol/compat.ts'
import * as constants from '../../protocol/constants.ts'
import { FUSE_INIT_FLAGS } from '../../protocol/init_flags.ts'
import type { Struct } from '../../protocol/layout.ts'
import * as structs from '../../protocol/structs.ts'
import { wholeStructs as all } from './codec_checks.ts'

/** Offsets, sizes and numbers against the C header of this machine, and what it lacks against a table. */

const HEADER = '/usr/include/linux/fuse.h'
const TABLE = new URL('../../../shared/protocol.md', import.meta.url)

/** Minor versions that brought structs or changed them; all others are as old as any header in use. */
const SINCE: Readonly<Record<string, number>> = {
  fuse_sx_time: 39,
  fuse_statx: 39,
  fuse_statx_in: 39,
  fuse_statx_out: 39,
  fuse_open_out: 40,
  fuse_init_out: 40,
  fuse_backing_map: 40,
  fuse_uring_ent_in_out: 46,
  fuse_uring_req_header: 42,
  fuse_uring_cmd_req: 42,
  fuse_copy_file_range_out: 45,
  fuse_notify_prune_out: 45,
}
/** The header has no such struct: another reading of one that it has, or of a union in it. */
const OURS: readonly string[] = [
  'fuse_setxattr_in(8)',
  'fuse_readdir_in',
  'fuse_uring_cmd_req_bufpool',
  'fuse_uring_cmd_req_zero_copy',
]
const TWIN: Readonly<Record<string, string>> = { fuse_readdir_in: 'fuse_read_in' }
/** Constants newer than 7.38 (Debian 12), and those that only devfuse has. */
const CONSTANTS_SINCE: Readonly<Record<string, number>> = {
  // 7.38, but Debian 12's 7.38 is of Linux 6.1 and lacks it.
  FUSE_EXT_GROUPS: 39,
  FUSE_STATX: 39,
  FUSE_COPY_FILE_RANGE_64: 45,
  FUSE_NOTIFY_RESEND: 40,
  FUSE_NOTIFY_INC_EPOCH: 44,
  FUSE_NOTIFY_PRUNE: 45,
  FOPEN_PASSTHROUGH: 40,
  FOPEN_IO_URING_ZERO_COPY: 46,
  FUSE_DEV_IOC_BACKING_OPEN: 40,
  FUSE_DEV_IOC_BACKING_CLOSE: 40,
  FUSE_DEV_IOC_SYNC_INIT: 45,
  FUSE_IO_URING_CMD_REGISTER: 42,
  FUSE_IO_URING_CMD_COMMIT_AND_FETCH: 42,
  FUSE_IO_URING_CMD_ADD_QUEUE: 46,
  FUSE_IO_URING_CMD_ADD_BUFPOOL: 46,
  FUSE_URING_ZERO_COPY: 46,
  FUSE_URING_ENT_ZERO_COPY: 46,
}
const NOT_IN_HEADER: Readonly<Record<string, string>> = {
  FUSE_UNIQUE_RESEND_HI: 'the high word of FUSE_UNIQUE_RESEND',
  FUSE_KERNEL_MINOR_VERSION: 'differs by version',
  FUSE_INVALID_UIDGID: 'only the kernel has it',
}
/** Values of what Debian 12's header lacks, from 7.45's and 7.46's. */
const NEWER_VALUES: Readonly<Record<string, number>> = {
  FUSE_EXT_GROUPS: 32,
  FUSE_STATX: 52,
  FUSE_COPY_FILE_RANGE_64: 53,
  FUSE_NOTIFY_RESEND: 7,
  FUSE_NOTIFY_INC_EPOCH: 8,
  FUSE_NOTIFY_PRUNE: 9,
  FOPEN_PASSTHROUGH: 128,
  FOPEN_IO_URING_ZERO_COPY: 256,
  FUSE_DEV_IOC_BACKING_OPEN: 0x4010e501,
  FUSE_DEV_IOC_BACKING_CLOSE: 0x4004e502,
  FUSE_DEV_IOC_SYNC_INIT: 0xe503,
  FUSE_IO_URING_CMD_REGISTER: 1,
  FUSE_IO_URING_CMD_COMMIT_AND_FETCH: 2,
  FUSE_IO_URING_CMD_ADD_QUEUE: 3,
  FUSE_IO_URING_CMD_ADD_BUFPOOL: 4,
  FUSE_URING_ZERO_COPY: 1,
  FUSE_URING_ENT_ZERO_COPY: 1,
  FUSE_UNIQUE_RESEND_HI: 0x8000_0000,
  FUSE_KERNEL_MINOR_VERSION: 45,
  FUSE_INVALID_UIDGID: 0xffff_ffff,
}

const header = existsSync(HEADER) ? readFileSync(HEADER, 'utf8') : ''
const minor = Number(/FUSE_KERNEL_MINOR_VERSION\s+(\d+)/.exec(header)?.[1] ?? -1)
const compiler = (() => {
  try {
    execFileSync('cc', ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
})()
const noC = minor < 0 ? `there is no ${HEADER}` : compiler ? false : 'there is no C compiler (cc)'

const inHeader = (name: string): boolean =>
  !OURS.includes(name) && minor >= (SINCE[name] ?? 0) && header.includes(`struct ${name} {`)

function runC(source: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'devfuse-abi-'))
  try {
    const [file, program] = [join(directory, 'abi.c'), join(directory, 'abi')]
    writeFileSync(file, source)
    execFileSync('cc', ['-std=gnu11', '-o', program, file], { stdio: ['ignore', 'ignore', 'pipe'] })
    return execFileSync(program, { encoding: 'utf8' })
  } finally {
    rmSync(directory, { recursive: true })
  }
}

const PROLOGUE = `#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <linux/fuse.h>
#define AT(s, m) printf("%s %s %zu %zu\\n", #s, #m, offsetof(struct s, m), sizeof(((struct s *)0)->m));
#define SIZE(s) printf("%s . 0 %zu\\n", #s, sizeof(struct s));
#define VALUE(n) printf("%s %llu\\n", #n, (unsigned long long)(n));
int main(void) {
`

/** Members of a struct whose name means the same in C; runs of pad bytes may be arrays there. */
function structLines({ name, flat }: Struct): string[] {
  const members = flat.filter(({ path, size }) => header.includes(lastOf(path)) && size > 0)
  return [...members.map(({ path }) => `AT(${name}, ${path})`), `SIZE(${name})`]
}
const lastOf = (path: string): string => path.split('.').at(-1) ?? path

const line = (name: string, path: string, offset: number, size: number): string =>
  `${name} ${path} ${offset} ${size}`

const described = ({ name, flat, size }: Struct): string[] => [
  ...flat.map((f) => line(name, f.path, f.offset, f.size)),
  line(name, '.', 0, size),
]

t.test(`structs are laid out as in <linux/fuse.h> 7.${minor}`, { skip: noC }, async (t) => {
  const found = all.filter(({ name }) => inHeader(name))
  t.ok(found.length >= 60, 'most structs are in the header', { found: found.length })
  const body = found.flatMap(structLines).join('\n')
  const printed = new Set(runC(`${PROLOGUE}${body}\nreturn 0; }\n`).trim().split('\n'))
  for (const shape of found) {
    const wrong = described(shape).filter((entry) => !printed.has(entry))
    t.same(wrong, [], shape.name)
  }
})

/** Type and array of protocol.md's table in bytes. */
function bytesOf(type: string): number {
  const [, base = '', count = '1'] = /^([\w]+?)(?:\[(\d*)\])?$/.exec(type) ?? []
  const scalar = /^[ui](8|16|32|64)$/.exec(base)?.[1]
  const one =
    scalar === undefined ? all.find(({ name }) => name === base)?.size : Number(scalar) / 8
  return (one ?? Number.NaN) * (count === '' ? 0 : Number(count))
}

interface TableRow {
  readonly size: number
  readonly members: ReadonlyMap<string, { readonly offset: number; readonly size: number }>
}

/** `| `fuse_read_in` | 40 | 0:u64 fh, 8:u64 offset, … |` */
function readTable(text: string): Map<string, TableRow> {
  const rows = new Map<string, TableRow>()
  for (const [, name = '', size, cells = ''] of text.matchAll(
    /^\| `(\w+)` \| (\d+) \| (\d+:[^|]+) \|$/gm,
  )) {
    const members = new Map(
      [...cells.matchAll(/(\d+):(\S+) (\w+)/g)].map(([, offset, type = '', member = '']) => [
        member,
        { offset: Number(offset), size: bytesOf(type) },
      ]),
    )
    rows.set(name, { size: Number(size), members })
  }
  return rows
}

const noTable = existsSync(TABLE) ? false : 'the reference table is not here'

t.test('structs are laid out as the reference table of 7.45 says', { skip: noTable }, async (t) => {
  const rows = readTable(readFileSync(TABLE, 'utf8'))
  t.ok(rows.size >= 70, 'the table is read', { found: rows.size })
  const missing = [...rows.keys()].filter((name) => !all.some((shape) => shape.name === name))
  t.same(missing, [], 'every struct of the table is declared')
  for (const shape of all) {
    const row = rows.get(TWIN[shape.name] ?? shape.name)
    if (row === undefined) {
      t.ok(OURS.includes(shape.name), `${shape.name} is not in the table for a reason`)
      continue
    }
    t.equal(shape.size, row.size, `${shape.name} has its size`)
    let offset = 0
    for (const [name, member] of Object.entries(shape.members)) {
      const cell = row.members.get(name)
      const renamed = cell === undefined && minorOfMember(shape.name, name) > 45
      if (!renamed) t.same({ offset, size: member.size }, cell, `${shape.name}.${name}`)
      offset += member.size
    }
  }
})

/** Members that 7.46 named and 7.45 calls padding. */
const minorOfMember = (struct: string, member: string): number =>
  struct === 'fuse_uring_ent_in_out' && member === 'offset' ? 46 : 0

t.test('the 7.46 forms of fuse_uring_cmd_req have their union at 24 and 40 bytes', async (t) => {
  const { fuse_uring_cmd_req_bufpool: pool, fuse_uring_cmd_req_zero_copy: zero } = structs
  const at = (shape: Struct, path: string) => shape.flat.find((f) => f.path === path)?.offset
  t.equal(pool.size, 40)
  t.equal(zero.size, 40)
  t.equal(at(pool, 'uaddr'), 24)
  t.equal(at(pool, 'len'), 32)
  t.equal(at(zero, 'ent_zero_copy_buf_index'), 24)
  t.equal(at(structs.fuse_uring_ent_in_out, 'offset'), 20)
})

const numbers = Object.entries(constants).filter(
  (entry): entry is [string, number] => typeof entry[1] === 'number',
)
const known = (name: string): boolean =>
  minor >= (CONSTANTS_SINCE[name] ?? 0) && NOT_IN_HEADER[name] === undefined

t.test(`numbers are those of <linux/fuse.h> 7.${minor}`, { skip: noC }, async (t) => {
  const inC = numbers.filter(([name]) => known(name) && new RegExp(`\\b${name}\\b`).test(header))
  t.ok(inC.length > 100, 'most constants are in the header', { found: inC.length })
  const body = inC.map(([name]) => `VALUE(${name})`).join('\n')
  const values = new Map(
    runC(`${PROLOGUE}${body}\nreturn 0; }\n`)
      .trim()
      .split('\n')
      .map((printed) => printed.split(' ') as [string, string]),
  )
  for (const [name, value] of inC) {
    const unsigned = BigInt.asUintN(32, BigInt(value))
    t.equal(BigInt.asUintN(32, BigInt(values.get(name) ?? -1)), unsigned, name)
  }
  const unseen = numbers.filter(([name]) => known(name) && !values.has(name))
  t.same(unseen, [], 'no constant is unknown to the header without a reason')
})

t.test('numbers newer than the header are those of 7.45 and 7.46', async (t) => {
  for (const [name, value] of Object.entries(NEWER_VALUES)) {
    t.equal((constants as Readonly<Record<string, unknown>>)[name], value, name)
  }
  for (const name of [...Object.keys(CONSTANTS_SINCE), ...Object.keys(NOT_IN_HEADER)]) {
    t.ok(name in NEWER_VALUES, `${name} is checked by value`)
  }
})

t.test(`INIT flags have the bits of <linux/fuse.h> 7.${minor}`, { skip: noC }, async (t) => {
  const flags = Object.entries(FUSE_INIT_FLAGS)
  const inC = flags.filter(([name]) => new RegExp(`#define ${name}\\b`).test(header))
  t.ok(inC.length > 30, 'most flags are in the header', { found: inC.length })
  const printed = runC(
    `${PROLOGUE}${inC.map(([name]) => `VALUE(${name})`).join('\n')}\nreturn 0; }\n`,
  )
  const bits = new Map(
    printed
      .trim()
      .split('\n')
      .map((entry) => entry.split(' ') as [string, string]),
  )
  for (const [name, { wire }] of inC) {
    // `1 << 31` is an int, sign-extended where it is printed.
    const bit = BigInt.asUintN(wire < 32 ? 32 : 64, BigInt(bits.get(name) ?? 0))
    t.equal(bit, 1n << BigInt(wire), name)
  }
  const defined = [...header.matchAll(/#define (FUSE_\w+)\s+\(1(?:ULL)? << (\d+)\)/g)]
  t.ok(defined.length > 40, 'the header defines bits')
  const unseen = flags.filter(([name, { since }]) => since < minor && !bits.has(name))
  t.same(unseen, [], 'every flag older than the header is in it')
})

t.test('INIT flags are those of the reference table', { skip: noTable }, async (t) => {
  const text = readFileSync(TABLE, 'utf8')
  const rows = [
    ...text.matchAll(/^\| (\d+) \| (\w+)(?: \(alias \w+\))? \| (?:7\.(\d+)|–) \| ([^|]+) \|/gm),
  ].filter(([, , name]) => name !== undefined && /^[A-Z]/.test(name))
  const wire = new Map(
    rows.map(([, bit, name, since, cap]) => [`FUSE_${name}`, { bit, since, cap }]),
  )
  for (const [name, { wire: bit, since, cap }] of Object.entries(FUSE_INIT_FLAGS)) {
    const row = wire.get(name)
    if (row === undefined) {
      t.fail(`${name} is not in the table`)
      continue
    }
    t.equal(Number(row.bit), bit, `${name} is bit ${bit}`)
    if (row.since !== undefined) t.equal(Number(row.since), since, `${name} since 7.${since}`)
    const number = /^\d+$/.test(row.cap?.trim() ?? '') ? Number(row.cap) : null
    t.equal(cap, number, `${name}'s FUSE_CAP bit`)
  }
})

t.test('the sizes of older minors are those of the header', async (t) => {
  const compat = new Map(
    COMPAT_SIZES.map(([shape, since, size]) => [`${shape.name}<${since}`, size]),
  )
  const expected: readonly (readonly [string, number])[] = [
    ['fuse_entry_out<9', constants.FUSE_COMPAT_ENTRY_OUT_SIZE],
    ['fuse_attr_out<9', constants.FUSE_COMPAT_ATTR_OUT_SIZE],
    ['fuse_mknod_in<12', constants.FUSE_COMPAT_MKNOD_IN_SIZE],
    ['fuse_write_in<9', constants.FUSE_COMPAT_WRITE_IN_SIZE],
    ['fuse_statfs_out<4', constants.FUSE_COMPAT_STATFS_SIZE],
    ['fuse_init_out<5', constants.FUSE_COMPAT_INIT_OUT_SIZE],
    ['fuse_init_out<23', constants.FUSE_COMPAT_22_INIT_OUT_SIZE],
  ]
  for (const [name, size] of expected) t.equal(compat.get(name), size, name)
  t.equal(structs.fuse_setxattr_in_compat.size, constants.FUSE_COMPAT_SETXATTR_IN_SIZE)
})

t.test('no struct of the header is missing', { skip: noC }, async (t) => {
  const names = [...header.matchAll(/^struct (\w+) \{/gm)].map(([, name]) => name ?? '')
  t.ok(names.length > 60, 'the header has structs')
  for (const name of names)
    t.ok(
      all.some((shape) => shape.name === name),
      `${name} is declared`,
    )
})
