import { readFile } from 'node:fs/promises'
import { constants } from 'node:os'
import t from 'tap'
import { ErrnoError, errno, errnoFrom, errnoName, errnoOf, systemError } from '../../lib/errno.ts'
import { isErrno } from '../../protocol/reply.ts'

t.test('every symbol that node:os knows, and three more of Linux, can be thrown', async (t) => {
  const symbols = Object.entries(constants.errno)
  t.ok(symbols.length > 50)
  for (const [code, number] of symbols) {
    const error = errno(code as 'ENOENT')
    t.same([error.code, error.errno, errnoOf(error)], [code, number, number], code)
    t.ok(isErrno(number), `${code} is one that the device takes`)
  }
  for (const [code, number] of Object.entries({ ENOATTR: 61, EUCLEAN: 117, ESTALE: 116 })) {
    t.equal(errno(code as 'ESTALE').errno, number, code)
  }
})

t.test('a symbol is one object without a stack', async (t) => {
  const error = errno('ENOENT')
  t.equal(error, errno('ENOENT'))
  t.ok(error instanceof ErrnoError)
  t.ok(error instanceof Error)
  t.notMatch(error.stack ?? '', /\n\s+at /)
  t.match(new Error('other').stack, /\n\s+at /, 'others keep theirs')
})

t.test('what a system call answered is the error of its symbol', async (t) => {
  t.equal(errnoFrom(-2), errno('ENOENT'))
  t.equal(errnoFrom(-116), errno('ESTALE'))
  t.equal(errnoFrom(-500), errnoFrom(-500))
  t.same([errnoFrom(-500).errno, errnoFrom(-500).code], [500, 'errno 500'])
})

t.test('a symbol that does not exist is a TypeError', async (t) => {
  for (const code of ['ENOSUCH', '', 'toString', '__proto__', 'constructor']) {
    t.throws(() => errno(code as 'ENOENT'), TypeError, JSON.stringify(code))
  }
})

t.test('what is thrown stands for an errno, or for none', async (t) => {
  const fsError = await readFile('/nonexistent').catch((error: unknown) => error)
  const cases: readonly (readonly [string, unknown, number | undefined])[] = [
    ['an error of node:fs', fsError, 2],
    ['a negative errno', { errno: -13 }, 13],
    ['a positive errno', Object.assign(new Error('x'), { errno: 17 }), 17],
    [
      'a code alone',
      Object.assign(new Error('x'), { code: 'ENOTEMPTY' }),
      constants.errno.ENOTEMPTY,
    ],
    ['a code that only Linux has', { code: 'ENOATTR' }, 61],
    ['an errno that no device takes, with a code', { errno: -4094, code: 'EPERM' }, 1],
    ['errno 0', { errno: 0 }, undefined],
    ['errno 512', { errno: 512 }, undefined],
    ['a fractional errno', { errno: 1.5 }, undefined],
    ['an errno that is a text', { errno: '2' }, undefined],
    ['a code that is none', { code: 'ERR_INVALID_ARG_TYPE' }, undefined],
    ['a code that every object has', { code: 'toString' }, undefined],
    ['a plain error', new Error('x'), undefined],
    ['a text', 'ENOENT', undefined],
    ['a number', 2, undefined],
    ['null', null, undefined],
    ['undefined', undefined, undefined],
    ['a symbol', Symbol('x'), undefined],
    ['a function', () => {}, undefined],
  ]
  for (const [what, thrown, number] of cases) t.equal(errnoOf(thrown), number, what)
})

t.test('the errnos that the device takes are 1 to 511', async (t) => {
  for (const good of [1, 2, 511]) t.equal(isErrno(good), true, `${good}`)
  for (const bad of [0, -1, 512, 1.5, Number.NaN, '1', null, undefined, 1n]) {
    t.equal(isErrno(bad), false, String(bad))
  }
})

t.test('a system error looks like one of Node', async (t) => {
  const error = systemError('mount', -1, '/mnt')
  t.match(error, { code: 'EPERM', errno: -1, syscall: 'mount', path: '/mnt' })
  t.equal(error.message, "EPERM: mount '/mnt'")
  t.equal(systemError('read', -19).message, 'ENODEV: read')
  t.equal(errnoName(500), 'errno 500')
  t.equal(errnoName(11), 'EAGAIN')
})
