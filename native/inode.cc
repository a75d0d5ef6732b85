// What an inode is, and what may be done with it.
#include "functions.h"
#include "path.h"
#include "system.h"
#include <linux/time_types.h>
#include <sys/vfs.h>

namespace devfuse {

namespace {

constexpr size_t kStatxSize = 256;
constexpr int64_t kSame = -1; // of an id: leave it as it is, 0xffffffff too

uint32_t Id(Arguments &args, size_t index, const char *name) {
  return static_cast<uint32_t>(args.integer(index, name, kSame, UINT32_MAX));
}

__kernel_timespec Time(Arguments &args, size_t index, const char *seconds,
                       const char *nanoseconds) {
  int64_t whole = args.integer(index, seconds, -kMostSafe, kMostSafe);
  return {whole, args.word(index + 1, nanoseconds)};
}

} // namespace

napi_value Statx(napi_env env, napi_callback_info info) {
  Arguments args(env, info);
  int dirfd = args.whole(0, "dirfd");
  Path path(args, 1);
  int flags = args.flags(2);
  uint32_t mask = args.word(3, "mask");
  uint8_t *into = args.room(4, "into", kStatxSize);
  return Call(args, SYS_statx, dirfd, path.text(), flags, mask, into);
}

napi_value Fstatfs(napi_env env, napi_callback_info info) {
  Arguments args(env, info);
  int fd = args.whole(0, "fd");
  uint8_t *into = args.room(1, "into", sizeof(struct statfs));
  return Call(args, SYS_fstatfs, fd, into);
}

napi_value Fchmodat2(napi_env env, napi_callback_info info) {
  Arguments args(env, info);
  int dirfd = args.whole(0, "dirfd");
  Path path(args, 1);
  uint32_t mode = args.word(2, "mode");
  int flags = args.flags(3);
  return Call(args, SYS_fchmodat2, dirfd, path.text(), mode, flags);
}

napi_value Fchownat(napi_env env, napi_callback_info info) {
  Arguments args(env, info);
  int dirfd = args.whole(0, "dirfd");
  Path path(args, 1);
  uint32_t uid = Id(args, 2, "uid");
  uint32_t gid = Id(args, 3, "gid");
  int flags = args.flags(4);
  return Call(args, SYS_fchownat, dirfd, path.text(), uid, gid, flags);
}

napi_value Utimensat(napi_env env, napi_callback_info info) {
  Arguments args(env, info);
  int dirfd = args.whole(0, "dirfd");
  Path path(args, 1);
  __kernel_timespec atime = Time(args, 2, "atime", "atimensec");
  __kernel_timespec mtime = Time(args, 4, "mtime", "mtimensec");
  const __kernel_timespec times[] = {atime, mtime};
  int flags = args.flags(6);
  return Call(args, SYS_utimensat, dirfd, path.text(), times, flags);
}

napi_value Ftruncate(napi_env env, napi_callback_info info) {
  Arguments args(env, info);
  int fd = args.whole(0, "fd");
  int64_t length = args.offset(1, "length");
  return Call(args, SYS_ftruncate, fd, length);
}

napi_value Faccessat2(napi_env env, napi_callback_info info) {
  Arguments args(env, info);
  int dirfd = args.whole(0, "dirfd");
  Path path(args, 1);
  uint32_t mode = args.word(2, "mode");
  int flags = args.flags(3);
  return Call(args, SYS_faccessat2, dirfd, path.text(), mode, flags);
}

} // namespace devfuse
