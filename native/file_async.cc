// System calls on a file that may take long, each on a thread.
#include "arguments.h"
#include "environment.h"
#include "functions.h"
#include "owned_fd.h"
#include "system.h"
#include <cstring>
#include <fcntl.h>
#include <memory>

namespace devfuse {

namespace {

using File = std::shared_ptr<OwnedFd>;

// A duplicate: by the time of the call the number may belong to another file.
File Duplicate(Arguments &args, size_t index, const char *name) {
  int fd = args.whole(index, name);
  if (!args.ok())
    return nullptr;
  auto file = std::make_shared<OwnedFd>(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (file->get() < 0)
    args.refuse(errno);
  return file;
}

napi_value Start(const Arguments &args, napi_value done, BlockingCalls::Call call, Lent lent = {}) {
  if (!args.ok())
    return nullptr;
  if (int error = args.refused())
    call = [error] { return error; };
  Environment::Of(args.env())->calls.start(done, std::move(call), std::move(lent));
  return nullptr;
}

// Whether the memory of an array outlives every call: a worker may be terminated at any time, and
// its memory goes. A call holds the main thread's loop, and what ends the process before frees
// nothing.
bool OutlivesCalls() { return ::gettid() == ::getpid(); }

napi_value Sync(napi_env env, napi_callback_info info, long number) {
  Arguments args(env, info);
  napi_value done = args.function(1, "done");
  File file = Duplicate(args, 0, "fd");
  return Start(args, done, [file, number] { return System(number, file->get()); });
}

// pread64 or pwrite64.
napi_value Transfer(napi_env env, napi_callback_info info, const char *name, long number) {
  Arguments args(env, info);
  Bytes bytes = args.bytes(1, name);
  int64_t offset = args.offset(2);
  napi_value done = args.function(3, "done");
  File file = Duplicate(args, 0, "fd");
  Lent lent = {args[1], nullptr};
  Lent::Copy copy;
  if (args.ok() && !OutlivesCalls()) {
    copy = std::make_shared<std::vector<uint8_t>>(bytes.size);
    if (number == SYS_pwrite64)
      std::copy_n(bytes.data, bytes.size, copy->data());
    else
      lent.copy = copy;
    bytes.data = copy->data();
  }
  auto call = [=] { return System(number, file->get(), bytes.data, bytes.size, offset); };
  // The lambda keeps `copy`.
  return Start(
      args, done, [call, copy] { return call(); }, std::move(lent));
}

} // namespace

napi_value PreadAsync(napi_env env, napi_callback_info info) {
  return Transfer(env, info, "into", SYS_pread64);
}

napi_value PwriteAsync(napi_env env, napi_callback_info info) {
  return Transfer(env, info, "bytes", SYS_pwrite64);
}

napi_value FsyncAsync(napi_env env, napi_callback_info info) { return Sync(env, info, SYS_fsync); }

napi_value FdatasyncAsync(napi_env env, napi_callback_info info) {
  return Sync(env, info, SYS_fdatasync);
}

napi_value SyncfsAsync(napi_env env, napi_callback_info info) {
  return Sync(env, info, SYS_syncfs);
}

napi_value FallocateAsync(napi_env env, napi_callback_info info) {
  Arguments args(env, info);
  int mode = args.whole(1, "mode");
  int64_t offset = args.offset(2);
  int64_t length = args.offset(3, "length");
  napi_value done = args.function(4, "done");
  File file = Duplicate(args, 0, "fd");
  return Start(args, done,
               [=] { return System(SYS_fallocate, file->get(), mode, offset, length); });
}

napi_value CopyFileRangeAsync(napi_env env, napi_callback_info info) {
  Arguments args(env, info);
  int64_t offset_in = args.offset(1, "offsetIn");
  int64_t offset_out = args.offset(3, "offsetOut");
  int64_t length = args.offset(4, "length");
  uint32_t flags = args.word(5, "flags");
  napi_value done = args.function(6, "done");
  File in = Duplicate(args, 0, "fdIn");
  File out = Duplicate(args, 2, "fdOut");
  return Start(args, done, [=]() mutable {
    return System(SYS_copy_file_range, in->get(), &offset_in, out->get(), &offset_out, length,
                  flags);
  });
}

} // namespace devfuse
