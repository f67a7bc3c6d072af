#include "replicate/control/producer_fence.h"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "protocol/error.h"
#include "replicate/control/leaders.h"
#include "replicate/control/read_log.h"
#include "replicate/control/write_log.h"

namespace shunt::replicate {

using net::Awaitable;
using protocol::Offset;
using protocol::ProducerEpoch;
using protocol::ProducerId;

namespace errors = protocol::errors;

namespace {

constexpr std::int32_t stretch_bytes = 256 * 1024;

/// Markers of that epoch that readers are given from `from` on.
Awaitable<int> count_markers(Cluster& target, TopicPartition partition, Offset from, ProducerId identity,
                             ProducerEpoch epoch) {
  int markers = 0;
  // What comes meanwhile is not waited for: the marker was there before.
  std::optional<Offset> end;
  for (Offset position = from; !end || position < *end;) {
    const LogStretch stretch =
        co_await read_log(target, partition, position, stretch_bytes, Isolation::read_uncommitted);
    if (stretch.error_code == errors::throttling_quota_exceeded) continue;
    if (stretch.error_code != 0) {
      throw ClusterError(fmt::format("{} answered {} to a fetch of {}", target.alias(),
                                     protocol::error_name(stretch.error_code), partition.to_string()));
    }
    if (!end) end = stretch.high_watermark;
    if (stretch.batches.empty()) break;
    for (const LogBatch& batch : stretch.batches) {
      if (batch.is_by(identity) && batch.header().is_control() && batch.header().producer_epoch() == epoch) ++markers;
      position = batch.next_offset;
    }
  }
  co_return markers;
}

}  // namespace

Awaitable<std::optional<ProducerEpoch>> raise_epoch(Cluster& target, TopicPartition partition, ProducerId identity,
                                                    ProducerEpoch last) {
  const std::vector<TopicPartition> asked{partition};
  // The end first: a marker that is there before it is in the list of producers, too.
  const auto ends = co_await log_ends(target, asked);
  const Offset end = value_of(target, ends, partition, "the log end");
  const auto answers = co_await active_producers(target, asked);
  const ActiveProducer* known = find_producer(value_of(target, answers, partition, "the list of producers"), identity);
  if (known != nullptr) last = std::max(last, ProducerEpoch(static_cast<std::int16_t>(known->epoch)));
  if (last.value() == std::numeric_limits<std::int16_t>::max()) co_return std::nullopt;

  const ProducerEpoch epoch(static_cast<std::int16_t>(last.value() + 1));
  const Marker marker{.producer_id = identity,
                      .producer_epoch = epoch,
                      .coordinator_epoch = known == nullptr ? 0 : std::max(0, known->coordinator_epoch)};
  const std::int16_t error_code = co_await write_markers(target, partition, marker, 1);
  if (error_code == errors::cluster_authorization_failed) co_return std::nullopt;
  if (error_code != 0) {
    const bool has_moved = protocol::what_to_refresh(error_code) == protocol::Refresh::metadata;
    std::vector<std::string> names{partition.topic};
    if (has_moved) co_await target.refresh_topics(std::move(names));
    throw ClusterError(fmt::format(
        "{} answered {} to a transaction marker for {}, which was to raise the epoch of "
        "producer id {} to {}",
        target.alias(), protocol::error_name(error_code), partition.to_string(), identity.value(), epoch.value()));
  }
  const int markers = co_await count_markers(target, partition, end, identity, epoch);
  if (markers != 1) {
    throw ClusterError(
        fmt::format("{} has {} markers of epoch {} of this flow's producer id behind offset {}, and one "
                    "is its own: another instance of this mirror has begun, too",
                    partition.to_string(), markers, epoch.value(), end.value()));
  }
  co_return epoch;
}

}  // namespace shunt::replicate
