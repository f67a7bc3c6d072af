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
  /// The n-th wait is drawn from the upper half of min(first * 2^n, longest): never nearly nothing, for an attempt
  /// costs the peer something too. `first` and `longest` (reconnect.backoff.ms and reconnect.backoff.max.ms) are not
  /// negative.
  Backoff(Duration first, Duration longest, std::uint64_t seed)
      : first_(std::min(first, longest)), longest_(longest), ceiling_(first_), random_(seed) {}

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
  std::mt19937_64 random_;
};

}  // namespace shunt::net
