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

// A Uint8Array that is kept, with its address. To look it up in each call would cost as much as the
// rest of the call.
class Kept {
public:
  void set(napi_env env, napi_value array, Bytes bytes) {
    clear(env);
    if (napi_create_reference(env, array, 1, &reference_) == napi_ok)
      bytes_ = bytes;
  }
  void clear(napi_env env) {
    if (reference_ != nullptr)
      napi_delete_reference(env, reference_);
    reference_ = nullptr;
    bytes_ = {};
  }
  Bytes bytes() const { return bytes_; }

private:
  napi_ref reference_ = nullptr;
  Bytes bytes_;
};

struct Exchange {
  int fd;
  Kept out, in;

  // syscall(2) rather than read(2) and write(2): those are cancellation points, which costs two
  // atomic operations a call in a process with threads.
  ssize_t run(size_t length) const {
    if (length > 0) {
      ssize_t written = Retry([&] { return ::syscall(SYS_write, fd, out.bytes().data, length); });
      if (written < 0)
        return written - kWriteFailed;
    }
    Bytes into = in.bytes();
    return Retry([&] { return ::syscall(SYS_read, fd, into.data, into.size); });
  }

  static void Delete(napi_env env, void *self, void *) {
    std::unique_ptr<Exchange> exchange(static_cast<Exchange *>(self));
    exchange->out.clear(env);
    exchange->in.clear(env);
  }
};

// Reads go into another array from now on. False where it threw.
bool Aim(napi_env env, Exchange *exchange, napi_value array) {
  Bytes into;
  if (Arguments::Uint8Array(env, array, &into)) {
    exchange->in.set(env, array, into);
    return true;
  }
  napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "into: expected a Uint8Array");
  return false;
}

// The hot path: no more than it needs.
napi_value Run(napi_env env, napi_callback_info info) {
  void *self = nullptr;
  napi_value arguments[2];
  size_t count = 2;
  uint32_t length = 0;
  napi_get_cb_info(env, info, &count, arguments, nullptr, &self);
  auto *exchange = static_cast<Exchange *>(self);
  if (napi_get_value_uint32(env, arguments[0], &length) != napi_ok ||
      length > exchange->out.bytes().size) {
    napi_throw_range_error(env, "ERR_OUT_OF_RANGE", "length: expected no more than `out` has");
    return nullptr;
  }
  bool aims = count > 1 || exchange->in.bytes().data == nullptr;
  if (aims && !Aim(env, exchange, arguments[1]))
    return nullptr;
  return Number(env, exchange->run(length));
}

} // namespace

napi_value Exchanger(napi_env env, napi_callback_info info) {
  Arguments args(env, info);
  auto exchange = std::make_unique<Exchange>();
  exchange->fd = args.descriptor(0);
  Bytes out = args.bytes(1, "out");
  if (!args.ok())
    return nullptr;
  exchange->out.set(env, args[1], out);
  napi_value run;
  if (napi_create_function(env, "exchange", NAPI_AUTO_LENGTH, Run, exchange.get(), &run) !=
          napi_ok ||
      napi_add_finalizer(env, run, exchange.get(), Exchange::Delete, nullptr, nullptr) != napi_ok)
    return nullptr;
  exchange.release();
  return run;
}

} // namespace devfuse
