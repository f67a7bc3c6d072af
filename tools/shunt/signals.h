// SIGINT and SIGTERM, taken in one place: blocked in every thread, and asked for by the one that owns this.
#pragma once

#include <chrono>

namespace shunt::tools {

class TerminationSignals {
 public:
  /// From here on they interrupt nobody. Make it before any thread is started: threads inherit what is blocked.
  TerminationSignals();

  /// Waits so long at most. True: one came.
  [[nodiscard]] bool wait_for(std::chrono::milliseconds time) const;
};

}  // namespace shunt::tools
