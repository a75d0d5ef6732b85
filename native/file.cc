// An open file.
#include "functions.h"
#include "system.h"
#include <climits>
#include <fcntl.h>
#include <sys/uio.h>

namespace devfuse {

namespace {

constexpr int64_t kPosition = -1; // of an offset: where the file is, as preadv2(2) has it

// Those fcntl(2) commands that take a struct flock.
bool TakesLock(int command) {
  switch (command) {
  case F_GETLK:
  case F_SETLK:
  case F_SETLKW:
  case F_OFD_GETLK:
  case F_OFD_SETLK:
  case F_OFD_SETLKW:
    return true;
  default:
    return false;
  }
}

// preadv2 and pwritev2 with one vector; without flags `plain`, which has none to import.
napi_value Transfer(napi_env env, napi_callback_info info, const char *name, long plain,
                    long vectored) {
  Arguments args(env, info);
  int fd = args.whole(0, "fd");
  Bytes bytes = args.bytes(1, name);
  int64_t offset = args.integer(2, "offset", kPosition, kMostSafe);
  int flags = args.flags(3);
  if (flags == 0 && offset != kPosition)
    return Call(args, plain, fd, bytes.data, bytes.size, offset);
  iovec vector = {bytes.data, bytes.size};
  constexpr int kHighHalf = 0; // of an offset, where a long has only 32 bits
  return Call(args, vectored, fd, &vector, 1, offset, kHighHalf, flags);
}

// 64 opaque bits.
int64_t Cookie(Arguments &args, size_t index) {
  napi_valuetype type = napi_undefined;
  napi_typeof(args.env(), args[index], &type);
  if (type != napi_bigint)
    return args.offset(index, "cookie");
  uint64_t bits = 0;
  int64_t number = 0;
  bool is_unsigned = false, is_signed = false;
  napi_get_value_bigint_uint64(args.env(), args[index], &bits, &is_unsigned);
  napi_get_value_bigint_int64(args.env(), args[index], &number, &is_signed);
  return is_unsigned || is_signed ? number : args.expected("cookie", "64 bits");
}

} // namespace

napi_value Getdents64(napi_env env, napi_callback_info info) {
  Arguments args(env, info);
  int fd = args.whole(0, "fd");
  Bytes into = args.bytes(1, "into");
  return Call(args, SYS_getdents64, fd, into.data, std::min<size_t>(into.size, INT_MAX));
}

napi_value SeekTo(napi_env env, napi_callback_info info) {
  Arguments args(env, info);
  int fd = args.whole(0, "fd");
  int64_t cookie = Cookie(args, 1);
  if (!args.ok())
    return nullptr;
  // The new position is the cookie, and may be negative: only syscall(2) can tell it from an errno.
  return Number(env, ::syscall(SYS_lseek, fd, cookie, SEEK_SET) == -1 ? -errno : 0);
}

napi_value Lseek(napi_env env, napi_callback_info info) {
  Arguments args(env, info);
  int fd = args.whole(0, "fd");
  int64_t offset = args.integer(1, "offset", -kMostSafe, kMostSafe);
  int whence = args.whole(2, "whence");
  if (!args.ok())
    return nullptr;
  return WideNumber(env, System(SYS_lseek, fd, offset, whence));
}

napi_value Pread(napi_env env, napi_callback_info info) {
  return Transfer(env, info, "into", SYS_pread64, SYS_preadv2);
}

napi_value Pwrite(napi_env env, napi_callback_info info) {
  return Transfer(env, info, "bytes", SYS_pwrite64, SYS_pwritev2);
}

napi_value Fsync(napi_env env, napi_callback_info info) {
  Arguments args(env, info);
  int fd = args.whole(0, "fd");
  return Call(args, SYS_fsync, fd);
}

napi_value Fdatasync(napi_env env, napi_callback_info info) {
  Arguments args(env, info);
  int fd = args.whole(0, "fd");
  return Call(args, SYS_fdatasync, fd);
}

napi_value Fallocate(napi_env env, napi_callback_info info) {
  Arguments args(env, info);
  int fd = args.whole(0, "fd");
  int mode = args.whole(1, "mode");
  int64_t offset = args.offset(2);
  int64_t length = args.offset(3, "length");
  return Call(args, SYS_fallocate, fd, mode, offset, length);
}

napi_value CopyFileRange(napi_env env, napi_callback_info info) {
  Arguments args(env, info);
  int fd_in = args.whole(0, "fdIn");
  int64_t offset_in = args.offset(1, "offsetIn");
  int fd_out = args.whole(2, "fdOut");
  int64_t offset_out = args.offset(3, "offsetOut");
  int64_t length = args.offset(4, "length");
  uint32_t flags = args.word(5, "flags");
  return Call(args, SYS_copy_file_range, fd_in, &offset_in, fd_out, &offset_out, length, flags);
}

napi_value Flock(napi_env env, napi_callback_info info) {
  Arguments args(env, info);
  int fd = args.whole(0, "fd");
  int operation = args.whole(1, "operation");
  return Call(args, SYS_flock, fd, operation);
}

napi_value FcntlLock(napi_env env, napi_callback_info info) {
  Arguments args(env, info);
  int fd = args.whole(0, "fd");
  int command = args.whole(1, "cmd");
  uint8_t *lock = args.room(2, "lock", sizeof(struct flock));
  if (!TakesLock(command))
    args.refuse(EINVAL);
  return Call(args, SYS_fcntl, fd, command, lock);
}

} // namespace devfuse
