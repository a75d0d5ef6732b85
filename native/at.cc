// Names in a directory that is a descriptor.
#include "functions.h"
#include "path.h"
#include "system.h"
#include <fcntl.h>

namespace devfuse {

napi_value Openat(napi_env env, napi_callback_info info) {
  Arguments args(env, info);
  int dirfd = args.whole(0, "dirfd");
  Path path(args, 1);
  int flags = args.flags(2) | O_CLOEXEC;
  uint32_t mode = args.word(3, "mode");
  return Call(args, SYS_openat, dirfd, path.text(), flags, mode);
}

napi_value Mkdirat(napi_env env, napi_callback_info info) {
  Arguments args(env, info);
  int dirfd = args.whole(0, "dirfd");
  Path path(args, 1);
  uint32_t mode = args.word(2, "mode");
  return Call(args, SYS_mkdirat, dirfd, path.text(), mode);
}

napi_value Mknodat(napi_env env, napi_callback_info info) {
  Arguments args(env, info);
  int dirfd = args.whole(0, "dirfd");
  Path path(args, 1);
  uint32_t mode = args.word(2, "mode");
  uint32_t rdev = args.word(3, "rdev");
  return Call(args, SYS_mknodat, dirfd, path.text(), mode, rdev);
}

napi_value Symlinkat(napi_env env, napi_callback_info info) {
  Arguments args(env, info);
  Path target(args, 0, "target");
  int dirfd = args.whole(1, "dirfd");
  Path path(args, 2);
  return Call(args, SYS_symlinkat, target.text(), dirfd, path.text());
}

napi_value Linkat(napi_env env, napi_callback_info info) {
  Arguments args(env, info);
  int olddirfd = args.whole(0, "olddirfd");
  Path oldpath(args, 1, "oldpath");
  int newdirfd = args.whole(2, "newdirfd");
  Path newpath(args, 3, "newpath");
  int flags = args.flags(4);
  return Call(args, SYS_linkat, olddirfd, oldpath.text(), newdirfd, newpath.text(), flags);
}

napi_value Unlinkat(napi_env env, napi_callback_info info) {
  Arguments args(env, info);
  int dirfd = args.whole(0, "dirfd");
  Path path(args, 1);
  int flags = args.flags(2);
  return Call(args, SYS_unlinkat, dirfd, path.text(), flags);
}

napi_value Renameat2(napi_env env, napi_callback_info info) {
  Arguments args(env, info);
  int olddirfd = args.whole(0, "olddirfd");
  Path oldpath(args, 1, "oldpath");
  int newdirfd = args.whole(2, "newdirfd");
  Path newpath(args, 3, "newpath");
  uint32_t flags = args.word(4, "flags");
  return Call(args, SYS_renameat2, olddirfd, oldpath.text(), newdirfd, newpath.text(), flags);
}

napi_value Readlinkat(napi_env env, napi_callback_info info) {
  Arguments args(env, info);
  int dirfd = args.whole(0, "dirfd");
  Path path(args, 1);
  Bytes into = args.bytes(2, "into");
  return Call(args, SYS_readlinkat, dirfd, path.text(), into.data,
              std::min<size_t>(into.size, INT_MAX));
}

} // namespace devfuse
