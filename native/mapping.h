// Memory from the system: zeroed, at a page boundary.
#pragma once
#include <cstddef>
#include <cstdint>
#include <node_api.h>
#include <sys/mman.h>

namespace devfuse {

class Mapping {
public:
  explicit Mapping(size_t size) : size_(size) {
    void *start = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    start_ = start == MAP_FAILED ? nullptr : static_cast<uint8_t *>(start);
  }
  Mapping(const Mapping &) = delete;
  ~Mapping() {
    if (start_ != nullptr)
      ::munmap(start_, size_);
  }

  uint8_t *start() const { return start_; } // null where there was no memory
  size_t size() const { return size_; }
  static void Release(napi_env, void *, void *mapping) { delete static_cast<Mapping *>(mapping); }

private:
  uint8_t *start_;
  size_t size_;
};

} // namespace devfuse
