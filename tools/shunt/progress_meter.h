// From pictures of a mirror to progress by topic: sums, rates, how much of the way is done. Pure; the caller brings the
// clock.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "replicate/status.h"

namespace shunt::tools {

/// One topic of one flow, or all of them together.
struct Progress {
  std::string flow;  // "A->B"; empty for the total
  std::string topic;
  std::size_t partitions = 0;
  std::size_t failed = 0;
  std::size_t waiting = 0;
  std::size_t unknown = 0;  // partitions, not failed, of which position or end are not known yet
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
  std::int64_t lag = 0;    // offsets the target lacks, as far as known
  std::int64_t way = 0;    // offsets from where this process began to the goal, or the source's end if there is none
  std::int64_t to_go = 0;  // the part of the way that is left
  double records_per_second = 0;
  double bytes_per_second = 0;

  /// Rounded down: 100 means that nothing is left. Nothing: not known yet.
  [[nodiscard]] std::optional<double> percent() const;
  [[nodiscard]] std::optional<double> seconds_left() const;
};

class ProgressMeter {
 public:
  /// By flow and topic. Rates are taken from one picture to the next, and smoothed over a few.
  std::vector<Progress> measure(const replicate::MirrorStatus& status, std::chrono::steady_clock::time_point now);

 private:
  struct Seen {
    std::uint64_t records = 0;
    std::uint64_t bytes = 0;
    double records_per_second = 0;
    double bytes_per_second = 0;
  };
  std::map<std::pair<std::string, std::string>, Seen> seen_;
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::time_point::max();  // max: no picture yet
};

Progress total_of(const std::vector<Progress>& topics);

}  // namespace shunt::tools
