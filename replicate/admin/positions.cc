#include "replicate/admin/positions.h"

#include <map>
#include <utility>
#include <vector>

#include "net/machine.h"
#include "replicate/connect_offset.h"
#include "replicate/own_header.h"

namespace shunt::replicate {

using net::Awaitable;
using protocol::Offset;
using protocol::PartitionIndex;

namespace {

constexpr std::int32_t most_records = 1000;  // of a batch

}  // namespace

Positions::Positions(Cluster& target, const PositionsSettings& settings, AskPlaces ask)
    : target_(target),
      settings_(settings),
      ask_(std::move(ask)),
      topic_(target, {.name = settings.connect_offsets.topic,
                      .holds = "MirrorMaker 2's positions",
                      .produce_timeout_ms = settings.produce_timeout_ms}) {}

Awaitable<> Positions::perform() {
  const MirroredPlaces places = ask_();
  if (places.empty()) co_return;
  const bool is_there = co_await topic_.find();
  if (!is_there) co_return;
  const auto partitions = static_cast<std::int32_t>(target_.find_topic(topic_.name())->partitions.size());
  struct Batch {
    protocol::RecordBatchBuilder records{protocol::Codec::none};
    ConnectOffsets positions;
  };
  std::map<std::int32_t, std::vector<Batch>> batches;
  for (const auto& [partition, place] : places) {
    const Offset next = place.position;
    const auto known = written_.find(partition);
    if (next <= Offset(0) || (known != written_.end() && known->second == next)) continue;
    const ConnectOffset position{.connector = settings_.connect_offsets.connector,
                                 .cluster = settings_.connect_offsets.source,
                                 .topic = partition.topic,
                                 .partition = partition.partition,
                                 .next = next};
    const std::vector<std::byte> key = position.key();
    std::vector<Batch>& of_partition = batches[partition_of_key(key, partitions)];
    if (of_partition.empty() || of_partition.back().records.record_count() == most_records) of_partition.emplace_back();
    of_partition.back().records.append(net::unix_ms(), key, position.value(), own_header);
    of_partition.back().positions.emplace(partition, next);
  }
  for (auto& [index, of_partition] : batches) {
    for (Batch& batch : of_partition) {
      co_await topic_.append(PartitionIndex(index), batch.records);
      for (const auto& [partition, next] : batch.positions) written_[partition] = next;
    }
  }
}

}  // namespace shunt::replicate
