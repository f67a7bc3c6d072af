#include "replicate/admin/plain_syncs.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "net/machine.h"
#include "protocol/record.h"
#include "replicate/offset_sync.h"
#include "replicate/own_header.h"

namespace shunt::replicate {

using net::Awaitable;
using protocol::Offset;
using protocol::PartitionIndex;

namespace {

constexpr std::size_t records_per_batch = 4000;

}  // namespace

PlainSyncs::PlainSyncs(Cluster& cluster, PlainSyncsSettings settings, AskPlaces ask)
    : settings_(std::move(settings)),
      ask_(std::move(ask)),
      topic_(cluster, {.name = settings_.topic,
                       .holds = "offset syncs",
                       .replication_factor = settings_.replication_factor,
                       .produce_timeout_ms = settings_.produce_timeout_ms}) {}

Awaitable<> PlainSyncs::perform() {
  const MirroredPlaces places = ask_();
  std::vector<std::pair<TopicPartition, Offset>> moved;
  for (const auto& [source, place] : places) {
    if (place.is_mapped) continue;
    const auto known = written_.find(source);
    const bool has_moved = known == written_.end() || known->second != place.position;
    if (place.position > Offset(0) && has_moved) moved.emplace_back(source, place.position);
  }
  if (moved.empty()) co_return;
  co_await topic_.ensure();
  const std::int64_t time = net::unix_ms();
  for (std::size_t next = 0; next < moved.size();) {
    const std::size_t first = next;
    protocol::RecordBatchBuilder records(protocol::Codec::none);
    for (; next < std::min(moved.size(), first + records_per_batch); ++next) {
      const auto& [source, end] = moved[next];
      const OffsetSync sync{.topic = source.topic,
                            .partition = source.partition,
                            .upstream = end - 1,
                            .downstream = end - 1,
                            .extension = {}};
      records.append(time, sync.key(), sync.value(), own_header);
    }
    co_await topic_.append(PartitionIndex(0), records);
    for (std::size_t i = first; i < next; ++i) written_.insert_or_assign(moved[i].first, moved[i].second);
  }
}

}  // namespace shunt::replicate
