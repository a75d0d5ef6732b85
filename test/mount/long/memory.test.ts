// A million files come and go on memfs: memory, descriptors and inodes return to where they were.
import { execFile } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { promisify } from 'node:util'
import t from 'tap'
import { compile } from '../compile.mjs'
import { cannotMount, mountExample } from '../mount.ts'

const run = promisify(execFile)
const ROUNDS = 10
const FILES = 100_000

const rss = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024

t.test(
  'a million files leave nothing behind',
  { skip: cannotMount('memfs'), timeout: 3_600_000 },
  async (t) => {
    const { dir, child } = await mountExample(t, 'memfs')
    const pid = child.pid ?? 0
    const churn = compile(new URL('churn.c', import.meta.url))
    const descriptors = (): number => readdirSync(`/proc/${pid}/fd`).length
    const inodes = async (): Promise<number> => {
      // The kernel forgets what it caches, and says so.
      writeFileSync('/proc/sys/vm/drop_caches', '2')
      const { files, ffree } = await statfs(dir)
      return files - ffree
    }
    const before = { fds: descriptors(), inodes: await inodes() }
    const sizes: number[] = []
    for (let round = 0; round < ROUNDS; round++) {
      await run(churn, [dir, String(FILES)])
      sizes.push(Math.round(rss(pid)))
    }
    t.comment(`MiB after each ${FILES} files: ${sizes.join(' ')}`)
    t.equal(descriptors(), before.fds, 'descriptors')
    t.equal(await inodes(), before.inodes, 'inodes')
    // V8 collects when it likes: what counts is how far down it gets.
    const early = Math.min(...sizes.slice(1, ROUNDS / 2))
    const late = Math.min(...sizes.slice(ROUNDS / 2))
    t.ok(late <= early * 1.25 + 32, `down to ${late} MiB late, ${early} MiB early`)
  },
)
