// The peer fuse-native (npm), which lives outside the repository: run.mjs installs it.
//
//   node peer_fuse_native.cjs MODULE_DIR MOUNTPOINT fixed|memfs
//
// `fixed` is the file system of limit.c, with timeouts 0; `memfs` keeps files in memory, with
// libfuse's default timeouts of a second. Both have as few callbacks as they can (what is absent
// libfuse answers by itself), and no timer per request (`timeout: false`, worth 3 us): in favour of
// the peer.
'use strict'

const [moduleDir, mountpoint, kind] = process.argv.slice(2)
const Fuse = require(moduleDir)

const S_IFDIR = 0o040755
const S_IFREG = 0o100644
const BIG = 64 << 20

const stat = (mode, size) => ({
  mode,
  size,
  nlink: mode === S_IFDIR ? 2 : 1,
  uid: 0,
  gid: 0,
  mtime: 0,
  atime: 0,
  ctime: 0,
})

const fixed = () => {
  const stats = new Map([
    ['/', stat(S_IFDIR, 0)],
    ['/f', stat(S_IFREG, 4096)],
    ['/big', stat(S_IFREG, BIG)],
  ])
  return {
    getattr(path, cb) {
      const st = stats.get(path)
      return st === undefined ? cb(Fuse.ENOENT) : cb(0, st)
    },
    readdir: (_path, cb) => cb(0, []),
    open: (_path, _flags, cb) => cb(0, 1),
    read(path, _fd, buffer, length, offset, cb) {
      const n = Math.max(0, Math.min(length, stats.get(path).size - offset))
      buffer.fill(0, 0, n)
      return cb(n)
    },
    write: (_path, _fd, _buffer, length, _offset, cb) => cb(length),
    truncate: (_path, _size, cb) => cb(0),
    release: (_path, _fd, cb) => cb(0),
  }
}

const memfs = () => {
  const root = stat(S_IFDIR, 0)
  const files = new Map()
  const dirs = new Map([['/', new Set()]])

  // [the names of the parent directory, the last name]
  const split = (path) => {
    const slash = path.lastIndexOf('/')
    return [dirs.get(path.slice(0, slash) || '/'), path.slice(slash + 1)]
  }

  const resize = (file, size) => {
    if (size > file.data.length) {
      const grown = Buffer.alloc(Math.max(size, file.data.length * 2))
      file.data.copy(grown, 0, 0, file.stat.size)
      file.data = grown
    }
    file.stat.size = size
  }

  return {
    getattr(path, cb) {
      if (dirs.has(path)) return cb(0, root)
      const file = files.get(path)
      return file === undefined ? cb(Fuse.ENOENT) : cb(0, file.stat)
    },
    readdir: (path, cb) => cb(0, Array.from(dirs.get(path))),
    mkdir(path, _mode, cb) {
      const [names, name] = split(path)
      names.add(name)
      dirs.set(path, new Set())
      return cb(0)
    },
    open: (_path, _flags, cb) => cb(0, 1),
    create(path, mode, cb) {
      const [names, name] = split(path)
      names.add(name)
      files.set(path, { stat: stat(mode, 0), data: Buffer.alloc(0) })
      return cb(0, 1)
    },
    read(path, _fd, buffer, length, offset, cb) {
      const file = files.get(path)
      return cb(file.data.copy(buffer, 0, offset, Math.min(offset + length, file.stat.size)))
    },
    write(path, _fd, buffer, length, offset, cb) {
      const file = files.get(path)
      if (offset + length > file.stat.size) resize(file, offset + length)
      buffer.copy(file.data, offset, 0, length)
      return cb(length)
    },
    truncate(path, size, cb) {
      resize(files.get(path), size)
      return cb(0)
    },
    unlink(path, cb) {
      const [names, name] = split(path)
      names.delete(name)
      files.delete(path)
      return cb(0)
    },
    // RELEASE is asynchronous: a file that is unlinked before it came is renamed by libfuse.
    rename(from, to, cb) {
      const file = files.get(from)
      files.delete(from)
      files.set(to, file)
      const [fromNames, fromName] = split(from)
      fromNames.delete(fromName)
      const [toNames, toName] = split(to)
      toNames.add(toName)
      return cb(0)
    },
    release: (_path, _fd, cb) => cb(0),
  }
}

// Strings, because fuse-native takes 0 for "not given".
const timeouts = kind === 'fixed' ? { entryTimeout: '0', attrTimeout: '0' } : {}
const fuse = new Fuse(mountpoint, kind === 'fixed' ? fixed() : memfs(), {
  timeout: false,
  ...timeouts,
})

fuse.mount((error) => {
  if (error) throw error
  console.log(`mounted ${mountpoint}`)
})
for (const signal of ['SIGTERM', 'SIGINT']) {
  process.on(signal, () => fuse.unmount((error) => process.exit(error ? 1 : 0)))
}
