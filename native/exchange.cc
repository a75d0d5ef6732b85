// One reply and the next request in one call: the way of a request that is answered at once.
#include "arguments.h"
#include "functions.h"
#include "result.h"
#include <memory>
#include <sys/syscall.h>
#include <unistd.h>

namespace devfuse {

namespace {

// Added to the errno of a write that failed, so that JavaScript can tell it from a read's.
constexpr ssize_t kWriteFailed = 4096;

// What stays the same from call to call. JavaScript never hands out the buffer, so it stays too.
struct Exchange {
  int fd;
  Bytes out;
  napi_ref keep;

  // syscall(2) rather than read(2) and write(2): those are cancellation points, which costs two
  // atomic operations a call in a process with threads.
  ssize_t run(size_t length, Bytes in) const {
    if (length > 0) {
      ssize_t written = Retry([&] { return ::syscall(SYS_write, fd, out.data, length); });
      if (written < 0)
        return written - kWriteFailed;
    }
    return Retry([&] { return ::syscall(SYS_read, fd, in.data, in.size); });
  }

  static void Delete(napi_env env, void *self, void *) {
    std::unique_ptr<Exchange> exchange(static_cast<Exchange *>(self));
    napi_delete_reference(env, exchange->keep);
  }
};

napi_value Run(napi_env env, napi_callback_info info) {
  void *self = nullptr;
  Arguments args(env, info, &self);
  const auto *exchange = static_cast<const Exchange *>(self);
  size_t length = args.size(0, "length", exchange->out.size);
  Bytes in = args.bytes(1, "into");
  if (!args.ok())
    return nullptr;
  return Number(env, exchange->run(length, in));
}

} // namespace

napi_value Exchanger(napi_env env, napi_callback_info info) {
  Arguments args(env, info);
  auto exchange = std::make_unique<Exchange>();
  exchange->fd = args.descriptor(0);
  exchange->out = args.bytes(1, "out");
  if (!args.ok())
    return nullptr;
  napi_value run;
  if (napi_create_reference(env, args[1], 1, &exchange->keep) != napi_ok ||
      napi_create_function(env, "exchange", NAPI_AUTO_LENGTH, Run, exchange.get(), &run) !=
          napi_ok ||
      napi_add_finalizer(env, run, exchange.get(), Exchange::Delete, nullptr, nullptr) != napi_ok)
    return nullptr;
  exchange.release();
  return run;
}

} // namespace devfuse
