// The requests under way on one connection, without the connection: correlation ids, answers in the order of the
// requests (a broker handles one request of a connection at a time), a deadline each, and the pause a broker asks for.
//
//   - An answer that is not the oldest request's means that one of the two sides has lost count: the connection goes.
//   - A request whose deadline passes cannot be taken back, and those behind it wait for it: the connection goes.
//   - throttle_time_ms (KIP-219): the broker has answered at once and will not read this connection for so long.
//     Nothing is to be sent before not_before(), and what is under way is late by as much, not lost.
//
// `Token` is what the owner knows a request by. (The data path has its own variant, in which a request is not an
// object.)
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "net/loop.h"
#include "net/wire_size.h"

namespace shunt::net {

template <class Token>
class Pipeline {
 public:
  /// The correlation id the next begin() will use.
  [[nodiscard]] std::int32_t next_correlation_id() const { return next_correlation_id_; }

  /// A request with next_correlation_id() is on its way.
  void begin(Token token, Time deadline) {
    under_way_.push_back({next_correlation_id_, std::move(token), deadline});
    next_correlation_id_ = next_correlation_id_ == INT32_MAX ? 0 : next_correlation_id_ + 1;
  }

  /// Whose answer `frame` (without the size prefix) is. Empty: reason() says why the connection must be closed.
  std::optional<Token> handle_frame(std::span<const std::byte> frame) {
    if (frame.size() < 4) {
      reason_ = "malformed answer: " + std::to_string(frame.size()) + " bytes";
      return {};
    }
    const std::int32_t correlation_id = read_int32(frame.first<4>());
    if (under_way_.empty()) {
      reason_ = "answer " + std::to_string(correlation_id) + " to no request";
      return {};
    }
    if (correlation_id != under_way_.front().correlation_id) {
      reason_ = "answer " + std::to_string(correlation_id) + " where that of request " +
                std::to_string(under_way_.front().correlation_id) + " was due";
      return {};
    }
    Token token = std::move(under_way_.front().token);
    under_way_.pop_front();
    return token;
  }

  /// An answer carried throttle_time_ms.
  void handle_throttle(std::int32_t throttle_time_ms, Time now) {
    if (throttle_time_ms <= 0) return;
    const Time until = now + std::chrono::milliseconds(throttle_time_ms);
    if (until <= not_before_) return;
    const Duration later = until - std::max(not_before_, now);
    for (Request& request : under_way_) request.deadline += later;
    not_before_ = until;
  }

  /// Nothing may be sent before.
  [[nodiscard]] Time not_before() const { return not_before_; }

  /// When the first of the requests under way is given up.
  [[nodiscard]] std::optional<Time> deadline() const {
    std::optional<Time> first;
    for (const Request& request : under_way_) first = first ? std::min(*first, request.deadline) : request.deadline;
    return first;
  }

  /// A request whose deadline has passed; null: none.
  [[nodiscard]] const Token* overdue(Time now) const {
    for (const Request& request : under_way_) {
      if (request.deadline <= now) return &request.token;
    }
    return nullptr;
  }

  /// The connection is over: nobody will answer these.
  std::vector<Token> abandon() {
    std::vector<Token> tokens;
    tokens.reserve(under_way_.size());
    for (Request& request : under_way_) tokens.push_back(std::move(request.token));
    under_way_.clear();
    return tokens;
  }

  [[nodiscard]] std::size_t size() const { return under_way_.size(); }
  [[nodiscard]] const std::string& reason() const { return reason_; }

 private:
  struct Request {
    std::int32_t correlation_id;
    Token token;
    Time deadline;
  };

  std::deque<Request> under_way_;
  std::int32_t next_correlation_id_ = 1;
  Time not_before_{};
  std::string reason_;
};

}  // namespace shunt::net
