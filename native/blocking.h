// Calls that may block, and the JavaScript functions that wait for their results.
#pragma once
#include "loop_handle.h"
#include "mailbox.h"
#include "threads.h"
#include <functional>
#include <memory>
#include <node_api.h>
#include <unordered_map>

namespace devfuse {

class BlockingCalls {
public:
  using Call = std::function<ssize_t()>;

  explicit BlockingCalls(napi_env env);
  ~BlockingCalls() { close(); }

  // Runs `call` on a thread and gives what it returns to `done`, on the event loop, never before
  // this returns.
  void start(napi_value done, Call call);

private:
  void close();
  void deliver(const Outcome &outcome);
  napi_value takeDone(uint64_t call);
  static void OnBell(uv_async_s *bell);

  napi_env env_;
  LoopHandle::Pointer handle_; // keeps the loop alive while a call is outstanding
  std::shared_ptr<Mailbox> mailbox_;
  std::shared_ptr<Threads> threads_;
  std::unordered_map<uint64_t, napi_ref> waiting_;
  uint64_t calls_ = 0;
};

} // namespace devfuse
