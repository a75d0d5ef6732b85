// Wrong handlers do not compile, and the error names the method.
import { fileURLToPath } from 'node:url'
import t from 'tap'
import ts from 'typescript'

const here = fileURLToPath(new URL('.', import.meta.url))
const FILE = `${here}wrong.ts`

const OPTIONS: ts.CompilerOptions = {
  module: ts.ModuleKind.NodeNext,
  target: ts.ScriptTarget.ES2023,
  lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts'],
  types: ['node'],
  strict: true,
  noEmit: true,
  skipLibCheck: true,
  allowImportingTsExtensions: true,
  exactOptionalPropertyTypes: true,
}

const BEFORE = `
import { fromFs, mount, type LowLevelOps, type PathOps } from '../../lib/index.ts'
const getattr = () => ({})
`

/** Each alone is a mistake. */
const wrong: Readonly<Record<string, readonly [method: string, code: string]>> = {
  'no getattr': ['getattr', 'const ops: PathOps = { readdir: () => [] }'],
  'attributes that are none': ['getattr', "const ops: PathOps = { getattr: () => 'file' }"],
  'a size as text': ['size', "const ops: PathOps = { getattr: () => ({ size: '5' }) }"],
  'a type that there is not': [
    'type',
    "const ops: PathOps = { getattr: () => ({ type: 'door' }) }",
  ],
  'a listing that is a number': ['readdir', 'const ops: PathOps = { getattr, readdir: () => 5 }'],
  'entries without names': [
    'readdir',
    'const ops: PathOps = { getattr, readdir: () => [{ stat: {} }] }',
  ],
  'read answers text': ['read', "const ops: PathOps = { getattr, read: () => 'text' }"],
  'write answers nothing': ['write', 'const ops: PathOps = { getattr, write: () => {} }'],
  'a promise of the wrong thing': [
    'readlink',
    'const ops: PathOps = { getattr, readlink: async () => 5 }',
  ],
  'a parameter of the wrong type': [
    'truncate',
    'const ops: PathOps = { getattr, truncate: (path: string, size: Date) => {} }',
  ],
  'a method that there is not': ['readDir', 'const ops: PathOps = { getattr, readDir: () => [] }'],
  'an option that there is not': ['atrTimeout', "mount('/mnt', { getattr }, { atrTimeout: 1 })"],
  'a low-level answer': ['lookup', 'const ops: LowLevelOps = { lookup: () => 5 }'],
  'what is no file system': ['FsLike', 'fromFs(5)'],
}

const right = `
import nodeFs from 'node:fs'
const handles: PathOps<Buffer> = {
  getattr: async (path) => (path === '/' ? { type: 'directory' } : nodeFs.lstatSync('/')),
  open: (path) => Buffer.from(path),
  read: (_path, file, size, offset) => file.subarray(offset, offset + size),
  async *readdir() { yield 'a'; yield { name: 'b', stat: { size: 1, mtime: new Date() } } },
  unlink: (path) => nodeFs.promises.unlink(path),
  rename: (from, to) => nodeFs.promises.rename(from, to),
}
mount('/mnt', handles, { attrTimeout: 5, allowOther: true })
mount('/mnt', { getattr, read: (path: string, _fh, size) => Buffer.alloc(size + path.length) })
mount('/mnt', fromFs(nodeFs), { hardRemove: false })
`

const host = ts.createCompilerHost(OPTIONS)
let program: ts.Program | undefined

/** The names of the members that enclose a place. */
function membersAt(source: ts.SourceFile, position: number): string[] {
  const names: string[] = []
  const visit = (node: ts.Node): void => {
    if (position < node.getStart(source) || position >= node.end) return
    const isMember = ts.isPropertyAssignment(node) || ts.isMethodDeclaration(node)
    if (isMember) names.push(node.name.getText(source))
    ts.forEachChild(node, visit)
  }
  visit(source)
  return names
}

/** What the compiler says of a text: each message with the members where it stands. */
function errorsOf(text: string): string[] {
  const source = ts.createSourceFile(FILE, BEFORE + text, ts.ScriptTarget.ES2023, true)
  const overlaid: ts.CompilerHost = {
    ...host,
    fileExists: (name) => name === FILE || host.fileExists(name),
    getSourceFile: (name, options) =>
      name === FILE ? source : (program?.getSourceFile(name) ?? host.getSourceFile(name, options)),
  }
  program = ts.createProgram([FILE], OPTIONS, overlaid, program)
  return program.getSemanticDiagnostics(source).map(({ messageText, start = 0 }) => {
    const message = ts.flattenDiagnosticMessageText(messageText, '\n')
    return [...membersAt(source, start), message].join(': ')
  })
}

t.setTimeout(300_000)

t.test('right ones compile', (t) => {
  t.same(errorsOf(right), [])
  t.end()
})

for (const [what, [method, code]] of Object.entries(wrong)) {
  t.test(`${what} does not`, (t) => {
    const errors = errorsOf(
      `${code}\nvoid [mount, fromFs, {} as LowLevelOps, {} as PathOps, getattr]`,
    )
    const named = `${errors.join('\n')}\n${code}`
    t.ok(errors.length > 0, 'there is an error')
    t.match(errors.join('\n'), method, named)
    t.end()
  })
}
