// The arguments of a call from JavaScript, checked. The first check that fails throws; those after
// it do nothing, so a function takes all its arguments and then asks once whether they are `ok`.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <node_api.h>

namespace devfuse {

struct Bytes {
  uint8_t *data = nullptr; // null where the buffer is detached
  size_t size = 0;
};

constexpr int64_t kMostSafe = (1LL << 53) - 1; // Number.MAX_SAFE_INTEGER

class Arguments {
public:
  Arguments(napi_env env, napi_callback_info info, void **data = nullptr) : env_(env) {
    size_t count = kMost;
    napi_get_cb_info(env, info, &count, values_, nullptr, data);
  }

  Arguments(napi_env env, std::initializer_list<napi_value> values) : env_(env) {
    std::copy(values.begin(), values.end(), values_);
  }

  bool ok() const { return ok_; }
  napi_env env() const { return env_; }
  napi_value operator[](size_t index) const { return values_[index]; }

  int64_t integer(size_t index, const char *name, int64_t least, int64_t most) {
    double number;
    if (napi_get_value_double(env_, values_[index], &number) != napi_ok)
      return expected(name, "an integer");
    if (!(number >= static_cast<double>(least) && number <= static_cast<double>(most)))
      return outside(name, least, most);
    auto whole = static_cast<int64_t>(number);
    return static_cast<double>(whole) == number ? whole : expected(name, "an integer");
  }

  int descriptor(size_t index) {
    return static_cast<int>(integer(index, "fd", 0, std::numeric_limits<int>::max()));
  }

  int flags(size_t index) { return whole(index, "flags"); }

  // Any int: AT_FDCWD is negative, and the kernel knows best which descriptors there are.
  int whole(size_t index, const char *name) {
    constexpr auto limits = std::numeric_limits<int>();
    return static_cast<int>(integer(index, name, limits.min(), limits.max()));
  }

  uint32_t word(size_t index, const char *name) {
    return static_cast<uint32_t>(integer(index, name, 0, UINT32_MAX));
  }

  int64_t offset(size_t index, const char *name = "offset") {
    return integer(index, name, 0, kMostSafe);
  }

  size_t size(size_t index, const char *name, size_t most) {
    return static_cast<size_t>(integer(index, name, 0, static_cast<int64_t>(most)));
  }

  Bytes bytes(size_t index, const char *name) {
    Bytes bytes;
    if (!Uint8Array(env_, values_[index], &bytes))
      expected(name, "a Uint8Array");
    return bytes;
  }

  // At least `least` of them: as many as the kernel reads or writes.
  uint8_t *room(size_t index, const char *name, size_t least);
  // NUL-terminated bytes.
  const char *cstring(size_t index, const char *name);
  napi_value function(size_t index, const char *name);

  // Each throws unless something was thrown before, and returns 0.
  int expected(const char *name, const char *what);
  int outside(const char *name, int64_t least, int64_t most);

  // An argument of the right type that the system would refuse: -errno instead of the call.
  void refuse(int error) {
    if (refused_ == 0)
      refused_ = -error;
  }
  int refused() const { return refused_; }

  static bool Uint8Array(napi_env env, napi_value value, Bytes *bytes) {
    napi_typedarray_type type;
    void *data;
    if (napi_get_typedarray_info(env, value, &type, &bytes->size, &data, nullptr, nullptr) !=
            napi_ok ||
        type != napi_uint8_array)
      return false;
    bytes->data = static_cast<uint8_t *>(data);
    return true;
  }

private:
  static constexpr size_t kMost = 7;

  napi_env env_;
  napi_value values_[kMost];
  bool ok_ = true;
  int refused_ = 0;
};

} // namespace devfuse
