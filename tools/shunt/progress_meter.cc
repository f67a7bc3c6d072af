#include "tools/shunt/progress_meter.h"

#include <algorithm>
#include <cmath>

namespace shunt::tools {

using replicate::MirrorStatus;
using replicate::PartitionState;
using replicate::PartitionStatus;

namespace {

void add(Progress& topic, const PartitionStatus& partition) {
  ++topic.partitions;
  topic.failed += partition.state == PartitionState::failed ? 1 : 0;
  topic.waiting += partition.state == PartitionState::waiting ? 1 : 0;
  topic.records += partition.records;
  topic.bytes += partition.bytes;
  topic.lag += std::max<std::int64_t>(0, partition.lag());
  const std::int64_t end = partition.goal >= 0 ? partition.goal : partition.source_end;
  if (partition.start < 0 || partition.position < 0 || end < 0) {
    topic.unknown += partition.state == PartitionState::failed ? 0 : 1;
    return;
  }
  topic.way += std::max<std::int64_t>(0, end - partition.start);
  topic.to_go += std::max<std::int64_t>(0, end - partition.position);
}

double smoothed(double old, std::uint64_t before, std::uint64_t after, double seconds) {
  constexpr double weight = 0.3;
  const double current = static_cast<double>(after - before) / seconds;
  return old == 0 ? current : (1 - weight) * old + weight * current;
}

}  // namespace

std::optional<double> Progress::percent() const {
  if (unknown > 0) return std::nullopt;
  if (to_go <= 0) return 100.0;
  const double done =
      static_cast<double>(std::max<std::int64_t>(0, way - to_go)) / static_cast<double>(std::max(way, to_go));
  return std::floor(1000.0 * done) / 10.0;
}

std::optional<double> Progress::seconds_left() const {
  if (unknown > 0) return std::nullopt;
  if (to_go <= 0) return 0.0;
  constexpr double standstill = 1;  // records a second: below that any forecast is a guess
  if (records_per_second < standstill) return std::nullopt;
  return static_cast<double>(to_go) / records_per_second;
}

std::vector<Progress> ProgressMeter::measure(const MirrorStatus& status, std::chrono::steady_clock::time_point now) {
  std::map<std::pair<std::string, std::string>, Progress> topics;
  for (const PartitionStatus& partition : status.partitions) {
    add(topics[{partition.flow, partition.source_topic}], partition);
  }
  const double seconds = last_ < now ? std::chrono::duration<double>(now - last_).count() : 0;
  last_ = now;
  std::vector<Progress> measured;
  measured.reserve(topics.size());
  for (auto& [name, topic] : topics) {
    Seen& seen = seen_[name];
    // Sums fall when a topic is created anew: no rate then.
    if (seconds > 0 && topic.records >= seen.records && topic.bytes >= seen.bytes) {
      seen.records_per_second = smoothed(seen.records_per_second, seen.records, topic.records, seconds);
      seen.bytes_per_second = smoothed(seen.bytes_per_second, seen.bytes, topic.bytes, seconds);
    }
    seen.records = topic.records;
    seen.bytes = topic.bytes;
    topic.flow = name.first;
    topic.topic = name.second;
    topic.records_per_second = seen.records_per_second;
    topic.bytes_per_second = seen.bytes_per_second;
    measured.push_back(std::move(topic));
  }
  return measured;
}

Progress total_of(const std::vector<Progress>& topics) {
  Progress total;
  for (const Progress& topic : topics) {
    total.partitions += topic.partitions;
    total.failed += topic.failed;
    total.waiting += topic.waiting;
    total.unknown += topic.unknown;
    total.records += topic.records;
    total.bytes += topic.bytes;
    total.lag += topic.lag;
    total.way += topic.way;
    total.to_go += topic.to_go;
    total.records_per_second += topic.records_per_second;
    total.bytes_per_second += topic.bytes_per_second;
  }
  return total;
}

}  // namespace shunt::tools
