// Page-aligned memory behind an ArrayBuffer.
#include "arguments.h"
#include "functions.h"
#include "mapping.h"
#include "result.h"
#include <cstdint>
#include <limits>
#include <memory>
#include <unistd.h>

namespace devfuse {

namespace {

napi_value Null(napi_env env) {
  napi_value null = nullptr;
  napi_get_null(env, &null);
  return null;
}

// How many bytes come before the first one, so that byte `lead` begins a page.
size_t Skipped(size_t lead) {
  auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  return (page - lead % page) % page;
}

} // namespace

// V8 counts the bytes of an external ArrayBuffer as external memory itself.
napi_value Allocate(napi_env env, napi_callback_info info) {
  Arguments args(env, info);
  auto length = static_cast<size_t>(args.integer(0, "length", 1, UINT32_MAX));
  size_t lead = args.size(1, "lead", length - 1);
  if (!args.ok())
    return nullptr;
  auto mapping = std::make_unique<Mapping>(Skipped(lead) + length);
  if (mapping->start() == nullptr)
    return Null(env);
  napi_value buffer;
  if (napi_create_external_arraybuffer(env, mapping->start() + Skipped(lead), length,
                                       Mapping::Release, mapping.get(), &buffer) != napi_ok)
    return nullptr;
  mapping.release();
  return buffer;
}

} // namespace devfuse
