// Time and chance, as everything in net/ and replicate/ takes them: from the machine, or from a simulation that stands
// in for it. A simulation replaces them for its own thread; that thread then does nothing that the simulation's seed does
// not decide (tests/sim).
#pragma once

#include <chrono>
#include <cstdint>
#include <random>

namespace shunt::net {

using Time = std::chrono::steady_clock::time_point;
using Duration = std::chrono::steady_clock::duration;

class Alarm;

class SimulatedMachine {
 public:
  virtual ~SimulatedMachine() = default;
  [[nodiscard]] virtual Time now() const = 0;
  [[nodiscard]] virtual std::int64_t unix_ms() const = 0;
  virtual std::uint64_t random_seed() = 0;
  /// alarm.ring() is wanted at `deadline`, unless forget() comes first.
  virtual void set(Alarm& alarm, Time deadline) = 0;
  virtual void forget(Alarm& alarm) = 0;
};

/// Null: this thread runs on the real one. Whoever sets it outlives what was made meanwhile.
inline constinit thread_local SimulatedMachine* simulated_machine = nullptr;

inline Time now() {
  return simulated_machine == nullptr ? std::chrono::steady_clock::now() : simulated_machine->now();
}

/// What clocks on the wall show: for timestamps, never for waiting.
inline std::int64_t unix_ms() {
  if (simulated_machine != nullptr) return simulated_machine->unix_ms();
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(since_epoch).count();
}

/// For a generator of one's own.
inline std::uint64_t random_seed() {
  return simulated_machine == nullptr ? std::random_device{}() : simulated_machine->random_seed();
}

}  // namespace shunt::net
