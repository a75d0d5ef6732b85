#include "blocking.h"
#include "arguments.h"
#include "callback.h"
#include "environment.h"
#include "functions.h"
#include "owned_fd.h"
#include "result.h"
#include <fcntl.h>
#include <string>
#include <sys/mount.h>
#include <vector>

namespace devfuse {

BlockingCalls::BlockingCalls(napi_env env) : env_(env), threads_(std::make_shared<Threads>()) {
  HandleMemory memory = AllocateHandle("async");
  auto *bell = reinterpret_cast<uv_async_s *>(memory.get());
  if (uv_async_init(LoopOf(env), bell, OnBell) != 0)
    return;
  uv_unref(memory.get());
  handle_ = LoopHandle::Adopt(env, std::move(memory), this,
                              [](void *self) { static_cast<BlockingCalls *>(self)->close(); });
  mailbox_ = std::make_shared<Mailbox>(bell);
}

void BlockingCalls::close() {
  if (handle_ == nullptr)
    return;
  mailbox_->close();
  threads_->close();
  handle_.reset();
  for (auto &entry : waiting_)
    release(entry.second);
  waiting_.clear();
}

void BlockingCalls::start(napi_value done, Call call, Lent lent) {
  if (handle_ == nullptr)
    return;
  uint64_t id = calls_++;
  Waiting &waiting = waiting_[id];
  waiting.copy = std::move(lent.copy);
  napi_create_reference(env_, done, 1, &waiting.done);
  if (lent.array != nullptr)
    napi_create_reference(env_, lent.array, 1, &waiting.array);
  uv_ref(handle_->get());
  auto job = [id, mailbox = mailbox_, call = std::move(call)]() mutable {
    ssize_t result = call();
    call = nullptr; // closes its descriptors, before JavaScript hears that it is done
    mailbox->post({id, result});
  };
  if (int error = threads_->run(std::move(job)))
    mailbox_->post({id, error});
}

void BlockingCalls::OnBell(uv_async_s *bell) {
  auto *self = LoopHandle::OwnerOf<BlockingCalls>(bell);
  for (const Outcome &outcome : self->mailbox_->take())
    self->deliver(outcome);
}

void BlockingCalls::deliver(const Outcome &outcome) {
  HandleScope scope(env_);
  napi_value done = take(outcome), self = nullptr;
  if (done == nullptr)
    return;
  napi_value result = Number(env_, outcome.result);
  napi_get_global(env_, &self);
  CallFromLoop(env_, self, done, 1, &result);
}

// Null where the environment has ended meanwhile.
napi_value BlockingCalls::take(const Outcome &outcome) {
  auto entry = waiting_.find(outcome.call);
  if (entry == waiting_.end())
    return nullptr;
  Waiting waiting = std::move(entry->second);
  waiting_.erase(entry);
  napi_value done = nullptr;
  napi_get_reference_value(env_, waiting.done, &done);
  if (waiting.copy != nullptr && outcome.result > 0)
    fill(waiting, outcome.result);
  release(waiting);
  if (waiting_.empty())
    uv_unref(handle_->get());
  return done;
}

void BlockingCalls::fill(const Waiting &waiting, ssize_t count) {
  napi_value array = nullptr;
  Bytes into;
  napi_get_reference_value(env_, waiting.array, &array);
  // It may have been detached, or have shrunk.
  if (Arguments::Uint8Array(env_, array, &into) && into.data != nullptr)
    std::copy_n(waiting.copy->data(), std::min<size_t>(into.size, count), into.data);
}

void BlockingCalls::release(const Waiting &waiting) {
  napi_delete_reference(env_, waiting.done);
  if (waiting.array != nullptr)
    napi_delete_reference(env_, waiting.array);
}

namespace {

napi_value Start(napi_env env, napi_value done, BlockingCalls::Call call) {
  Environment::Of(env)->calls.start(done, std::move(call));
  return nullptr;
}

} // namespace

napi_value MountAsync(napi_env env, napi_callback_info info) {
  Arguments args(env, info);
  const char *source = args.cstring(0, "source");
  const char *target = args.cstring(1, "target");
  const char *type = args.cstring(2, "type");
  auto flags = static_cast<unsigned long>(args.integer(3, "flags", 0, UINT32_MAX));
  Bytes data = args.bytes(4, "data");
  napi_value done = args.function(5, "done");
  if (!args.ok())
    return nullptr;
  return Start(env, done,
               [flags, source = std::string(source), target = std::string(target),
                type = std::string(type), data = std::string(data.data, data.data + data.size)] {
                 return OrErrno(
                     ::mount(source.c_str(), target.c_str(), type.c_str(), flags, data.c_str()));
               });
}

napi_value UmountAsync(napi_env env, napi_callback_info info) {
  Arguments args(env, info);
  const char *target = args.cstring(0, "target");
  int flags = args.flags(1);
  napi_value done = args.function(2, "done");
  if (!args.ok())
    return nullptr;
  return Start(env, done, [flags, target = std::string(target)] {
    return OrErrno(::umount2(target.c_str(), flags));
  });
}

napi_value WriteAsync(napi_env env, napi_callback_info info) {
  Arguments args(env, info);
  int fd = args.descriptor(0);
  Bytes bytes = args.bytes(1, "bytes");
  size_t length = args.size(2, "length", bytes.size);
  napi_value done = args.function(3, "done");
  if (!args.ok())
    return nullptr;
  // A duplicate: by the time of the write the number may belong to another file.
  auto file = std::make_shared<OwnedFd>(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (ssize_t error = file->get() < 0 ? -errno : 0)
    return Start(env, done, [error] { return error; });
  return Start(env, done, [file, copy = std::vector<uint8_t>(bytes.data, bytes.data + length)] {
    return Retry([&] { return ::write(file->get(), copy.data(), copy.size()); });
  });
}

} // namespace devfuse
