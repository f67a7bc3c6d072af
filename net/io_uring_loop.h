// net::Loop on io_uring. One ring, one thread, one system call a round: it hands over what was asked for since the last
// one and waits. With SINGLE_ISSUER and DEFER_TASKRUN, where the kernel has them, completions are worked off when this
// thread asks for them and never interrupt it.
//
// A receive is armed with POLL_FIRST: the kernel waits until SO_RCVLOWAT bytes are there and then copies once, instead
// of copying every segment as it comes. (Multishot with a buffer ring was measured against it, see bench/relay: no
// cheaper, and it would choose the buffer and the moment, which are the shard's to choose.) What the kernel refuses
// with EINVAL is done without from then on.
//
// Needs Linux 5.11 (waiting with a time-out, IORING_FEAT_EXT_ARG); the other operations used are older than that, and no
// others are possible: net/io_uring_ring.h.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <vector>

#include <liburing.h>

#include "net/loop.h"
#include "net/socket.h"

namespace shunt::net {

class IoUringStream;

/// Its streams must be closed and destroyed before it: the kernel may write into their buffers until then.
class IoUringLoop final : public Loop {
 public:
  /// Throws std::system_error when the system refuses a ring. May be made by another thread than the one that runs it.
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
    bool under_way = false;
  };
  struct Completion {
    Operation* operation;
    int result;
  };

  void enable();
  io_uring_sqe* next_entry();
  void take_completions();
  void arm_wake();

  const IoOptions options_;
  io_uring ring_{};
  bool enabled_ = false;  // the ring belongs to the thread that runs the loop, not to the one that made it
  bool poll_first_ = true;
  int wake_ = -1;
  std::uint64_t wake_count_ = 0;
  Operation wake_operation_{};
  std::vector<Completion> arrived_;
  std::vector<Completion> handling_;
  std::deque<IoUringStream*> closed_;  // on_closed() is due
};

}  // namespace shunt::net
