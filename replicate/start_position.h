// Where a partition begins that the target has nothing of (`shunt.start.offset`, `auto.offset.reset`).
#pragma once

#include <cstdint>

namespace shunt::replicate {

struct StartPosition {
  enum class Kind {
    earliest,
    latest,
    time,  // at the first record of that time or a later one; at the end where there is none
  };
  Kind kind = Kind::earliest;
  std::int64_t time_ms = 0;  // since 1970

  bool operator==(const StartPosition&) const = default;
  /// Not at what the source's log begins with.
  [[nodiscard]] bool is_later() const { return kind != Kind::earliest; }
};

}  // namespace shunt::replicate
