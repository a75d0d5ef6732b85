// What one environment (the main thread, or a worker) has of its own.
#pragma once
#include "blocking.h"
#include <napi.h>

namespace devfuse {

struct Environment {
  explicit Environment(Napi::Env env);
  static Environment *Of(Napi::Env env) { return env.GetInstanceData<Environment>(); }

  Napi::FunctionReference watcher;    // the class Watcher
  Napi::FunctionReference fd_replies; // the class FdReplies
  BlockingCalls calls;
};

} // namespace devfuse
