// How long to wait before the next attempt: exponential, with jitter, so that a thousand connections that broke
// together do not come back together. The same seed gives the same waits.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <random>

#include "net/loop.h"

namespace shunt::net {

class Backoff {
 public:
  /// The n-th wait is drawn from the upper half of min(first * 2^n, longest): never nearly nothing, for an attempt
  /// costs the peer something too. `first` and `longest` (reconnect.backoff.ms and reconnect.backoff.max.ms) are not
  /// negative.
  Backoff(Duration first, Duration longest, std::uint64_t seed)
      : first_(std::min(first, longest)),
        longest_(longest),
        ceiling_(first_),
        random_(static_cast<std::minstd_rand::result_type>(seed)) {}

  Duration next() {
    const Duration ceiling = ceiling_;
    ceiling_ = ceiling > longest_ / 2 ? longest_ : ceiling * 2;
    return Duration(std::uniform_int_distribution<Duration::rep>(ceiling.count() / 2, ceiling.count())(random_));
  }

  /// After a success.
  void reset() { ceiling_ = first_; }

 private:
  Duration first_;
  Duration longest_;
  Duration ceiling_;
  std::minstd_rand random_;  // small: every partition has one
};

/// Between the attempts to connect to a broker. Those it refuses, or that find no broker to be trusted, are counted by whoever
/// locks accounts: they are as far apart as people are patient.
class ReconnectBackoff {
 public:
  ReconnectBackoff(Duration first, Duration longest, std::uint64_t seed)
      : usual_(first, longest, seed), refused_(first_after_refusal, longest_after_refusal, seed) {}

  Duration next(bool was_refused) { return was_refused ? refused_.next() : usual_.next(); }
  /// After a success.
  void reset() {
    usual_.reset();
    refused_.reset();
  }

 private:
  static constexpr Duration first_after_refusal = std::chrono::seconds(2);
  static constexpr Duration longest_after_refusal = std::chrono::seconds(30);
  Backoff usual_;
  Backoff refused_;
};

}  // namespace shunt::net
