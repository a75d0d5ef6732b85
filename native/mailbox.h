// Brings results from any thread to an event loop.
#pragma once
#include "uv_min.h"
#include <cstdint>
#include <mutex>
#include <sys/types.h>
#include <utility>
#include <vector>

namespace devfuse {

struct Outcome {
  uint64_t call;
  ssize_t result;
};

class Mailbox {
public:
  explicit Mailbox(uv_async_s *bell) : bell_(bell) {}

  void post(Outcome outcome) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (bell_ == nullptr)
      return;
    outcomes_.push_back(outcome);
    uv_async_send(bell_);
  }

  std::vector<Outcome> take() {
    std::lock_guard<std::mutex> lock(mutex_);
    return std::exchange(outcomes_, {});
  }

  // The loop ends: from now on nothing arrives, and nothing touches the bell.
  void close() {
    std::lock_guard<std::mutex> lock(mutex_);
    bell_ = nullptr;
  }

private:
  std::mutex mutex_;
  uv_async_s *bell_;
  std::vector<Outcome> outcomes_;
};

} // namespace devfuse
