// Messages whose payload is a range of a file. A regular file stands for the device: it takes what
// is written and what is spliced.
import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { FdReplies } from '../../lib/native.ts'
import { addon, EBADF, openDescriptors, temporaryDirectory } from './addon.ts'

const [EAGAIN, EISDIR, ESPIPE] = [-11, -21, -29]
const READ_FAILED = 4096
const KiB = 1024
const MiB = KiB * KiB
/** From here on it is spliced. */
const SPLICED = 64 * KiB

const head = Buffer.from('LENGa longer head')

/** Bytes that tell where they are. */
function patternAt(offset: number, size: number): Buffer {
  const words = Uint32Array.from({ length: (size >> 2) + 2 }, (_, i) => (offset >> 2) + i)
  return Buffer.from(words.buffer).subarray(offset & 3, (offset & 3) + size)
}

function expected(offset: number, size: number): Buffer {
  const bytes = Buffer.concat([head, patternAt(offset, size)])
  bytes.writeUInt32LE(bytes.length)
  return bytes
}

function openFile(t: Test, size: number, directory = temporaryDirectory(t)): number {
  const fd = openSync(join(directory, `file-${size}`), 'w+')
  t.teardown(() => closeSync(fd))
  writeSync(fd, patternAt(0, size))
  return fd
}

interface Sender {
  readonly replies: FdReplies
  /** What arrived since the last time. */
  take(): Buffer
  send(file: number, offset: number, count: number): number
}

function sender(t: Test, most: number, flags = 0): Sender {
  const device = openSync(join(temporaryDirectory(t), 'device'), 'w+')
  const replies = addon.fdReplies(device, most, flags)
  t.teardown(() => {
    replies.close()
    closeSync(device)
  })
  let taken = 0
  return {
    replies,
    take() {
      const bytes = Buffer.alloc(fstatSync(device).size - taken)
      taken += readSync(device, bytes, 0, bytes.length, taken)
      return bytes
    },
    send: (file, offset, count) =>
      replies.send(Buffer.from(head), head.length, file, offset, count),
  }
}

for (const [how, most, flags] of [
  ['copied', 0, 0],
  ['spliced', MiB, 0],
  ['moved', MiB, 1],
] as const) {
  t.test(`a range behind its head, ${how}`, async (t) => {
    const { send, take } = sender(t, most, flags)
    const size = 3 * MiB + 5
    const file = openFile(t, size)
    for (const offset of [0, 1, 4095, MiB]) {
      for (const count of [1, 4096, SPLICED - 1, SPLICED, SPLICED + 1, MiB - 4096, MiB, 2 * MiB]) {
        t.equal(send(file, offset, count), count)
        t.ok(take().equals(expected(offset, count)), `${count} bytes at ${offset}`)
      }
    }
  })

  t.test(`the message is as long as the file allows, ${how}`, async (t) => {
    const { send, take } = sender(t, most, flags)
    const file = openFile(t, 200_000)
    for (const [offset, count] of [
      [0, 200_001],
      [100_000, 200_000],
      [199_999, SPLICED],
      [200_000, SPLICED],
      [300_000, SPLICED],
      [200_000, 1],
    ] as const) {
      const there = Math.max(0, 200_000 - offset)
      t.equal(send(file, offset, count), there)
      t.ok(take().equals(expected(offset, there)), `${count} bytes at ${offset}`)
    }
    ftruncateSync(file, 70_000)
    t.equal(send(file, 0, 200_000), 70_000, 'it got shorter')
    t.ok(take().equals(expected(0, 70_000)))
  })

  t.test(`a file that cannot be read sends nothing, ${how}`, async (t) => {
    const { send, take } = sender(t, most, flags)
    const directory = openSync('/', 'r')
    t.teardown(() => closeSync(directory))
    const pipe = addon.socketpair() as [number, number]
    t.teardown(() => pipe.forEach((fd) => void addon.close(fd)))
    const writeOnly = openSync('/dev/null', 'w')
    t.teardown(() => closeSync(writeOnly))
    for (const count of [100, SPLICED]) {
      t.equal(send(directory, 0, count), EISDIR - READ_FAILED)
      t.equal(send(1_000_000, 0, count), EBADF - READ_FAILED)
      t.equal(send(writeOnly, 0, count), EBADF - READ_FAILED)
      t.equal(send(pipe[0], 0, count), ESPIPE - READ_FAILED)
    }
    t.equal(take().length, 0)
    const file = openFile(t, 100_000)
    t.equal(send(file, 0, 100_000), 100_000)
    t.ok(take().equals(expected(0, 100_000)), 'and the next one does')
  })
}

t.test('a range that is on the disk only is not waited for', async (t) => {
  const { send, take } = sender(t, MiB)
  const directory = temporaryDirectory(t)
  const buffered = openFile(t, 200_000, directory)
  const direct = openSync(join(directory, 'file-200000'), constants.O_RDONLY | constants.O_DIRECT)
  t.teardown(() => closeSync(direct))
  for (const count of [4096, SPLICED, 200_000]) {
    t.equal(send(direct, 0, count), EAGAIN - READ_FAILED, `${count} bytes with O_DIRECT`)
  }
  t.equal(take().length, 0)
  t.equal(send(buffered, 0, 4096), 4096)
})

t.test('file systems that cannot tell are read', async (t) => {
  const { send, take } = sender(t, MiB)
  const status = openSync('/proc/self/status', 'r')
  t.teardown(() => closeSync(status))
  const count = send(status, 0, 100_000)
  t.ok(count > 100, `${count} bytes`)
  const message = take()
  t.equal(message.readUInt32LE(), message.length)
  t.equal(message.length, head.length + count)
  t.match(message.subarray(head.length).toString(), /^Name:/)
})

t.test('a device that refuses a message gets the next one whole', async (t) => {
  const directory = temporaryDirectory(t)
  const file = openFile(t, 200_000)
  const full = openSync('/dev/full', 'w')
  const replies = addon.fdReplies(full, MiB, 0)
  const send = (count: number) => replies.send(Buffer.from(head), head.length, file, 0, count)
  for (const count of [4096, 150_000]) t.ok(send(count) > -READ_FAILED && send(count) < 0)
  closeSync(full)
  const device = openSync(join(directory, 'device'), 'w+')
  t.equal(device, full, 'the same number')
  t.equal(send(100_000), 100_000)
  const bytes = Buffer.alloc(300_000)
  const length = readSync(device, bytes, 0, bytes.length, 0)
  t.ok(bytes.subarray(0, length).equals(expected(0, 100_000)), 'nothing was left in between')
  replies.close()
  closeSync(device)
})

t.test('its descriptors go with close', async (t) => {
  const file = openFile(t, 200_000)
  const before = openDescriptors()
  const { replies, send } = sender(t, MiB)
  send(file, 0, 200_000)
  t.equal(openDescriptors(), before + 3, 'the device and a pipe')
  send(file, 0, 200_000)
  t.equal(openDescriptors(), before + 3)
  replies.close()
  replies.close()
  t.equal(openDescriptors(), before + 1)
  for (const count of [4096, 200_000]) t.equal(send(file, 0, count), EBADF)
  t.equal(openDescriptors(), before + 1)
})

t.test('arguments of the wrong type or range throw', async (t) => {
  const { replies } = sender(t, MiB)
  const bytes = Buffer.alloc(32)
  const wrong: readonly (readonly unknown[])[] = [
    ['x', 16, 0, 0, 1],
    [bytes, 33, 0, 0, 1],
    [bytes, -1, 0, 0, 1],
    [bytes, 16, -1, 0, 1],
    [bytes, 16, 0, -1, 1],
    [bytes, 16, 0, 2 ** 53, 1],
    [bytes, 16, 0, 0, 2 ** 31],
    [bytes, 16, 0, 0, 0.5],
    [bytes, 3, 0, 0, 1],
    [],
  ]
  for (const args of wrong) {
    t.throws(() => replies.send(...(args as Parameters<FdReplies['send']>)), /expected/)
  }
  for (const args of [['x', 0, 0], [-1, 0, 0], [0, -1, 0], [0, 0, 'x'], []]) {
    t.throws(() => addon.fdReplies(...(args as unknown as [number, number, number])), /expected/)
  }
})
