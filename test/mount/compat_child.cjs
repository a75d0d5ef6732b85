// A file system of fuse-native's callbacks as such programs are: CommonJS, and the signals are theirs.
//
//   compat_child.cjs DIR [-o debug]
'use strict'
const Fuse = require('devfuse/compat')

const [dir = '', , words = ''] = process.argv.slice(2)
const time = new Date(1000)
/** @type {import('devfuse/compat').Handlers} */
const handlers = {
  readdir(path, cb) {
    return process.nextTick(cb, 0, path === '/' ? ['hello'] : [])
  },
  getattr(path, cb) {
    if (path === '/') return process.nextTick(cb, 0, { mode: 0o40755, size: 4096, mtime: time })
    if (path === '/hello') return process.nextTick(cb, null, { mode: 0o100644, size: 6 })
    return process.nextTick(cb, Fuse.ENOENT)
  },
  open: (_path, _flags, cb) => cb(0, 42),
  read(_path, fd, buffer, length, position, cb) {
    if (fd !== 42) return cb(Fuse.EBADF)
    const text = 'hello\n'.slice(position, position + length)
    return cb(buffer.write(text))
  },
}
const fuse = new Fuse(dir, handlers, { debug: words.includes('debug'), displayFolder: true })
fuse.mount((error) => {
  if (error) throw error
  console.log(`mounted ${fuse.mnt}`)
})
process.once('SIGTERM', () => {
  fuse.unmount((error) => {
    if (error) throw error
    console.log('unmounted')
  })
})
