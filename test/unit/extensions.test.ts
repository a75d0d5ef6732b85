import t from 'tap'
import { parseExtensions } from '../../protocol/extensions.ts'
import { random, seed } from './random.ts'

const u32 = (...values: number[]): Buffer => {
  const bytes = Buffer.alloc(values.length * 4)
  for (const [i, value] of values.entries()) bytes.writeUInt32LE(value >>> 0, i * 4)
  return bytes
}
const padded = (bytes: Buffer): Buffer => Buffer.concat([bytes, Buffer.alloc(-bytes.length & 7)])

/** One fuse_secctx: value size, padding, name with NUL, value, padded to 8. */
const context = (name: string, value: Buffer): Buffer =>
  padded(Buffer.concat([u32(value.length, 0), Buffer.from(`${name}\0`), value]))
/** fuse_secctx_header and its contexts. */
const contexts = (...each: Buffer[]): Buffer => {
  const body = Buffer.concat(each)
  return Buffer.concat([u32(8 + body.length, each.length), body])
}
/** fuse_ext_header of type FUSE_EXT_GROUPS and fuse_supp_groups. */
const groups = (...gids: number[]): Buffer =>
  padded(Buffer.concat([u32(12 + gids.length * 4, 32, gids.length), u32(...gids)]))

/** The area as it stands at the end of a message, with other bytes around it. */
function parse(area: Buffer) {
  const before = Buffer.alloc(48, 0x61)
  const bytes = Buffer.concat([before, area, Buffer.alloc(16, 0x62)])
  return parseExtensions(bytes, before.length, before.length + area.length)
}

const selinux = Buffer.from('system_u:object_r:tmp_t:s0\0')

t.test('security contexts and groups are read', async (t) => {
  t.same(parse(Buffer.alloc(0)), { contexts: [], groups: [] }, 'an empty area')
  t.same(parse(groups(1000)), { contexts: [], groups: [1000] })
  t.same(parse(groups(1, 2, 0xffff_fffe)).groups, [1, 2, 0xffff_fffe])
  t.same(parse(groups()).groups, [], 'no groups')
  const one = parse(contexts(context('security.selinux', selinux)))
  t.equal(one.contexts.length, 1)
  t.equal(one.contexts[0]?.name, 'security.selinux')
  t.ok(selinux.equals(one.contexts[0]?.value ?? Buffer.alloc(0)))
  t.same(parse(contexts()), { contexts: [], groups: [] }, 'a header without contexts')
})

t.test('several records follow each other in any order', async (t) => {
  const two = contexts(
    context('security.a', Buffer.from('1')),
    context('security.bb', Buffer.alloc(0)),
  )
  for (const area of [Buffer.concat([two, groups(5)]), Buffer.concat([groups(5), two])]) {
    const found = parse(area)
    t.same(found.groups, [5])
    t.same(
      found.contexts.map(({ name, value }) => [name, Buffer.from(value).toString()]),
      [
        ['security.a', '1'],
        ['security.bb', ''],
      ],
    )
  }
})

t.test('a record of an unknown type is skipped', async (t) => {
  const unknown = Buffer.concat([u32(24, 33), Buffer.alloc(16, 0xff)])
  t.same(parse(Buffer.concat([unknown, groups(7)])).groups, [7])
  const odd = padded(Buffer.concat([u32(13, 99), Buffer.from('hello')]))
  t.same(parse(Buffer.concat([odd, groups(7)])).groups, [7], 'its padding too')
})

t.test('a value is a copy', async (t) => {
  const area = contexts(context('security.a', Buffer.from('value')))
  const bytes = Buffer.concat([Buffer.alloc(40), area])
  const { contexts: found } = parseExtensions(bytes, 40, bytes.length)
  bytes.fill(0xdb)
  t.equal(Buffer.from(found[0]?.value ?? []).toString(), 'value')
})

t.test('an area that contradicts itself is a ProtocolError', async (t) => {
  const cases: Readonly<Record<string, Buffer>> = {
    'a record of 0 bytes': u32(0, 32),
    'a record of 7 bytes': u32(7, 32),
    'a record longer than the area': u32(24, 32, 0, 0),
    'a record of 4 GiB': u32(0xffff_ffff, 32),
    'groups without a count': u32(8, 32),
    'more groups than bytes': u32(16, 32, 2, 1),
    'four billion groups': u32(16, 32, 0xffff_ffff, 1),
    'more contexts than bytes': u32(8, 1),
    'a context without room for its head': u32(16, 2, 0, 0, 0, 0),
    'a context whose name does not end': Buffer.concat([u32(24, 1, 1, 0), Buffer.from('abcdefgh')]),
    'a context whose value leaves it': Buffer.concat([
      u32(24, 1, 100, 0),
      Buffer.from('abcdef\0v'),
    ]),
    'a context of 4 GiB': Buffer.concat([u32(24, 1, 0xffff_ffff, 0), Buffer.from('abcdef\0v')]),
    '31 contexts that are not there': u32(8, 31),
  }
  for (const [what, area] of Object.entries(cases)) {
    t.throws(() => parse(area), { name: 'ProtocolError' }, what)
  }
})

t.test('any bytes are read or are a ProtocolError', async (t) => {
  const r = random()
  const good = Buffer.concat([contexts(context('security.selinux', selinux)), groups(1, 2)])
  let read = 0
  let refused = 0
  for (let i = 0; i < 20_000; i++) {
    const area = Buffer.from(good.subarray(0, 8 * (1 + r.below(good.length / 8))))
    for (let k = r.below(4); k > 0; k--)
      area[r.below(area.length)] = r.oneIn(2) ? r.below(40) : r.below(256)
    try {
      parse(area)
      read++
    } catch (error) {
      if ((error as Error).name !== 'ProtocolError') t.error(error, area.toString('hex'), { seed })
      refused++
    }
  }
  t.ok(read > 1000, 'some are read', { found: read })
  t.ok(refused > 1000, 'some are refused', { found: refused })
})
