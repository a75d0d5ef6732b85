import { constants } from 'node:fs'
import { LayoutError } from '../../protocol/words.ts'
import { errno } from '../errno.ts'
import { type Opened, opened } from '../opened.ts'
import type { Answer } from '../ops.ts'
import type { PathContext } from '../path_context.ts'
import type { DirectoryEntry, PathOps, StatLike } from '../path_ops.ts'
import { O_ACCMODE } from '../posix_constants.ts'
import { then } from '../then.ts'
import { type Content, isContent, type Readable, readableOf } from './content.ts'

const { O_RDONLY } = constants

/** A file: its content, or a function that is called for it each time the file is opened. */
export type TreeFile = Content | ((ctx: PathContext) => Answer<Content>)

/** A directory: names and what is by that name. */
export interface Tree {
  readonly [name: string]: TreeFile | Tree
}

interface Directory {
  readonly children: ReadonlyMap<string, TreeNode>
}
interface Leaf {
  readonly file: TreeFile
  /** Of what comes once, for all who open it. */
  readable: Readable | undefined
}
type TreeNode = Directory | Leaf

function nodeOf(value: TreeFile | Tree, where: string): TreeNode {
  if (typeof value === 'function' || isContent(value)) return { file: value, readable: undefined }
  if (typeof value !== 'object' || value === null) {
    throw new LayoutError(where, 'content, a function or an object', value)
  }
  const children = Object.entries(value).map(([name, child]): [string, TreeNode] => {
    const wrong = name === '' || name === '.' || name === '..' || /[/\0]/.test(name)
    if (wrong) throw new LayoutError(where, "names without '/' and NUL, not '.' or '..'", name)
    return [name, nodeOf(child, `${where}/${name}`)]
  })
  return { children: new Map(children) }
}

/**
 * A read-only file system from an object: `{ 'a.txt': 'text', dir: { b: bytes, c: () => fetchIt() } }`.
 *
 * Strings, bytes and Blobs have their size. Of streams, iterables and functions nobody knows it before they
 * end: like files in /proc they show 0 and are read to their end (`directIo`). What comes once is kept as
 * far as it was read; a function is called for each open(2).
 *
 * Throws LayoutError for a name that no file can have, or what is no content.
 */
export function fromTree(tree: Tree): PathOps<Readable, undefined> {
  const root = nodeOf(tree, 'fromTree')

  function find(path: string | null): TreeNode {
    let at: TreeNode | undefined = root
    for (const name of (path ?? '').split('/')) {
      if (name === '') continue
      at = at !== undefined && 'children' in at ? at.children.get(name) : undefined
    }
    if (at === undefined) throw errno('ENOENT')
    return at
  }

  return {
    getattr: (path) => statOf(find(path)),

    readdir(path) {
      const node = find(path)
      if (!('children' in node)) throw errno('ENOTDIR')
      return [...node.children].map(([name, child]): DirectoryEntry => {
        const stat = statOf(child)
        return { name, stat }
      })
    },

    open(path, flags, ctx) {
      if ((flags & O_ACCMODE) !== O_RDONLY) throw errno('EROFS')
      const node = find(path)
      if ('children' in node) throw errno('EISDIR')
      return openLeaf(node, ctx)
    },

    read: (_path, file, size, offset) => file.read(offset, size),
  }
}

const MODE = 0o444

function statOf(node: TreeNode): StatLike {
  if ('children' in node) return { type: 'directory', mode: 0o555 }
  const { file } = node
  if (typeof file === 'string') return { mode: MODE, size: Buffer.byteLength(file) }
  if (file instanceof Uint8Array) return { mode: MODE, size: file.length }
  if (file instanceof Blob) return { mode: MODE, size: file.size }
  return { mode: MODE, size: 0 }
}

function openLeaf(leaf: Leaf, ctx: PathContext): Answer<Readable | Opened<Readable>> {
  const { file } = leaf
  if (typeof file === 'function') {
    return then(readableOf(file(ctx)), (readable) => opened(readable, { directIo: true }))
  }
  leaf.readable ??= readableOf(file) as Readable
  const { readable } = leaf
  return readable.size === undefined ? opened(readable, { directIo: true }) : readable
}
