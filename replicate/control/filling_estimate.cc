#include "replicate/control/filling_estimate.h"

#include <algorithm>
#include <chrono>

#include "replicate/control/read_log.h"

namespace shunt::replicate {

using net::Awaitable;
using protocol::Offset;

namespace {

// What a place and an offset of it take on brokers nearby.
constexpr auto per_place = std::chrono::microseconds(1500);
constexpr auto per_offset = std::chrono::microseconds(7);

constexpr std::int64_t shortest_range = 100'000;
constexpr std::int64_t samples = 8;
constexpr std::int32_t sample_bytes = 64 * 1024;

/// What a stretch that was read from `from` on shows: how many offsets it is about, and what they would take.
struct Sample {
  std::int64_t length = 0;
  std::int64_t places = 0;
  std::int64_t holes = 0;  // offsets
};

Sample look_at(const LogStretch& stretch, Offset from) {
  Sample sample;
  Offset position = from;
  bool is_in_hole = false;
  for (const LogBatch& batch : stretch.batches) {
    if (batch.next_offset <= position) continue;
    const Offset base =
        batch.kind == BatchKind::old_format ? position : std::max(position, batch.header().base_offset());
    const bool is_nothing = batch.kind == BatchKind::nothing;
    const std::int64_t hole = is_nothing ? batch.next_offset - position : base - position;
    if (hole > 0 && !is_in_hole) ++sample.places;
    sample.holes += hole;
    is_in_hole = is_nothing;
    if (batch.kind == BatchKind::rewrite || batch.kind == BatchKind::old_format) ++sample.places;
    position = batch.next_offset;
  }
  sample.length = position - from;
  return sample;
}

}  // namespace

Awaitable<FillingEstimate> estimate_filling(Cluster& source, TopicPartition partition, Offset start, Offset end,
                                            Isolation isolation) {
  FillingEstimate estimate;
  const std::int64_t range = end - start;
  if (range < shortest_range) co_return estimate;
  Sample sum;
  for (std::int64_t i = 0; i < samples; ++i) {
    const Offset from = start + range / samples * i;
    try {
      const LogStretch stretch = co_await read_log(source, partition, from, sample_bytes, isolation);
      if (stretch.error_code != 0) continue;
      const Sample one = look_at(stretch, from);
      sum.length += one.length;
      sum.places += one.places;
      sum.holes += one.holes;
    } catch (const net::BrokerError&) {
      continue;
    } catch (const ClusterError&) {
      continue;
    }
  }
  if (sum.length == 0) co_return estimate;
  const double scale = static_cast<double>(range) / static_cast<double>(sum.length);
  estimate.places = static_cast<std::int64_t>(static_cast<double>(sum.places) * scale);
  estimate.offsets = static_cast<std::int64_t>(static_cast<double>(sum.holes) * scale);
  estimate.time = per_place * estimate.places + per_offset * estimate.offsets;
  co_return estimate;
}

}  // namespace shunt::replicate
