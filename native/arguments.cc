#include "arguments.h"
#include <cinttypes>
#include <cstdio>
#include <cstring>

namespace devfuse {

const char *Arguments::cstring(size_t index, const char *name) {
  Bytes text = bytes(index, name);
  if (text.size == 0 || std::memchr(text.data, 0, text.size) == nullptr)
    expected(name, "NUL-terminated bytes");
  return reinterpret_cast<const char *>(text.data);
}

uint8_t *Arguments::room(size_t index, const char *name, size_t least) {
  Bytes room = bytes(index, name);
  if (ok_ && room.size < least) {
    char what[64];
    std::snprintf(what, sizeof what, "a Uint8Array of at least %zu bytes", least);
    expected(name, what);
  }
  return room.data;
}

napi_value Arguments::function(size_t index, const char *name) {
  napi_valuetype type;
  if (napi_typeof(env_, values_[index], &type) != napi_ok || type != napi_function)
    expected(name, "a function");
  return values_[index];
}

int Arguments::expected(const char *name, const char *what) {
  char message[128];
  std::snprintf(message, sizeof message, "%s: expected %s", name, what);
  if (ok_)
    napi_throw_type_error(env_, "ERR_INVALID_ARG_TYPE", message);
  ok_ = false;
  return 0;
}

int Arguments::outside(const char *name, int64_t least, int64_t most) {
  char message[128];
  std::snprintf(message, sizeof message, "%s: expected an integer from %" PRId64 " to %" PRId64,
                name, least, most);
  if (ok_)
    napi_throw_range_error(env_, "ERR_OUT_OF_RANGE", message);
  ok_ = false;
  return 0;
}

} // namespace devfuse
