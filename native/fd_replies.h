// Replies whose payload is a range of a file: it does not pass through JavaScript, and where it is
// long enough not through our memory either.
#pragma once
#include "file_range.h"
#include "mapping.h"
#include "pipe.h"
#include <memory>
#include <napi.h>

namespace devfuse {

// A message whose first 4 bytes are its length in host order, set by whoever sends it.
struct Head {
  uint8_t *bytes;
  size_t length;

  void announce(size_t payload) const;
};

class FdReplies : public Napi::ObjectWrap<FdReplies> {
public:
  static Napi::Function Define(Napi::Env env);
  explicit FdReplies(const Napi::CallbackInfo &info);

private:
  Napi::Value send(const Napi::CallbackInfo &info);
  void close(const Napi::CallbackInfo &);

  ssize_t send(const Head &head, const FileRange &range);
  bool canSplice(const FileRange &range);
  ssize_t splice(const Head &head, const FileRange &range);
  bool fill(const Head &head, const FileRange &range);
  ssize_t copy(const Head &head, const FileRange &range);
  uint8_t *room(size_t length);

  int device_ = -1;
  size_t most_ = 0; // bytes of a payload for which the pipe is made
  unsigned flags_ = 0;
  std::unique_ptr<Pipe> pipe_; // made at first use, and empty between two replies
  std::unique_ptr<Mapping> memory_;
};

} // namespace devfuse
