// How long a broker may leave a connection's oldest request unanswered. Requests are pipelined, and a broker takes up a
// connection's requests one at a time: thousands of small batches may wait their turn for longer than any one of them
// may take. So a request's time begins when all before it are answered; a broker that answers is alive.
//
// The clock is the caller's.
#pragma once

#include <algorithm>

#include "net/loop.h"

namespace shunt::replicate {

class AnswerClock {
 public:
  explicit AnswerClock(net::Duration patience) : patience_(patience) {}

  /// A request that has no other before it.
  void handle_oldest_request(net::Time now) { since_ = std::max(since_, now); }
  void handle_answer(net::Time now) { since_ = std::max(since_, now); }
  /// The broker does not read this connection before `until` (KIP-219): what is in flight is late, not lost.
  void handle_throttle(net::Time until) { since_ = std::max(since_, until); }
  void handle_lost_connection() { since_ = {}; }

  /// Whether the oldest request has waited too long; to be asked only while there is one.
  [[nodiscard]] bool is_over(net::Time now) const { return is_silent(now, patience_); }
  /// The same, for longer than `noticed`.
  [[nodiscard]] bool is_silent(net::Time now, net::Duration noticed) const { return now > since_ + noticed; }

 private:
  const net::Duration patience_;
  net::Time since_{};
};

}  // namespace shunt::replicate
