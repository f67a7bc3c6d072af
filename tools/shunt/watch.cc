#include "tools/shunt/watch.h"

#include <cstdint>

#include <spdlog/spdlog.h>

namespace shunt::tools {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

namespace {

/// Another number whenever the mirror has come further.
std::uint64_t progress_of(const replicate::MirrorStatus& status) {
  std::uint64_t sum = status.partitions.size();
  for (const replicate::PartitionStatus& partition : status.partitions) {
    sum += partition.records + partition.filled_offsets + static_cast<std::uint64_t>(partition.position + 1);
    if (partition.state == replicate::PartitionState::done || partition.state == replicate::PartitionState::failed)
      ++sum;
  }
  return sum;
}

}  // namespace

Ended watch(replicate::Mirror& mirror, const TerminationSignals& signals, ProgressDisplay& display,
            const Watching& watching) {
  steady_clock::time_point next_show = steady_clock::now();
  steady_clock::time_point last_progress = next_show;
  std::uint64_t progress = 0;
  Ended ended = Ended::by_itself;
  while (!mirror.finished()) {
    const auto now = steady_clock::now();
    if (now >= next_show) {
      const replicate::MirrorStatus status = mirror.status();
      display.show(status);
      next_show = now + display.interval();
      if (const std::uint64_t seen = progress_of(status); seen != progress) {
        progress = seen;
        last_progress = now;
      }
      if (watching.patience && now - last_progress > *watching.patience && ended == Ended::by_itself) {
        ended = Ended::stalled;
        mirror.stop(replicate::StopMode::graceful);
      }
    }
    if (!signals.wait_for(20ms)) continue;
    if (watching.ending) watching.ending();
    if (ended == Ended::by_signal) {
      spdlog::warn("second signal: ending at once; what was in flight is found again at the next start");
      mirror.stop(replicate::StopMode::at_once);
    } else {
      spdlog::info("draining: waiting for what is in flight (a second signal ends at once)");
      mirror.stop(replicate::StopMode::graceful);
    }
    ended = Ended::by_signal;
  }
  return ended;
}

}  // namespace shunt::tools
