// What a ring refuses, once it is enabled.
#include "net/io_uring_ring.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "net/io_uring_loop.h"

namespace shunt::net {
namespace {

class Ring {
 public:
  Ring() {
    open_ring(ring_, true);
    enable_ring(ring_);
  }
  ~Ring() { io_uring_queue_exit(&ring_); }
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  io_uring_sqe* entry() { return io_uring_get_sqe(&ring_); }
  int complete() {
    io_uring_submit_and_wait(&ring_, 1);
    io_uring_cqe* completion = nullptr;
    if (io_uring_peek_cqe(&ring_, &completion) != 0) return -ENODATA;
    const int result = completion->res;
    io_uring_cqe_seen(&ring_, completion);
    return result;
  }

 private:
  io_uring ring_{};
};

#define SKIP_WITHOUT_IO_URING(statement)                  \
  try {                                                   \
    statement;                                            \
  } catch (const std::system_error& error) {              \
    GTEST_SKIP() << "no io_uring here: " << error.what(); \
  }

TEST(IoUringRing, RefusesOperationsThatTheLoopDoesNotUse) {
  std::optional<Ring> made;
  SKIP_WITHOUT_IO_URING(made.emplace());
  Ring& ring = *made;
  char byte = 0;
  int pipe_ends[2];
  ASSERT_EQ(pipe(pipe_ends), 0);
  ASSERT_EQ(write(pipe_ends[1], "x", 1), 1);

  io_uring_prep_read(ring.entry(), pipe_ends[0], &byte, 1, 0);
  EXPECT_EQ(ring.complete(), 1);
  io_uring_prep_openat(ring.entry(), AT_FDCWD, "/etc/hostname", O_RDONLY, 0);
  EXPECT_EQ(ring.complete(), -EACCES);
  io_uring_prep_write(ring.entry(), pipe_ends[1], &byte, 1, 0);
  EXPECT_EQ(ring.complete(), -EACCES);
  io_uring_prep_nop(ring.entry());
  EXPECT_EQ(ring.complete(), -EACCES);
  close(pipe_ends[0]);
  close(pipe_ends[1]);
}

TEST(IoUringRing, IsTheOneOfTheLoopAndCannotBeChanged) {
  std::optional<IoUringLoop> loop;
  SKIP_WITHOUT_IO_URING(loop.emplace(IoOptions{}));
  loop->run_once(loop->now());
  int rings = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    if (std::filesystem::read_symlink(entry.path(), gone) != "anon_inode:[io_uring]") continue;
    ++rings;
    const int fd = std::stoi(entry.path().filename());
    char probe[sizeof(io_uring_probe) + 256 * sizeof(io_uring_probe_op)] = {};
    EXPECT_EQ(syscall(__NR_io_uring_register, fd, IORING_REGISTER_PROBE, probe, 256), -1);
    EXPECT_EQ(errno, EACCES) << std::strerror(errno);
  }
  EXPECT_EQ(rings, 1);
}

}  // namespace
}  // namespace shunt::net
