#include "watch.h"
#include "arguments.h"
#include "callback.h"
#include "environment.h"
#include "functions.h"
#include <fcntl.h>

namespace devfuse {

namespace {

// A busy descriptor must not keep timers and other descriptors waiting for longer than this.
constexpr int kCallsPerWake = 32;

void ThrowErrno(Napi::Env env, const char *syscall, int error) {
  Napi::Error exception = Napi::Error::New(env, std::string(syscall) + ": " + uv_strerror(error));
  exception.Set("errno", Napi::Number::New(env, error));
  exception.Set("code", uv_err_name(error));
  exception.Set("syscall", syscall);
  exception.ThrowAsJavaScriptException();
}

} // namespace

Napi::Function Watcher::Define(Napi::Env env) {
  return DefineClass(env, "Watcher",
                     {InstanceMethod<&Watcher::start>("start"),
                      InstanceMethod<&Watcher::stop>("stop"), InstanceMethod<&Watcher::ref>("ref"),
                      InstanceMethod<&Watcher::unref>("unref"),
                      InstanceMethod<&Watcher::close>("close")});
}

Watcher::Watcher(const Napi::CallbackInfo &info) : ObjectWrap(info) {
  Arguments args(info.Env(), {info[0], info[1]});
  int fd = args.descriptor(0);
  napi_value callback = args.function(1, "onReadable");
  if (!args.ok())
    return;
  if (int error = open(fd)) {
    ThrowErrno(info.Env(), "watch", error);
    return;
  }
  callback_ = Napi::Persistent(Napi::Function(info.Env(), callback));
  Ref(); // an open watcher lives although nobody holds it
}

int Watcher::open(int fd) {
  HandleMemory memory = AllocateHandle("poll");
  auto *poll = reinterpret_cast<uv_poll_s *>(memory.get());
  if (int error = uv_poll_init(LoopOf(Env()), poll, fd))
    return error;
  fd_ = fd;
  handle_ = LoopHandle::Adopt(Env(), std::move(memory), this,
                              [](void *self) { static_cast<Watcher *>(self)->close(); });
  return 0;
}

void Watcher::start(const Napi::CallbackInfo &info) {
  if (handle_ == nullptr || started_)
    return;
  if (int error = arm())
    return ThrowErrno(info.Env(), "watch", error);
  started_ = true;
}

int Watcher::arm() {
  // libuv aborts the process over a descriptor that was closed meanwhile.
  if (::fcntl(fd_, F_GETFD) < 0)
    return -errno;
  return uv_poll_start(handle_->poll(), UV_READABLE | UV_DISCONNECT, OnReadable);
}

void Watcher::stop() {
  if (handle_ != nullptr && started_)
    uv_poll_stop(handle_->poll());
  started_ = false;
}

void Watcher::ref(const Napi::CallbackInfo &) {
  if (handle_ != nullptr)
    uv_ref(handle_->get());
}

void Watcher::unref(const Napi::CallbackInfo &) {
  if (handle_ != nullptr)
    uv_unref(handle_->get());
}

void Watcher::close() {
  if (handle_ == nullptr)
    return;
  started_ = false;
  handle_.reset();
  callback_.Reset();
  Unref();
}

void Watcher::drain() {
  Napi::Value callback = callback_.Value();
  napi_value self = Value(); // keeps this object alive when the callback closes it
  bool more = true;
  for (int call = 0; more && started_ && call < kCallsPerWake; call++) {
    napi_value result = CallFromLoop(Env(), self, callback, 0, nullptr);
    more = result != nullptr && napi_get_value_bool(Env(), result, &more) == napi_ok && more;
  }
}

void Watcher::OnReadable(uv_poll_s *poll, int status, int) {
  auto *self = LoopHandle::OwnerOf<Watcher>(poll);
  HandleScope scope(self->Env());
  self->drain();
  // libuv reports POLLERR (a /dev/fuse whose mount is gone, or not there yet) as UV_EBADF and stops
  // the handle by itself. For us it is readable like anything: the next read says what is wrong.
  if (status < 0 && self->started_)
    self->started_ = self->arm() == 0;
}

napi_value Watch(napi_env env, napi_callback_info info) {
  Napi::CallbackInfo call(env, info);
  return Environment::Of(env)->watcher.New({call[0], call[1]});
}

} // namespace devfuse
