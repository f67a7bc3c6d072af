#include "replicate/admin/plain_syncs.h"

#include <algorithm>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "net/machine.h"
#include "protocol/record.h"
#include "replicate/identity.h"
#include "replicate/offset_sync.h"
#include "replicate/own_header.h"

namespace shunt::replicate {

using net::Awaitable;
using protocol::Offset;
using protocol::PartitionIndex;

namespace {

constexpr std::size_t records_per_batch = 4000;

}  // namespace

PlainSyncs::PlainSyncs(Cluster& source, Cluster& target, PlainSyncsSettings settings, AskPlaces ask)
    : settings_(std::move(settings)),
      target_(target),
      ask_(std::move(ask)),
      topic_(settings_.is_on_target ? target : source, {.name = settings_.topic,
                                                        .holds = "offset syncs",
                                                        .replication_factor = settings_.replication_factor,
                                                        .produce_timeout_ms = settings_.produce_timeout_ms}) {
  if (settings_.may_map) maps_.emplace(settings_.is_on_target ? target : source, settings_.topic);
}

/// A map is stored before the first record it is about, so it is there when the partition has a place.
Awaitable<> PlainSyncs::drop_mapped(MirroredPlaces& places) {
  if (!maps_) co_return;
  std::set<std::string> topics;
  for (const auto& [source, place] : places) topics.insert(place.target_topic);
  if (topics.empty()) co_return;
  std::vector<std::string> names(topics.begin(), topics.end());
  co_await target_.refresh_topics(std::move(names));
  co_await maps_->read();
  std::erase_if(places, [this](const auto& entry) {
    const auto& [source, place] = entry;
    const Topic* target = target_.find_topic(place.target_topic);
    if (target == nullptr) return true;
    return maps_->find(source, mapped_identity(settings_.tag, target->id, target->name, source.partition,
                                               source.topic)) != nullptr ||
           maps_->find(source, flow_identity(settings_.tag, target->id, target->name, source.partition)) != nullptr;
  });
}

Awaitable<> PlainSyncs::perform() {
  MirroredPlaces places = ask_();
  co_await drop_mapped(places);
  std::vector<std::pair<TopicPartition, Offset>> moved;
  for (const auto& [source, place] : places) {
    const auto known = written_.find(source);
    const bool has_moved = known == written_.end() || known->second != place.position;
    if (place.position > Offset(0) && has_moved) moved.emplace_back(source, place.position);
  }
  if (moved.empty()) co_return;
  if (!is_found_) co_await topic_.create();
  is_found_ = false;  // until it is known that all went well
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
      const std::vector<std::byte> key = sync.key();
      const std::vector<std::byte> value = sync.value();
      records.append({.offset = Offset(0),
                      .timestamp_ms = time,
                      .key = std::span<const std::byte>(key),
                      .value = std::span<const std::byte>(value),
                      .headers = own_header});
    }
    co_await topic_.append(PartitionIndex(0), records);
    for (std::size_t i = first; i < next; ++i) written_.insert_or_assign(moved[i].first, moved[i].second);
  }
  is_found_ = true;
}

}  // namespace shunt::replicate
