#include "fd_replies.h"
#include "arguments.h"
#include "environment.h"
#include "functions.h"
#include "result.h"
#include "system.h"
#include <cstring>

namespace devfuse {

namespace {

// Payloads from here on are spliced. Direct reads of a file in the page cache, medians in us,
// client and server pinned to one core, Linux 6.18, 2 shared EPYC CPUs (a reply from memory; pread
// and write; splice; splice with the two probes for what is missing in the cache):
//     4 KiB   6.9    8.1    8.6   10.3
//    16 KiB   8.2   10.4   10.2   11.8
//    32 KiB   9.7   13.1   12.0   13.5
//    64 KiB  12.6   18.4   15.6   16.9
//   128 KiB  18.4   29.7   21.6   24.3
//   512 KiB  57.1   91.4   61.0   62.3
//     1 MiB  111    172    111    109     (less a page: what a pipe of 1 MiB holds with the head)
constexpr size_t kSpliceFrom = 64 * 1024;

// Added to the errno of the file, so that JavaScript can tell it from the device's.
constexpr ssize_t kReadFailed = 4096;

size_t PageSize() {
  static const auto size = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  return size;
}

// Pages that the range touches.
size_t Pages(const FileRange &range) {
  size_t into = static_cast<size_t>(range.offset) % PageSize();
  return (into + range.length + PageSize() - 1) / PageSize();
}

} // namespace

void Head::announce(size_t payload) const {
  auto all = static_cast<uint32_t>(length + payload);
  std::memcpy(bytes, &all, sizeof all);
}

Napi::Function FdReplies::Define(Napi::Env env) {
  return DefineClass(
      env, "FdReplies",
      {InstanceMethod<&FdReplies::send>("send"), InstanceMethod<&FdReplies::close>("close")});
}

FdReplies::FdReplies(const Napi::CallbackInfo &info) : ObjectWrap(info) {
  Arguments args(info.Env(), {info[0], info[1], info[2]});
  device_ = args.descriptor(0);
  most_ = args.size(1, "most", INT32_MAX);
  flags_ = static_cast<unsigned>(args.flags(2));
}

void FdReplies::close(const Napi::CallbackInfo &) {
  device_ = -1;
  pipe_.reset();
  memory_.reset();
}

Napi::Value FdReplies::send(const Napi::CallbackInfo &info) {
  Arguments args(info.Env(), {info[0], info[1], info[2], info[3], info[4]});
  Bytes bytes = args.bytes(0, "head");
  size_t length = args.size(1, "length", bytes.size);
  FileRange range = {args.descriptor(2), args.offset(3), args.size(4, "count", INT32_MAX)};
  if (args.ok() && length < sizeof(uint32_t))
    args.expected("length", "room for the length of the message");
  if (!args.ok())
    return Napi::Value();
  return Napi::Value(info.Env(), Number(info.Env(), send({bytes.data, length}, range)));
}

ssize_t FdReplies::send(const Head &head, const FileRange &range) {
  if (range.length < kSpliceFrom || most_ == 0 || !canSplice(range))
    return copy(head, range);
  ssize_t there = range.probe();
  if (there == -EAGAIN)
    return there - kReadFailed;
  // 0: the file is shorter. A pipe that is filled before that is known would have to be emptied.
  if (there == 0 || !fill(head, range))
    return copy(head, range);
  return splice(head, range);
}

bool FdReplies::canSplice(const FileRange &range) {
  // The head takes a page, and a range that begins within a page takes one more at its end.
  if (pipe_ == nullptr)
    pipe_ = Pipe::Make(2 * most_);
  return pipe_ != nullptr && (Pages(range) + 1) * PageSize() <= pipe_->size();
}

// Puts the message into the pipe. False where that fails, e.g. where the file got shorter
// meanwhile: then the pipe is gone, with whatever is in it.
bool FdReplies::fill(const Head &head, const FileRange &range) {
  head.announce(range.length);
  ssize_t put = System(SYS_write, pipe_->in(), head.bytes, head.length);
  loff_t offset = range.offset;
  size_t done = 0;
  while (put > 0 && done < range.length) {
    // Without SPLICE_F_NONBLOCK a pipe that is full would wait for its reader, us.
    put = Retry([&] {
      return ::splice(range.fd, &offset, pipe_->in(), nullptr, range.length - done,
                      flags_ | SPLICE_F_NONBLOCK);
    });
    done += static_cast<size_t>(std::max<ssize_t>(put, 0));
  }
  if (done < range.length)
    pipe_.reset();
  return done == range.length;
}

ssize_t FdReplies::splice(const Head &head, const FileRange &range) {
  size_t all = head.length + range.length;
  ssize_t sent =
      Retry([&] { return ::splice(pipe_->out(), nullptr, device_, nullptr, all, flags_); });
  if (sent == static_cast<ssize_t>(all))
    return static_cast<ssize_t>(range.length);
  pipe_.reset();
  return sent < 0 ? sent : -EIO;
}

ssize_t FdReplies::copy(const Head &head, const FileRange &range) {
  uint8_t *payload = room(range.length);
  if (payload == nullptr)
    return -ENOMEM - kReadFailed;
  ssize_t count = range.read(payload);
  if (count < 0)
    return count - kReadFailed;
  head.announce(static_cast<size_t>(count));
  uint8_t *message = payload - head.length;
  std::memcpy(message, head.bytes, head.length);
  ssize_t sent = System(SYS_write, device_, message, head.length + static_cast<size_t>(count));
  return sent < 0 ? sent : count;
}

// Memory for a payload, at a page boundary, with a page before it for the head.
uint8_t *FdReplies::room(size_t length) {
  size_t size = PageSize() + length;
  if (memory_ == nullptr || memory_->size() < size)
    memory_ = std::make_unique<Mapping>(size);
  return memory_->start() == nullptr ? nullptr : memory_->start() + PageSize();
}

napi_value MakeFdReplies(napi_env env, napi_callback_info info) {
  Napi::CallbackInfo call(env, info);
  return Environment::Of(env)->fd_replies.New({call[0], call[1], call[2]});
}

} // namespace devfuse
