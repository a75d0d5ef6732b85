#include "path.h"
#include <cerrno>
#include <cstring>

namespace devfuse {

namespace {

constexpr bool IsSurrogate(char16_t unit) { return unit >= 0xd800 && unit < 0xe000; }
constexpr bool IsHigh(char16_t unit) { return unit >= 0xd800 && unit < 0xdc00; }
constexpr bool IsLow(char16_t unit) { return unit >= 0xdc00 && unit < 0xe000; }
constexpr bool IsEscape(char16_t unit) { return unit >= 0xdc80 && unit < 0xdd00; }

size_t PutUtf8(char *out, char32_t point) {
  auto tail = [point](int shift) { return static_cast<char>(0x80 | (point >> shift & 0x3f)); };
  if (point < 0x80) {
    out[0] = static_cast<char>(point);
    return 1;
  }
  if (point < 0x800) {
    out[0] = static_cast<char>(0xc0 | point >> 6);
    out[1] = tail(0);
    return 2;
  }
  if (point < 0x10000) {
    out[0] = static_cast<char>(0xe0 | point >> 12);
    out[1] = tail(6);
    out[2] = tail(0);
    return 3;
  }
  out[0] = static_cast<char>(0xf0 | point >> 18);
  out[1] = tail(12);
  out[2] = tail(6);
  out[3] = tail(0);
  return 4;
}

// Puts the bytes of the character at `units[*at]` and moves on. Up to 4 bytes.
size_t Put(char *out, const char16_t *units, size_t length, size_t *at) {
  char16_t unit = units[(*at)++];
  if (!IsSurrogate(unit))
    return PutUtf8(out, unit);
  if (IsHigh(unit) && *at < length && IsLow(units[*at]))
    return PutUtf8(out, 0x10000 + ((unit & 0x3ffu) << 10) + (units[(*at)++] & 0x3ffu));
  if (!IsEscape(unit))
    return PutUtf8(out, 0xfffd);
  *out = static_cast<char>(unit & 0xff);
  return 1;
}

} // namespace

Path::Path(Arguments &args, size_t index, const char *name) {
  if (!fromString(args, args[index]) && !fromBytes(args, args[index]))
    args.expected(name, "a string or a Uint8Array");
}

void Path::end(Arguments &args, size_t length) {
  if (length >= PATH_MAX)
    return args.refuse(ENAMETOOLONG);
  if (std::memchr(bytes_, 0, length) != nullptr)
    return args.refuse(EINVAL);
  bytes_[length] = 0;
}

// V8's UTF-8 has U+FFFD, EF BF BD, for a lone surrogate, and 3 bytes where one is meant. Without
// an EF none can be there: all of ASCII, and nearly all names.
bool Path::fromString(Arguments &args, napi_value value) {
  size_t length = 0;
  if (napi_get_value_string_utf8(args.env(), value, bytes_, sizeof bytes_, &length) != napi_ok)
    return false;
  if (length >= PATH_MAX || std::memchr(bytes_, 0xef, length) != nullptr)
    return fromUnits(args, value);
  end(args, length);
  return true;
}

bool Path::fromUnits(Arguments &args, napi_value value) {
  char16_t units[PATH_MAX + 1];
  size_t length = 0, used = 0;
  napi_get_value_string_utf16(args.env(), value, units, PATH_MAX + 1, &length);
  for (size_t at = 0; at < length && used < PATH_MAX;)
    used += Put(bytes_ + used, units, length, &at);
  end(args, used);
  return true;
}

bool Path::fromBytes(Arguments &args, napi_value value) {
  Bytes bytes;
  if (!Arguments::Uint8Array(args.env(), value, &bytes))
    return false;
  if (bytes.size < PATH_MAX && bytes.size > 0)
    std::memcpy(bytes_, bytes.data, bytes.size);
  end(args, bytes.size);
  return true;
}

} // namespace devfuse
