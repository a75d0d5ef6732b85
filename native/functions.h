// The functions JavaScript sees. lib/native.ts and lib/posix.ts document them.
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

// passing.cc
napi_value StreamPair(napi_env, napi_callback_info);
napi_value ReceiveFd(napi_env, napi_callback_info);

// memory.cc
napi_value Allocate(napi_env, napi_callback_info);

// fd_replies.cc
napi_value MakeFdReplies(napi_env, napi_callback_info);

// watch.cc
napi_value Watch(napi_env, napi_callback_info);

// blocking.cc
napi_value MountAsync(napi_env, napi_callback_info);
napi_value UmountAsync(napi_env, napi_callback_info);
napi_value WriteAsync(napi_env, napi_callback_info);

// at.cc
napi_value Openat(napi_env, napi_callback_info);
napi_value Mkdirat(napi_env, napi_callback_info);
napi_value Mknodat(napi_env, napi_callback_info);
napi_value Symlinkat(napi_env, napi_callback_info);
napi_value Linkat(napi_env, napi_callback_info);
napi_value Unlinkat(napi_env, napi_callback_info);
napi_value Renameat2(napi_env, napi_callback_info);
napi_value Readlinkat(napi_env, napi_callback_info);

// handle.cc
napi_value NameToHandleAt(napi_env, napi_callback_info);
napi_value OpenByHandleAt(napi_env, napi_callback_info);

// inode.cc
napi_value Statx(napi_env, napi_callback_info);
napi_value Fstatfs(napi_env, napi_callback_info);
napi_value Fchmodat2(napi_env, napi_callback_info);
napi_value Fchownat(napi_env, napi_callback_info);
napi_value Utimensat(napi_env, napi_callback_info);
napi_value Ftruncate(napi_env, napi_callback_info);
napi_value Faccessat2(napi_env, napi_callback_info);

// xattr.cc
napi_value Getxattr(napi_env, napi_callback_info);
napi_value Setxattr(napi_env, napi_callback_info);
napi_value Listxattr(napi_env, napi_callback_info);
napi_value Removexattr(napi_env, napi_callback_info);
napi_value Lgetxattr(napi_env, napi_callback_info);
napi_value Lsetxattr(napi_env, napi_callback_info);
napi_value Llistxattr(napi_env, napi_callback_info);
napi_value Lremovexattr(napi_env, napi_callback_info);
napi_value Fgetxattr(napi_env, napi_callback_info);
napi_value Fsetxattr(napi_env, napi_callback_info);
napi_value Flistxattr(napi_env, napi_callback_info);
napi_value Fremovexattr(napi_env, napi_callback_info);
napi_value Getxattrat(napi_env, napi_callback_info);
napi_value Setxattrat(napi_env, napi_callback_info);
napi_value Listxattrat(napi_env, napi_callback_info);
napi_value Removexattrat(napi_env, napi_callback_info);

// file.cc
napi_value Getdents64(napi_env, napi_callback_info);
napi_value SeekTo(napi_env, napi_callback_info);
napi_value Lseek(napi_env, napi_callback_info);
napi_value Pread(napi_env, napi_callback_info);
napi_value Pwrite(napi_env, napi_callback_info);
napi_value Fsync(napi_env, napi_callback_info);
napi_value Fdatasync(napi_env, napi_callback_info);
napi_value Fallocate(napi_env, napi_callback_info);
napi_value CopyFileRange(napi_env, napi_callback_info);
napi_value Dup(napi_env, napi_callback_info);
napi_value Flock(napi_env, napi_callback_info);
napi_value FcntlLock(napi_env, napi_callback_info);

// credentials.cc
napi_value Umask(napi_env, napi_callback_info);
napi_value Setfsuid(napi_env, napi_callback_info);
napi_value Setfsgid(napi_env, napi_callback_info);
napi_value Setgroups(napi_env, napi_callback_info);
napi_value Getgroups(napi_env, napi_callback_info);
napi_value Capget(napi_env, napi_callback_info);
napi_value Capset(napi_env, napi_callback_info);

// file_async.cc
napi_value PreadAsync(napi_env, napi_callback_info);
napi_value PwriteAsync(napi_env, napi_callback_info);
napi_value FsyncAsync(napi_env, napi_callback_info);
napi_value FdatasyncAsync(napi_env, napi_callback_info);
napi_value SyncfsAsync(napi_env, napi_callback_info);
napi_value FallocateAsync(napi_env, napi_callback_info);
napi_value CopyFileRangeAsync(napi_env, napi_callback_info);

} // namespace devfuse
