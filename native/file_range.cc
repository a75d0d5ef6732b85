#include "file_range.h"
#include "result.h"
#include "system.h"
#include <fcntl.h>
#include <sys/uio.h>

#ifndef RWF_NOWAIT
#define RWF_NOWAIT 8
#endif
#ifndef AT_STATX_DONT_SYNC
#define AT_STATX_DONT_SYNC 0x4000
#endif
#ifndef SYS_cachestat
#define SYS_cachestat 451
#endif
#ifndef SYS_statmount
#define SYS_statmount 457
#endif

namespace devfuse {

namespace {

// File systems whose data comes from a network or another process, which may be this one: a read
// may wait for ever. They do not support RWF_NOWAIT.
constexpr uint32_t kRemote[] = {
    0x65735546, // FUSE
    0x6969,     // NFS
    0xff534d42, // CIFS
    0xfe534d42, // SMB2
    0x01021997, // 9P
    0x00c36400, // Ceph
    0x5346414f, // AFS
};

// Those parts of struct statx, mnt_id_req and statmount that are used.
struct StatxMount {
  uint32_t mask;
  uint8_t unused[140];
  uint64_t mount;
  uint8_t unused_too[104];
};
static_assert(sizeof(StatxMount) == 256);

struct MountQuery {
  uint32_t size, spare;
  uint64_t mount, mask;
};

struct MountAnswer {
  uint32_t size, options;
  uint64_t mask;
  uint32_t device_major, device_minor;
  uint64_t type;
  uint8_t unused[480];
};
static_assert(sizeof(MountAnswer) == 512);

constexpr unsigned kUniqueMountId = 0x4000; // STATX_MNT_ID_UNIQUE
constexpr uint64_t kBasicsOfFileSystem = 1; // STATMOUNT_SB_BASIC

struct CacheRange {
  uint64_t offset, length;
};

struct CacheStat {
  uint64_t cached, dirty, writeback, evicted, recently_evicted;
};

} // namespace

// Returns the count, or -errno.
ssize_t FileRange::readOnce(uint8_t *bytes, size_t done, size_t count, int flags) const {
  iovec vector = {bytes, count};
  return Retry(
      [&] { return ::preadv2(fd, &vector, 1, offset + static_cast<int64_t>(done), flags); });
}

// With O_DIRECT the data comes from the disk, RWF_NOWAIT or not.
bool FileRange::isDirect() const {
  int flags = ::fcntl(fd, F_GETFL);
  return flags >= 0 && (flags & O_DIRECT) != 0;
}

// Whether the data comes from elsewhere, as far as that is known: statmount(2) is Linux 6.8's.
bool FileRange::isRemote() const {
  // Neither call asks the file system, which may be one of this process: it could not answer.
  // (statfs(2) does.)
  StatxMount statx = {};
  if (System(SYS_statx, fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, kUniqueMountId, &statx) < 0 ||
      (statx.mask & kUniqueMountId) == 0)
    return true;
  MountQuery query = {sizeof query, 0, statx.mount, kBasicsOfFileSystem};
  MountAnswer answer = {};
  if (System(SYS_statmount, &query, &answer, sizeof answer, 0) < 0)
    return true;
  for (uint32_t type : kRemote)
    if (static_cast<uint32_t>(answer.type) == type)
      return true;
  return false;
}

// 1 where all pages are in the page cache, -EAGAIN where one is missing. Before Linux 6.5 there is
// no such call: then the first page stands for all before the last.
ssize_t FileRange::whole() const {
  CacheRange range = {static_cast<uint64_t>(offset), length};
  CacheStat stat = {};
  if (System(SYS_cachestat, fd, &range, &stat, 0) < 0) {
    uint8_t byte;
    return readOnce(&byte, 0, 1, RWF_NOWAIT);
  }
  auto page = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  uint64_t pages = (range.offset + length - 1) / page - range.offset / page + 1;
  return stat.cached >= pages ? 1 : -EAGAIN;
}

ssize_t FileRange::probe() const {
  if (isDirect())
    return -EAGAIN;
  // A page may be in the cache and still be on its way: the last one comes last.
  uint8_t byte;
  ssize_t last = readOnce(&byte, length - 1, 1, RWF_NOWAIT);
  if (last == -EOPNOTSUPP && isRemote())
    return -EAGAIN;
  return last == 1 ? whole() : last;
}

ssize_t FileRange::read(uint8_t *bytes) const {
  if (isDirect())
    return -EAGAIN;
  int flags = RWF_NOWAIT;
  size_t done = 0;
  // RWF_NOWAIT stops at a page that is missing as it does at the end of the file.
  while (done < length) {
    ssize_t count = readOnce(bytes + done, done, length - done, flags);
    if (count == -EOPNOTSUPP && flags != 0 && !isRemote())
      flags = 0;
    else if (count == -EOPNOTSUPP && flags != 0)
      return -EAGAIN;
    else if (count < 0)
      return count;
    else if (count == 0)
      break;
    else
      done += static_cast<size_t>(count);
  }
  return static_cast<ssize_t>(done);
}

} // namespace devfuse
