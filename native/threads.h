// Threads for calls that may block. Not libuv's pool: a write to /dev/fuse may wait for an answer
// that JavaScript can only give after a file operation of its own, which needs a thread of that
// pool.
#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>

namespace devfuse {

// A thread that is blocked in the kernel cannot be joined: all are detached, and each holds a share
// of this object, which may so outlive its environment.
class Threads : public std::enable_shared_from_this<Threads> {
public:
  using Job = std::function<void()>;

  // Runs `job` on an idle thread, else on a new one, else when a thread is done. Returns 0, or
  // -errno where there is no thread to be had.
  int run(Job job);

  // Drops what no thread has begun, and ends each thread after its job.
  void close();

private:
  using Lock = std::unique_lock<std::mutex>;

  int spawn();
  void serve();
  bool next(Lock &lock, Job &job);
  static void *Main(void *share);

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> jobs_;
  size_t idle_ = 0;  // threads that wait; as many of `jobs_` are theirs
  size_t count_ = 0; // all threads
  bool closed_ = false;
};

} // namespace devfuse
