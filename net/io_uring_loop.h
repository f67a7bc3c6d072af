// net::Loop on io_uring. One ring, one thread: SINGLE_ISSUER and DEFER_TASKRUN where the kernel has them, so
// completions are worked off when this thread asks for them and never interrupt it.
//
// A receive is armed with POLL_FIRST: the kernel waits until SO_RCVLOWAT bytes are there and then copies once, instead
// of copying every segment as it comes. What the kernel refuses (EINVAL) is done without from then on.
#pragma once

#include <cstdint>
#include <deque>

#include <liburing.h>

#include "net/loop.h"
#include "net/socket.h"

namespace shunt::net {

class IoUringStream;

class IoUringLoop final : public Loop {
 public:
  /// Throws std::system_error when the system refuses a ring.
  explicit IoUringLoop(const IoOptions& options);
  ~IoUringLoop() override;

  std::unique_ptr<Stream> make_stream(StreamEvents& events) override;
  void wake() override;
  [[nodiscard]] const char* name() const override { return "io_uring"; }

 protected:
  void poll(Time latest) override;

 private:
  friend class IoUringStream;

  /// What a completion belongs to; its address is the operation's user data.
  struct Operation {
    enum class What : std::uint8_t { wake, connect, receive, send, cancel };
    What what = What::wake;
    IoUringStream* stream = nullptr;
  };

  io_uring_sqe* next_entry();
  void arm_wake();
  void handle(const Operation& operation, int result);

  const IoOptions options_;
  io_uring ring_{};
  bool enabled_ = false;  // the ring belongs to the thread that runs the loop, not to the one that made it
  bool poll_first_ = true;
  int wake_ = -1;
  std::uint64_t wake_count_ = 0;
  Operation wake_operation_{};
  std::deque<IoUringStream*> closed_;  // on_closed() is due
};

}  // namespace shunt::net
