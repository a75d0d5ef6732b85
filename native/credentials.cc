// Who the calling thread is. libc's functions of these names change all threads.
#include "functions.h"
#include "system.h"
#include <linux/capability.h>

namespace devfuse {

namespace {

constexpr size_t kSetsSize = sizeof(__user_cap_data_struct) * _LINUX_CAPABILITY_U32S_3;

struct Groups {
  void *data = nullptr;
  size_t count = 0;
};

Groups GroupsOf(Arguments &args, size_t index, const char *name) {
  Groups groups;
  napi_typedarray_type type;
  if (napi_get_typedarray_info(args.env(), args[index], &type, &groups.count, &groups.data, nullptr,
                               nullptr) != napi_ok ||
      type != napi_uint32_array)
    args.expected(name, "a Uint32Array");
  groups.count = std::min<size_t>(groups.count, INT32_MAX);
  return groups;
}

// The former id. These calls know no errors.
napi_value SetId(napi_env env, napi_callback_info info, const char *name, long number) {
  Arguments args(env, info);
  uint32_t id = args.word(0, name);
  if (!args.ok())
    return nullptr;
  return WideNumber(env, static_cast<uint32_t>(::syscall(number, id)));
}

napi_value Capabilities(napi_env env, napi_callback_info info, const char *name, long number) {
  Arguments args(env, info);
  uint8_t *sets = args.room(0, name, kSetsSize);
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  return Call(args, number, &header, sets);
}

} // namespace

napi_value Umask(napi_env env, napi_callback_info info) {
  Arguments args(env, info);
  uint32_t mask = args.word(0, "mask");
  return Call(args, SYS_umask, mask);
}

napi_value Setfsuid(napi_env env, napi_callback_info info) {
  return SetId(env, info, "uid", SYS_setfsuid);
}

napi_value Setfsgid(napi_env env, napi_callback_info info) {
  return SetId(env, info, "gid", SYS_setfsgid);
}

napi_value Setgroups(napi_env env, napi_callback_info info) {
  Arguments args(env, info);
  Groups groups = GroupsOf(args, 0, "groups");
  return Call(args, SYS_setgroups, groups.count, groups.data);
}

napi_value Getgroups(napi_env env, napi_callback_info info) {
  Arguments args(env, info);
  Groups into = GroupsOf(args, 0, "into");
  return Call(args, SYS_getgroups, into.count, into.data);
}

napi_value Capget(napi_env env, napi_callback_info info) {
  return Capabilities(env, info, "into", SYS_capget);
}

napi_value Capset(napi_env env, napi_callback_info info) {
  return Capabilities(env, info, "sets", SYS_capset);
}

} // namespace devfuse
