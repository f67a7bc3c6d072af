#include "replicate/data/source.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include <fmt/format.h>

#include "net/wire_size.h"
#include "protocol/error.h"
#include "protocol/messages/fetch.h"
#include "protocol/request.h"

namespace shunt::replicate {

using protocol::BrokerId;
using protocol::FetchStream;
using protocol::Offset;

namespace {

// Size prefix and correlation id: what every answer begins with.
constexpr std::size_t answer_head = 8;

// How often deadlines are looked at.
constexpr auto tick_interval = std::chrono::milliseconds(500);

/// The broker has no such session any more, and another one is to be opened.
bool is_end_of_session(std::int16_t error_code) {
  switch (error_code) {
    case 70:   // FETCH_SESSION_ID_NOT_FOUND
    case 71:   // INVALID_FETCH_SESSION_EPOCH
    case 106:  // FETCH_SESSION_TOPIC_ID_ERROR: the broker has been upgraded to ids, or away from them
      return true;
    default:
      return false;
  }
}

}  // namespace

Source::Source(net::Loop& loop, Pools pools, const DataSettings& settings, BrokerId broker,
               std::function<void(Flow&)> parked)
    : loop_(loop),
      pools_(pools),
      settings_(settings),
      broker_(broker),
      parked_(std::move(parked)),
      link_(loop, settings.source_link, *this, fmt::format("source broker {}", broker.value())),
      session_(settings.source.fetch),
      retry_timer_(loop, [this] { fetch(); }),
      tick_timer_(loop, [this] { tick(); }) {}

// ---- Flows ----------------------------------------------------------------------------------------------------------

Target& Source::target_for(const Route::Side& side) {
  std::unique_ptr<Target>& target = targets_[side.broker];
  if (!target) {
    target = std::make_unique<Target>(*this, loop_, side.broker, settings_.target, settings_.target_link);
  }
  return *target;
}

void Source::add(Flow& flow) {
  flow.source = this;
  flow.target = &target_for(flow.route().target);
  session_.add(flow);
  flow.progress().is_source_silent.store(is_silent_, std::memory_order_relaxed);
  if (link_.is_down()) {
    last_progress_ = loop_.now();
    tick_timer_.set(loop_.now() + tick_interval);
    link_.open(flow.route().source.endpoint, flow.route().source.host);
  }
  flow.target->add(flow);
}

void Source::leave_broker(Flow& flow, MirrorSide side, const std::string& reason) {
  if (side == MirrorSide::source) {
    link_.fail(reason);
  } else {
    flow.target->close(reason);
  }
}

void Source::settle(Flow& flow, ParkCause cause, std::string reason) {
  flow.settle(cause, std::move(reason));
  handle_flow_changed(flow);
}

void Source::handle_flow_changed(Flow& flow) {
  session_.touch(flow);
  if (flow.state() == FlowState::settling) settled_.push_back(&flow);
  // A chunk being parsed may still point to the flow; consume() calls again when it is through.
  if (in_consume_) return;
  park_settled();
  fetch();
}

void Source::park_settled() {
  std::vector<Flow*> settled;
  settled.swap(settled_);
  std::sort(settled.begin(), settled.end(), [](const Flow* a, const Flow* b) { return a->spec().id < b->spec().id; });
  settled.erase(std::unique(settled.begin(), settled.end()), settled.end());
  for (Flow* flow : settled) {
    if (!flow->ready_to_park()) continue;  // the target calls again with the last answer
    if (current_ == flow) {
      current_ = nullptr;
      forwarding_ = false;
    }
    session_.remove(*flow);
    flow->target->remove(*flow);
    parked_(*flow);  // destroys it
  }
}

void Source::handle_target_changed() {
  if (in_consume_) return;
  if (reading_ == Reading::waiting_for_target && !blocked()) read_more();
  fetch();
}

void Source::handle_target_lost(Target& target, const std::vector<Flow*>& flows) {
  if (current_ != nullptr && current_->target == &target) forwarding_ = false;
  for (Flow* flow : flows) {
    session_.touch(*flow);
    settled_.push_back(flow);
  }
  park_settled();
  handle_target_changed();
}

bool Source::blocked() const {
  return std::any_of(targets_.begin(), targets_.end(), [](const auto& entry) { return entry.second->blocked(); });
}

void Source::close(const std::string& reason) {
  link_.fail(reason);
  for (auto& [broker, target] : targets_) target->close(reason);
}

bool Source::is_down() const {
  return link_.is_down() &&
         std::all_of(targets_.begin(), targets_.end(), [](const auto& entry) { return entry.second->is_down(); });
}

// ---- Connection -----------------------------------------------------------------------------------------------------

void Source::on_link_ready() {
  const auto speaks = [this](std::int16_t version) {
    return link_.versions().supports(protocol::FetchRequest::api.key, version);
  };
  if (!speaks(FetchStream::by_name)) {
    link_.fail(
        fmt::format("the broker does not speak Fetch version {} (Kafka 2.3 and later do)", FetchStream::by_name));
    return;
  }
  session_.set_knows_ids(speaks(FetchStream::by_id));
  last_progress_ = loop_.now();
  fetch();
}

void Source::on_link_down(const std::string& reason) {
  tick_timer_.cancel();
  retry_timer_.cancel();
  reading_ = Reading::idle;
  request_sending_ = false;
  answer_.reset();
  chunk_ = {};
  current_ = nullptr;
  forwarding_ = false;
  session_.reset();
  muted_until_ = {};
  is_silent_ = false;
  for (auto& [broker, target] : targets_) target->abandon_open_batch(reason);
  std::vector<Flow*> lost;
  session_.flows().for_each([&](Flow* flow) { lost.push_back(flow); });
  for (Flow* flow : lost) {
    flow->settle(link_.was_refused() ? ParkCause::source_authentication : ParkCause::source_connection, reason);
    settled_.push_back(flow);
  }
  park_settled();
}

void Source::on_link_sent() {
  request_sending_ = false;
  if (link_.session_ends()) fetch();
}

void Source::tick() {
  tick_timer_.set(loop_.now() + tick_interval);
  const bool is_fetching = reading_ == Reading::awaiting || reading_ == Reading::receiving;
  const net::Duration silent = loop_.now() - last_progress_;
  const net::Duration usual = std::chrono::milliseconds(settings_.source.fetch.max_wait_ms);
  note_silence((!link_.is_ready() || is_fetching) && silent > usual + settings_.source.silence_noticed);
  if (!link_.is_ready() || !is_fetching) return;
  if (silent > settings_.source.stall_timeout) {
    link_.fail(fmt::format("no data for {} s in the middle of a fetch",
                           std::chrono::duration_cast<std::chrono::seconds>(silent).count()));
  } else if (silent > settings_.source.stall_timeout / 4 && reading_ == Reading::receiving) {
    link_.set_at_least(1);  // a slow source is not a silent one: take what there is
  }
}

void Source::note_silence(bool is_silent) {
  if (std::exchange(is_silent_, is_silent) == is_silent) return;
  session_.flows().for_each(
      [&](Flow* flow) { flow->progress().is_source_silent.store(is_silent, std::memory_order_relaxed); });
}

// ---- Fetching -------------------------------------------------------------------------------------------------------

void Source::fetch() {
  if (reading_ != Reading::idle || request_sending_ || !link_.is_ready()) return;
  if (link_.session_ends()) {
    link_.reauthenticate();
    return;
  }
  if (loop_.now() < muted_until_) {
    retry_timer_.set(muted_until_);
    return;
  }
  const auto request = session_.next_request(loop_.now(), [](const Flow& flow) { return flow.target->accepts(); });
  if (!request) return;
  request_ = protocol::encode_request(*request, session_.version(), ++correlation_id_, settings_.source_link.client_id);
  request_piece_ = {.iov_base = request_.data(), .iov_len = request_.size()};
  request_sending_ = true;
  link_.send({&request_piece_, 1});
  read_answer();
}

void Source::read_answer() {
  reading_ = Reading::awaiting;
  last_progress_ = loop_.now();
  chunk_ = pools_.small.acquire();
  if (!chunk_) {
    wait_for_chunk(pools_.small);
    return;
  }
  answer_left_ = 0;
  link_.receive(chunk_.bytes(), answer_head);
}

void Source::wait_for_chunk(net::BufferPool& pool) {
  reading_ = Reading::waiting_for_chunk;
  pool.when_available([this, alive = std::weak_ptr<int>(alive_)] {
    if (alive.expired() || reading_ != Reading::waiting_for_chunk) return;
    if (answer_) {
      read_more();
    } else {
      read_answer();
    }
  });
}

void Source::read_more() {
  if (blocked()) {
    reading_ = Reading::waiting_for_target;
    return;
  }
  chunk_ = pools_.large.acquire();
  if (!chunk_) {
    wait_for_chunk(pools_.large);
    return;
  }
  reading_ = Reading::receiving;
  last_progress_ = loop_.now();
  const std::size_t size = std::min(chunk_.bytes().size(), answer_left_);
  link_.receive(chunk_.bytes().first(size), size);
}

void Source::on_link_received(std::size_t size) {
  std::span<const std::byte> bytes = chunk_.bytes().first(size);
  last_progress_ = loop_.now();
  if (reading_ == Reading::awaiting) {
    const auto frame_size = net::read_int32(bytes.first<4>());
    const auto correlation_id = net::read_int32(bytes.subspan<4, 4>());
    if (frame_size < 4 || correlation_id != correlation_id_) {
      link_.fail(fmt::format("answer to a fetch with size {} and correlation id {} instead of {}", frame_size,
                             correlation_id, correlation_id_));
      return;
    }
    answer_.emplace(session_.version(), static_cast<std::size_t>(frame_size) - 4);
    answer_left_ = static_cast<std::size_t>(frame_size) - 4;
    bytes = bytes.subspan(answer_head);
    if (bytes.size() > answer_left_) {
      link_.fail("more bytes than the answer's size says");
      return;
    }
  }
  answer_left_ -= bytes.size();
  consume(bytes);
}

void Source::consume(std::span<const std::byte> bytes) {
  assert(answer_);
  answer_->feed(bytes);
  in_consume_ = true;
  std::string malformed;
  bool done = false;
  for (bool more = true; more;) {
    switch (answer_->next()) {
      case FetchStream::Event::need_more:
        more = false;
        break;
      case FetchStream::Event::response:
        begin_answer();
        break;
      case FetchStream::Event::partition:
        begin_partition();
        break;
      case FetchStream::Event::batch:
        begin_batch();
        break;
      case FetchStream::Event::payload:
        if (forwarding_) current_->target->add_payload(chunk_, answer_->slice());
        break;
      case FetchStream::Event::batch_end:
        forwarding_ = false;
        break;
      case FetchStream::Event::old_format:
        if (current_ != nullptr &&
            current_->handle_other_format(answer_->header_magic(), answer_->header_offset()) == Flow::Verdict::settle) {
          handle_flow_changed(*current_);
        }
        break;
      case FetchStream::Event::partition_end:
        current_ = nullptr;
        break;
      case FetchStream::Event::done:
        done = true;
        more = false;
        break;
      case FetchStream::Event::malformed:
        malformed = answer_->what();
        more = false;
        break;
    }
  }
  if (done) leave_empty_ends();
  in_consume_ = false;
  chunk_ = {};
  if (!malformed.empty()) {
    // What was complete may go; the rest is fetched again.
    flush_targets();
    link_.fail(fmt::format("malformed answer to a fetch: {}", malformed));
    return;
  }
  // The next fetch leaves before the sending, so that the broker works on it meanwhile.
  if (done) end_answer();
  flush_targets();
  park_settled();
  if (done) {
    fetch();
  } else if (link_.is_ready()) {
    read_more();
  }
}

void Source::flush_targets() {
  for (auto& [broker, target] : targets_) target->flush();
}

void Source::begin_answer() {
  answer_has_records_ = false;
  const std::int16_t error_code = answer_->error_code();
  if (answer_->throttle_ms() > 0) {
    muted_until_ = loop_.now() + std::chrono::milliseconds(answer_->throttle_ms());
    const auto throttle_ms = static_cast<std::uint64_t>(answer_->throttle_ms());
    session_.flows().for_each(
        [&](Flow* flow) { flow->progress().source_throttled_ms.fetch_add(throttle_ms, std::memory_order_relaxed); });
  }
  if (session_.handle_answer(error_code, answer_->session_id()) == FetchSession::Outcome::reset &&
      !is_end_of_session(error_code)) {
    link_.fail(fmt::format("fetch refused: {}", protocol::error_name(error_code)));
  }
}

void Source::begin_partition() {
  const FetchStream::Partition& partition = answer_->partition();
  const bool had_records = std::exchange(answer_has_records_, answer_has_records_ || partition.records_size > 0);
  current_ = session_.find(partition);
  forwarding_ = false;
  if (current_ == nullptr) return;
  session_.touch(*current_);
  if (partition.error_code != 0) {
    handle_partition_error(*current_, partition.error_code);
  } else if (partition.last_stable_offset >= Offset(0)) {
    if (!current_->handle_log_bounds(partition.high_watermark, partition.log_start_offset)) {
      handle_flow_changed(*current_);
      return;
    }
    current_->progress().source_end.store(partition.high_watermark.value(), std::memory_order_relaxed);
    current_->progress().stable_end.store(partition.last_stable_offset.value(), std::memory_order_relaxed);
    current_->handle_partition(partition.aborted);
    // The first partition of an answer that has data gets a batch whatever the limits are: with nothing before it, it
    // has none. (Over quota nobody gets any.)
    if (partition.records_size == 0 && !had_records && answer_->throttle_ms() <= 0 &&
        current_->handle_no_data(partition.last_stable_offset) == Flow::Verdict::settle) {
      handle_flow_changed(*current_);
    }
  }
}

/// The same for partitions that an answer leaves out because nothing about them is new (KIP-227).
void Source::leave_empty_ends() {
  if (answer_has_records_ || answer_->throttle_ms() > 0 || answer_->error_code() != 0) return;
  session_.flows().for_each([this](Flow* flow) {
    const Offset end(flow->progress().stable_end.load(std::memory_order_relaxed));
    const bool was_asked_for = flow->session.offset == flow->fetch_position();
    if (was_asked_for && flow->handle_no_data(end) == Flow::Verdict::settle) handle_flow_changed(*flow);
  });
}

void Source::handle_partition_error(Flow& flow, std::int16_t error_code) {
  const ParkCause cause = classify_fetch_error(error_code);
  settle(flow, cause,
         fmt::format("{} answered {} to a fetch of {} at offset {}{}", link_.peer(), protocol::error_name(error_code),
                     flow.spec().source_name(), flow.fetch_position().value(),
                     cause == ParkCause::source_unauthorized ? ": grant Read on the topic to this user" : ""));
}

void Source::begin_batch() {
  forwarding_ = false;
  if (current_ == nullptr) return;
  const protocol::RecordBatchHeader header(answer_->header());
  if (!current_->target->accepts()) {
    current_->interrupt_fetch();
  }
  if (current_->is_place_older_than(loop_.now() - settings_.source.place_trust)) {
    current_->locate_again();
    session_.touch(*current_);
    current_->target->locate_again(*current_);
  }
  protocol::Stamp stamp{};
  switch (current_->gate(header, loop_.now(), stamp)) {
    case Flow::Verdict::skip:
      break;
    case Flow::Verdict::settle:
      handle_flow_changed(*current_);
      break;
    case Flow::Verdict::forward: {
      const auto size = static_cast<std::size_t>(header.size());
      protocol::stamp_record_batch(answer_->header(), stamp);
      current_->target->begin_batch(*current_, answer_->header(), size);
      forwarding_ = true;
      break;
    }
  }
}

void Source::end_answer() {
  answer_.reset();
  current_ = nullptr;
  reading_ = Reading::idle;
  fetch();
}

}  // namespace shunt::replicate
