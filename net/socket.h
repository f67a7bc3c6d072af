// The few things both event loops do with a TCP socket in the same way.
#pragma once

#include <array>
#include <cstddef>
#include <span>

#include <sys/socket.h>
#include <sys/uio.h>

namespace shunt::net {

struct IoOptions;

/// A non-blocking socket for the family, TCP_NODELAY on, buffers as asked, close() set to drop what is unsent. -1:
/// errno.
int open_socket(int family, const IoOptions& options);

/// `bytes` if the system grants a socket a buffer of that size (`option`: SO_RCVBUF or SO_SNDBUF; net.core.rmem_max and
/// wmem_max), otherwise 0: fixed at less it would be worse than the kernel's auto-tuning.
int buffer_bytes_if_granted(int option, int bytes);

/// SO_RCVLOWAT: how many bytes must have come before the socket counts as readable. The kernel caps it at half of what
/// its buffer may grow to, and tells of fewer bytes when the buffer is full: who needs more reads and asks for the
/// rest.
class ReceiveThreshold {
 public:
  /// A system call only when the value changes. Lowering it to what is there already wakes who waits.
  void set(int fd, std::size_t bytes);

 private:
  std::size_t current_ = 1;
};

/// What of a gathered send is still to be sent, in calls of at most IOV_MAX pieces.
class SendProgress {
 public:
  /// The pieces and their bytes must stay valid until done().
  void start(std::span<const iovec> pieces);
  [[nodiscard]] bool done() const { return left_.empty(); }
  /// The next call's message; valid until advance().
  const msghdr* message();
  /// `size` bytes of it were taken. True: that was all of it.
  bool advance(std::size_t size);

 private:
  void skip(std::size_t size);

  std::span<const iovec> left_;
  std::size_t taken_of_first_ = 0;
  std::array<iovec, 64> resumed_{};  // the rest of a piece that was taken in part, and some of those after it
  msghdr message_{};
};

}  // namespace shunt::net
