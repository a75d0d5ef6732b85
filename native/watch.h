// Tells JavaScript that a descriptor is readable.
#pragma once
#include "loop_handle.h"
#include <napi.h>

namespace devfuse {

class Watcher : public Napi::ObjectWrap<Watcher> {
public:
  static Napi::Function Define(Napi::Env env);
  explicit Watcher(const Napi::CallbackInfo &info);

private:
  void start(const Napi::CallbackInfo &);
  void stop(const Napi::CallbackInfo &) { stop(); }
  void ref(const Napi::CallbackInfo &);
  void unref(const Napi::CallbackInfo &);
  void close(const Napi::CallbackInfo &) { close(); }

  int open(int fd);
  int arm();
  void stop();
  void close();
  void drain();
  static void OnReadable(uv_poll_s *poll, int status, int events);

  int fd_ = -1;
  bool started_ = false;
  Napi::FunctionReference callback_;
  LoopHandle::Pointer handle_; // null once closed
};

} // namespace devfuse
