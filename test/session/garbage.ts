/** What a handler may answer by mistake. */
export const garbage: Readonly<Record<string, unknown>> = {
  undefined: undefined,
  null: null,
  true: true,
  number: 5,
  NaN: Number.NaN,
  bigint: 5n,
  text: 'garbage',
  'empty text': '',
  symbol: Symbol('x'),
  function: () => {},
  'empty object': {},
  array: [],
  'array of numbers': [1, 2],
  'array of texts': ['a', 'b'],
  'array of null': [null],
  date: new Date(0),
  map: new Map(),
  'typed array': new Uint16Array(4),
  'array buffer': new ArrayBuffer(8),
  bytes: Buffer.from('bytes'),
  'too many bytes': Buffer.alloc(100_000),
  frozen: Object.freeze({ attr: null, entry: null, open: null, st: null, lk: null, stat: null }),
  'numbers that are texts': {
    nodeid: '1',
    attr: { mode: '1' },
    size: '1',
    fh: '1',
    result: '1',
    revents: '1',
    block: '1',
    offset: '1',
    bytes_copied: '1',
  },
  'numbers that are negative': {
    nodeid: -1,
    attr: { mode: -1 },
    size: -1,
    fh: -1,
    open_flags: -1,
    revents: -1,
    block: -1,
    offset: -1,
    bytes_copied: -1,
  },
  'numbers that are too big': {
    nodeid: 2 ** 53,
    attr: { mode: 2 ** 32 },
    size: 2 ** 32,
    fh: 2 ** 53,
    result: 2 ** 31,
    revents: 2 ** 32,
    block: 2 ** 53,
    offset: 2 ** 53,
    bytes_copied: 2 ** 53,
  },
  'numbers that are NaN': {
    nodeid: Number.NaN,
    size: Number.NaN,
    fh: Number.NaN,
    result: Number.NaN,
    revents: Number.NaN,
    block: Number.NaN,
    offset: Number.NaN,
    bytes_copied: Number.NaN,
  },
  'numbers that are big': {
    nodeid: 1n,
    size: 1n,
    fh: 1n,
    result: 1n,
    revents: 1n,
    block: 1n,
    offset: 1n,
    bytes_copied: 1n,
    attr: { mode: 1n },
  },
  'a retry that is none': { retry: 5 },
  'a retry without ranges': { retry: {} },
  'a retry of too many ranges': {
    retry: { in: Array.from({ length: 257 }, () => ({ base: 0n, len: 1 })), out: [] },
  },
  'a retry of bad ranges': { retry: { in: [{ base: -1n, len: 1 }], out: [] } },
  'a result with data that is none': { result: 0, data: 'x' },
  'a result with too much data': { result: 0, data: Buffer.alloc(101) },
  'a getter that throws': {
    get attr(): never {
      throw new Error('attr')
    },
    get size(): never {
      throw new Error('size')
    },
  },
  'a thenable that throws': {
    // biome-ignore lint/suspicious/noThenProperty: what it is about
    then() {
      throw new Error('then')
    },
  },
  'a then that throws when it is read': {
    // biome-ignore lint/suspicious/noThenProperty: what it is about
    get then(): never {
      throw new Error('then')
    },
  },
}
