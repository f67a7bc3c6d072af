#include "replicate/control/offset_syncs.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "protocol/error.h"
#include "protocol/messages/create_topics.h"
#include "replicate/control/leaders.h"
#include "replicate/control/log_cursor.h"
#include "replicate/control/read_log.h"
#include "replicate/control/write_log.h"
#include "replicate/identity.h"
#include "replicate/offset_sync.h"

namespace shunt::replicate {

using net::Awaitable;
using protocol::Offset;
using protocol::PartitionIndex;
using protocol::ProducerId;
using protocol::RecordBatchBuilder;
using protocol::Sequence;

namespace errors = protocol::errors;

namespace {

constexpr std::size_t batch_bytes = 256 * 1024;
constexpr std::int32_t broker_timeout_ms = 30'000;
constexpr std::size_t most_complaints = 20;

}  // namespace

OffsetSyncs::OffsetSyncs(Cluster& cluster, OffsetSyncsSettings settings)
    : cluster_(cluster), settings_(std::move(settings)), partition_{settings_.topic, PartitionIndex(0)} {}

// ---- The topic ------------------------------------------------------------------------------------------------------

/// False: there is none.
Awaitable<bool> OffsetSyncs::find_topic() {
  std::vector<std::string> names{settings_.topic};
  co_await cluster_.refresh_topics(std::move(names));
  const Topic* topic = cluster_.find_topic(settings_.topic);
  if (topic == nullptr || topic->error_code == errors::unknown_topic_or_partition) co_return false;
  if (topic->error_code != 0) {
    throw ClusterError(
        fmt::format(
            "{} answers {} for topic {}, where offset maps are kept: this user needs Describe, Read and Write on it",
            cluster_.alias(), protocol::error_name(topic->error_code), settings_.topic),
        !protocol::is_retriable(topic->error_code));
  }
  identity_ = flow_identity(settings_.tag, topic->id, settings_.topic, partition_.partition);
  co_return true;
}

Awaitable<> OffsetSyncs::create_topic() {
  protocol::CreateTopicsRequest request;
  request.timeout_ms = broker_timeout_ms;
  auto& topic = request.topics.emplace_back();
  topic.name = settings_.topic;
  topic.num_partitions = 1;
  topic.replication_factor =
      std::min<std::int16_t>(settings_.replication_factor, static_cast<std::int16_t>(cluster_.brokers().size()));
  topic.configs.push_back({.name = "cleanup.policy", .value = "compact"});
  const auto response = co_await cluster_.call_controller(std::move(request));
  for (const auto& answered : response.topics) {
    if (answered.error_code == 0 || answered.error_code == errors::topic_already_exists) continue;
    const bool is_elsewhere = answered.error_code == errors::not_controller;
    if (is_elsewhere) cluster_.forget_controller();
    throw ClusterError(fmt::format("{} does not create topic {}, where offset maps are kept: {}{}{}", cluster_.alias(),
                                   settings_.topic, protocol::error_name(answered.error_code),
                                   answered.error_message ? ": " : "", answered.error_message.value_or("")),
                       !is_elsewhere && !protocol::is_retriable(answered.error_code));
  }
  const net::Time deadline = net::now() + settings_.patience;
  for (net::GrowingPause pause(std::chrono::milliseconds(20), std::chrono::milliseconds(500));;) {
    const bool is_there = co_await find_topic();
    if (is_there && cluster_.find_led(partition_) != nullptr) co_return;
    if (net::now() >= deadline)
      throw ClusterError(fmt::format("{} has no leader for {} yet", cluster_.alias(), partition_.to_string()));
    co_await pause.wait();
  }
}

// ---- Reading --------------------------------------------------------------------------------------------------------

Awaitable<> OffsetSyncs::load() {
  entries_.clear();
  complaints_.clear();
  to_write_.clear();
  identity_ = ProducerId(-1);
  try {
    const bool is_there = co_await find_topic();
    if (is_there) co_await read();
  } catch (const net::BrokerError& error) {
    throw ClusterError(fmt::format("offset maps cannot be read: {}", error.what()));
  } catch (const LogError& error) {
    throw ClusterError(fmt::format("offset maps cannot be read: {}", error.what()), error.is_damaged());
  }
}

Awaitable<> OffsetSyncs::read() {
  const std::vector<TopicPartition> asked{partition_};
  // The sequence first: what is stored between the two questions makes the next store() fail, and is read again then.
  const auto producers = co_await active_producers(cluster_, asked);
  sequence_ = Sequence(0);
  const ActiveProducer* known = find_producer(value_of(producers, partition_, "the list of producers"), identity_);
  if (known != nullptr && known->last_sequence >= 0) sequence_ = Sequence(known->last_sequence).advanced(1);
  const auto starts = co_await log_starts(cluster_, asked);
  const auto ends = co_await readable_ends(cluster_, asked, Isolation::read_committed);
  LogCursor cursor(cluster_, partition_, value_of(starts, partition_, "the log start"),
                   value_of(ends, partition_, "the log end"), Isolation::read_committed);
  while (co_await cursor.settle()) {
    restore(cursor.record());
    cursor.next_record();
  }
}

void OffsetSyncs::restore(const protocol::Record& record) {
  if (!record.key || !record.value) return;  // deleted
  std::string why;
  std::optional<OffsetSync> sync = OffsetSync::parse(*record.key, *record.value, why);
  if (!sync) {
    if (complaints_.size() < most_complaints) {
      complaints_.push_back(fmt::format("{}: the record at offset {} is left out: {}", partition_.to_string(),
                                        record.offset.value(), why));
    }
    return;
  }
  if (!sync->extension) return;  // MirrorMaker 2's
  auto& [identity, block] = *sync->extension;
  const TopicPartition source{std::move(sync->topic), sync->partition};
  const auto entry = entries_.find(source);
  if (entry != entries_.end() && entry->second.identity == identity) {
    // A block that does not connect is of no use: map_recovery.h finds anew what it says.
    static_cast<void>(entry->second.map.restore(std::move(block)));
  } else {
    entries_.insert_or_assign(source, Entry{.identity = identity, .map = OffsetMap(std::move(block))});
  }
}

const OffsetMap* OffsetSyncs::find(const TopicPartition& source, ProducerId identity) const {
  const auto entry = entries_.find(source);
  return entry == entries_.end() || entry->second.identity != identity ? nullptr : &entry->second.map;
}

void OffsetSyncs::begin(const TopicPartition& source, ProducerId identity, const MapTip& at) {
  entries_.insert_or_assign(source, Entry{.identity = identity, .map = OffsetMap(at)});
}

bool OffsetSyncs::append(const TopicPartition& source, const std::vector<OffsetRun>& runs) {
  OffsetMap& map = entries_.at(source).map;
  return std::ranges::all_of(runs, [&map](const OffsetRun& run) { return map.append(run); });
}

void OffsetSyncs::skip(const TopicPartition& source, std::int64_t unplaced, const MapTip& to) {
  entries_.at(source).map.skip(unplaced, to.source, to.target);
}

// ---- Storing --------------------------------------------------------------------------------------------------------

void OffsetSyncs::pack_changes() {
  std::size_t bytes = batch_bytes;  // of the last batch: begin a new one
  const std::int64_t time = net::unix_ms();
  const auto put = [&](const OffsetSync& sync) {
    const std::vector<std::byte> key = sync.key();
    const std::vector<std::byte> value = sync.value();
    if (bytes >= batch_bytes) {
      to_write_.emplace_back(protocol::Codec::none);
      bytes = 0;
    }
    to_write_.back().append({.offset = Offset(0),
                             .timestamp_ms = time,
                             .key = std::span<const std::byte>(key),
                             .value = std::span<const std::byte>(value),
                             .headers = protocol::no_headers});
    bytes += key.size() + value.size();
  };
  for (auto& [source, entry] : entries_) {
    const std::size_t first = entry.map.take_first_changed();
    if (first == entry.map.blocks().size()) continue;
    for (std::size_t i = first; i < entry.map.blocks().size(); ++i) {
      put(OffsetSync::of(source.topic, source.partition, entry.identity, entry.map.blocks()[i]));
    }
    // For MirrorMaker 2, and whoever reads its topic: the last record's place.
    if (entry.map.blocks().back().size() == 0) continue;
    const MapTip& tip = entry.map.tip();
    put({.topic = source.topic,
         .partition = source.partition,
         .upstream = tip.source - 1,
         .downstream = tip.target - 1,
         .extension = {}});
  }
}

Awaitable<OffsetSyncs::Stored> OffsetSyncs::store() {
  Stored stored = Stored::later;
  try {
    stored = co_await write_all();
  } catch (const net::BrokerError& error) {
    why_ = error.what();
  } catch (const ClusterError& error) {
    why_ = error.what();
  } catch (const LogError& error) {
    why_ = error.what();
  }
  if (stored != Stored::later) co_return stored;
  try {
    std::vector<std::string> names{settings_.topic};
    co_await cluster_.refresh_topics(std::move(names));
  } catch (const ClusterError&) {
    // The next attempt says more.
  }
  co_return Stored::later;
}

Awaitable<OffsetSyncs::Stored> OffsetSyncs::write_all() {
  for (;;) {
    // Behind what an earlier attempt has left there may be something new.
    if (to_write_.empty()) pack_changes();
    if (to_write_.empty()) co_return Stored::all;
    if (identity_ == ProducerId(-1)) {
      co_await create_topic();
      sequence_ = Sequence(0);
    }
    const Stored stored = co_await write(to_write_.front());
    if (stored != Stored::all) co_return stored;
    sequence_ = sequence_.advanced(to_write_.front().record_count());
    to_write_.pop_front();
  }
}

Awaitable<OffsetSyncs::Stored> OffsetSyncs::write(const RecordBatchBuilder& records) {
  const std::vector<std::byte> batch =
      records.finish({.producer_id = identity_, .producer_epoch = identity_epoch, .base_sequence = sequence_});
  const ProduceAnswer written = co_await write_log(cluster_, partition_, batch, settings_.produce_timeout_ms);
  switch (written.error_code) {
    case 0: {
      if (written.log_append_time_ms < 0) co_return Stored::all;
      // The topic has append times, or a batch with our sequence was there already: this one, sent before, or another
      // instance's.
      const bool is_ours = co_await is_there(Offset(written.base_offset), batch);
      co_return is_ours ? Stored::all : Stored::moved;
    }
    case errors::out_of_order_sequence_number:
      co_return Stored::moved;
    default:
      break;
  }
  why_ = fmt::format("{} answered {} to a batch for {}{}{}", cluster_.alias(), protocol::error_name(written.error_code),
                     partition_.to_string(), written.error_message.empty() ? "" : ": ", written.error_message);
  if (!protocol::is_retriable(written.error_code))
    throw ClusterError(why_ + "; offset maps cannot be kept there", true);
  co_return Stored::later;
}

/// Whether the log has `batch` at `offset`.
Awaitable<bool> OffsetSyncs::is_there(Offset offset, std::vector<std::byte> batch) {
  LogCursor cursor(cluster_, partition_, offset, offset + 1, Isolation::read_uncommitted, identity_);
  std::string why;
  const auto payload = protocol::open_record_batch(batch, batch.size(), why);
  if (!payload) co_return false;
  protocol::RecordReader reader(protocol::RecordBatchHeader::of(batch), *payload);
  protocol::Record ours;
  const bool is_found = co_await cursor.settle();
  if (!is_found || !reader.next(ours)) co_return false;
  const protocol::Record& there = cursor.record();
  co_return std::ranges::equal(*ours.key, *there.key) && std::ranges::equal(*ours.value, *there.value) &&
      ours.timestamp_ms == there.timestamp_ms;
}

}  // namespace shunt::replicate
