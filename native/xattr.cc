// Extended attributes: of a descriptor, of a path, of a name in a directory.
#include "functions.h"
#include "path.h"
#include "system.h"

namespace devfuse {

namespace {

// linux/xattr.h, since Linux 6.13.
struct XattrArgs {
  uint64_t value;
  uint32_t size;
  uint32_t flags;
};

XattrArgs ArgsOf(Bytes value, uint32_t flags) {
  auto size = static_cast<uint32_t>(std::min<size_t>(value.size, UINT32_MAX));
  return {reinterpret_cast<uint64_t>(value.data), size, flags};
}

napi_value Get(napi_env env, napi_callback_info info, long number) {
  Arguments args(env, info);
  Path path(args, 0);
  Path name(args, 1, "name");
  Bytes into = args.bytes(2, "into");
  return Call(args, number, path.text(), name.text(), into.data, into.size);
}

napi_value Set(napi_env env, napi_callback_info info, long number) {
  Arguments args(env, info);
  Path path(args, 0);
  Path name(args, 1, "name");
  Bytes value = args.bytes(2, "value");
  int flags = args.flags(3);
  return Call(args, number, path.text(), name.text(), value.data, value.size, flags);
}

napi_value List(napi_env env, napi_callback_info info, long number) {
  Arguments args(env, info);
  Path path(args, 0);
  Bytes into = args.bytes(1, "into");
  return Call(args, number, path.text(), into.data, into.size);
}

napi_value Remove(napi_env env, napi_callback_info info, long number) {
  Arguments args(env, info);
  Path path(args, 0);
  Path name(args, 1, "name");
  return Call(args, number, path.text(), name.text());
}

} // namespace

napi_value Getxattr(napi_env env, napi_callback_info info) { return Get(env, info, SYS_getxattr); }
napi_value Setxattr(napi_env env, napi_callback_info info) { return Set(env, info, SYS_setxattr); }
napi_value Listxattr(napi_env env, napi_callback_info info) {
  return List(env, info, SYS_listxattr);
}
napi_value Removexattr(napi_env env, napi_callback_info info) {
  return Remove(env, info, SYS_removexattr);
}

napi_value Lgetxattr(napi_env env, napi_callback_info info) {
  return Get(env, info, SYS_lgetxattr);
}
napi_value Lsetxattr(napi_env env, napi_callback_info info) {
  return Set(env, info, SYS_lsetxattr);
}
napi_value Llistxattr(napi_env env, napi_callback_info info) {
  return List(env, info, SYS_llistxattr);
}
napi_value Lremovexattr(napi_env env, napi_callback_info info) {
  return Remove(env, info, SYS_lremovexattr);
}

napi_value Fgetxattr(napi_env env, napi_callback_info info) {
  Arguments args(env, info);
  int fd = args.whole(0, "fd");
  Path name(args, 1, "name");
  Bytes into = args.bytes(2, "into");
  return Call(args, SYS_fgetxattr, fd, name.text(), into.data, into.size);
}

napi_value Fsetxattr(napi_env env, napi_callback_info info) {
  Arguments args(env, info);
  int fd = args.whole(0, "fd");
  Path name(args, 1, "name");
  Bytes value = args.bytes(2, "value");
  int flags = args.flags(3);
  return Call(args, SYS_fsetxattr, fd, name.text(), value.data, value.size, flags);
}

napi_value Flistxattr(napi_env env, napi_callback_info info) {
  Arguments args(env, info);
  int fd = args.whole(0, "fd");
  Bytes into = args.bytes(1, "into");
  return Call(args, SYS_flistxattr, fd, into.data, into.size);
}

napi_value Fremovexattr(napi_env env, napi_callback_info info) {
  Arguments args(env, info);
  int fd = args.whole(0, "fd");
  Path name(args, 1, "name");
  return Call(args, SYS_fremovexattr, fd, name.text());
}

napi_value Getxattrat(napi_env env, napi_callback_info info) {
  Arguments args(env, info);
  int dirfd = args.whole(0, "dirfd");
  Path path(args, 1);
  int at_flags = args.whole(2, "atFlags");
  Path name(args, 3, "name");
  XattrArgs into = ArgsOf(args.bytes(4, "into"), 0);
  return Call(args, SYS_getxattrat, dirfd, path.text(), at_flags, name.text(), &into, sizeof into);
}

napi_value Setxattrat(napi_env env, napi_callback_info info) {
  Arguments args(env, info);
  int dirfd = args.whole(0, "dirfd");
  Path path(args, 1);
  int at_flags = args.whole(2, "atFlags");
  Path name(args, 3, "name");
  Bytes bytes = args.bytes(4, "value");
  XattrArgs value = ArgsOf(bytes, args.word(5, "flags"));
  return Call(args, SYS_setxattrat, dirfd, path.text(), at_flags, name.text(), &value,
              sizeof value);
}

napi_value Listxattrat(napi_env env, napi_callback_info info) {
  Arguments args(env, info);
  int dirfd = args.whole(0, "dirfd");
  Path path(args, 1);
  int at_flags = args.whole(2, "atFlags");
  Bytes into = args.bytes(3, "into");
  return Call(args, SYS_listxattrat, dirfd, path.text(), at_flags, into.data, into.size);
}

napi_value Removexattrat(napi_env env, napi_callback_info info) {
  Arguments args(env, info);
  int dirfd = args.whole(0, "dirfd");
  Path path(args, 1);
  int at_flags = args.whole(2, "atFlags");
  Path name(args, 3, "name");
  return Call(args, SYS_removexattrat, dirfd, path.text(), at_flags, name.text());
}

} // namespace devfuse
