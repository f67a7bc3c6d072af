#include "replicate/control/detour.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "protocol/error.h"
#include "protocol/messages/produce.h"
#include "protocol/record.h"
#include "replicate/control/leaders.h"
#include "replicate/data/batch_kind.h"

namespace shunt::replicate {

using net::Awaitable;
using protocol::Offset;
using protocol::record_batch_header_size;
using protocol::RecordBatchHeader;
using protocol::Sequence;

namespace {

constexpr std::int16_t produce_version = 8;  // as the data path
constexpr std::int16_t all_in_sync = -1;

constexpr protocol::ProducerEpoch identity_epoch{0};

RecordBatchHeader header_of(std::span<const std::byte> batch) {
  return RecordBatchHeader(batch.first<record_batch_header_size>());
}

void add(std::atomic<std::uint64_t>& counter, std::uint64_t n) {
  counter.fetch_add(n, std::memory_order_relaxed);
}

}  // namespace

/// Ends the walk.
struct Detour::Blocked {
  ParkCause cause;
  std::string reason;
};

Detour::Detour(Cluster& source, Cluster& target, const FlowSpec& spec, const std::string& transactional_id,
               DetourSettings settings)
    : source_(source),
      target_(target),
      spec_(spec),
      source_partition_{spec.source_topic, spec.partition},
      target_partition_{spec.target_topic, spec.partition},
      settings_(settings),
      filler_(target, target_partition_, transactional_id, settings.holes) {}

Awaitable<DetourEnd> Detour::walk(std::optional<Standing> standing, std::function<bool()> stopping) {
  DetourEnd end;
  end.parked.flow_id = spec_.id;
  bool is_located = false;
  try {
    co_await locate(standing);
    is_located = true;
    while (!stopping() && !end.is_passed) end.is_passed = co_await walk_stretch();
    end.parked.cause = ParkCause::stopped;
  } catch (const Blocked& blocked) {
    end.parked.cause = blocked.cause;
    end.parked.reason = blocked.reason;
  } catch (const HoleError& error) {
    end.parked.reason = error.what();
    switch (error.kind()) {
      case HoleError::Kind::again:
        end.parked.cause = ParkCause::target_leader;
        break;
      case HoleError::Kind::superseded:
        end.parked.cause = ParkCause::superseded;
        break;
      case HoleError::Kind::overfilled:
      case HoleError::Kind::refused:
        end.parked.cause = ParkCause::refused;
        break;
    }
  }
  end.parked.standing = standing;
  if (is_located) end.parked.standing = Standing{.confirmed = position_, .sequence = sequence_};
  co_return end;
}

// ---- Where the target stands ----------------------------------------------------------------------------------------

Awaitable<> Detour::locate(std::optional<Standing> standing) {
  co_await filler_.fence();
  position_ = co_await filler_.log_end();
  LogPlace place;
  // When the end is the same before and after, what lies between is of the same moment.
  for (std::optional<Offset> before; before != position_;) {
    before = position_;
    std::vector<TopicPartition> asked{target_partition_};
    const auto answers = co_await active_producers(target_, std::move(asked));
    const auto& answered = answers.at(target_partition_);
    if (!answered.value) {
      throw Blocked{
          answered.may_retry ? ParkCause::target_leader : ParkCause::refused,
          fmt::format("the list of producers of {} is not known: {}", target_partition_.to_string(), answered.reason)};
    }
    place = {};
    for (const ActiveProducer& producer : *answered.value) {
      if (producer.id == spec_.identity) {
        place.last_sequence = producer.last_sequence;
        place.producer_epoch = producer.epoch;
      }
    }
    position_ = co_await filler_.log_end();
  }
  place.log_end = position_;
  if (std::optional<Objection> objection = check_place(spec_, place, standing)) {
    throw Blocked{objection->cause, std::move(objection->reason)};
  }
  sequence_ = place.next_sequence();
  spec_.progress->position.store(position_.value(), std::memory_order_relaxed);
}

// ---- The source's log -----------------------------------------------------------------------------------------------

void Detour::throw_source_error(std::int16_t error_code) const {
  const std::string reason =
      fmt::format("{} answered {} to a fetch of {} at offset {}", source_.alias(), protocol::error_name(error_code),
                  source_partition_.to_string(), position_.value());
  throw Blocked{classify_fetch_error(error_code), reason};
}

bool Detour::is_ordinary(const LogStretch& stretch) const {
  AbortedTransactions aborted;
  aborted.start(stretch.aborted);
  Offset position = position_;
  for (const std::span<const std::byte> batch : whole_batches(stretch.records)) {
    const RecordBatchHeader header = header_of(batch);
    const BatchKind kind = kind_of(header, aborted.covers(header));
    if (header.next_offset() <= position) continue;
    if (header.base_offset() != position || kind != BatchKind::plain) return false;
    position = header.next_offset();
  }
  return true;
}

/// True: nothing ahead needs a detour.
Awaitable<bool> Detour::walk_stretch() {
  LogStretch stretch;
  std::string failure;
  try {
    stretch = co_await read_log(source_, source_partition_, position_, settings_.stretch_bytes, settings_.isolation);
  } catch (const net::BrokerError& error) {
    failure = error.what();
  } catch (const ClusterError& error) {
    failure = error.what();
  }
  if (!failure.empty()) throw Blocked{ParkCause::source_connection, failure};
  if (stretch.error_code != 0) throw_source_error(stretch.error_code);
  spec_.progress->source_end.store(stretch.last_stable_offset.value(), std::memory_order_relaxed);
  if (is_ordinary(stretch)) co_return true;

  AbortedTransactions aborted;
  aborted.start(stretch.aborted);
  Offset hole_end = position_;  // nothing for a reader up to here
  for (const std::span<const std::byte> batch : whole_batches(stretch.records)) {
    const RecordBatchHeader header = header_of(batch);
    const BatchKind kind = kind_of(header, aborted.covers(header));
    if (header.next_offset() <= position_) continue;
    if (kind == BatchKind::nothing) {
      hole_end = header.next_offset();
      continue;
    }
    co_await fill_up_to(header.base_offset());
    if (kind == BatchKind::plain) {
      co_await copy(batch);
    } else {
      co_await rewrite(batch);
    }
    hole_end = header.next_offset();
  }
  co_await fill_up_to(hole_end);
  co_return false;
}

Awaitable<> Detour::fill_up_to(Offset end) {
  if (end <= position_) co_return;
  const std::int64_t count = end - position_;
  co_await filler_.fill(position_, end);
  position_ = end;
  add(spec_.progress->filled_offsets, static_cast<std::uint64_t>(count));
  spec_.progress->position.store(position_.value(), std::memory_order_relaxed);
}

Awaitable<> Detour::copy(std::span<const std::byte> batch) {
  const RecordBatchHeader header = header_of(batch);
  if (header.base_offset() < position_) {
    throw Blocked{ParkCause::refused, half_written_text(spec_, position_, header)};
  }
  std::vector<std::byte> copied(batch.begin(), batch.end());
  protocol::stamp_record_batch(
      std::span(copied).first<record_batch_header_size>(),
      {.producer_id = spec_.identity, .producer_epoch = identity_epoch, .base_sequence = sequence_});
  co_await produce(std::move(copied), header.record_count());
}

/// Every run of records without a gap becomes a batch; the gaps between them are holes. The one behind the last record
/// is left to the caller.
Awaitable<> Detour::rewrite(std::span<const std::byte> batch) {
  const RecordBatchHeader header = header_of(batch);
  std::string why;
  const auto payload = protocol::open_record_batch(batch, settings_.most_batch_bytes, why);
  const std::string where =
      fmt::format("{}: the batch at offset {}", source_partition_.to_string(), header.base_offset().value());
  if (!payload) throw Blocked{ParkCause::refused, fmt::format("{} cannot be rewritten: {}", where, why)};
  const auto codec = static_cast<protocol::Codec>(header.attributes() & protocol::batch_attributes::codec_mask);

  std::optional<protocol::RecordBatchBuilder> run;
  Offset run_end = position_;
  protocol::RecordReader reader(header, *payload);
  protocol::Record record;
  for (bool more = true; more;) {
    more = reader.next(record);
    if (!reader.ok()) throw Blocked{ParkCause::refused, fmt::format("{} is malformed: {}", where, reader.why())};
    if (more && record.offset < position_) continue;  // rewritten by an earlier life
    if (run && (!more || record.offset != run_end)) {
      const std::int32_t records = run->record_count();
      std::vector<std::byte> rewritten =
          run->finish({.producer_id = spec_.identity, .producer_epoch = identity_epoch, .base_sequence = sequence_});
      run.reset();
      co_await produce(std::move(rewritten), records);
    }
    if (!more) break;
    if (!run) {
      co_await fill_up_to(record.offset);
      run.emplace(codec);
    }
    run->append(record);
    run_end = record.offset + 1;
  }
  add(spec_.progress->slow_path_batches, 1);
}

// ---- The target's log -----------------------------------------------------------------------------------------------

Awaitable<> Detour::produce(std::vector<std::byte> batch, std::int32_t records) {
  const Topic::Partition* known = target_.find_partition(target_partition_);
  if (known == nullptr || !target_.brokers().contains(known->leader)) {
    throw Blocked{ParkCause::target_leader, target_partition_.to_string() + " has no leader at the moment"};
  }
  const protocol::BrokerId leader = known->leader;
  const std::size_t size = batch.size();
  protocol::ProduceRequest request;
  request.acks = all_in_sync;
  request.timeout_ms = settings_.produce_timeout_ms;
  auto& topic = request.topic_data.emplace_back();
  topic.name = spec_.target_topic;
  topic.partition_data.push_back({.index = spec_.partition, .records = protocol::Records(std::move(batch))});
  std::string failure;
  protocol::ProduceResponse response;
  try {
    const net::CallOptions options{.at_most_version = produce_version, .timeout = {}};
    response = co_await target_.call_broker(leader, std::move(request), options);
  } catch (const net::BrokerError& error) {
    failure = error.what();
  }
  if (!failure.empty()) throw Blocked{ParkCause::target_connection, failure};
  if (response.responses.size() != 1 || response.responses.front().partition_responses.size() != 1) {
    throw Blocked{ParkCause::target_error, target_.alias() + " answered a Produce request for other partitions"};
  }
  const auto& answered = response.responses.front().partition_responses.front();
  const Offset end = position_ + records;
  if (answered.error_code != 0) {
    throw Blocked{classify_produce_error(answered.error_code),
                  produce_error_text(spec_, position_, end, answered.error_code, answered.error_message.value_or(""))};
  }
  if (answered.base_offset != position_) {
    throw Blocked{ParkCause::refused, misplaced_text(spec_, position_, end, answered.base_offset.value())};
  }
  position_ = end;
  sequence_ = sequence_.advanced(records);
  FlowProgress& seen = *spec_.progress;
  seen.position.store(position_.value(), std::memory_order_relaxed);
  add(seen.records, static_cast<std::uint64_t>(records));
  add(seen.batches, 1);
  add(seen.bytes, size);
  if (answered.log_append_time_ms >= 0) add(seen.duplicates, 1);
}

}  // namespace shunt::replicate
