// Progress while a mirror runs: a view that is redrawn in place on a terminal, a line every few seconds elsewhere.
// Always on standard error, so that standard output is the summary's alone.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "replicate/status.h"

namespace shunt::tools {

/// One topic's share of the picture.
struct TopicProgress {
  std::string name;  // "A->B orders"
  std::size_t partitions = 0;
  std::size_t failed = 0;
  std::size_t waiting = 0;
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
  std::int64_t lag = 0;   // records the target lacks, as far as known
  std::int64_t done = 0;  // records of the way from start to end (or goal)
  std::int64_t whole = 0;
  double records_per_second = 0;
  double bytes_per_second = 0;

  [[nodiscard]] double percent() const;
  [[nodiscard]] std::string time_left() const;  // empty: not known
};

/// Adds up partitions by topic and takes rates from one picture to the next.
class ProgressMeter {
 public:
  std::vector<TopicProgress> measure(const replicate::MirrorStatus& status, std::chrono::steady_clock::time_point now);

 private:
  struct Seen {
    std::uint64_t records = 0;
    std::uint64_t bytes = 0;
    double records_per_second = 0;
    double bytes_per_second = 0;
  };
  std::map<std::string, Seen> seen_;
  std::chrono::steady_clock::time_point last_{};
};

/// The lines of the live view, none wider than `columns`, at most `rows`.
std::vector<std::string> live_view(const replicate::MirrorStatus& status, const std::vector<TopicProgress>& topics,
                                   std::size_t columns, std::size_t rows);
/// The one line for logs.
std::string progress_line(const replicate::MirrorStatus& status, const std::vector<TopicProgress>& topics);

class ProgressDisplay {
 public:
  virtual ~ProgressDisplay() = default;
  virtual void show(const replicate::MirrorStatus& status) = 0;
  /// How often to call show().
  [[nodiscard]] virtual std::chrono::milliseconds interval() const = 0;
};

/// The right one for standard error. While it lives, log lines and a live view do not get in each other's way.
std::unique_ptr<ProgressDisplay> make_progress_display();

}  // namespace shunt::tools
