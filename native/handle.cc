// File handles: what names an inode across renames and restarts.
#include "functions.h"
#include "path.h"
#include "system.h"
#include <cstring>
#include <fcntl.h>

namespace devfuse {

namespace {

// struct file_handle of the kernel: its size, its type, its bytes.
constexpr size_t kHead = 8;
constexpr size_t kMost = kHead + MAX_HANDLE_SZ;
constexpr int kUniqueMountId = 1; // AT_HANDLE_MNT_ID_UNIQUE

} // namespace

napi_value NameToHandleAt(napi_env env, napi_callback_info info) {
  Arguments args(env, info);
  int dirfd = args.whole(0, "dirfd");
  Path path(args, 1);
  uint8_t *handle = args.room(2, "handle", kMost);
  int flags = args.flags(3);
  if (!args.ok())
    return nullptr;
  if (args.refused() != 0)
    return Number(env, args.refused());
  uint32_t room = MAX_HANDLE_SZ;
  std::memcpy(handle, &room, sizeof room);
  uint64_t unique = 0;
  int id = 0;
  void *mount = (flags & kUniqueMountId) != 0 ? static_cast<void *>(&unique) : &id;
  ssize_t result = System(SYS_name_to_handle_at, dirfd, path.text(), handle, mount, flags);
  if (result < 0)
    return Number(env, result);
  return WideNumber(env, mount == &id ? id : static_cast<int64_t>(unique));
}

napi_value OpenByHandleAt(napi_env env, napi_callback_info info) {
  Arguments args(env, info);
  int mountfd = args.whole(0, "mountfd");
  Bytes bytes = args.bytes(1, "handle");
  int flags = args.flags(2) | O_CLOEXEC;
  // A copy: what says how long it is could change in shared memory.
  uint8_t handle[kMost] = {};
  uint32_t size = 0;
  if (bytes.size >= kHead)
    std::memcpy(handle, bytes.data, std::min(bytes.size, kMost));
  std::memcpy(&size, handle, sizeof size);
  if (bytes.size < kHead || size > bytes.size - kHead)
    args.expected("handle", "as many bytes as it says");
  return Call(args, SYS_open_by_handle_at, mountfd, handle, flags);
}

} // namespace devfuse
