#include "replicate/control/detour.h"

#include <algorithm>
#include <deque>
#include <set>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "protocol/error.h"
#include "protocol/stored_records.h"
#include "replicate/control/compare_logs.h"
#include "replicate/control/leaders.h"
#include "replicate/control/log_cursor.h"
#include "replicate/control/topic_configs.h"
#include "replicate/control/write_log.h"
#include "replicate/identity.h"

namespace shunt::replicate {

using net::Awaitable;
using protocol::Offset;
using protocol::record_batch_header_size;
using protocol::RecordBatchHeader;

namespace errors = protocol::errors;

namespace {

// Written together, where one batch of the source holds more: they are held by a view each.
constexpr std::size_t most_run_records = 100'000;

constexpr std::int32_t one_batch = 1;  // as few bytes as possible: a broker sends at least that

void add(std::atomic<std::uint64_t>& counter, std::uint64_t n) {
  counter.fetch_add(n, std::memory_order_relaxed);
}

std::int64_t count(const std::vector<OffsetRun>& runs) {
  std::int64_t records = 0;
  for (const OffsetRun& run : runs) records += run.records;
  return records;
}

}  // namespace

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
  source_log_ = start.source_log;
  target_topic_id_ = start.target_topic_id;
  begin_ = start.begin;
  try {
    co_await locate(start);
    end.is_located = true;
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
        end.parked.cause = ParkCause::target_moved;  // a comparison of both logs tells what that means
        break;
      case HoleError::Kind::unauthorized:
        end.parked.cause = ParkCause::target_unauthorized;
        break;
      case HoleError::Kind::refused:
        end.parked.cause = ParkCause::refused;
        break;
    }
  }
  end.parked.standing = start.standing;
  if (end.is_located) {
    end.parked.standing = Standing{.confirmed = position_, .sequence = sequence_, .epoch = epoch_};
  }
  co_return end;
}

// ---- Where the target stands ----------------------------------------------------------------------------------------

Awaitable<> Detour::locate(const DetourStart& start) {
  LogPlace place;
  if (spec_.is_mapped()) {
    place = co_await ask_place();
  } else {
    if (start.is_in_doubt) filler_.end_life();
    co_await filler_.fence();
    if (start.awaits_late_markers) {
      // Named: g++ 12 destroys the awaitable of a result that nobody takes twice.
      [[maybe_unused]] const bool has_waited = co_await filler_.await_late_requests();
    }
    place.log_end = co_await filler_.log_end();
    // When the end is the same before and after, what lies between is of the same moment.
    for (std::optional<Offset> before; before != place.log_end;) {
      before = place.log_end;
      place = co_await ask_place();
      place.log_end = co_await filler_.log_end();
    }
  }
  if (std::optional<Objection> objection = check_place(spec_, place, start.standing)) {
    throw Blocked{objection->cause, std::move(objection->reason)};
  }
  if (start.admitted && place.log_end != *start.admitted) {
    throw Blocked{ParkCause::target_moved,
                  fmt::format("{} ends at {}, and ended at {} when it was compared with the source's log",
                              target_partition_.to_string(), place.log_end.value(), start.admitted->value())};
  }
  // What another instance has written meanwhile may be padding, which is to go again; markers leave no trace there.
  const bool is_by_markers = start.head && start.head->method == HeadFill::Method::markers;
  if (is_by_markers && place.last_sequence != start.head->last_sequence) {
    throw Blocked{ParkCause::target_moved,
                  fmt::format("another instance of this mirror has begun {}", target_partition_.to_string())};
  }
  has_written_ = place.knows_identity();
  sequence_ = spec_.is_mapped() ? start.standing->sequence : place.next_sequence();
  if (spec_.is_mapped()) epoch_ = start.standing->epoch;
  move_to(spec_.is_mapped() ? start.standing->confirmed : place.log_end);
}

/// How our identity stands in the target's log; not where that ends.
Awaitable<LogPlace> Detour::ask_place() {
  std::vector<TopicPartition> asked{target_partition_};
  const auto answers = co_await active_producers(target_, std::move(asked));
  const auto& answered = answers.at(target_partition_);
  if (!answered.value) {
    std::string reason =
        fmt::format("the list of producers of {} is not known: {}", target_partition_.to_string(), answered.reason);
    if (protocol::is_authorization_failure(answered.error_code)) {
      throw Blocked{ParkCause::target_unauthorized, reason.append(grant_reading)};
    }
    throw Blocked{answered.may_retry ? ParkCause::target_leader : ParkCause::refused, std::move(reason)};
  }
  LogPlace place;
  if (const ActiveProducer* known = find_producer(*answered.value, spec_.identity)) {
    place.last_sequence = known->last_sequence;
    place.producer_epoch = known->epoch;
  }
  co_return place;
}

void Detour::move_to(Offset position) {
  position_ = position;
  spec_.progress->position.store(position.value(), std::memory_order_relaxed);
}

// ---- The source's log -----------------------------------------------------------------------------------------------

void Detour::throw_source_error(std::int16_t error_code) const {
  const ParkCause cause = classify_fetch_error(error_code);
  throw Blocked{cause, fmt::format("{} answered {} to a fetch of {} at offset {}{}", source_.alias(),
                                   protocol::error_name(error_code), source_partition_.to_string(), position_.value(),
                                   cause == ParkCause::source_unauthorized ? grant_reading : "")};
}

/// The data path can forward it.
bool Detour::is_plain_at(const LogBatch& batch, Offset position) const {
  if (batch.kind != BatchKind::plain || spec_.adds_header() || is_known_as_too_large(batch.bytes.size())) return false;
  const Offset base = batch.header().base_offset();
  return spec_.is_mapped() ? base >= position : base == position;
}

bool Detour::is_ordinary(const LogStretch& stretch) const {
  Offset position = position_;
  for (const LogBatch& batch : stretch.batches) {
    if (batch.next_offset <= position) continue;
    const bool is_passed = spec_.is_mapped() && batch.kind == BatchKind::nothing;
    if (!is_passed && !is_plain_at(batch, position)) return false;
    position = batch.next_offset;
  }
  return true;
}

/// True: nothing ahead needs a detour.
Awaitable<bool> Detour::walk_stretch() {
  LogStretch stretch;
  try {
    stretch = co_await read_log(source_, source_partition_, position_, settings_.stretch_bytes, settings_.isolation, 0,
                                source_log_, spec_.loop_guard);
  } catch (const net::BrokerError& error) {
    throw Blocked{ParkCause::source_connection, error.what()};
  } catch (const ClusterError& error) {
    throw Blocked{ParkCause::source_connection, error.what()};
  }
  if (stretch.error_code == errors::throttling_quota_exceeded) co_return false;
  if (stretch.error_code != 0) throw_source_error(stretch.error_code);
  spec_.progress->source_end.store(stretch.high_watermark.value(), std::memory_order_relaxed);
  spec_.progress->stable_end.store(stretch.last_stable_offset.value(), std::memory_order_relaxed);
  if (stretch.batches.empty() && !stretch.records.empty()) {
    throw Blocked{ParkCause::refused, fmt::format("{}: what {} has at offset {} is no record batch of a known format",
                                                  source_partition_.to_string(), source_.alias(), position_.value())};
  }
  const Offset readable_end =
      settings_.isolation == Isolation::read_committed ? stretch.last_stable_offset : stretch.high_watermark;
  if (stretch.records.empty() && readable_end > position_) {
    if (spec_.stops_at_gaps) throw Blocked{ParkCause::gap, gap_text(spec_, position_, readable_end)};
    co_await fill_empty_end(readable_end);
    co_return false;
  }
  if (is_ordinary(stretch)) co_return true;

  Offset hole_end = position_;  // nothing for a reader up to here
  for (const LogBatch& batch : stretch.batches) {
    if (batch.next_offset <= position_) continue;
    if (spec_.stops_at_gaps && has_gap(batch, hole_end)) {
      throw Blocked{ParkCause::gap, gap_text(spec_, hole_end, batch.next_offset)};
    }
    if (spec_.loop_guard.prevention == LoopPrevention::stop && batch.kind == BatchKind::nothing &&
        spec_.loop_guard.meets(batch.header())) {
      throw Blocked{ParkCause::loop, loop_text(spec_, batch.header().base_offset(), batch.next_offset)};
    }
    const bool is_compared = batch.kind == BatchKind::plain || batch.kind == BatchKind::rewrite;
    if (is_compared && !spec_.is_mapped() && batch.header().base_offset() < position_) {
      co_await check_beginning(batch, stretch.log_start);
    }
    switch (batch.kind) {
      case BatchKind::nothing:
        break;
      case BatchKind::plain: {
        const RecordBatchHeader header = batch.header();
        co_await fill_up_to(header.base_offset());
        if (header.base_offset() == position_ && !spec_.adds_header()) {
          co_await copy(batch);
        } else {
          co_await rewrite(batch);
        }
        break;
      }
      case BatchKind::rewrite:
      case BatchKind::old_format:
        co_await rewrite(batch);
        break;
    }
    hole_end = batch.next_offset;
  }
  co_await fill_up_to(hole_end);
  co_return false;
}

/// The source has no record from the position up to the end of its log: compaction has taken the last ones.
Awaitable<> Detour::fill_empty_end(Offset end) {
  std::vector<TopicPartition> asked{source_partition_};
  const auto answers = co_await local_log_starts(source_, std::move(asked));
  const auto& answered = answers.at(source_partition_);
  if (protocol::is_authorization_failure(answered.error_code)) {
    throw Blocked{ParkCause::source_unauthorized, answered.reason + std::string(grant_reading)};
  }
  // What is in tiered storage may be late. Nothing else is: a leader that has a record sends it.
  if (!answered.value || *answered.value > position_) {
    throw Blocked{ParkCause::source_error,
                  answered.value ? fmt::format("{} sends nothing of {} at offset {}, which is in its tiered storage",
                                               source_.alias(), source_partition_.to_string(), position_.value())
                                 : answered.reason};
  }
  co_await fill_up_to(end);
}

Awaitable<> Detour::fill_up_to(Offset end) {
  if (end <= position_) co_return;
  if (spec_.is_mapped()) {
    move_to(end);
    co_return;
  }
  const std::int64_t count = end - position_;
  const bool has_waited = co_await filler_.await_late_requests();
  if (has_waited) co_await expect_position();
  co_await filler_.fill(position_, end);
  move_to(end);
  add(spec_.progress->filled_offsets, static_cast<std::uint64_t>(count));
}

/// Nobody else has written, and the log has lost nothing.
Awaitable<> Detour::expect_position() {
  const Offset seen = co_await filler_.log_end();
  if (seen == position_) co_return;
  throw Blocked{ParkCause::target_moved, fmt::format("{} has moved from {} to {} by itself",
                                                     target_partition_.to_string(), position_.value(), seen.value())};
}

Awaitable<> Detour::copy(const LogBatch& batch) {
  bool is_copied = false;
  if (!is_known_as_too_large(batch.bytes.size())) {
    std::vector<std::byte> copied(batch.bytes.begin(), batch.bytes.end());
    protocol::stamp_record_batch(std::span(copied).first<record_batch_header_size>(),
                                 {.producer_id = spec_.identity, .producer_epoch = epoch_, .base_sequence = sequence_});
    const RecordBatchHeader header = batch.header();
    std::vector<OffsetRun> records{
        {.source = header.base_offset(), .target = Offset(0), .records = header.record_count()}};
    is_copied = co_await produce(std::move(copied), std::move(records));
  }
  if (!is_copied) co_await rewrite(batch);
}

/// The position lies inside a batch of the source. An earlier life may have split or rewritten it and come so far: then
/// the target's last batch is this flow's, or a marker where the source's batch has gaps. Or whoever has mirrored the topic
/// before has. Either way what the target has of the source's batch is what the source has. Anything else (the source has lost
/// data and written other batches since, another topic has taken its place, or another writer has come between) is not gone on
/// with. Of a mirror that was to begin inside the batch the target has nothing before its first record, but a head's markers.
Awaitable<> Detour::check_beginning(const LogBatch& begun, Offset source_start) {
  const RecordBatchHeader header = begun.header();
  Offset from = std::max(header.base_offset(), source_start);
  if (from == position_) co_return;  // the source's log begins here
  const auto cannot_be_read = [&](std::string_view why) {
    return Blocked{ParkCause::target_error, fmt::format("the end of {} cannot be compared with the source: {}",
                                                        target_partition_.to_string(), why)};
  };
  std::string differs;
  try {
    const std::vector<TopicPartition> asked{target_partition_};
    const auto target_starts = co_await log_starts(target_, asked);
    const Offset target_start = value_of(target_, target_starts, target_partition_, "the log start");
    if (settings_.may_begin_inside) {
      const std::optional<Offset> first = co_await first_record(target_, target_partition_, target_start, position_);
      if (!first && (target_start < position_ || position_ == begin_)) co_return;
      from = std::max(from, first.value_or(from));
    }
    from = std::max(from, target_start);
    if (from >= position_) {
      throw Blocked{ParkCause::refused,
                    half_written_text(spec_, position_, header, "nothing of its beginning is left on the target")};
    }
    const LogStretch last =
        co_await read_log(target_, target_partition_, position_ - 1, one_batch, Isolation::read_uncommitted);
    if (protocol::is_authorization_failure(last.error_code)) {
      throw UnauthorizedError(target_, protocol::error_name(last.error_code).append(grant_reading));
    }
    if (last.error_code != 0) throw cannot_be_read(protocol::error_name(last.error_code));
    if (last.batches.empty()) throw cannot_be_read("its last batch is not replicated yet");
    const LogBatch& batch = last.batches.front();
    const bool is_filled = begun.kind == BatchKind::rewrite && batch.kind == BatchKind::nothing;
    const bool is_anothers = has_written_ && !is_filled && !batch.is_by(spec_.identity);
    if (is_anothers) {
      throw Blocked{ParkCause::foreign_writer,
                    half_written_text(spec_, position_, header, "the last batch is not this mirror's")};
    }
    LogCursor source(source_, source_partition_, from, position_, settings_.isolation);
    LogCursor target(target_, target_partition_, from, position_, Isolation::read_uncommitted);
    ComparisonSettings settings;
    settings.is_compacted = begun.kind == BatchKind::rewrite;  // the cleaner may have been there again since
    const std::function<void(std::uint64_t)> unheard = [](std::uint64_t) {};
    const Comparison compared = co_await compare_logs(source, target, settings, unheard);
    if (compared.missing > 0) differs = "it lacks records that the source has before";
    if (compared.difference) differs = compared.difference->text;
  } catch (const UnauthorizedError& error) {
    Blocked blocked = cannot_be_read(error.what());
    blocked.cause = error.is_of(source_) ? ParkCause::source_unauthorized : ParkCause::target_unauthorized;
    throw blocked;
  } catch (const net::BrokerError& error) {
    throw cannot_be_read(error.what());
  } catch (const ClusterError& error) {
    throw cannot_be_read(error.what());
  } catch (const LogError& error) {
    throw cannot_be_read(error.what());
  }
  if (differs.empty()) co_return;
  co_await expect_position();
  throw Blocked{ParkCause::refused, half_written_text(spec_, position_, header, differs)};
}

/// It has been on the target, and is to be left out.
bool Detour::has_come_back(const protocol::Record& record) const {
  if (!spec_.loop_guard.meets(record)) return false;
  if (spec_.loop_guard.prevention == LoopPrevention::leave_out) return true;
  throw Blocked{ParkCause::loop, loop_text(spec_, record.offset, record.offset + 1)};
}

/// The position may lie inside the batch: the source's log begins there, or an earlier life has rewritten its beginning.
/// Every run of records without a gap is written for itself; the gaps between them are holes. The one behind the last
/// record is left to the caller. Where offsets are mapped all records make one run.
Awaitable<> Detour::rewrite(const LogBatch& batch) {
  protocol::StoredRecords stored(batch.bytes, settings_.most_batch_bytes);
  std::vector<protocol::Record> run;
  std::deque<std::vector<std::byte>> headers;  // of its records, if they are given one more
  protocol::Record record;
  for (bool more = true; more;) {
    more = stored.next(record);
    if (!stored.ok()) {
      throw Blocked{ParkCause::refused,
                    fmt::format("{}: what the source has before offset {} cannot be rewritten: {}",
                                source_partition_.to_string(), batch.next_offset.value(), stored.why())};
    }
    if (more && (record.offset < position_ || has_come_back(record))) continue;
    const bool goes_on = more && !run.empty() && run.size() < most_run_records &&
                         (spec_.is_mapped() || record.offset == run.back().offset + 1);
    if (!run.empty() && !goes_on) {
      co_await fill_up_to(run.front().offset);
      co_await write(run, stored.codec());
      run.clear();
      headers.clear();
    }
    if (more && spec_.adds_header()) {
      record.headers = headers.emplace_back(protocol::with_header(record.headers, source_header, spec_.source_header));
    }
    if (more) run.push_back(record);
  }
  add(spec_.progress->slow_path_batches, 1);
}

/// Records at consecutive offsets (mapped ones may have gaps), the position the first: one batch, or several where the target takes none so large.
/// Where it cuts does not matter to a life that comes after. That one goes on wherever the log ends, and of two batches
/// that begin with the same sequence, cut like each other or not, the target takes one.
Awaitable<> Detour::write(std::span<const protocol::Record> records, protocol::Codec codec) {
  for (std::size_t count = records.size(); !records.empty();) {
    count = std::min(count, records.size());
    protocol::RecordBatchBuilder builder(codec);
    std::vector<OffsetRun> places;
    for (const protocol::Record& record : records.first(count)) {
      append_run(places, {.source = record.offset, .target = Offset(builder.record_count()), .records = 1});
      builder.append(record);
    }
    std::vector<std::byte> batch =
        builder.finish({.producer_id = spec_.identity, .producer_epoch = epoch_, .base_sequence = sequence_});
    const std::size_t size = batch.size();
    bool is_written = false;
    if (count == 1 || !is_known_as_too_large(size)) is_written = co_await produce(std::move(batch), std::move(places));
    if (is_written) {
      records = records.subspan(count);
    } else if (count > 1) {
      count = (count + 1) / 2;
    } else {
      co_await refuse_record(records.front().offset, size);
    }
  }
}

Awaitable<> Detour::refuse_record(Offset offset, std::size_t size) {
  const std::string setting = "max.message.bytes";
  std::set<std::string> topics{spec_.target_topic};
  std::vector<std::string> names{setting};
  auto settings = co_await effective_settings(target_, std::move(topics), std::move(names));
  const std::string limit = settings[spec_.target_topic][setting];
  throw Blocked{ParkCause::refused,
                fmt::format("the record at offset {} of {} takes {} bytes as a batch of its own, and topic {} of {} "
                            "takes {} ({}): {}",
                            offset.value(), source_partition_.to_string(), size, spec_.target_topic, target_.alias(),
                            limit.empty() ? "less" : "at most " + limit, setting,
                            alter_topic_command(spec_.target_topic, fmt::format("{}={}", setting, size)))};
}

// ---- The target's log -----------------------------------------------------------------------------------------------

protocol::BrokerId Detour::target_leader() const {
  const Topic::Partition* known = target_.find_led(target_partition_);
  if (known == nullptr) {
    const Cluster::NoLeader missing = target_.why_not_led(target_partition_);
    throw Blocked{classify_produce_error(missing.error_code), missing.reason};
  }
  return known->leader;
}

bool Detour::is_known_as_too_large(std::size_t size) const {
  return static_cast<std::int64_t>(size) >= spec_.progress->too_large_bytes.load(std::memory_order_relaxed);
}

/// A batch of the source's records; `records`: as append() takes them. False: it is too large for the target, and
/// nothing has happened.
Awaitable<bool> Detour::produce(std::vector<std::byte> batch, std::vector<OffsetRun> records) {
  const auto size = static_cast<std::int64_t>(batch.size());
  const Offset base = records.front().source;
  const Offset end = records.back().source_end();
  const std::int64_t number = count(records);
  const ProduceAnswer answer = co_await append(std::move(batch), std::move(records));
  FlowProgress& seen = *spec_.progress;
  if (is_too_large(answer.error_code)) {
    seen.too_large_bytes.store(std::min(size, seen.too_large_bytes.load(std::memory_order_relaxed)),
                               std::memory_order_relaxed);
    co_return false;
  }
  if (answer.error_code != 0) {
    throw Blocked{classify_produce_error(answer.error_code), produce_error_text(spec_, base, end, answer)};
  }
  add(seen.records, static_cast<std::uint64_t>(number));
  add(seen.batches, 1);
  add(seen.bytes, static_cast<std::uint64_t>(size));
  co_return true;
}

/// Without an error position and sequence have moved. `records`: where those of the batch come from, and their places
/// within it.
Awaitable<ProduceAnswer> Detour::append(std::vector<std::byte> batch, std::vector<OffsetRun> records) {
  ProduceAnswer answer;
  try {
    answer = co_await write_log(target_, target_partition_, std::move(batch), settings_.produce_timeout_ms,
                                target_topic_id_);
  } catch (const net::BrokerError& error) {
    filler_.end_life();
    throw Blocked{ParkCause::target_connection, error.what()};
  } catch (const ClusterError& error) {
    throw Blocked{ParkCause::target_leader, error.what()};
  }
  if (answer.error_code != 0) co_return answer;
  const Offset end = records.back().source_end();
  if (spec_.is_mapped()) {
    for (OffsetRun run : records) {
      run.target = Offset(answer.base_offset) + run.target.value();
      spec_.written->add(run);
    }
  } else if (answer.base_offset != position_.value()) {
    throw Blocked{ParkCause::foreign_writer, misplaced_text(spec_, position_, end, answer.base_offset)};
  }
  sequence_ = sequence_.advanced(count(records));
  move_to(end);
  add(spec_.progress->duplicates, duplicates_.handle_answer(answer.log_append_time_ms));
  co_return answer;
}

}  // namespace shunt::replicate
