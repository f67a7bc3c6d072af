// The simulated machine room: one virtual clock, one source of randomness, a queue of things to happen. Everything a
// simulation does follows from its seed.
#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <random>
#include <vector>

#include "net/loop.h"

namespace shunt::sim {

class World {
 public:
  explicit World(std::uint64_t seed) : random_(seed) {}

  [[nodiscard]] net::Time now() const { return now_; }

  void at(net::Time time, std::function<void()> happen) {
    events_.push({std::max(time, now_), next_order_++, std::move(happen)});
  }
  void after(net::Duration delay, std::function<void()> happen) { at(now_ + delay, std::move(happen)); }

  /// Lets time pass until the next event, and the event happen; at most until `latest`. False: nothing happened.
  bool step(net::Time latest) {
    if (events_.empty() || events_.top().time > latest) {
      now_ = std::max(now_, latest);
      return false;
    }
    Event event = std::move(const_cast<Event&>(events_.top()));
    events_.pop();
    now_ = event.time;
    event.happen();
    return true;
  }

  // ---- randomness ----
  std::int64_t between(std::int64_t low, std::int64_t high) {  // both included
    return low + static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(high - low + 1));
  }
  bool chance(double probability) { return static_cast<double>(random_() >> 11) * 0x1p-53 < probability; }
  net::Duration micros(std::int64_t low, std::int64_t high) { return std::chrono::microseconds(between(low, high)); }

 private:
  struct Event {
    net::Time time;
    std::uint64_t order;
    std::function<void()> happen;
  };
  struct Later {
    bool operator()(const Event& a, const Event& b) const {
      return a.time != b.time ? a.time > b.time : a.order > b.order;
    }
  };

  std::mt19937_64 random_;
  net::Time now_{std::chrono::hours(1)};
  std::uint64_t next_order_ = 0;
  std::priority_queue<Event, std::vector<Event>, Later> events_;
};

}  // namespace shunt::sim
