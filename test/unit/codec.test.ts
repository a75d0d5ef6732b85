import t, { type Test } from 'tap'
import { canCompile } from '../../protocol/can_compile.ts'
import { struct, truncated, u32, u64 } from '../../protocol/layout.ts'
import { runChild } from '../child.ts'
import {
  againstOracle,
  allStructs,
  keepsEdges,
  type Outcome,
  optionalIsZero,
  overflowsAtTwo53,
  type Result,
  refusesByName,
  shortStructs,
  visible,
  wholeStructs,
} from './codec_checks.ts'
import { random, seed } from './random.ts'

t.equal(canCompile, true, 'this process compiles its codecs')
t.ok(wholeStructs.length > 75, 'the structs are found', { found: wholeStructs.length })
t.ok(shortStructs.length > 10, 'so are their older forms')

const clean = (test: Test, { failures, checks }: Result, what: string): void => {
  test.same(failures, [], `${what} (${checks} checks)`, { seed })
}

t.test('compiled codecs, interpreted codecs and buffer-layout agree on random words', async (t) => {
  const r = random()
  for (const shape of allStructs) clean(t, againstOracle(shape, 3000, r), shape.name)
})

t.test('a value that a member cannot hold is refused by the name of the member', async (t) => {
  for (const shape of allStructs) {
    const result = refusesByName(shape)
    if (visible(shape).length > 0) t.ok(result.checks > 0, `${shape.name} has members`)
    clean(t, result, shape.name)
  }
})

t.test('the least and the most of every member survive', async (t) => {
  for (const shape of allStructs) clean(t, keepsEdges(shape), shape.name)
})

t.test('decoding a 64-bit number from 2^53 on is EOVERFLOW', async (t) => {
  for (const shape of allStructs) clean(t, overflowsAtTwo53(shape), shape.name)
})

t.test('an optional member that is absent is 0 on the wire', async (t) => {
  for (const shape of allStructs) clean(t, optionalIsZero(shape), shape.name)
})

t.test('where code generation is forbidden the interpreted codecs do the same', async (t) => {
  const child = runChild(new URL('codec_child.ts', import.meta.url), {
    node: ['--disallow-code-generation-from-strings'],
  })
  t.equal(child.status, 0, 'the child ends well', { stderr: child.stderr })
  const { canCompile, checks, failures } = JSON.parse(child.stdout) as Outcome
  t.equal(canCompile, false)
  t.ok(checks > 10_000, 'it checked', { found: checks })
  t.same(failures, [])
})

t.test('a misaligned declaration is refused', async (t) => {
  t.throws(() => struct('odd', { a: u32, b: u64 }), { message: 'odd.b: misaligned at 4' })
})

t.test('a truncated struct drops what lies beyond when encoding and has 0 for it', async (t) => {
  const whole = struct('whole', { a: u64, b: u32, c: u32 })
  const half = truncated(whole, 12)
  t.equal(half.size, 12)
  t.equal(half.name, 'whole(12)')
  const words = new Uint32Array(4).fill(0xa5a5_a5a5)
  half.encode(words, 0, { a: 1, b: 2, c: 3 })
  t.same([...words.slice(2)], [2, 0xa5a5_a5a5])
  t.same(half.decode(words, 0), { a: 1, b: 2, c: 0 })
  t.doesNotThrow(
    () => half.encode(words, 0, { a: 1, b: 2, c: -1 }),
    'what is not sent is not checked',
  )
})
