// A pipe to splice through.
#pragma once
#include "owned_fd.h"
#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <memory>

namespace devfuse {

class Pipe {
public:
  // With room for `size` bytes where the system allows that (root, or /proc/sys/fs/pipe-max-size),
  // else with what it allows. Null where there is no descriptor left.
  static std::unique_ptr<Pipe> Make(size_t size) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) < 0)
      return nullptr;
    std::unique_ptr<Pipe> pipe(new Pipe(ends));
    for (size_t ask = size; ask > kDefault && !pipe->grow(ask); ask /= 2)
      ;
    return pipe;
  }

  int in() const { return in_.get(); }
  int out() const { return out_.get(); }
  size_t size() const { return size_; } // a page takes a page of it, however few bytes are in it

private:
  static constexpr size_t kDefault = 64 * 1024;

  explicit Pipe(const int *ends) : out_(ends[0]), in_(ends[1]) { grow(0); }

  bool grow(size_t size) {
    if (size > 0 && ::fcntl(in(), F_SETPIPE_SZ, static_cast<int>(size)) < 0)
      return false;
    size_ = static_cast<size_t>(std::max(::fcntl(in(), F_GETPIPE_SZ), 0));
    return true;
  }

  OwnedFd out_, in_;
  size_t size_ = 0;
};

} // namespace devfuse
