// What is said of partitions that will be tried again. One lost connection interrupts thousands of them at a time, and a
// broker in trouble does so every second: a line tells of all that one cause has hit since the line before, and the same
// cause is named once an interval at most.
//
// The clock is the caller's.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "net/loop.h"

namespace shunt::replicate {

class Interruptions {
 public:
  explicit Interruptions(net::Duration interval = std::chrono::seconds(10)) : interval_(interval) {}

  /// `cause`: in a few words, the same for all that belong together.
  void add(const std::string& cause, const std::string& partition, const std::string& reason) {
    Gathered& gathered = by_cause_[cause];
    if (gathered.count++ == 0) {
      gathered.partition = partition;
      gathered.reason = reason;
    }
  }

  /// The lines that are due.
  std::vector<std::string> take(net::Time now) {
    std::vector<std::string> lines;
    for (auto& [cause, gathered] : by_cause_) {
      if (gathered.count == 0 || now < gathered.not_before) continue;
      const std::string others = gathered.count == 1 ? "" : fmt::format(" and {} more", gathered.count - 1);
      lines.push_back(
          fmt::format("{}{} will be tried again ({}): {}", gathered.partition, others, cause, gathered.reason));
      gathered = {.not_before = now + interval_, .count = 0, .partition = {}, .reason = {}};
    }
    return lines;
  }

 private:
  struct Gathered {
    net::Time not_before{};
    std::size_t count = 0;
    std::string partition;  // the first
    std::string reason;     // its reason
  };
  net::Duration interval_;
  std::map<std::string, Gathered> by_cause_;
};

}  // namespace shunt::replicate
