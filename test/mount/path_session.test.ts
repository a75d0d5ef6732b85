// A file system on paths that changes by itself, and tells the kernel so.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import t from 'tap'
import { mount } from '../../lib/index.ts'
import { cannotMount, freeDir, freshDir } from './mount.ts'

const run = promisify(execFile)
const FOREVER = { entryTimeout: 3600, attrTimeout: 3600, negativeTimeout: 3600 }

t.test(
  'invalidate: what the kernel remembers for long is asked for again',
  { skip: cannotMount() },
  async (t) => {
    const dir = freshDir()
    t.teardown(() => freeDir(dir))
    const sizes = new Map([['/d/f', 1]])
    const session = await mount(
      dir,
      {
        getattr(path) {
          if (path === '/' || path === '/d') return { type: 'directory' }
          const size = sizes.get(path ?? '')
          return size === undefined ? null : { size }
        },
      },
      FOREVER,
    )
    const size = async (name: string) =>
      (await run('stat', ['-c', '%s', `${dir}/${name}`]).catch(() => ({ stdout: 'none\n' }))).stdout

    t.equal(await size('d/f'), '1\n')
    t.equal(await size('d/g'), 'none\n')
    sizes.set('/d/f', 22)
    sizes.set('/d/g', 3)
    t.equal(await size('d/f'), '1\n', 'it has no reason to ask')
    t.equal(await size('d/g'), 'none\n')
    t.equal(await session.invalidate('/d/f'), true)
    t.equal(await session.invalidate('/d/g'), true)
    t.equal(await size('d/f'), '22\n')
    t.equal(await size('d/g'), '3\n')
    t.equal(await session.invalidate('/d/nobody'), false)
    t.equal(await session.invalidate('/no/such/way'), false)
    sizes.delete('/d/f')
    await session.invalidate('/d/f')
    t.equal(await size('d/f'), 'none\n')
    t.match(await session.unmount(), { end: { reason: 'unmounted' } })
  },
)
