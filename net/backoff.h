// How long to wait before the next attempt: exponential, with jitter, so that a thousand connections that broke
// together do not come back together. The same seed gives the same waits.
#pragma once

#include <algorithm>
#include <cstdint>
#include <random>

#include "net/loop.h"

namespace shunt::net {

class Backoff {
 public:
  /// The n-th wait is drawn from the upper half of min(first * 2^n, longest).
  Backoff(Duration first, Duration longest, std::uint64_t seed) : first_(first), longest_(longest), random_(seed) {}

  Duration next() {
    const Duration ceiling =
        doublings_ < most_doublings ? std::min(first_ * (std::int64_t{1} << doublings_), longest_) : longest_;
    if (doublings_ < most_doublings) ++doublings_;
    return Duration(std::uniform_int_distribution<Duration::rep>(ceiling.count() / 2, ceiling.count())(random_));
  }

  /// After a success.
  void reset() { doublings_ = 0; }

 private:
  static constexpr int most_doublings = 20;
  Duration first_;
  Duration longest_;
  std::mt19937_64 random_;
  int doublings_ = 0;
};

}  // namespace shunt::net
