// System calls that do not block, or only as long as the caller's descriptor does.
#include "arguments.h"
#include "functions.h"
#include "owned_fd.h"
#include "result.h"
#include <fcntl.h>
#include <linux/ioctl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/uio.h>

namespace devfuse {

namespace {

constexpr size_t kMostVectors = 1024; // UIO_MAXIOV
constexpr mode_t kModeOfNewFile = 0600;

// Fills `vectors[1 ...]` and returns how many are used with `vectors[0]`, 0 where it threw.
size_t Gather(napi_env env, Arguments &args, napi_value pieces, iovec *vectors) {
  napi_value elements[kMostVectors];
  uint32_t count = 0;
  if (napi_get_array_length(env, pieces, &count) != napi_ok)
    return args.expected("pieces", "an array");
  if (count >= kMostVectors)
    return args.outside("pieces.length", 0, kMostVectors - 1);
  // An element may be a getter, and a getter may detach the buffer of another element: so all of
  // them first, and then addresses.
  for (uint32_t index = 0; index < count; index++)
    if (napi_get_element(env, pieces, index, &elements[index]) != napi_ok)
      return 0;
  for (uint32_t index = 0; index < count; index++) {
    Bytes piece;
    if (!Arguments::Uint8Array(env, elements[index], &piece))
      return args.expected("pieces", "an array of Uint8Arrays");
    vectors[index + 1] = {piece.data, piece.size};
  }
  return count + 1;
}

} // namespace

napi_value Open(napi_env env, napi_callback_info info) {
  Arguments args(env, info);
  const char *path = args.cstring(0, "path");
  int flags = args.flags(1);
  if (!args.ok())
    return nullptr;
  return Number(env, Retry([&] { return ::open(path, flags | O_CLOEXEC, kModeOfNewFile); }));
}

napi_value Close(napi_env env, napi_callback_info info) {
  Arguments args(env, info);
  int fd = args.whole(0, "fd");
  if (!args.ok())
    return nullptr;
  ssize_t result = OrErrno(::close(fd));
  // Linux has closed the descriptor when close(2) says EINTR.
  return Number(env, result == -EINTR ? 0 : result);
}

napi_value Adopt(napi_env env, napi_callback_info info) {
  Arguments args(env, info);
  int fd = args.descriptor(0);
  if (!args.ok())
    return nullptr;
  int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
    return Number(env, -errno);
  return Number(env, OrErrno(::fcntl(fd, F_SETFD, FD_CLOEXEC)));
}

napi_value Ioctl(napi_env env, napi_callback_info info) {
  Arguments args(env, info);
  int fd = args.descriptor(0);
  auto request = static_cast<uint32_t>(args.integer(1, "request", 0, UINT32_MAX));
  napi_valuetype type = napi_undefined;
  napi_typeof(env, args[2], &type);
  Bytes argument = type == napi_null ? Bytes{} : args.bytes(2, "argument");
  // The number of a request says how many bytes the kernel copies.
  if (type != napi_null && argument.size < _IOC_SIZE(request))
    args.expected("argument", "at least as many bytes as the request says");
  if (!args.ok())
    return nullptr;
  return Number(env, OrErrno(::ioctl(fd, request, argument.data)));
}

napi_value Revents(napi_env env, napi_callback_info info) {
  Arguments args(env, info);
  pollfd entry = {args.descriptor(0), POLLIN | POLLOUT | POLLPRI, 0};
  if (!args.ok())
    return nullptr;
  ssize_t count = Retry([&] { return ::poll(&entry, 1, 0); });
  return Number(env, count < 0 ? count : entry.revents);
}

napi_value Read(napi_env env, napi_callback_info info) {
  Arguments args(env, info);
  int fd = args.descriptor(0);
  Bytes bytes = args.bytes(1, "bytes");
  size_t offset = args.size(2, "offset", bytes.size);
  size_t length = args.size(3, "length", bytes.size - offset);
  if (!args.ok())
    return nullptr;
  return Number(env, Retry([&] { return ::read(fd, bytes.data + offset, length); }));
}

napi_value Write(napi_env env, napi_callback_info info) {
  Arguments args(env, info);
  int fd = args.descriptor(0);
  Bytes bytes = args.bytes(1, "bytes");
  size_t length = args.size(2, "length", bytes.size);
  if (!args.ok())
    return nullptr;
  return Number(env, Retry([&] { return ::write(fd, bytes.data, length); }));
}

napi_value Writev(napi_env env, napi_callback_info info) {
  Arguments args(env, info);
  iovec vectors[kMostVectors];
  int fd = args.descriptor(0);
  size_t count = args.ok() ? Gather(env, args, args[3], vectors) : 0;
  if (count == 0)
    return nullptr;
  Bytes head = args.bytes(1, "head");
  size_t length = args.size(2, "length", head.size);
  if (!args.ok())
    return nullptr;
  vectors[0] = {head.data, length};
  return Number(env, Retry([&] { return ::writev(fd, vectors, static_cast<int>(count)); }));
}

napi_value Socketpair(napi_env env, napi_callback_info) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0)
    return Number(env, -errno);
  OwnedFd first(ends[0]), second(ends[1]);
  napi_value pair;
  if (napi_create_array_with_length(env, 2, &pair) != napi_ok ||
      napi_set_element(env, pair, 0, Number(env, first.get())) != napi_ok ||
      napi_set_element(env, pair, 1, Number(env, second.get())) != napi_ok)
    return nullptr;
  first.release();
  second.release();
  return pair;
}

napi_value Umount2(napi_env env, napi_callback_info info) {
  Arguments args(env, info);
  const char *target = args.cstring(0, "target");
  int flags = args.flags(1);
  if (!args.ok())
    return nullptr;
  return Number(env, OrErrno(::umount2(target, flags)));
}

} // namespace devfuse
