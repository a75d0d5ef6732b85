import t from 'tap'
import { bytes, count, flag, readWords, seconds, text } from '../../lib/words.ts'

const words = {
  ro: flag('read-only'),
  fsname: text('the source'),
  max: count(10, 20, 'things', 'a number'),
  timeout: seconds('a time'),
  size: bytes(4096, 'a size'),
}

t.test('words are read by their table, the last one said counts', async (t) => {
  t.same(readWords('', words), {})
  t.same(readWords('ro,max=10,max=20,timeout=0.25', words), { ro: true, max: 20, timeout: 0.25 })
  t.same(readWords('fsname=a\\,b\\\\c=d', words), { fsname: 'a,b\\c=d' })
})

t.test('sizes have units', async (t) => {
  const sizes = { '4096': 4096, '64k': 65_536, '2M': 2 ** 21, '3g': 3 * 2 ** 30, '1t': 2 ** 40 }
  for (const [said, size] of Object.entries(sizes)) {
    t.same(readWords(`size=${said}`, words), { size })
  }
})

const wrong = {
  nosuch: '-o nosuch: there is no such option',
  '=1': '-o : there is no such option',
  toString: '-o toString: there is no such option',
  'ro=1': '-o ro: expected no value, got "1"',
  fsname: '-o fsname: expected a text, got no value',
  'max=21': '-o max: expected 10 to 20 things, got "21"',
  'max=1e1': '-o max: expected 10 to 20 things, got "1e1"',
  'timeout=-1': '-o timeout: expected seconds from 0 on, as 1 or 0.5, got "-1"',
  'size=1k': '-o size: expected bytes from 4096 on, as 65536, 512m or 2g, got "1k"',
  'size=9999999t': '-o size: expected bytes from 4096 on, as 65536, 512m or 2g, got "9999999t"',
}

t.test('what is wrong is refused by name, with what was expected and what came', async (t) => {
  for (const [list, message] of Object.entries(wrong)) {
    t.throws(() => readWords(list, words), { name: 'UsageError', message }, list)
  }
})
