// Calls that may block, and the JavaScript functions that wait for their results.
#pragma once
#include "loop_handle.h"
#include "mailbox.h"
#include "threads.h"
#include <functional>
#include <memory>
#include <node_api.h>
#include <unordered_map>
#include <vector>

namespace devfuse {

// An array that lives until its call is done. Where `copy` is set the call fills that in its stead.
struct Lent {
  using Copy = std::shared_ptr<std::vector<uint8_t>>;

  napi_value array = nullptr;
  Copy copy;
};

class BlockingCalls {
public:
  using Call = std::function<ssize_t()>;

  explicit BlockingCalls(napi_env env);
  ~BlockingCalls() { close(); }

  // Runs `call` on a thread and gives what it returns to `done`, on the event loop, never before
  // this returns.
  void start(napi_value done, Call call, Lent lent = {});

private:
  struct Waiting {
    napi_ref done = nullptr, array = nullptr;
    Lent::Copy copy;
  };

  void close();
  void deliver(const Outcome &outcome);
  napi_value take(const Outcome &outcome);
  void fill(const Waiting &waiting, ssize_t count);
  void release(const Waiting &waiting);
  static void OnBell(uv_async_s *bell);

  napi_env env_;
  LoopHandle::Pointer handle_; // keeps the loop alive while a call is outstanding
  std::shared_ptr<Mailbox> mailbox_;
  std::shared_ptr<Threads> threads_;
  std::unordered_map<uint64_t, Waiting> waiting_;
  uint64_t calls_ = 0;
};

} // namespace devfuse
