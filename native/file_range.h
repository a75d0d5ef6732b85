// A range of a file, read only where that does not wait for a disk.
#pragma once
#include <cstddef>
#include <cstdint>
#include <sys/types.h>

namespace devfuse {

struct FileRange {
  int fd;
  int64_t offset;
  size_t length;

  // Whether the pages are there. 1; 0 where the file is shorter; -EAGAIN where a read would wait;
  // -EOPNOTSUPP where the file system cannot tell and is a local one; another -errno.
  ssize_t probe() const;

  // Reads into `bytes`. Returns the count, fewer than `length` at the end of the file only; -errno
  // as `probe`.
  ssize_t read(uint8_t *bytes) const;

private:
  bool isDirect() const;
  bool isRemote() const;
  ssize_t readOnce(uint8_t *bytes, size_t done, size_t count, int flags) const;
  ssize_t whole() const;
};

} // namespace devfuse
