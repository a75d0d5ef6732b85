// A path from JavaScript, as bytes with a NUL behind them.
#pragma once
#include "arguments.h"
#include <climits>

namespace devfuse {

// A string, in which U+DC80 to U+DCFF are the bytes that are not UTF-8 (see protocol/names.ts), or
// a Uint8Array. What is too long or holds a NUL is refused with an errno, as the kernel would.
class Path {
public:
  Path(Arguments &args, size_t index, const char *name = "path");
  Path(const Path &) = delete;
  const char *text() const { return bytes_; }

private:
  bool fromString(Arguments &args, napi_value value);
  bool fromUnits(Arguments &args, napi_value value);
  bool fromBytes(Arguments &args, napi_value value);
  void end(Arguments &args, size_t length);

  // Where a string does not fit, what is cut off is a whole sequence of up to 4 bytes.
  char bytes_[PATH_MAX + 4];
};

} // namespace devfuse
