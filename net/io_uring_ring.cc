#include "net/io_uring_ring.h"

#include <array>
#include <cerrno>
#include <span>
#include <system_error>

#include <sys/syscall.h>
#include <unistd.h>

namespace shunt::net {

namespace {

constexpr unsigned ring_entries = 256;

constexpr std::array operations_used{IORING_OP_READ, IORING_OP_CONNECT, IORING_OP_RECV, IORING_OP_SENDMSG,
                                     IORING_OP_ASYNC_CANCEL};

// liburing 2.3 declares functions for these operations and does not export all of them.
long change_ring(const io_uring& ring, unsigned operation, const void* argument, std::size_t count) {
  return syscall(__NR_io_uring_register, ring.ring_fd, operation, argument, count);
}

void restrict_ring(const io_uring& ring) {
  std::array<io_uring_restriction, operations_used.size()> allowed{};
  for (std::size_t i = 0; i < allowed.size(); ++i) {
    allowed[i].opcode = IORING_RESTRICTION_SQE_OP;
    allowed[i].sqe_op = static_cast<__u8>(operations_used[i]);
  }
  // Kernels before 5.10, and what only looks like one, have no restrictions: then it goes without.
  if (change_ring(ring, IORING_REGISTER_RESTRICTIONS, allowed.data(), allowed.size()) < 0 && errno != EINVAL) {
    fail_ring(errno, "io_uring_register (restrictions)");
  }
}

}  // namespace

void fail_ring(int error, const char* what) {
  throw std::system_error(error, std::generic_category(), what);
}

void open_ring(io_uring& ring, bool defer_taskrun) {
  // Best first: 6.1; 5.19, where completions at least do not interrupt; any.
  constexpr unsigned setups[] = {IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN, IORING_SETUP_COOP_TASKRUN, 0};
  int result = -EINVAL;
  io_uring_params params{};
  for (const unsigned setup : std::span(setups).subspan(defer_taskrun ? 0 : 2)) {
    params = {};
    params.flags = IORING_SETUP_CLAMP | IORING_SETUP_R_DISABLED | setup;
    result = io_uring_queue_init_params(ring_entries, &ring, &params);
    if (result != -EINVAL) break;
  }
  if (result < 0) fail_ring(-result, "io_uring_setup");
  if ((params.features & IORING_FEAT_EXT_ARG) == 0) {
    io_uring_queue_exit(&ring);
    fail_ring(ENOSYS, "io_uring without IORING_FEAT_EXT_ARG (Linux before 5.11)");
  }
}

void enable_ring(io_uring& ring) {
  // By the thread that uses the ring: with SINGLE_ISSUER it is the only one that may.
  restrict_ring(ring);
  if (change_ring(ring, IORING_REGISTER_ENABLE_RINGS, nullptr, 0) < 0) fail_ring(errno, "io_uring_register (enable)");
}

}  // namespace shunt::net
