#include "threads.h"
#include <chrono>
#include <csignal>
#include <pthread.h>
#include <utility>

namespace devfuse {

namespace {

constexpr size_t kMostThreads = 64;
constexpr size_t kStackSize = 256 * 1024; // glibc puts thread-local storage there too
constexpr std::chrono::seconds kIdleTime(5);

// Signals are the main thread's: a new thread inherits the mask.
class SignalsBlocked {
public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  SignalsBlocked(const SignalsBlocked &) = delete;
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

private:
  sigset_t before_;
};

int StartDetached(void *(*main)(void *), void *argument) {
  SignalsBlocked blocked;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, kStackSize);
  pthread_t thread;
  int error = pthread_create(&thread, &attributes, main, argument);
  pthread_attr_destroy(&attributes);
  return -error;
}

} // namespace

int Threads::run(Job job) {
  Lock lock(mutex_);
  jobs_.push_back(std::move(job));
  if (jobs_.size() <= idle_)
    wake_.notify_one();
  else if (count_ < kMostThreads)
    return spawn();
  return 0;
}

int Threads::spawn() {
  auto share = std::make_unique<std::shared_ptr<Threads>>(shared_from_this());
  int error = StartDetached(Main, share.get());
  if (error == 0) {
    share.release();
    count_++;
  } else {
    jobs_.pop_back();
  }
  return error;
}

void Threads::close() {
  Lock lock(mutex_);
  closed_ = true;
  jobs_.clear();
  wake_.notify_all();
}

void *Threads::Main(void *share) {
  std::unique_ptr<std::shared_ptr<Threads>> self(static_cast<std::shared_ptr<Threads> *>(share));
  pthread_setname_np(pthread_self(), "devfuse-call");
  (*self)->serve();
  return nullptr;
}

void Threads::serve() {
  Lock lock(mutex_);
  for (Job job; next(lock, job); job = nullptr) {
    lock.unlock();
    job();
    lock.lock();
  }
  count_--;
}

bool Threads::next(Lock &lock, Job &job) {
  idle_++;
  wake_.wait_for(lock, kIdleTime, [this] { return closed_ || !jobs_.empty(); });
  idle_--;
  if (jobs_.empty())
    return false;
  job = std::move(jobs_.front());
  jobs_.pop_front();
  return true;
}

} // namespace devfuse
