#include "replicate/data/flow.h"

#include <algorithm>
#include <chrono>
#include <limits>

#include <fmt/format.h>

#include "protocol/error.h"
#include "protocol/message_set.h"
#include "replicate/identity.h"

namespace shunt::replicate {

using protocol::Offset;
using protocol::RecordBatchHeader;
using protocol::Stamp;

namespace errors = protocol::errors;

namespace {

// A broker forgets a producer id that has not written for producer.id.expiration.ms (a day by default). After a pause
// the next batch therefore travels alone, as the very first one does: were it refused while a second one is in flight,
// the broker, knowing nothing of the id, would take the second at any sequence and put it at the wrong offset.
constexpr auto identity_trust = std::chrono::minutes(10);

std::string range(Offset first, Offset end) {
  return fmt::format("{}..{}", first.value(), end.value() - 1);
}

void add(std::atomic<std::uint64_t>& counter, std::uint64_t n) {
  counter.fetch_add(n, std::memory_order_relaxed);
}

}  // namespace

const char* to_string(ParkCause cause) {
  switch (cause) {
    case ParkCause::stopped:
      return "stopped";
    case ParkCause::source_connection:
      return "source connection";
    case ParkCause::target_connection:
      return "target connection";
    case ParkCause::source_leader:
      return "source leader";
    case ParkCause::target_leader:
      return "target leader";
    case ParkCause::source_error:
      return "source error";
    case ParkCause::target_error:
      return "target error";
    case ParkCause::target_under_replicated:
      return "target under-replicated";
    case ParkCause::target_rejected:
      return "target rejected";
    case ParkCause::out_of_range:
      return "out of range";
    case ParkCause::detour:
      return "detour";
    case ParkCause::target_moved:
      return "target moved";
    case ParkCause::source_authentication:
      return "source authentication";
    case ParkCause::target_authentication:
      return "target authentication";
    case ParkCause::source_unauthorized:
      return "source unauthorized";
    case ParkCause::target_unauthorized:
      return "target unauthorized";
    case ParkCause::coordinator:
      return "coordinator";
    case ParkCause::gap:
      return "gap";
    case ParkCause::superseded:
      return "superseded";
    case ParkCause::target_truncated:
      return "target truncated";
    case ParkCause::foreign_writer:
      return "foreign writer";
    case ParkCause::loop:
      return "loop";
    case ParkCause::refused:
      return "refused";
  }
  return "unknown";
}

bool is_final(ParkCause cause) {
  return cause == ParkCause::target_truncated || cause == ParkCause::foreign_writer || cause == ParkCause::loop ||
         cause == ParkCause::refused;
}

namespace {

/// Records of this identity alone may have been added (late requests, a second instance): offsets and sequences then
/// went forward together. Anything else may be a hole that a second instance has filled, or somebody else's data.
bool has_only_grown(const LogPlace& place, const Standing& since) {
  const std::int64_t added = place.log_end - since.confirmed;
  if (!place.knows_identity()) return added == 0;
  return added >= 0 && since.sequence.advanced(added) == place.next_sequence();
}

}  // namespace

std::optional<Objection> check_place(const FlowSpec& spec, const LogPlace& place,
                                     const std::optional<Standing>& standing) {
  const protocol::ProducerEpoch epoch = standing ? standing->epoch : first_epoch;
  if (place.producer_epoch > epoch.value()) {
    return Objection{.cause = ParkCause::superseded,
                     .reason = fmt::format("{} has this flow's producer id with epoch {} on the target, and {} is its "
                                           "own: another instance of this mirror has fenced it out",
                                           spec.target_name(), place.producer_epoch, epoch.value())};
  }
  if (!standing) return std::nullopt;
  if (spec.is_mapped()) {
    // Forgotten: the first batch, which travels alone, may have any sequence.
    if (place.producer_epoch < 0) return std::nullopt;
    if (place.producer_epoch == epoch.value() && place.next_sequence() == standing->sequence) return std::nullopt;
    return Objection{
        .cause = ParkCause::target_moved,
        .reason = fmt::format("{} goes on with sequence {} of epoch {} on the target, and this flow with {} "
                              "of epoch {}",
                              spec.target_name(), place.next_sequence().value(), place.producer_epoch,
                              standing->sequence.value(), epoch.value())};
  }
  if (place.log_end < standing->confirmed) {
    return Objection{.cause = ParkCause::target_truncated,
                     .reason = fmt::format("{} ends at {} on the target, but the target had acknowledged everything "
                                           "below {}: it lost {} records (unclean leader election, or a disk)",
                                           spec.target_name(), place.log_end.value(), standing->confirmed.value(),
                                           standing->confirmed - place.log_end)};
  }
  if (has_only_grown(place, *standing)) return std::nullopt;
  return Objection{.cause = ParkCause::target_moved,
                   .reason = fmt::format("{} ends at {} on the target, which is not what this flow wrote (confirmed up "
                                         "to {})",
                                         spec.target_name(), place.log_end.value(), standing->confirmed.value())};
}

bool is_too_large(std::int16_t error_code) {
  return error_code == errors::message_too_large || error_code == errors::record_list_too_large;
}

std::string alter_topic_command(std::string_view topic, std::string_view setting) {
  return fmt::format(
      "kafka-configs.sh --bootstrap-server ... --alter --entity-type topics --entity-name {} --add-config {}", topic,
      setting);
}

namespace {

/// What lets the target's topic take such a record; empty: it depends.
std::string remedy(const FlowSpec& spec, std::int16_t error_code) {
  switch (error_code) {
    case errors::invalid_timestamp:
      return fmt::format(
          "; its time is beyond what the target's topic takes: {} (or message.timestamp.before.max.ms; "
          "message.timestamp.difference.max.ms before Kafka 3.6)",
          alter_topic_command(spec.target_topic, fmt::format("message.timestamp.after.max.ms={}",
                                                             std::numeric_limits<std::int64_t>::max())));
    case errors::invalid_record:
      return fmt::format("; if that is a record without a key, which a compacted topic does not take: {}",
                         alter_topic_command(spec.target_topic, "cleanup.policy=delete"));
    case errors::unknown_server_error:
      return "; it cannot be decompressed, or the broker failed, and its log says how: `shunt verify` tells whether "
             "the source's batch is damaged";
    case 29:  // TOPIC_AUTHORIZATION_FAILED
      return ": grant Write on the topic to this user";
    default:
      return {};
  }
}

}  // namespace

std::string produce_error_text(const FlowSpec& spec, Offset base, Offset end, const ProduceAnswer& answer) {
  std::string text = fmt::format("the target answered {} to the batch of {} at {}",
                                 protocol::error_name(answer.error_code), spec.source_name(), range(base, end));
  if (!answer.error_message.empty()) text += ": " + answer.error_message;
  if (answer.record_index >= 0) {
    text += fmt::format(": the record at offset {}", (base + answer.record_index).value());
    if (!answer.record_message.empty()) text += ": " + answer.record_message;
  }
  return text + remedy(spec, answer.error_code);
}

std::string misplaced_text(const FlowSpec& spec, Offset base, Offset end, std::int64_t answered_offset) {
  return fmt::format("the target put the batch of {} at {} to offset {}: another producer writes to {}",
                     spec.source_name(), range(base, end), answered_offset, spec.target_name());
}

std::string loop_text(const FlowSpec& spec, Offset begin, Offset end) {
  return fmt::format(
      "{}: the records at {} on the source have come from the target, by the flow in the other direction: say "
      "shunt.loop.prevention=true to leave such records out, or false to mirror them like all others",
      spec.source_name(), range(begin, end));
}

std::string gap_text(const FlowSpec& spec, Offset begin, Offset end) {
  return fmt::format("{}: the source lacks records at {}", spec.source_name(), range(begin, end));
}

std::string half_written_text(const FlowSpec& spec, Offset log_end, const RecordBatchHeader& header,
                              std::string_view differs) {
  return fmt::format(
      "{}: the target's log ends at {}, inside the source's batch {}: it was not written batch by batch "
      "by this mirror: {}",
      spec.source_name(), log_end.value(), range(header.base_offset(), header.next_offset()), differs);
}

void Flow::handle_located(const LogPlace& place, net::Time now) {
  if (state_ != FlowState::locating) return;
  std::optional<Objection> objection = check_place(spec_, place, standing_);
  if (!objection && !standing_ && compared_ && !spec_.is_mapped() && !has_only_grown(place, *compared_)) {
    objection =
        Objection{.cause = ParkCause::target_moved,
                  .reason = fmt::format("{} ends at {} on the target, and ended at {} when it was compared "
                                        "with the source's log",
                                        spec_.target_name(), place.log_end.value(), compared_->confirmed.value())};
  }
  // What is there beyond what was confirmed may be another producer's: nothing is taken from it.
  if (objection) return settle(objection->cause, std::move(objection->reason));
  known_identity_ = place.knows_identity();
  next_sequence_ = spec_.is_mapped() ? standing_->sequence : place.next_sequence();
  if (spec_.is_mapped()) epoch_ = standing_->epoch;
  fetch_position_ = spec_.is_mapped() ? standing_->confirmed : place.log_end;
  confirmed_sequence_ = next_sequence_;
  last_confirmed_ = located_at_ = now;
  state_ = FlowState::flowing;
  set_confirmed(fetch_position_);
}

void Flow::locate_again() {
  standing_ = Standing{.confirmed = confirmed_, .sequence = confirmed_sequence_, .epoch = epoch_};
  state_ = FlowState::locating;
  was_located_ = is_place_tried_ = true;
  fetch_valid_ = false;
}

bool Flow::handle_log_bounds(Offset high_watermark, Offset log_start) {
  if (state_ == FlowState::flowing && (high_watermark < high_watermark_ || log_start < log_start_)) {
    leave(ParkCause::out_of_range,
          fmt::format("the source's log of {} had offsets {} and has {} under the same leader: it is another log",
                      spec_.source_name(), range(log_start_, high_watermark_), range(log_start, high_watermark)));
    return false;
  }
  high_watermark_ = high_watermark;
  log_start_ = log_start;
  return true;
}

bool Flow::is_proven(net::Time now) const {
  return known_identity_ && now - last_confirmed_ < identity_trust;
}

Flow::Verdict Flow::leave(ParkCause cause, std::string reason) {
  settle(cause, std::move(reason));
  return Verdict::settle;
}

Flow::Verdict Flow::leave_for_detour() {
  return leave(ParkCause::detour, fmt::format("{}: not to be forwarded as it is from offset {} on", spec_.source_name(),
                                              fetch_position_.value()));
}

Flow::Verdict Flow::handle_no_data(Offset end) {
  if (state_ != FlowState::flowing || !fetch_valid_ || fetch_position_ >= end) return Verdict::skip;
  return leave_for_detour();  // a hole at the log's end
}

Flow::Verdict Flow::handle_other_format(std::int8_t magic, Offset offset) {
  if (state_ != FlowState::flowing || !fetch_valid_) return Verdict::skip;
  if (magic >= 0 && magic <= protocol::newest_message_set_magic) return leave_for_detour();
  return leave(ParkCause::refused, fmt::format("{}: the records at offset {} are in message format {}, which this "
                                               "version does not know",
                                               spec_.source_name(), offset.value(), magic));
}

Flow::Verdict Flow::gate(const RecordBatchHeader& header, net::Time now, Stamp& stamp) {
  const auto size = static_cast<std::int32_t>(header.size());
  if (state_ != FlowState::flowing || !fetch_valid_ || (!in_flight_.empty() && !is_proven(now))) {
    fetch_valid_ = false;
    add(progress().refetched_bytes, static_cast<std::uint64_t>(size));
    return Verdict::skip;
  }
  const Offset base = header.base_offset();
  if (!header.is_plausible()) {
    return leave(ParkCause::refused,
                 fmt::format("{}: the source sent a batch at offset {} with {} records and last offset delta {}",
                             spec_.source_name(), base.value(), header.record_count(), header.last_offset_delta()));
  }
  const bool is_aborted = aborted_.covers(header);
  const bool is_returned = spec_.loop_guard.meets(header);
  const BatchKind kind = kind_of(header, is_aborted || is_returned);
  const Offset next = header.next_offset();
  if (next <= fetch_position_) return Verdict::skip;
  if (is_returned && spec_.loop_guard.prevention == LoopPrevention::stop) {
    return leave(ParkCause::loop, loop_text(spec_, base, next));
  }
  if (spec_.stops_at_gaps && has_gap(header, kind, fetch_position_)) {
    return leave(ParkCause::gap, gap_text(spec_, fetch_position_, next));
  }
  if (spec_.is_mapped() && kind == BatchKind::nothing) {
    pass_hole(next);
    return Verdict::skip;
  }
  const bool is_in_place = spec_.is_mapped() ? base >= fetch_position_ : base == fetch_position_;
  const bool is_large = size >= progress().too_large_bytes.load(std::memory_order_relaxed);
  if (kind != BatchKind::plain || !is_in_place || is_large || spec_.adds_header()) return leave_for_detour();
  stamp = {.producer_id = spec_.identity, .producer_epoch = epoch_, .base_sequence = next_sequence_};
  const Offset begin = in_flight_.empty() ? confirmed_ : in_flight_.back().end();
  in_flight_.push_back({.begin = begin, .base = base, .records = header.record_count(), .bytes = size});
  fetch_position_ = next;
  next_sequence_ = next_sequence_.advanced(header.record_count());
  typical_batch_bytes_ = std::max(size, typical_batch_bytes_ - typical_batch_bytes_ / 8);
  progress().in_flight_bytes.fetch_add(size, std::memory_order_relaxed);
  return Verdict::forward;
}

/// Nothing for a reader up to `end`.
void Flow::pass_hole(Offset end) {
  fetch_position_ = end;
  if (in_flight_.empty()) set_confirmed(end);
}

void Flow::set_confirmed(Offset end) {
  confirmed_ = end;
  progress().position.store(end.value(), std::memory_order_relaxed);
}

bool Flow::handle_answer(const ProduceAnswer& answer, net::Time now) {
  if (in_flight_.empty()) return false;
  const InFlight batch = in_flight_.front();
  in_flight_.pop_front();
  progress().in_flight_bytes.fetch_sub(batch.bytes, std::memory_order_relaxed);
  if (answer.error_code == 0) {
    confirm(batch, answer, now);
  } else {
    handle_error(batch, answer);
  }
  return true;
}

void Flow::confirm(const InFlight& batch, const ProduceAnswer& answer, net::Time now) {
  // After an error the flow only waits; what the target made of the batches behind it is read back from its log.
  if (state_ != FlowState::flowing && batch.begin != confirmed_) return;
  if (spec_.is_mapped()) {
    spec_.written->add({.source = batch.base, .target = Offset(answer.base_offset), .records = batch.records});
  } else if (answer.base_offset != batch.base.value()) {
    leave(ParkCause::foreign_writer, misplaced_text(spec_, batch.base, batch.end(), answer.base_offset));
    return;
  }
  // Behind the last batch in flight nothing but a hole was passed.
  set_confirmed(in_flight_.empty() && state_ == FlowState::flowing ? fetch_position_ : batch.end());
  confirmed_sequence_ = confirmed_sequence_.advanced(batch.records);
  known_identity_ = is_place_tried_ = true;
  last_confirmed_ = now;
  FlowProgress& seen = progress();
  add(seen.records, static_cast<std::uint64_t>(batch.records));
  add(seen.batches, 1);
  add(seen.bytes, static_cast<std::uint64_t>(batch.bytes));
  add(seen.duplicates, duplicates_.handle_answer(answer.log_append_time_ms));
}

void Flow::handle_error(const InFlight& batch, const ProduceAnswer& answer) {
  // Behind another error it is not worth knowing; and nothing else lowers it.
  if (is_too_large(answer.error_code) && state_ == FlowState::flowing)
    progress().too_large_bytes.store(batch.bytes, std::memory_order_relaxed);
  settle(classify_produce_error(answer.error_code), produce_error_text(spec_, batch.base, batch.end(), answer));
}

ParkCause classify_produce_error(std::int16_t error_code) {
  switch (error_code) {
    case 3:    // UNKNOWN_TOPIC_OR_PARTITION
    case 5:    // LEADER_NOT_AVAILABLE
    case 6:    // NOT_LEADER_OR_FOLLOWER
    case 74:   // FENCED_LEADER_EPOCH
    case 75:   // UNKNOWN_LEADER_EPOCH
    case 100:  // UNKNOWN_TOPIC_ID
    case 103:  // INCONSISTENT_TOPIC_ID: another topic has taken the name
      return ParkCause::target_leader;
    case 7:   // REQUEST_TIMED_OUT: may have been appended; followers have not copied it in time
    case 19:  // NOT_ENOUGH_REPLICAS
    case 20:  // NOT_ENOUGH_REPLICAS_AFTER_APPEND: was appended
      return ParkCause::target_under_replicated;
    case 8:   // BROKER_NOT_AVAILABLE
    case 13:  // NETWORK_EXCEPTION
    case 56:  // KAFKA_STORAGE_ERROR
    case 89:  // THROTTLING_QUOTA_EXCEEDED
      return ParkCause::target_error;
    case 2:   // CORRUPT_MESSAGE: damaged on the way, or already at the source
    case 45:  // OUT_OF_ORDER_SEQUENCE_NUMBER: a batch before it is missing, or another life of this flow is ahead
    case 59:  // UNKNOWN_PRODUCER_ID
      return ParkCause::target_rejected;
    case 47:  // INVALID_PRODUCER_EPOCH
    case 90:  // PRODUCER_FENCED
      return ParkCause::superseded;
    case 29:  // TOPIC_AUTHORIZATION_FAILED
    case 31:  // CLUSTER_AUTHORIZATION_FAILED: of idempotent writes, before 3.0
      return ParkCause::target_unauthorized;
    case errors::message_too_large:
    case errors::record_list_too_large:
      return ParkCause::detour;
    default:
      return ParkCause::refused;
  }
}

ParkCause classify_fetch_error(std::int16_t error_code) {
  switch (error_code) {
    case 1:  // OFFSET_OUT_OF_RANGE
      return ParkCause::out_of_range;
    case 3:    // UNKNOWN_TOPIC_OR_PARTITION
    case 5:    // LEADER_NOT_AVAILABLE
    case 6:    // NOT_LEADER_OR_FOLLOWER
    case 9:    // REPLICA_NOT_AVAILABLE
    case 74:   // FENCED_LEADER_EPOCH
    case 75:   // UNKNOWN_LEADER_EPOCH
    case 100:  // UNKNOWN_TOPIC_ID
    case 103:  // INCONSISTENT_TOPIC_ID: another topic has taken the name
      return ParkCause::source_leader;
    case 29:  // TOPIC_AUTHORIZATION_FAILED
      return ParkCause::source_unauthorized;
    default:
      return ParkCause::source_error;
  }
}

void Flow::handle_target_lost(const std::string& reason, ParkCause cause) {
  std::int64_t bytes = 0;
  for (const InFlight& batch : in_flight_) bytes += batch.bytes;
  progress().in_flight_bytes.fetch_sub(bytes, std::memory_order_relaxed);
  is_in_doubt_ = is_in_doubt_ || !in_flight_.empty();
  in_flight_.clear();
  settle(cause, reason);
}

void Flow::settle(ParkCause cause, std::string reason) {
  if (state_ == FlowState::parked) return;
  if (state_ == FlowState::settling && (is_final(cause_) || !is_final(cause))) return;
  cause_ = cause;
  reason_ = std::move(reason);
  was_located_ = was_located_ || state_ == FlowState::flowing;
  state_ = FlowState::settling;
  fetch_valid_ = false;
}

Parked Flow::park() {
  state_ = FlowState::parked;
  std::optional<Standing> standing = standing_;
  if (was_located_ && !is_final(cause_)) {
    standing = Standing{.confirmed = confirmed_, .sequence = confirmed_sequence_, .epoch = epoch_};
  }
  return {.flow_id = spec_.id,
          .cause = cause_,
          .reason = std::move(reason_),
          .standing = standing,
          .is_in_doubt = is_in_doubt_};
}

}  // namespace shunt::replicate
