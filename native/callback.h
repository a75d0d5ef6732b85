// Calls into JavaScript from the event loop.
#pragma once
#include <cstddef>
#include <node_api.h>

namespace devfuse {

// Runs `function`, then process.nextTick's queue and the microtasks. What it throws becomes an
// 'uncaughtException', and the result null; so it is where no JavaScript can run any more.
napi_value CallFromLoop(napi_env env, napi_value self, napi_value function, size_t count,
                        const napi_value *arguments);

// Local handles made while this lives are released with it.
class HandleScope {
public:
  explicit HandleScope(napi_env env) : env_(env) { napi_open_handle_scope(env, &scope_); }
  HandleScope(const HandleScope &) = delete;
  ~HandleScope() { napi_close_handle_scope(env_, scope_); }

private:
  napi_env env_;
  napi_handle_scope scope_ = nullptr;
};

} // namespace devfuse
