// The part of libuv we call. cmake-js's bundled headers have no uv.h, and node-gyp's need not be
// there; these symbols are exported by every node binary and belong to libuv's stable ABI.
#pragma once
#include <cstddef>

extern "C" {
struct uv_loop_s;
struct uv_handle_s;
struct uv_poll_s;
struct uv_async_s;

using uv_close_cb = void (*)(uv_handle_s *);
using uv_poll_cb = void (*)(uv_poll_s *, int status, int events);
using uv_async_cb = void (*)(uv_async_s *);

size_t uv_handle_size(int type);
const char *uv_handle_type_name(int type);
void *uv_handle_get_data(const uv_handle_s *);
void uv_handle_set_data(uv_handle_s *, void *);
void uv_ref(uv_handle_s *);
void uv_unref(uv_handle_s *);
void uv_close(uv_handle_s *, uv_close_cb);

int uv_poll_init(uv_loop_s *, uv_poll_s *, int fd);
int uv_poll_start(uv_poll_s *, int events, uv_poll_cb);
int uv_poll_stop(uv_poll_s *);

int uv_async_init(uv_loop_s *, uv_async_s *, uv_async_cb);
int uv_async_send(uv_async_s *);

const char *uv_err_name(int error);
const char *uv_strerror(int error);
}

constexpr int UV_READABLE = 1;
constexpr int UV_DISCONNECT = 4;
