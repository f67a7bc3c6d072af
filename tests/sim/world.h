// The simulated machine room: one virtual clock, one source of randomness, a queue of things to happen. Everything a
// simulation does follows from its seed. While a World exists it is the machine of its thread (net/machine.h).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <queue>
#include <random>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "net/alarm.h"
#include "net/machine.h"

namespace shunt::sim {

class World final : public net::SimulatedMachine {
 public:
  static constexpr net::Time beginning{std::chrono::hours(1)};
  static constexpr std::int64_t first_unix_ms = 1'700'000'000'000;

  explicit World(std::uint64_t seed) : random_(seed), before_(std::exchange(net::simulated_machine, this)) {}
  ~World() override { net::simulated_machine = before_; }
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  [[nodiscard]] net::Time now() const override { return now_; }
  [[nodiscard]] std::int64_t unix_ms() const override {
    return first_unix_ms + std::chrono::duration_cast<std::chrono::milliseconds>(now_ - beginning).count();
  }

  void at(net::Time time, std::function<void()> happen) {
    events_.push({std::max(time, now_), next_order_++, std::move(happen)});
  }
  void after(net::Duration delay, std::function<void()> happen) { at(now_ + delay, std::move(happen)); }

  /// Lets time pass until the next event or alarm, and it happen; at most until `latest`. False: nothing happened.
  bool step(net::Time latest) {
    const bool is_alarm = !alarms_.empty() && (events_.empty() || alarms_.begin()->first.first < events_.top().time);
    const net::Time next = is_alarm          ? alarms_.begin()->first.first
                           : events_.empty() ? net::Time::max()
                                             : events_.top().time;
    if (next > latest) {
      now_ = std::max(now_, latest);
      return false;
    }
    now_ = std::max(now_, next);
    if (is_alarm) {
      const Entry entry = alarms_.begin()->second;
      forget(*entry.alarm);
      entry.alarm->ring();
      if (entry.stir) entry.stir();
    } else {
      const std::function<void()> happen = std::move(const_cast<Event&>(events_.top()).happen);
      events_.pop();
      happen();
    }
    return true;
  }

  /// What happens, in words, for people who replay a seed.
  bool is_traced = false;
  template <class... Arguments>
  void trace(fmt::format_string<Arguments...> text, Arguments&&... arguments) {
    if (!is_traced) return;
    const double seconds = std::chrono::duration<double>(now_ - beginning).count();
    fmt::print("{:10.6f}  {}\n", seconds, fmt::format(text, std::forward<Arguments>(arguments)...));
  }

  // ---- alarms ----

  /// Called when an alarm rings that was set from here on.
  void set_stir(std::function<void()> stir) { stir_ = std::move(stir); }
  void set(net::Alarm& alarm, net::Time deadline) override {
    if (deadline == net::Time::max()) return;
    const auto entry = alarms_.emplace(std::pair(deadline, next_order_++), Entry{.alarm = &alarm, .stir = stir_}).first;
    by_alarm_[&alarm] = entry;
  }
  void forget(net::Alarm& alarm) override {
    const auto found = by_alarm_.find(&alarm);
    if (found == by_alarm_.end()) return;
    alarms_.erase(found->second);
    by_alarm_.erase(found);
  }

  // ---- randomness ----
  std::uint64_t random_seed() override { return random_(); }
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
  struct Entry {
    net::Alarm* alarm;
    std::function<void()> stir;
  };
  using Alarms = std::map<std::pair<net::Time, std::uint64_t>, Entry>;

  std::mt19937_64 random_;
  net::SimulatedMachine* const before_;
  net::Time now_ = beginning;
  std::uint64_t next_order_ = 0;
  std::priority_queue<Event, std::vector<Event>, Later> events_;
  Alarms alarms_;
  std::map<net::Alarm*, Alarms::iterator> by_alarm_;
  std::function<void()> stir_;
};

}  // namespace shunt::sim
