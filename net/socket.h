// The few things both event loops do with a TCP socket in the same way.
#pragma once

#include <cstddef>
#include <span>

#include <sys/socket.h>
#include <sys/uio.h>

namespace shunt::net {

struct IoOptions;

/// A non-blocking socket for the family, TCP_NODELAY on, buffers as asked, close() set to drop what is unsent. -1:
/// errno.
int open_socket(int family, const IoOptions& options);

/// SO_RCVLOWAT, with its last value remembered: setting it is a system call, and lowering it wakes who waits.
class ReceiveThreshold {
 public:
  void set(int fd, std::size_t bytes);

 private:
  std::size_t current_ = 1;
};

/// What of a gathered send is still to be sent, in calls of at most IOV_MAX pieces.
class SendProgress {
 public:
  void start(std::span<const iovec> pieces);
  [[nodiscard]] bool done() const { return left_.empty(); }
  /// The next call's message; valid until advance().
  const msghdr* message();
  /// `size` bytes of it were taken.
  void advance(std::size_t size);

 private:
  std::span<const iovec> left_;
  std::size_t taken_of_first_ = 0;
  iovec first_{};  // the rest of a piece that was taken in part
  msghdr message_{};
};

}  // namespace shunt::net
