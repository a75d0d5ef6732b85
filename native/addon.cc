// The table of what JavaScript sees.
#include "environment.h"
#include "fd_replies.h"
#include "functions.h"
#include "watch.h"
#include <iterator>
#include <unistd.h>

namespace devfuse {

namespace {

constexpr napi_property_descriptor Function(const char *name, napi_callback callback) {
  return {name, nullptr, callback, nullptr, nullptr, nullptr, napi_default_jsproperty, nullptr};
}

constexpr napi_property_descriptor kFunctions[] = {
    Function("open", Open),
    Function("close", Close),
    Function("adopt", Adopt),
    Function("ioctl", Ioctl),
    Function("revents", Revents),
    Function("read", Read),
    Function("write", Write),
    Function("writev", Writev),
    Function("exchanger", Exchanger),
    Function("allocate", Allocate),
    Function("socketpair", Socketpair),
    Function("streamPair", StreamPair),
    Function("receiveFd", ReceiveFd),
    Function("fdReplies", MakeFdReplies),
    Function("watch", Watch),
    Function("mountAsync", MountAsync),
    Function("umountAsync", UmountAsync),
    Function("writeAsync", WriteAsync),
    Function("umount2", Umount2),
};

// What lib/posix.ts shows.
constexpr napi_property_descriptor kPosix[] = {
    Function("close", Close),
    Function("openat", Openat),
    Function("mkdirat", Mkdirat),
    Function("mknodat", Mknodat),
    Function("symlinkat", Symlinkat),
    Function("linkat", Linkat),
    Function("unlinkat", Unlinkat),
    Function("renameat2", Renameat2),
    Function("readlinkat", Readlinkat),
    Function("nameToHandleAt", NameToHandleAt),
    Function("openByHandleAt", OpenByHandleAt),
    Function("statx", Statx),
    Function("fstatfs", Fstatfs),
    Function("fchmodat2", Fchmodat2),
    Function("fchownat", Fchownat),
    Function("utimensat", Utimensat),
    Function("ftruncate", Ftruncate),
    Function("faccessat2", Faccessat2),
    Function("getxattr", Getxattr),
    Function("setxattr", Setxattr),
    Function("listxattr", Listxattr),
    Function("removexattr", Removexattr),
    Function("lgetxattr", Lgetxattr),
    Function("lsetxattr", Lsetxattr),
    Function("llistxattr", Llistxattr),
    Function("lremovexattr", Lremovexattr),
    Function("fgetxattr", Fgetxattr),
    Function("fsetxattr", Fsetxattr),
    Function("flistxattr", Flistxattr),
    Function("fremovexattr", Fremovexattr),
    Function("getxattrat", Getxattrat),
    Function("setxattrat", Setxattrat),
    Function("listxattrat", Listxattrat),
    Function("removexattrat", Removexattrat),
    Function("getdents64", Getdents64),
    Function("seekTo", SeekTo),
    Function("lseek", Lseek),
    Function("pread", Pread),
    Function("pwrite", Pwrite),
    Function("fsync", Fsync),
    Function("fdatasync", Fdatasync),
    Function("fallocate", Fallocate),
    Function("copyFileRange", CopyFileRange),
    Function("dup", Dup),
    Function("flock", Flock),
    Function("fcntlLock", FcntlLock),
    Function("umask", Umask),
    Function("setfsuid", Setfsuid),
    Function("setfsgid", Setfsgid),
    Function("setgroups", Setgroups),
    Function("getgroups", Getgroups),
    Function("capget", Capget),
    Function("capset", Capset),
    Function("preadAsync", PreadAsync),
    Function("pwriteAsync", PwriteAsync),
    Function("fsyncAsync", FsyncAsync),
    Function("fdatasyncAsync", FdatasyncAsync),
    Function("syncfsAsync", SyncfsAsync),
    Function("fallocateAsync", FallocateAsync),
    Function("copyFileRangeAsync", CopyFileRangeAsync),
};

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new Environment(env));
  napi_define_properties(env, exports, std::size(kFunctions), kFunctions);
  Napi::Object posix = Napi::Object::New(env);
  napi_define_properties(env, posix, std::size(kPosix), kPosix);
  exports.Set("posix", posix);
  exports.Set("pageSize", Napi::Number::New(env, static_cast<double>(::sysconf(_SC_PAGESIZE))));
  return exports;
}

} // namespace

Environment::Environment(Napi::Env env)
    : watcher(Napi::Persistent(Watcher::Define(env))),
      fd_replies(Napi::Persistent(FdReplies::Define(env))), calls(env) {}

NODE_API_MODULE(devfuse, Init)

} // namespace devfuse
