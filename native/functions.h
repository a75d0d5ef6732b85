// The functions JavaScript sees. lib/native.ts documents them.
#pragma once
#include <node_api.h>

namespace devfuse {

// syscalls.cc
napi_value Open(napi_env, napi_callback_info);
napi_value Close(napi_env, napi_callback_info);
napi_value Adopt(napi_env, napi_callback_info);
napi_value Ioctl(napi_env, napi_callback_info);
napi_value Revents(napi_env, napi_callback_info);
napi_value Read(napi_env, napi_callback_info);
napi_value Write(napi_env, napi_callback_info);
napi_value Writev(napi_env, napi_callback_info);
napi_value Socketpair(napi_env, napi_callback_info);
napi_value Umount2(napi_env, napi_callback_info);

// exchange.cc
napi_value Exchanger(napi_env, napi_callback_info);

// memory.cc
napi_value Allocate(napi_env, napi_callback_info);

// watch.cc
napi_value Watch(napi_env, napi_callback_info);

// blocking.cc
napi_value MountAsync(napi_env, napi_callback_info);
napi_value UmountAsync(napi_env, napi_callback_info);
napi_value WriteAsync(napi_env, napi_callback_info);

} // namespace devfuse
