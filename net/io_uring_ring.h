// The ring of one event loop: made by any thread, enabled by the one that runs it, and restricted to what the loop does.
//
// Rings pass by seccomp. So this one refuses, from the moment it is enabled, every operation but the five that
// net/io_uring_loop.cc asks for, and to be changed: whoever takes the process over cannot open files through it.
#pragma once

#include <liburing.h>

namespace shunt::net {

/// Throws std::system_error when the system refuses a ring.
void open_ring(io_uring& ring, bool defer_taskrun);

/// Throws std::system_error.
void enable_ring(io_uring& ring);

/// Throws it: `error` is an errno, `what` the call that failed.
[[noreturn]] void fail_ring(int error, const char* what);

}  // namespace shunt::net
