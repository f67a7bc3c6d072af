#include "replicate/control/detour.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "protocol/error.h"
#include "protocol/messages/delete_records.h"
#include "protocol/messages/produce.h"
#include "protocol/record.h"
#include "replicate/control/leaders.h"
#include "replicate/control/padding.h"
#include "replicate/data/batch_kind.h"

namespace shunt::replicate {

using net::Awaitable;
using protocol::Offset;
using protocol::record_batch_header_size;
using protocol::RecordBatchHeader;
using protocol::Sequence;

namespace errors = protocol::errors;

namespace {

constexpr std::int16_t produce_version = 8;  // as the data path
constexpr std::int16_t all_in_sync = -1;

constexpr auto silence = std::chrono::seconds(10);

// About 60 KB in zstd.
constexpr std::int32_t padding_records = 100'000;

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

Awaitable<DetourEnd> Detour::walk(DetourStart start, std::function<bool()> stopping) {
  DetourEnd end;
  end.parked.flow_id = spec_.id;
  bool is_located = false;
  try {
    co_await locate(start);
    is_located = true;
    if (start.head) co_await fill_head(*start.head, stopping);
    while (!stopping() && !end.is_passed) end.is_passed = co_await walk_stretch();
    end.parked.cause = ParkCause::stopped;
  } catch (const Blocked& blocked) {
    end.parked.cause = blocked.cause;
    end.parked.reason = blocked.reason;
  } catch (const HoleError& error) {
    end.parked.reason = error.what();
    switch (error.kind()) {
      case HoleError::Kind::again:
        end.parked.cause = ParkCause::coordinator;
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
  end.parked.standing = start.standing;
  if (is_located) end.parked.standing = Standing{.confirmed = position_, .sequence = sequence_};
  co_return end;
}

// ---- Where the target stands ----------------------------------------------------------------------------------------

Awaitable<> Detour::locate(const DetourStart& start) {
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
  if (std::optional<Objection> objection = check_place(spec_, place, start.standing)) {
    throw Blocked{objection->cause, std::move(objection->reason)};
  }
  if (start.admitted && position_ != *start.admitted) {
    throw Blocked{ParkCause::target_moved,
                  fmt::format("{} ends at {}, and ended at {} when it was compared with the source's log",
                              target_partition_.to_string(), position_.value(), start.admitted->value())};
  }
  sequence_ = place.next_sequence();
  spec_.progress->position.store(position_.value(), std::memory_order_relaxed);
}

// ---- The head -------------------------------------------------------------------------------------------------------

Awaitable<> Detour::fill_head(const HeadFill& head, const std::function<bool()>& stopping) {
  if (head.is_lost && head.end > position_)
    add(spec_.progress->lost_offsets, static_cast<std::uint64_t>(head.end - position_));
  // Asks for nothing, and tells whether it would be done: not on a topic that is compacted only.
  const bool may_be_deleted =
      head.method == HeadFill::Method::padding && co_await delete_records(Offset(0)) != errors::policy_violation;
  if (!may_be_deleted) {
    co_await fill_up_to(head.end);
    co_return;
  }
  const std::int64_t now_ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
          .count();
  std::int32_t most = padding_records;
  std::vector<std::byte> padding;
  for (std::int32_t records = 0; position_ < head.end;) {
    if (stopping()) throw Blocked{ParkCause::stopped, {}};
    const auto wanted = static_cast<std::int32_t>(std::min<std::int64_t>(most, head.end - position_));
    const protocol::Stamp stamp{
        .producer_id = spec_.identity, .producer_epoch = identity_epoch, .base_sequence = sequence_};
    if (wanted != records) {
      records = wanted;
      padding = padding_batch(records, now_ms, stamp);
    } else {
      protocol::stamp_record_batch(std::span(padding).first<record_batch_header_size>(), stamp);
    }
    const Offset end = position_ + records;
    const std::int16_t error_code = co_await append(padding, records);
    if (error_code == errors::message_too_large && most > 1) {
      most = std::max(1, most / 10);
    } else if (error_code != 0) {
      throw Blocked{classify_produce_error(error_code), produce_error_text(spec_, position_, end, error_code, {})};
    }
  }
  const std::int16_t error_code = co_await delete_records(head.end);
  if (error_code != 0) {
    throw Blocked{classify_produce_error(error_code),
                  fmt::format("{} answered {} to DeleteRecords of {} before {}", target_.alias(),
                              protocol::error_name(error_code), target_partition_.to_string(), head.end.value())};
  }
}

/// Kafka's error code.
Awaitable<std::int16_t> Detour::delete_records(Offset end) {
  protocol::DeleteRecordsRequest request;
  request.timeout_ms = settings_.produce_timeout_ms;
  request.topics.push_back(
      {.name = spec_.target_topic, .partitions = {{.partition_index = spec_.partition, .offset = end}}});
  std::string failure;
  protocol::DeleteRecordsResponse response;
  try {
    response = co_await target_.call_broker(target_leader(), std::move(request));
  } catch (const net::BrokerError& error) {
    failure = error.what();
  }
  if (!failure.empty()) throw Blocked{ParkCause::target_connection, failure};
  if (response.topics.size() != 1 || response.topics.front().partitions.size() != 1) {
    throw Blocked{ParkCause::target_error, target_.alias() + " answered DeleteRecords for other partitions"};
  }
  const std::int16_t error_code = response.topics.front().partitions.front().error_code;
  if (error_code == errors::topic_authorization_failed) {
    throw Blocked{ParkCause::refused,
                  fmt::format("{} does not let this user delete records of {}, which filling the missing head of its "
                              "log takes: grant Delete on the topic",
                              target_.alias(), target_partition_.to_string())};
  }
  co_return error_code;
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
  spec_.progress->source_end.store(stretch.high_watermark.value(), std::memory_order_relaxed);
  spec_.progress->stable_end.store(stretch.last_stable_offset.value(), std::memory_order_relaxed);
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
    if (kind == BatchKind::plain && header.base_offset() == position_) {
      co_await copy(batch);
    } else if (kind == BatchKind::plain && header.base_offset() >= stretch.log_start) {
      throw Blocked{ParkCause::refused, half_written_text(spec_, position_, header)};
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
  const bool has_waited = co_await filler_.await_late_requests();
  if (has_waited) {
    const Offset seen = co_await filler_.log_end();
    if (seen != position_) {
      throw Blocked{ParkCause::target_moved,
                    fmt::format("{} has moved on from {} to {} by itself", target_partition_.to_string(),
                                position_.value(), seen.value())};
    }
  }
  co_await filler_.fill(position_, end);
  position_ = end;
  add(spec_.progress->filled_offsets, static_cast<std::uint64_t>(count));
  spec_.progress->position.store(position_.value(), std::memory_order_relaxed);
}

Awaitable<> Detour::copy(std::span<const std::byte> batch) {
  const RecordBatchHeader header = header_of(batch);
  std::vector<std::byte> copied(batch.begin(), batch.end());
  protocol::stamp_record_batch(
      std::span(copied).first<record_batch_header_size>(),
      {.producer_id = spec_.identity, .producer_epoch = identity_epoch, .base_sequence = sequence_});
  co_await produce(std::move(copied), header.record_count());
}

/// The position may lie inside the batch: the source's log begins there, or an earlier life has rewritten its beginning.
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
    if (more && record.offset < position_) continue;
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

protocol::BrokerId Detour::target_leader() const {
  const Topic::Partition* known = target_.find_led(target_partition_);
  if (known == nullptr) {
    throw Blocked{ParkCause::target_leader, target_partition_.to_string() + " has no leader at the moment"};
  }
  return known->leader;
}

/// A batch of the source's records.
Awaitable<> Detour::produce(std::vector<std::byte> batch, std::int32_t records) {
  const std::size_t size = batch.size();
  const Offset base = position_;
  const std::int16_t error_code = co_await append(std::move(batch), records);
  if (error_code != 0) {
    throw Blocked{classify_produce_error(error_code),
                  produce_error_text(spec_, base, base + records, error_code, answer_text_)};
  }
  FlowProgress& seen = *spec_.progress;
  add(seen.records, static_cast<std::uint64_t>(records));
  add(seen.batches, 1);
  add(seen.bytes, size);
}

/// Kafka's error code; 0: position and sequence have moved.
Awaitable<std::int16_t> Detour::append(std::vector<std::byte> batch, std::int32_t records) {
  protocol::ProduceRequest request;
  request.acks = all_in_sync;
  request.timeout_ms = settings_.produce_timeout_ms;
  auto& topic = request.topic_data.emplace_back();
  topic.name = spec_.target_topic;
  topic.partition_data.push_back({.index = spec_.partition, .records = protocol::Records(std::move(batch))});
  std::string failure;
  protocol::ProduceResponse response;
  try {
    // The broker gives up after the request's own time-out and says so: only its silence counts.
    const net::Duration timeout = std::chrono::milliseconds(settings_.produce_timeout_ms) + silence;
    const net::CallOptions options{.at_most_version = produce_version, .timeout = timeout};
    response = co_await target_.call_broker(target_leader(), std::move(request), options);
  } catch (const net::BrokerError& error) {
    failure = error.what();
  }
  if (!failure.empty()) throw Blocked{ParkCause::target_connection, failure};
  if (response.responses.size() != 1 || response.responses.front().partition_responses.size() != 1) {
    throw Blocked{ParkCause::target_error, target_.alias() + " answered a Produce request for other partitions"};
  }
  const auto& answered = response.responses.front().partition_responses.front();
  answer_text_ = answered.error_message.value_or("");
  if (answered.error_code != 0) co_return answered.error_code;
  if (answered.base_offset != position_) {
    throw Blocked{ParkCause::foreign_writer,
                  misplaced_text(spec_, position_, position_ + records, answered.base_offset.value())};
  }
  position_ = position_ + records;
  sequence_ = sequence_.advanced(records);
  spec_.progress->position.store(position_.value(), std::memory_order_relaxed);
  if (answered.log_append_time_ms >= 0) add(spec_.progress->duplicates, 1);
  co_return 0;
}

}  // namespace shunt::replicate
