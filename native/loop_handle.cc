#include "loop_handle.h"
#include <cstring>
#include <utility>

namespace devfuse {

namespace {

constexpr int kTypesToSearch = 64; // libuv has 18

int TypeNamed(const char *wanted) {
  for (int type = 1; type < kTypesToSearch; type++) {
    const char *name = uv_handle_type_name(type);
    if (name != nullptr && std::strcmp(name, wanted) == 0)
      return type;
  }
  std::abort(); // a node without uv_poll or uv_async
}

} // namespace

HandleMemory AllocateHandle(const char *type) {
  void *memory = std::calloc(1, uv_handle_size(TypeNamed(type)));
  if (memory == nullptr)
    std::abort();
  return HandleMemory(static_cast<uv_handle_s *>(memory));
}

uv_loop_s *LoopOf(napi_env env) {
  uv_loop_s *loop = nullptr;
  napi_get_uv_event_loop(env, &loop);
  return loop;
}

LoopHandle::LoopHandle(HandleMemory memory, void *owner, OnExit on_exit)
    : memory_(std::move(memory)), owner_(owner), on_exit_(on_exit) {
  uv_handle_set_data(get(), this);
}

LoopHandle::Pointer LoopHandle::Adopt(napi_env env, HandleMemory memory, void *owner,
                                      OnExit on_exit) {
  auto *self = new LoopHandle(std::move(memory), owner, on_exit);
  napi_add_async_cleanup_hook(env, OnEnvironmentExit, self, &self->hook_);
  return Pointer(self);
}

void LoopHandle::close() {
  owner_ = nullptr;
  uv_close(get(), OnClosed);
}

void LoopHandle::OnClosed(uv_handle_s *handle) {
  auto *self = static_cast<LoopHandle *>(uv_handle_get_data(handle));
  napi_remove_async_cleanup_hook(self->hook_);
  delete self;
}

void LoopHandle::OnEnvironmentExit(napi_async_cleanup_hook_handle, void *data) {
  auto *self = static_cast<LoopHandle *>(data);
  if (self->owner_ != nullptr)
    self->on_exit_(self->owner_);
}

} // namespace devfuse
