import t from 'tap'
import type { Attributes } from '../../examples/memfs/attributes.ts'
import { CHUNK, PAGE } from '../../examples/memfs/chunk.ts'
import { fallocate } from '../../examples/memfs/fallocate.ts'
import { FileData, MAX_SIZE } from '../../examples/memfs/file_data.ts'
import { Space } from '../../examples/memfs/space.ts'
import { random, seed } from './random.ts'

const { below } = random()

const KEEP_SIZE = 1
const PUNCH = 3
const ZERO_RANGE = 16

function newFile(bytes = 2 ** 30): { attr: Attributes; data: FileData; space: Space } {
  const attr = { size: 0, blocks: 0 } as Attributes
  const space = new Space(bytes, 10)
  return { attr, data: new FileData(attr, space), space }
}

const contents = ({ data, attr }: { data: FileData; attr: Attributes }): Buffer =>
  Buffer.concat(data.read(0, attr.size))

const LARGEST = 3 * CHUNK + 5000

/** Random bytes, never 0: a zero is then a hole or a mistake. */
const bytesOf = (length: number): Buffer =>
  Buffer.from(Array.from({ length }, () => 1 + below(255)))

t.test(`random changes leave what a plain buffer holds (seed ${seed})`, async (t) => {
  const file = newFile()
  const { data, attr, space } = file
  let model = Buffer.alloc(0)
  const grow = (size: number) => {
    if (size > model.length) model = Buffer.concat([model, Buffer.alloc(size - model.length)])
  }
  const steps: Record<string, (at: number, length: number) => void> = {
    write(at, length) {
      const bytes = bytesOf(length)
      data.write(at, bytes)
      grow(at + length)
      bytes.copy(model, at)
    },
    truncate(at) {
      data.truncate(at)
      grow(at)
      model = Buffer.from(model.subarray(0, at))
    },
    punch(at, length) {
      fallocate(data, PUNCH, at, length)
      model.fill(0, Math.min(at, model.length), Math.min(at + length, model.length))
    },
    zero(at, length) {
      fallocate(data, ZERO_RANGE, at, length)
      grow(at + length)
      model.fill(0, at, at + length)
    },
    keep(at, length) {
      fallocate(data, KEEP_SIZE, at, length)
    },
    copy(at, length) {
      const from = below(LARGEST)
      if (Math.abs(from - at) < length) return
      const copied = data.copyFrom(data, from, at, length)
      const expected = Math.max(0, Math.min(length, model.length - from))
      if (copied !== expected) throw new Error(`copied ${copied}, not ${expected}`)
      if (expected === 0) return
      grow(at + expected)
      model.copy(model, at, from, from + expected)
    },
  }
  const names = Object.keys(steps)
  for (let i = 0; i < 1500; i++) {
    const name = names[below(names.length)] as string
    const at = below(LARGEST)
    steps[name]?.(at, 1 + below(below(2) === 0 ? 100 : 2 * CHUNK))
    if (!contents(file).equals(model)) throw new Error(`after step ${i}, ${name} at ${at}`)
    if (space.usedBytes !== attr.blocks * 512) throw new Error(`after step ${i}: wrong blocks`)
  }
  t.equal(attr.size, model.length)
  data.free()
  t.equal(space.usedBytes, 0)
})

t.test('a read never goes past the end, wherever it starts', async (t) => {
  const { data } = newFile()
  data.write(0, Buffer.from('abc'))
  t.same(Buffer.concat(data.read(1, 100)).toString(), 'bc')
  for (const offset of [3, 4, CHUNK, MAX_SIZE]) t.same(data.read(offset, 10), [])
})

t.test('SEEK_DATA and SEEK_HOLE find every border, across terabytes', async (t) => {
  const { data, attr } = newFile()
  const far = 2 ** 42
  data.write(0, Buffer.alloc(2 * PAGE, 1))
  data.write(5 * PAGE, Buffer.alloc(1, 1))
  data.write(far, Buffer.alloc(PAGE, 1))
  t.equal(data.nextData(0), 0)
  t.equal(data.nextHole(0), 2 * PAGE)
  t.equal(data.nextHole(2 * PAGE + 7), 2 * PAGE + 7)
  t.equal(data.nextData(2 * PAGE), 5 * PAGE)
  t.equal(data.nextData(5 * PAGE + 1), 5 * PAGE + 1)
  t.equal(data.nextHole(5 * PAGE), 6 * PAGE)
  t.equal(data.nextData(6 * PAGE), far)
  t.equal(data.nextHole(far), attr.size)
  data.truncate(far + 2 * PAGE)
  t.equal(data.nextData(far + PAGE), undefined)
  t.equal(attr.blocks, 4 * (PAGE / 512))
})

t.test('a write takes what space there is, and no more', async (t) => {
  const { data, attr, space } = newFile(3 * PAGE)
  t.equal(data.write(PAGE - 10, Buffer.alloc(10 * PAGE, 1)), 2 * PAGE + 10)
  t.equal(attr.size, 3 * PAGE)
  t.equal(space.freeBytes, 0)
  t.throws(() => data.write(3 * PAGE, Buffer.alloc(1)), { code: 'ENOSPC' })
  t.equal(data.write(0, Buffer.alloc(2 * PAGE, 2)), 2 * PAGE, 'what is allocated can be written')
  data.punch(0, PAGE)
  t.equal(data.write(5 * PAGE, Buffer.alloc(PAGE, 1)), PAGE)
  t.throws(() => fallocate(data, 0, 0, 2 ** 52), { code: 'ENOSPC' })
  t.equal(space.freeBytes, 0)
})

t.test('from 2^53 on there is EFBIG, and nothing has changed', async (t) => {
  const { data, attr } = newFile()
  t.throws(() => data.write(MAX_SIZE, Buffer.alloc(1)), { code: 'EFBIG' })
  t.throws(() => data.truncate(2 ** 53), { code: 'EFBIG' })
  t.throws(() => fallocate(data, 0, MAX_SIZE, 1), { code: 'EFBIG' })
  t.equal(attr.size, 0)
  t.equal(data.write(MAX_SIZE - 1, Buffer.of(7)), 1)
  t.same(Buffer.concat(data.read(MAX_SIZE - 2, 100)), Buffer.of(0, 7))
})

t.test('modes of fallocate that make no sense are EOPNOTSUPP', async (t) => {
  const { data } = newFile()
  for (const mode of [2, 2 | 16 | 1, 8, 32, 64]) {
    t.throws(() => fallocate(data, mode, 0, PAGE), { code: 'EOPNOTSUPP' }, String(mode))
  }
})

t.test('memory follows the pages that were written, not the stretches they lie in', async (t) => {
  const { data, attr } = newFile()
  const page = Buffer.alloc(PAGE, 1)
  const before = process.memoryUsage().arrayBuffers
  for (let i = 0; i < 500; i++) {
    data.write(i * CHUNK, page)
    data.write((i + 1) * CHUNK - PAGE, page)
  }
  const taken = process.memoryUsage().arrayBuffers - before
  t.equal(attr.blocks * 512, 1000 * PAGE)
  t.ok(taken < 2 * attr.blocks * 512, `${taken} bytes`)
})

t.test('pages written in any order come back, and punched ones are gone', async (t) => {
  const { data, attr } = newFile()
  const order = Array.from({ length: 64 }, (_, i) => (i * 27) % 64)
  for (const i of order) data.write(i * PAGE + 100, Buffer.alloc(PAGE - 200, i + 1))
  for (const i of order.slice(0, 32)) data.punch(i * PAGE, PAGE)
  const kept = new Set(order.slice(32))
  const bytes = contents({ data, attr })
  for (let i = 0; i < 64; i++) t.equal(bytes[i * PAGE + 2000], kept.has(i) ? i + 1 : 0)
  t.equal(attr.blocks * 512, 32 * PAGE)
})
