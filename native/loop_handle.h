// A libuv handle on the event loop of the environment it was made in.
#pragma once
#include "uv_min.h"
#include <cstdlib>
#include <memory>
#include <node_api.h>

namespace devfuse {

struct Free {
  void operator()(void *memory) const { std::free(memory); }
};
using HandleMemory = std::unique_ptr<uv_handle_s, Free>;

// Zeroed memory for a handle that libuv calls `type`: "poll", "async". The size and the number of
// a type differ between libuv's versions, its name does not.
HandleMemory AllocateHandle(const char *type);

uv_loop_s *LoopOf(napi_env env);

// An initialised handle. Closing one takes a turn of the loop, and the loop of a worker must not
// end before: so this object outlives its owner, deletes itself when libuv has let go, and holds
// the environment's exit up until then.
class LoopHandle {
public:
  struct Close {
    void operator()(LoopHandle *handle) const { handle->close(); }
  };
  using Pointer = std::unique_ptr<LoopHandle, Close>;
  using OnExit = void (*)(void *owner);

  // `on_exit` runs when the environment ends while the handle is open. It must drop the pointer.
  static Pointer Adopt(napi_env env, HandleMemory memory, void *owner, OnExit on_exit);

  template <class Owner> static Owner *OwnerOf(void *handle) {
    void *self = uv_handle_get_data(static_cast<uv_handle_s *>(handle));
    return static_cast<Owner *>(static_cast<LoopHandle *>(self)->owner_);
  }

  uv_handle_s *get() const { return memory_.get(); }
  uv_poll_s *poll() const { return reinterpret_cast<uv_poll_s *>(get()); }
  uv_async_s *async() const { return reinterpret_cast<uv_async_s *>(get()); }

private:
  LoopHandle(HandleMemory memory, void *owner, OnExit on_exit);
  void close();
  static void OnClosed(uv_handle_s *handle);
  static void OnEnvironmentExit(napi_async_cleanup_hook_handle, void *self);

  HandleMemory memory_;
  napi_async_cleanup_hook_handle hook_ = nullptr;
  void *owner_; // null once closing
  OnExit on_exit_;
};

} // namespace devfuse
