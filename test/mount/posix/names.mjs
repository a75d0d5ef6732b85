import assert from 'node:assert/strict'
import fs from 'node:fs'
import { exists, fails, lstat, put, sys, text } from './support.mjs'

/** @param {string} dir @param {Buffer} name */
const at = (dir, name) => Buffer.concat([Buffer.from(`${dir}/`), name])

/** @param {string} dir */
const listed = (dir) =>
  fs
    .readdirSync(dir, { encoding: 'buffer' })
    .map((name) => name.toString('hex'))
    .sort()

/**
 * Creates, lists, opens, renames and removes a file of these bytes.
 *
 * @param {string} dir @param {Buffer} name
 */
function lifeOf(dir, name) {
  const path = at(dir, name)
  fs.writeFileSync(path, 'contents')
  assert.deepEqual(listed(dir), [name.toString('hex')])
  assert.equal(fs.readFileSync(path, 'utf8'), 'contents')
  const { ino } = lstat(path)
  const renamed = at(dir, Buffer.concat([name.subarray(1), Buffer.of(0x80)]))
  fs.renameSync(path, renamed)
  assert.equal(lstat(renamed).ino, ino)
  assert(!exists(path))
  fs.renameSync(renamed, path)
  fs.linkSync(path, renamed)
  assert.equal(lstat(path).nlink, 2n)
  fs.unlinkSync(renamed)
  fs.unlinkSync(path)
  assert.deepEqual(listed(dir), [])
}

const highBytes = Buffer.from(Array.from({ length: 127 }, (_, i) => 0x80 + i))

// Each would be another one's twin if a file system decoded names carelessly.
const lookAlikes = {
  'a lone continuation byte': Buffer.of(0x80),
  'what surrogateescape would make of 0x80, as CESU': Buffer.of(0xed, 0xb2, 0x80),
  'U+FFFD': Buffer.of(0xef, 0xbf, 0xbd),
  'a high surrogate': Buffer.of(0xed, 0xa0, 0x80),
  'a surrogate pair, as CESU': Buffer.of(0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80),
  'that pair in UTF-8': Buffer.of(0xf0, 0x9f, 0x98, 0x80),
  'an overlong slash': Buffer.of(0xc0, 0xaf),
  'an overlong A': Buffer.of(0xc1, 0x81),
  'the A': Buffer.of(0x41),
  'a truncated sequence': Buffer.of(0xe2, 0x82),
  'the whole sequence': Buffer.of(0xe2, 0x82, 0xac),
  'above U+10FFFF': Buffer.of(0xf4, 0x90, 0x80, 0x80),
  'a byte order mark': Buffer.of(0xef, 0xbb, 0xbf),
  'a byte order mark and A': Buffer.of(0xef, 0xbb, 0xbf, 0x41),
  'e acute, composed': Buffer.of(0xc3, 0xa9),
  'e acute, decomposed': Buffer.of(0x65, 0xcc, 0x81),
  'e acute, Latin-1': Buffer.of(0xe9),
}

/** @type {import('./support.mjs').Check[]} */
export const checks = [
  {
    name: 'a file can be called by the 127 bytes 0x80 to 0xfe',
    run: (dir) => lifeOf(dir, highBytes),
  },
  {
    name: 'a file can be called by each single byte but NUL and the slash',
    run(dir) {
      const bytes = Array.from({ length: 255 }, (_, i) => i + 1).filter(
        (byte) => byte !== 0x2f && byte !== 0x2e,
      )
      for (const byte of bytes) fs.writeFileSync(at(dir, Buffer.of(byte)), String(byte))
      const expected = bytes.map((byte) => byte.toString(16).padStart(2, '0'))
      assert.deepEqual(listed(dir), expected)
      for (const byte of bytes) {
        assert.equal(fs.readFileSync(at(dir, Buffer.of(byte)), 'utf8'), String(byte))
      }
    },
  },
  {
    name: 'names whose bytes differ are different names, whatever they look like',
    run(dir) {
      for (const [what, name] of Object.entries(lookAlikes)) fs.writeFileSync(at(dir, name), what)
      const names = Object.values(lookAlikes).map((name) => name.toString('hex'))
      assert.deepEqual(listed(dir), names.sort())
      for (const [what, name] of Object.entries(lookAlikes)) {
        assert.equal(fs.readFileSync(at(dir, name), 'utf8'), what)
      }
    },
  },
  {
    name: 'look-alike names can be renamed and removed one by one',
    run(dir) {
      for (const name of Object.values(lookAlikes)) {
        fs.writeFileSync(at(dir, name), name.toString('hex'))
      }
      for (const name of Object.values(lookAlikes)) {
        const longer = at(dir, Buffer.concat([name, Buffer.from('-'), name]))
        fs.renameSync(at(dir, name), longer)
        assert.equal(fs.readFileSync(longer, 'utf8'), name.toString('hex'))
        fs.unlinkSync(longer)
      }
      assert.deepEqual(listed(dir), [])
    },
  },
  {
    name: 'a directory can have a name that is not UTF-8, and files in it',
    run(dir) {
      const name = Buffer.of(0xff, 0xfe, 0x80)
      fs.mkdirSync(at(dir, name))
      const inner = Buffer.concat([at(dir, name), Buffer.from('/'), Buffer.of(0xc3)])
      fs.writeFileSync(inner, 'x')
      assert.equal(fs.readFileSync(inner, 'utf8'), 'x')
      fs.unlinkSync(inner)
      fs.rmdirSync(at(dir, name))
      assert.deepEqual(listed(dir), [])
    },
  },
  {
    name: 'a symlink keeps a target that is not UTF-8',
    run(dir) {
      const target = Buffer.concat([highBytes, Buffer.from('/'), highBytes])
      fs.symlinkSync(target, `${dir}/s`)
      assert(fs.readlinkSync(`${dir}/s`, { encoding: 'buffer' }).equals(target))
      assert.equal(lstat(`${dir}/s`).size, BigInt(target.length))
    },
  },
  {
    name: 'spaces, quotes, newlines, backslashes and dots are ordinary',
    run(dir) {
      const names = [
        ' ',
        'a b',
        '"',
        "'",
        '\\',
        '\n',
        '\t',
        '-',
        '--',
        '*',
        '?',
        '...',
        '..a',
        '.a',
        'a.',
        ':',
        '%2f',
        '$HOME',
        '\u0001',
        'null',
        '__proto__',
        'constructor',
        'hasOwnProperty',
        '0',
        '-1',
      ]
      for (const name of names) put(`${dir}/${name}`, name)
      assert.deepEqual(fs.readdirSync(dir).sort(), [...names].sort())
      for (const name of names) assert.equal(text(`${dir}/${name}`), name)
    },
  },
  {
    name: '__proto__, constructor and toString do not exist before they are created',
    run(dir) {
      for (const name of ['__proto__', 'constructor', 'toString', 'valueOf']) {
        assert(!exists(`${dir}/${name}`), name)
        fs.mkdirSync(`${dir}/${name}`)
        assert(lstat(`${dir}/${name}`).isDirectory(), name)
      }
    },
  },
  {
    name: 'case matters',
    run(dir) {
      put(`${dir}/Name`, '1')
      put(`${dir}/name`, '2')
      fs.renameSync(`${dir}/Name`, `${dir}/NAME`)
      assert.deepEqual(fs.readdirSync(dir).sort(), ['NAME', 'name'])
      assert.equal(text(`${dir}/name`), '2')
    },
  },
  {
    name: 'a name may have 255 bytes',
    run(dir) {
      for (const name of ['n'.repeat(255), `${'é'.repeat(127)}x`]) lifeOf(dir, Buffer.from(name))
      fs.mkdirSync(`${dir}/${'d'.repeat(255)}`)
      fs.symlinkSync('x', `${dir}/${'s'.repeat(255)}`)
    },
  },
  {
    name: 'a name of 256 bytes is ENAMETOOLONG, whatever is asked',
    run(dir) {
      const long = `${dir}/${'n'.repeat(256)}`
      put(`${dir}/f`)
      const acts = [
        () => fs.openSync(long, 'w'),
        () => fs.lstatSync(long),
        () => fs.mkdirSync(long),
        () => fs.symlinkSync('x', long),
        () => fs.linkSync(`${dir}/f`, long),
        () => fs.renameSync(`${dir}/f`, long),
        () => fs.unlinkSync(long),
        () => fs.rmdirSync(long),
        () => sys(['mknod', long, 'FIFO', '644', 0, 0]),
        () => fs.openSync(`${dir}/${'é'.repeat(128)}`, 'w'),
      ]
      for (const act of acts) fails('ENAMETOOLONG', act)
      assert.deepEqual(fs.readdirSync(dir), ['f'])
    },
  },
  {
    name: 'directories can be nested fifty deep with long names, and the path has an end',
    run(dir) {
      const steps = []
      for (let i = 0; i < 50; i++)
        steps.push(['mkdir', 'd'.repeat(100), '755'], ['chdir', 'd'.repeat(100)])
      sys(['chdir', dir], ...steps, ['open', 'f', 'WRONLY|CREAT', '644'])
      fails('ENAMETOOLONG', () => fs.statSync(`${dir}/${`${'d'.repeat(100)}/`.repeat(50)}f`))
      // The way back must not depend on a path that long, either.
      const back = []
      for (let i = 0; i < 50; i++) back.push(['chdir', '..'], ['rmdir', 'd'.repeat(100)])
      const down = Array.from({ length: 50 }, () => ['chdir', 'd'.repeat(100)])
      sys(['chdir', dir], ...down, ['unlink', 'f'], ...back)
      assert.deepEqual(fs.readdirSync(dir), [])
    },
  },
]
