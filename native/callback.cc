#include "callback.h"

namespace devfuse {

namespace {

// A worker that is being terminated fails the call without an exception.
void ReportException(napi_env env) {
  bool pending = false;
  napi_value exception = nullptr;
  napi_is_exception_pending(env, &pending);
  if (pending && napi_get_and_clear_last_exception(env, &exception) == napi_ok)
    napi_fatal_exception(env, exception);
}

} // namespace

napi_value CallFromLoop(napi_env env, napi_value self, napi_value function, size_t count,
                        const napi_value *arguments) {
  napi_value result = nullptr;
  if (napi_make_callback(env, nullptr, self, function, count, arguments, &result) == napi_ok)
    return result;
  ReportException(env);
  return nullptr;
}

} // namespace devfuse
