// What the commands make of what they are told.
import t from 'tap'
import { readArguments } from '../../lib/cli/arguments.ts'
import {
  nameOfSource,
  operandsOf,
  subtypeOf,
  withoutOthers,
  withoutUnknown,
} from '../../lib/cli/fstab.ts'
import { nearest, unknown } from '../../lib/cli/nearest.ts'
import { span } from '../../lib/cli/ps.ts'
import { printable, table } from '../../lib/cli/table.ts'
import { flag } from '../../lib/words.ts'

t.test('the word that was probably meant', async (t) => {
  const known = ['probe', 'mount', 'umount', 'ps']
  const cases = { prob: 'probe', mnt: 'mount', unmount: 'umount', pss: 'ps', frobnicate: undefined }
  for (const [word, meant] of Object.entries(cases)) t.equal(nearest(word, known), meant, word)
  t.equal(unknown('command', 'prob', known), 'there is no command "prob"; did you mean probe?')
  t.match(unknown('command', 'frobnicate', known), /; known: probe, mount, umount, ps$/)
})

const FLAGS = {
  json: { short: 'j' },
  timeout: { value: 'last' },
  options: { short: 'o', value: 'all' },
} as const

t.test('flags and operands in any order', async (t) => {
  const read = (...argv: string[]) => {
    const { flags, values, operands } = readArguments(argv, FLAGS)
    return { flags: [...flags], values, operands }
  }
  t.same(read('a', '-j', 'b'), { flags: ['json'], values: {}, operands: ['a', 'b'] })
  t.same(read('--', '-j'), { flags: [], values: {}, operands: ['-j'] })
  t.match(read('--timeout=1', '--timeout', '2'), { values: { timeout: '2' } })
  t.match(read('-o', 'a,b=\\,', '-oc'), { values: { options: 'a,b=\\,,c' } })
})

t.test('wrong flags are named', async (t) => {
  const wrong: [string[], string][] = [
    [['--jsno'], 'there is no flag "--jsno"; did you mean --json?'],
    [['-x'], 'there is no flag "-x"; did you mean -j?'],
    [['--json=yes'], '--json: expected no value, got "yes"'],
    [['--timeout'], '--timeout: expected a value'],
    [['--toString'], 'there is no flag "--toString"; known: --json, -j, --timeout, --options, -o'],
  ]
  for (const [argv, message] of wrong) {
    t.throws(() => readArguments(argv, FLAGS), { name: 'UsageError', message })
  }
})

t.test('what fstab has for others is left out, and escapes stay', async (t) => {
  const list =
    'rw,defaults,noauto,nofail,_netdev,user=joe,x-systemd.automount,X-a=b,fsname=a\\,users'
  t.equal(withoutOthers(list), 'rw,fsname=a\\,users')
  t.equal(withoutUnknown('ro,other=1,toString,ro', { ro: flag('') }), 'ro,ro')
})

t.test('a source names a file system and what it shows', async (t) => {
  t.equal(nameOfSource('stackfs#/lower#1'), 'stackfs')
  t.equal(nameOfSource('memfs'), 'memfs')
  t.same(operandsOf('stackfs#/lower#1', 1), ['/lower#1'])
  t.same(operandsOf('stackfs#', 1), [])
  t.same(operandsOf('memfs#label', 0), [])
  t.throws(() => operandsOf('x#y', 2), { name: 'UsageError' })
  t.equal(subtypeOf('fuse.devfuse'), 'devfuse')
  t.equal(subtypeOf('fuse'), undefined)
  for (const type of ['ext4', 'fuse.', 'fusectl']) {
    t.throws(() => subtypeOf(type), { name: 'UsageError' }, type)
  }
})

t.test('a table has columns, and names cannot break its lines', async (t) => {
  t.equal(
    table([
      ['a', 'bb'],
      ['ccc', ''],
    ]),
    'a    bb\nccc\n',
  )
  t.equal(printable('a\nb\u001b[31m\\\udc80é'), 'a\\nb\\u{1b}[31m\\\\\\u{dc80}é')
  const spans = { 0: '0s', 59.9: '59s', 61: '1m 1s', 7260: '2h 1m', 90000: '1d 1h' }
  for (const [seconds, text] of Object.entries(spans)) t.equal(span(Number(seconds)), text)
})
