// The table of what JavaScript sees.
#include "environment.h"
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
    Function("watch", Watch),
    Function("mountAsync", MountAsync),
    Function("umountAsync", UmountAsync),
    Function("writeAsync", WriteAsync),
    Function("umount2", Umount2),
};

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new Environment(env));
  napi_define_properties(env, exports, std::size(kFunctions), kFunctions);
  exports.Set("pageSize", Napi::Number::New(env, static_cast<double>(::sysconf(_SC_PAGESIZE))));
  return exports;
}

} // namespace

Environment::Environment(Napi::Env env)
    : watcher(Napi::Persistent(Watcher::Define(env))), calls(env) {}

NODE_API_MODULE(devfuse, Init)

} // namespace devfuse
