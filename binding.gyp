{
  "targets": [
    {
      "target_name": "devfuse",
      "sources": [
        "native/addon.cc",
        "native/arguments.cc",
        "native/at.cc",
        "native/blocking.cc",
        "native/callback.cc",
        "native/credentials.cc",
        "native/exchange.cc",
        "native/fd_replies.cc",
        "native/file.cc",
        "native/file_async.cc",
        "native/file_range.cc",
        "native/handle.cc",
        "native/inode.cc",
        "native/loop_handle.cc",
        "native/memory.cc",
        "native/passing.cc",
        "native/path.cc",
        "native/syscalls.cc",
        "native/threads.cc",
        "native/watch.cc",
        "native/xattr.cc"
      ],
      "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")"],
      "defines": ["NAPI_VERSION=8", "NAPI_DISABLE_CPP_EXCEPTIONS"],
      "cflags_cc": [
        "-std=c++17",
        "-O2",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-fno-exceptions",
        "-fvisibility=hidden",
        "-pthread"
      ],
      "ldflags": ["-pthread", "-Wl,-z,nodelete"]
    }
  ]
}
