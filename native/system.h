// A system call with arguments from JavaScript.
#pragma once
#include "arguments.h"
#include "result.h"
#include <sys/syscall.h>
#include <unistd.h>

// Younger than some libcs that this is built with. From 424 on all architectures share the numbers.
#ifndef SYS_faccessat2
#define SYS_faccessat2 439
#endif
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif
#ifndef SYS_setxattrat
#define SYS_setxattrat 463
#define SYS_getxattrat 464
#define SYS_listxattrat 465
#define SYS_removexattrat 466
#endif

namespace devfuse {

// All 64 bits of a register: syscall(2) is variadic and would leave half of it to an int.
inline long Word(long value) { return value; }
inline long Word(const void *pointer) { return reinterpret_cast<long>(pointer); }

// syscall(2) rather than libc's functions: those are cancellation points, translate flags, or
// change the credentials of all threads. Returns the result or -errno.
template <class... Values> inline ssize_t System(long number, Values... values) {
  return Retry([&] { return ::syscall(number, Word(values)...); });
}

// The same for JavaScript, unless an argument was wrong.
template <class... Values>
inline napi_value Call(const Arguments &args, long number, Values... values) {
  if (!args.ok())
    return nullptr;
  if (args.refused() != 0)
    return Number(args.env(), args.refused());
  return Number(args.env(), System(number, values...));
}

} // namespace devfuse
