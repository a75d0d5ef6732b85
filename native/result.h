// What a system call returned, as JavaScript gets it.
#pragma once
#include <cerrno>
#include <cstdint>
#include <node_api.h>
#include <sys/types.h>

namespace devfuse {

// -1 becomes -errno.
inline ssize_t OrErrno(ssize_t result) { return result < 0 ? -errno : result; }

// Calls again for as long as a signal interrupts.
template <class Call> inline ssize_t Retry(Call call) {
  ssize_t result;
  do
    result = call();
  while (result < 0 && errno == EINTR);
  return OrErrno(result);
}

// Of an int: the kernel transfers less than 2 GiB at once.
inline napi_value Number(napi_env env, ssize_t number) {
  napi_value value = nullptr;
  napi_create_int32(env, static_cast<int32_t>(number), &value);
  return value;
}

// Of a position or an id, which may be more.
inline napi_value WideNumber(napi_env env, int64_t number) {
  napi_value value = nullptr;
  napi_create_int64(env, number, &value);
  return value;
}

} // namespace devfuse
