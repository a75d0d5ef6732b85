// A descriptor from another process.
#include "arguments.h"
#include "functions.h"
#include "owned_fd.h"
#include "result.h"
#include <cstring>
#include <fcntl.h>
#include <sys/socket.h>

namespace devfuse {

napi_value StreamPair(napi_env env, napi_callback_info) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
    return Number(env, -errno);
  OwnedFd ours(ends[0]), theirs(ends[1]);
  if (::fcntl(ours.get(), F_SETFL, O_NONBLOCK) < 0)
    return Number(env, -errno);
  napi_value pair;
  if (napi_create_array_with_length(env, 2, &pair) != napi_ok ||
      napi_set_element(env, pair, 0, Number(env, ours.get())) != napi_ok ||
      napi_set_element(env, pair, 1, Number(env, theirs.get())) != napi_ok)
    return nullptr;
  ours.release();
  theirs.release();
  return pair;
}

napi_value ReceiveFd(napi_env env, napi_callback_info info) {
  Arguments args(env, info);
  int fd = args.descriptor(0);
  if (!args.ok())
    return nullptr;
  char byte;
  iovec body = {&byte, 1};
  // Room for one: of more than that the kernel installs none.
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  msghdr message = {};
  message.msg_iov = &body;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  ssize_t count = Retry([&] { return ::recvmsg(fd, &message, MSG_CMSG_CLOEXEC); });
  if (count < 0)
    return Number(env, count);
  const cmsghdr *header = CMSG_FIRSTHDR(&message);
  if (header == nullptr || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS ||
      header->cmsg_len != CMSG_LEN(sizeof(int)))
    return Number(env, -ENODATA);
  int received;
  std::memcpy(&received, CMSG_DATA(header), sizeof(received));
  return Number(env, received);
}

} // namespace devfuse
