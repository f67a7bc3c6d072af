#include "replicate/data/target.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include <fmt/format.h>

#include "net/wire_size.h"
#include "protocol/error.h"
#include "protocol/messages/describe_producers.h"
#include "protocol/messages/offset_for_leader_epoch.h"
#include "protocol/messages/produce.h"
#include "protocol/produce_frame.h"
#include "protocol/produce_response.h"
#include "protocol/request.h"
#include "replicate/data/source.h"

namespace shunt::replicate {

using protocol::BrokerId;
using protocol::DescribeProducersRequest;
using protocol::DescribeProducersResponse;
using protocol::OffsetForLeaderEpochRequest;
using protocol::OffsetForLeaderEpochResponse;
using protocol::PartitionIndex;

namespace {

constexpr std::int16_t log_end_version = 3;
constexpr std::int16_t producers_version = 0;

constexpr std::size_t size_prefix = 4;
constexpr std::size_t answer_buffer_bytes = 64 * 1024;
constexpr std::size_t largest_answer_bytes = 16 * 1024 * 1024;

// Answers that a quiet connection lets gather before it wakes the thread (answer_linger bounds the wait).
constexpr std::size_t quiet_answers = 8;

constexpr auto tick_interval = std::chrono::milliseconds(250);

}  // namespace

Target::Target(Source& source, net::Loop& loop, BrokerId broker, const TargetSettings& settings,
               const LinkSettings& link_settings)
    : source_(source),
      loop_(loop),
      broker_(broker),
      settings_(settings),
      link_(loop, link_settings, *this, fmt::format("target broker {}", broker.value())),
      queue_(settings.produce),
      answer_clock_(settings.request_timeout),
      linger_timer_(loop, [this] { hurry_answers(); }),
      tick_timer_(loop, [this] { tick(); }) {}

// ---- Flows ----------------------------------------------------------------------------------------------------------

void Target::add(Flow& flow) {
  flows_.add(flow);
  to_locate_.push_back(&flow);
  flow.progress().is_target_silent.store(is_silent_, std::memory_order_relaxed);
  if (link_.is_down()) {
    answer_clock_.handle_oldest_request(loop_.now());  // what is owed first is the connection
    tick_timer_.set(loop_.now() + tick_interval);
    link_.open(flow.route().target.endpoint, flow.route().target.host);
  }
  locate_waiting();
}

void Target::locate_again(Flow& flow) {
  to_locate_.push_back(&flow);
  locate_waiting();
}

void Target::remove(Flow& flow) {
  flows_.remove(flow);
  std::erase(to_locate_, &flow);
  for (Locating& entry : locating_) {
    if (entry.flow == &flow) entry.flow = nullptr;
  }
}

// ---- Connection -----------------------------------------------------------------------------------------------------

void Target::on_link_ready() {
  const auto& versions = link_.versions();
  if (!versions.supports(protocol::ProduceRequest::api.key, protocol::produce_by_name) ||
      !versions.supports(OffsetForLeaderEpochRequest::api.key, log_end_version) ||
      !versions.supports(DescribeProducersRequest::api.key, producers_version)) {
    link_.fail(
        "the broker does not speak Produce 8, OffsetForLeaderEpoch 3 and DescribeProducers 0 (Kafka 2.8 and later do)");
    return;
  }
  queue_.set_knows_ids(versions.supports(protocol::ProduceRequest::api.key, protocol::produce_by_id));
  if (answers_.empty()) answers_.resize(answer_buffer_bytes);
  arm_receive();
  locate_waiting();
  source_.handle_target_changed();
}

void Target::on_link_down(const std::string& reason) {
  tick_timer_.cancel();
  linger_timer_.cancel();
  queue_.clear();
  next_.clear();
  sending_.clear();
  send_under_way_ = false;
  receive_armed_ = false;
  requests_.clear();
  answer_clock_.handle_lost_connection();
  urgent_requests_ = 0;
  urgent_flush_ = false;
  in_flight_bytes_ = 0;
  smallest_answer_ = 0;
  answers_ = {};
  answers_filled_ = 0;
  muted_until_ = {};
  was_blocked_ = stalled_ = is_silent_ = false;
  locating_.clear();
  to_locate_.clear();
  std::vector<Flow*> lost;
  flows_.for_each([&](Flow* flow) { lost.push_back(flow); });
  const ParkCause cause = link_.was_refused() ? ParkCause::target_authentication : ParkCause::target_connection;
  for (Flow* flow : lost) flow->handle_target_lost(reason, cause);
  source_.handle_target_lost(*this, lost);
}

void Target::on_link_sent() {
  send_under_way_ = false;
  sending_.clear();
  note_progress();
  send_next();
  renew_session();
  source_.handle_target_changed();
}

void Target::renew_session() {
  const bool is_drained =
      requests_.empty() && !send_under_way_ && next_.empty() && !queue_.open() && !queue_.has_unflushed();
  if (link_.session_ends() && is_drained) link_.reauthenticate();
}

void Target::abandon_open_batch(const std::string& reason) {
  if (queue_.open())
    link_.fail(fmt::format("closed in the middle of a batch that its source cannot complete: {}", reason));
}

void Target::tick() {
  tick_timer_.set(loop_.now() + tick_interval);
  const bool is_answer_owed = !link_.is_ready() || !requests_.empty();
  note_silence(is_answer_owed && answer_clock_.is_silent(loop_.now(), settings_.silence_noticed));
  if (!link_.is_ready()) return;
  if (!requests_.empty() && answer_clock_.is_over(loop_.now())) {
    link_.fail(fmt::format(
        "no answer to {} within {} s",
        requests_.front().kind == Request::Kind::produce ? "a Produce request" : "a question for the log end",
        std::chrono::duration_cast<std::chrono::seconds>(settings_.request_timeout).count()));
    return;
  }
  if (!is_full() || muted()) {
    was_blocked_ = false;
  } else if (!was_blocked_) {
    was_blocked_ = true;
    blocked_since_ = loop_.now();
  } else if (!stalled_ && loop_.now() - blocked_since_ > settings_.stall_after) {
    stalled_ = true;
  }
  source_.handle_target_changed();
}

void Target::note_silence(bool is_silent) {
  if (std::exchange(is_silent_, is_silent) == is_silent) return;
  flows_.for_each([&](Flow* flow) { flow->progress().is_target_silent.store(is_silent, std::memory_order_relaxed); });
}

void Target::note_progress() {
  was_blocked_ = false;
  stalled_ = false;
}

bool Target::is_full() const {
  if (next_.size() > settings_.unsent_bytes) return true;
  // A request under way counts in full from its beginning, and is answered only when the source has completed it.
  const bool is_much = in_flight_bytes_ > settings_.in_flight_bytes || requests_.size() > settings_.in_flight_requests;
  return is_much && !queue_.open();
}

bool Target::blocked() const {
  return !stalled_ && link_.is_ready() && !muted() && is_full();
}

// ---- Sending --------------------------------------------------------------------------------------------------------

void Target::begin_batch(Flow& flow, std::span<const std::byte, protocol::record_batch_header_size> header,
                         std::size_t size) {
  if (!flow.is_proven(loop_.now())) urgent_flush_ = true;
  queue_.begin_batch(flow, header, size);
}

void Target::flush() {
  if (!queue_.has_unflushed() || !link_.is_ready()) return;
  queue_.flush(
      next_, [this] { return ++next_correlation_id_; },
      [this](const ProduceQueue::Request& request) {
        in_flight_bytes_ += request.bytes;
        note_request({.correlation_id = request.correlation_id,
                      .kind = Request::Kind::produce,
                      .version = request.version,
                      .urgent = urgent_flush_,
                      .batches = request.batches,
                      .bytes = request.bytes});
      });
  send_next();
  if (urgent_flush_) hurry_answers();
  urgent_flush_ = false;
  locate_waiting();
}

void Target::send_next() {
  if (send_under_way_ || next_.empty() || !link_.is_ready()) return;
  std::swap(next_, sending_);
  send_under_way_ = true;
  link_.send(sending_.pieces());
  if (!linger_timer_.armed()) linger_timer_.set(loop_.now() + settings_.answer_linger);
}

template <class Message>
void Target::queue_question(const Message& message, Request::Kind kind) {
  const std::int16_t version = kind == Request::Kind::producers ? producers_version : log_end_version;
  const std::vector<std::byte> frame =
      protocol::encode_request(message, version, ++next_correlation_id_, settings_.produce.client_id);
  next_.append_own([&](std::vector<std::byte>& arena) { arena.insert(arena.end(), frame.begin(), frame.end()); });
  note_request({.correlation_id = next_correlation_id_,
                .kind = kind,
                .version = version,
                .urgent = true,
                .batches = 0,
                .bytes = 0});
}

void Target::note_request(Request request) {
  if (requests_.empty()) answer_clock_.handle_oldest_request(loop_.now());
  if (request.urgent) ++urgent_requests_;
  requests_.push_back(request);
}

// The log end, the producers, and the log end again, in one go: when both ends agree, what lies between is of the same
// moment. (A dead connection's requests may still be landing.) The broker answers one connection's requests in order.
void Target::locate_waiting() {
  if (!link_.is_ready() || link_.session_ends() || to_locate_.empty() || !locating_.empty()) return;
  // Nothing may come between the pieces of a request that is under way: those that are missing, nor the last ones, which
  // are here and wait for flush().
  if (queue_.open() || queue_.has_unflushed()) return;
  std::sort(to_locate_.begin(), to_locate_.end(), [](const Flow* a, const Flow* b) {
    return std::pair(std::string_view(a->spec().target_topic), a->spec().partition) <
           std::pair(std::string_view(b->spec().target_topic), b->spec().partition);
  });
  OffsetForLeaderEpochRequest log_ends;
  log_ends.replica_id = BrokerId(-1);
  DescribeProducersRequest producers;
  for (Flow* flow : to_locate_) {
    if (flow->state() != FlowState::locating) continue;
    locating_.push_back({.flow = flow, .place = {}, .log_end = {}});
    const FlowSpec& spec = flow->spec();
    if (log_ends.topics.empty() || log_ends.topics.back().topic != spec.target_topic) {
      log_ends.topics.emplace_back().topic = spec.target_topic;
      producers.topics.emplace_back().name = spec.target_topic;
    }
    auto& partition = log_ends.topics.back().partitions.emplace_back();
    partition.partition = spec.partition;
    partition.current_leader_epoch = partition.leader_epoch = flow->route().target.leader_epoch;
    producers.topics.back().partition_indexes.push_back(spec.partition);
  }
  to_locate_.clear();
  if (locating_.empty()) return;
  queue_question(log_ends, Request::Kind::log_end);
  queue_question(producers, Request::Kind::producers);
  queue_question(log_ends, Request::Kind::log_end_again);
  send_next();
  hurry_answers();
}

// ---- Answers --------------------------------------------------------------------------------------------------------

std::size_t Target::answers_worth_waking_for() const {
  if (urgent_requests_ > 0 || smallest_answer_ == 0) return 1;
  const std::size_t half = std::max(requests_.size() / 2, quiet_answers);
  return std::min(half * smallest_answer_, answers_.size() / 2);
}

void Target::arm_receive() {
  if (receive_armed_ || !link_.is_ready()) return;
  std::size_t need = 1;
  if (answers_filled_ >= size_prefix) {
    need = size_prefix + static_cast<std::size_t>(net::read_int32(std::span<const std::byte, 4>(answers_.data(), 4)));
    if (need > answers_.size()) answers_.resize(need);
    need -= answers_filled_;
  } else {
    need = answers_worth_waking_for();
    need = need > answers_filled_ ? need - answers_filled_ : 1;
  }
  receive_armed_ = true;
  armed_at_least_ = need;
  link_.receive(std::span(answers_).subspan(answers_filled_), need);
  if (!requests_.empty() && !linger_timer_.armed()) linger_timer_.set(loop_.now() + settings_.answer_linger);
}

void Target::hurry_answers() {
  if (requests_.empty() || !receive_armed_ || armed_at_least_ <= 1) return;
  armed_at_least_ = 1;
  link_.set_at_least(1);
}

void Target::on_link_received(std::size_t size) {
  receive_armed_ = false;
  linger_timer_.cancel();
  answers_filled_ += size;
  std::span<const std::byte> left(answers_.data(), answers_filled_);
  while (left.size() >= size_prefix && link_.is_ready()) {
    const std::int32_t frame_size = net::read_int32(left.first<4>());
    if (frame_size < 4 || static_cast<std::size_t>(frame_size) > largest_answer_bytes) {
      link_.fail(fmt::format("answer of {} bytes", frame_size));
      return;
    }
    if (left.size() < size_prefix + static_cast<std::size_t>(frame_size)) break;
    handle_frame(left.subspan(size_prefix, static_cast<std::size_t>(frame_size)));
    left = left.subspan(size_prefix + static_cast<std::size_t>(frame_size));
  }
  if (!link_.is_ready()) return;
  std::copy(left.begin(), left.end(), answers_.begin());
  answers_filled_ = left.size();
  note_progress();
  locate_waiting();
  renew_session();
  arm_receive();
  source_.handle_target_changed();
}

void Target::handle_frame(std::span<const std::byte> frame) {
  const std::int32_t correlation_id = net::read_int32(frame.first<4>());
  if (requests_.empty() || requests_.front().correlation_id != correlation_id) {
    link_.fail(fmt::format("answer with correlation id {} where {} was due", correlation_id,
                           requests_.empty() ? "none" : std::to_string(requests_.front().correlation_id)));
    return;
  }
  const Request request = requests_.front();
  requests_.pop_front();
  answer_clock_.handle_answer(loop_.now());
  if (request.urgent) --urgent_requests_;
  switch (request.kind) {
    case Request::Kind::produce:
      handle_produce_answer(request, frame);
      break;
    case Request::Kind::log_end:
    case Request::Kind::log_end_again:
      handle_log_ends(request, frame);
      break;
    case Request::Kind::producers:
      handle_producers(request, frame);
      break;
  }
}

void Target::handle_produce_answer(const Request& request, std::span<const std::byte> frame) {
  in_flight_bytes_ -= request.bytes;
  const std::size_t size = frame.size() + size_prefix;
  smallest_answer_ = smallest_answer_ == 0 ? size : std::min(smallest_answer_, size);
  protocol::ProduceResponseReader reader(request.version, frame.subspan(4));
  const bool is_by_id = request.version == protocol::produce_by_id;
  std::uint32_t answered = 0;
  while (reader.next()) {
    Flow* flow =
        is_by_id ? flows_.find(reader.topic_id(), reader.partition()) : flows_.find(reader.topic(), reader.partition());
    const ProduceAnswer answer{.error_code = reader.error_code(),
                               .base_offset = reader.base_offset(),
                               .log_append_time_ms = reader.log_append_time_ms(),
                               .error_message = std::string(reader.error_message()),
                               .record_index = reader.record_index(),
                               .record_message = std::string(reader.record_message())};
    if (flow == nullptr || ++answered > request.batches || !flow->handle_answer(answer, loop_.now())) {
      link_.fail(fmt::format("answer to a Produce request names {}-{}, which was not in it",
                             is_by_id ? reader.topic_id().to_string() : reader.topic(), reader.partition().value()));
      return;
    }
    source_.handle_flow_changed(*flow);
  }
  if (reader.malformed() || answered != request.batches) {
    link_.fail(
        fmt::format("malformed answer to a Produce request ({} of {} partitions answered)", answered, request.batches));
    return;
  }
  throttle(reader.throttle_ms());
}

void Target::throttle(std::int32_t throttle_ms) {
  if (throttle_ms <= 0) return;
  const net::Duration pause = std::chrono::milliseconds(throttle_ms);
  muted_until_ = std::max(muted_until_, loop_.now() + pause);
  answer_clock_.handle_throttle(muted_until_);
  flows_.for_each([&](Flow* flow) {
    flow->progress().target_throttled_ms.fetch_add(static_cast<std::uint64_t>(throttle_ms), std::memory_order_relaxed);
  });
}

Target::Locating* Target::find_locating(std::string_view topic, PartitionIndex partition) {
  for (Locating& entry : locating_) {
    if (entry.flow != nullptr && entry.flow->spec().partition == partition &&
        entry.flow->spec().target_topic == topic) {
      return &entry;
    }
  }
  return nullptr;
}

void Target::give_up_locating(Locating& entry, std::int16_t error_code, const char* question) {
  Flow& flow = *entry.flow;
  entry.flow = nullptr;
  std::string reason = fmt::format("{} answered {} to {} of {}", link_.peer(), protocol::error_name(error_code),
                                   question, flow.spec().target_name());
  ParkCause cause = classify_produce_error(error_code);
  if (error_code == 29) reason += ": grant Read, Write and Describe on the topic to this user";
  source_.settle(flow, cause, std::move(reason));
}

void Target::handle_log_ends(const Request& request, std::span<const std::byte> frame) {
  std::string why;
  const auto answer =
      protocol::decode_response<OffsetForLeaderEpochResponse>(frame, request.version, &why, largest_answer_bytes);
  if (!answer) {
    link_.fail("malformed answer to OffsetForLeaderEpoch: " + why);
    return;
  }
  throttle(answer->throttle_time_ms);
  for (const auto& topic : answer->topics) {
    for (const auto& partition : topic.partitions) {
      Locating* entry = find_locating(topic.topic, partition.partition);
      if (entry == nullptr) continue;
      if (partition.error_code != 0) {
        give_up_locating(*entry, partition.error_code, "OffsetForLeaderEpoch");
      } else if (request.kind == Request::Kind::log_end) {
        entry->log_end = partition.end_offset;
      } else {
        entry->place.log_end = partition.end_offset;
      }
    }
  }
  if (request.kind == Request::Kind::log_end_again) finish_locating();
}

void Target::handle_producers(const Request& request, std::span<const std::byte> frame) {
  std::string why;
  const auto answer =
      protocol::decode_response<DescribeProducersResponse>(frame, request.version, &why, largest_answer_bytes);
  if (!answer) {
    link_.fail("malformed answer to DescribeProducers: " + why);
    return;
  }
  throttle(answer->throttle_time_ms);
  for (const auto& topic : answer->topics) {
    for (const auto& partition : topic.partitions) {
      Locating* entry = find_locating(topic.name, partition.partition_index);
      if (entry == nullptr) continue;
      if (partition.error_code != 0) {
        give_up_locating(*entry, partition.error_code, "DescribeProducers");
        continue;
      }
      for (const auto& producer : partition.active_producers) {
        if (producer.producer_id != entry->flow->spec().identity) continue;
        entry->place.last_sequence = producer.last_sequence;
        entry->place.producer_epoch = producer.producer_epoch;
      }
    }
  }
}

void Target::finish_locating() {
  std::vector<Locating> located;
  located.swap(locating_);
  for (Locating& entry : located) {
    if (entry.flow == nullptr) continue;
    Flow& flow = *entry.flow;
    if (!entry.log_end || entry.place.log_end < protocol::Offset(0)) {
      source_.settle(flow, ParkCause::target_leader,
                     fmt::format("{} does not tell the log end of {}", link_.peer(), flow.spec().target_name()));
    } else if (!flow.spec().is_mapped() && *entry.log_end != entry.place.log_end) {
      to_locate_.push_back(&flow);  // the log grew meanwhile: ask again
    } else {
      flow.handle_located(entry.place, loop_.now());
      source_.handle_flow_changed(flow);
    }
  }
}

}  // namespace shunt::replicate
