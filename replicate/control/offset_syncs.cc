#include "replicate/control/offset_syncs.h"

#include <algorithm>
#include <functional>
#include <utility>

#include <fmt/format.h>

#include "protocol/error.h"
#include "replicate/control/leaders.h"
#include "replicate/control/log_cursor.h"
#include "replicate/control/read_log.h"
#include "replicate/control/write_log.h"
#include "replicate/identity.h"
#include "replicate/offset_sync.h"
#include "replicate/own_header.h"

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
constexpr std::size_t most_complaints = 20;

}  // namespace

OffsetSyncs::OffsetSyncs(Cluster& cluster, OffsetSyncsSettings settings)
    : cluster_(cluster),
      settings_(std::move(settings)),
      own_topic_(cluster, {.name = settings_.topic,
                           .holds = "offset maps",
                           .replication_factor = settings_.replication_factor,
                           .patience = settings_.patience,
                           .produce_timeout_ms = settings_.produce_timeout_ms}),
      partition_{settings_.topic, PartitionIndex(0)} {}

// ---- The topic ------------------------------------------------------------------------------------------------------

/// False: there is none.
Awaitable<bool> OffsetSyncs::find_topic() {
  const bool is_there = co_await own_topic_.find();
  if (is_there) {
    const protocol::Uuid& id = cluster_.find_topic(settings_.topic)->id;
    identity_ = flow_identity(settings_.tag, id, settings_.topic, partition_.partition, settings_.topic);
  }
  co_return is_there;
}

Awaitable<> OffsetSyncs::create_topic() {
  co_await own_topic_.create();
  co_await find_topic();
}

// ---- Reading --------------------------------------------------------------------------------------------------------

Awaitable<> OffsetSyncs::load() {
  maps_ = {};
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

/// As the topic's log has it.
Awaitable<Sequence> OffsetSyncs::next_sequence() {
  const std::vector<TopicPartition> asked{partition_};
  const auto producers = co_await active_producers(cluster_, asked);
  const ActiveProducer* known =
      find_producer(value_of(cluster_, producers, partition_, "the list of producers"), identity_);
  if (known == nullptr || known->last_sequence < 0) co_return Sequence(0);
  co_return Sequence(known->last_sequence).advanced(1);
}

Awaitable<> OffsetSyncs::read() {
  // The sequence first: what is stored between the two questions makes the next store() fail, and is read again then.
  sequence_ = co_await next_sequence();
  const std::function<void(const protocol::Record&)> visit = [this](const protocol::Record& record) {
    restore(record);
  };
  co_await own_topic_.read(partition_.partition, visit);
}

void OffsetSyncs::restore(const protocol::Record& record) {
  std::string why;
  if (maps_.restore(record, why) || complaints_.size() >= most_complaints) return;
  complaints_.push_back(
      fmt::format("{}: the record at offset {} is left out: {}", partition_.to_string(), record.offset.value(), why));
}

OffsetMap* OffsetSyncs::find(const TopicPartition& source, ProducerId identity) {
  return maps_.find({.source = source, .identity = identity});
}

const OffsetMap* OffsetSyncs::find(const TopicPartition& source, ProducerId identity) const {
  return maps_.find({.source = source, .identity = identity});
}

std::optional<StoredMaps::Pair> OffsetSyncs::find_pair(const TopicPartition& source) const {
  const auto entry = maps_.pairs.find(source);
  return entry == maps_.pairs.end() ? std::nullopt : std::optional(entry->second);
}

OffsetMap& OffsetSyncs::begin(const TopicPartition& source, ProducerId identity, const MapTip& at) {
  std::erase_if(maps_.maps,
                [&](const auto& known) { return known.first.source == source && known.first.identity != identity; });
  return maps_.maps.insert_or_assign({.source = source, .identity = identity}, OffsetMap(at)).first->second;
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
    to_write_.back().append(time, key, value, own_header);
    bytes += key.size() + value.size();
  };
  for (auto& [key, map] : maps_.maps) {
    const auto& [topic, partition] = key.source;
    const std::size_t first = map.take_first_changed();
    if (first == map.blocks().size()) continue;
    for (std::size_t i = first; i < map.blocks().size(); ++i) {
      put(OffsetSync::of(topic, partition,
                         {.identity = key.identity, .block = map.blocks()[i], .source_log = map.source_log()},
                         map.last_before(i)));
    }
    // For MirrorMaker 2, and whoever reads its topic: the last record's place.
    if (map.blocks().back().size() == 0) continue;
    const MapTip& tip = map.tip();
    put({.topic = topic,
         .partition = partition,
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
      records.finish({.producer_id = identity_, .producer_epoch = first_epoch, .base_sequence = sequence_});
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
  if (!protocol::is_retriable(written.error_code) && !protocol::is_authorization_failure(written.error_code))
    throw ClusterError(why_ + "; offset maps cannot be kept there", true);
  co_return Stored::later;
}

Awaitable<bool> OffsetSyncs::has_moved() {
  if (identity_ == ProducerId(-1)) {
    const bool is_there = co_await find_topic();
    if (!is_there) co_return false;
    sequence_ = Sequence(0);
  }
  const Sequence next = co_await next_sequence();
  co_return next != sequence_;
}

/// Whether the log has `batch` at `offset`. Another instance may have stored some of the same.
Awaitable<bool> OffsetSyncs::is_there(Offset offset, std::vector<std::byte> batch) {
  const protocol::RecordBatchHeader header = protocol::RecordBatchHeader::of(batch);
  LogCursor cursor(cluster_, partition_, offset, offset + header.record_count(), Isolation::read_uncommitted,
                   identity_);
  std::string why;
  const auto payload = protocol::open_record_batch(batch, batch.size(), why);
  if (!payload) co_return false;
  protocol::RecordReader reader(header, *payload);
  for (protocol::Record ours; reader.next(ours);) {
    const bool is_found = co_await cursor.settle();
    if (!is_found) co_return false;
    const protocol::Record& there = cursor.record();
    const bool is_same = protocol::has_same_payload(ours, there) && ours.timestamp_ms == there.timestamp_ms;
    if (!is_same) co_return false;
    cursor.next_record();
  }
  co_return true;
}

}  // namespace shunt::replicate
