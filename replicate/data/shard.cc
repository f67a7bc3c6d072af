#include "replicate/data/shard.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace shunt::replicate {

namespace {

constexpr std::size_t small_chunk_bytes = 16 * 1024;
constexpr std::size_t large_chunk_bytes = 1024 * 1024;
// The share of the memory that idle connections wait with.
constexpr std::size_t small_share = 8;

constexpr auto longest_wait = std::chrono::seconds(1);

std::size_t large_chunks(std::size_t memory) {
  return std::max<std::size_t>(2, (memory - memory / small_share) / large_chunk_bytes);
}

}  // namespace

Shard::Shard(std::unique_ptr<net::Loop> loop, ShardSettings settings, std::function<void(Parked)> parked)
    : loop_(std::move(loop)),
      settings_(std::move(settings)),
      parked_(std::move(parked)),
      small_chunks_(*loop_, small_chunk_bytes,
                    std::max<std::size_t>(2, settings_.buffer_memory / small_share / small_chunk_bytes)),
      large_chunks_(*loop_, large_chunk_bytes, large_chunks(settings_.buffer_memory)) {}

Shard::~Shard() = default;

void Shard::assign(Assignment assignment) {
  {
    const std::lock_guard lock(mutex_);
    inbox_.assignments.push_back(std::move(assignment));
  }
  loop_->wake();
}

void Shard::settle(FlowId flow_id, ParkCause cause, std::string reason) {
  {
    const std::lock_guard lock(mutex_);
    inbox_.settles.push_back({.flow_id = flow_id, .cause = cause, .reason = std::move(reason)});
  }
  loop_->wake();
}

void Shard::leave_broker(FlowId flow_id, MirrorSide side, protocol::BrokerId broker, std::string reason) {
  {
    const std::lock_guard lock(mutex_);
    inbox_.departures.push_back({.flow_id = flow_id, .side = side, .broker = broker, .reason = std::move(reason)});
  }
  loop_->wake();
}

void Shard::stop(bool graceful) {
  {
    const std::lock_guard lock(mutex_);
    inbox_.stop = graceful ? std::max(inbox_.stop, Inbox::Stop::graceful) : Inbox::Stop::at_once;
  }
  loop_->wake();
}

void Shard::run() {
  while (run_once(loop_->now() + longest_wait)) {
  }
}

bool Shard::run_once(net::Time latest) {
  read_inbox();
  if (stopping_ == Inbox::Stop::at_once || (stopping_ == Inbox::Stop::graceful && flows_.empty())) {
    if (!closed_) {
      closed_ = true;
      for (auto& [key, source] : sources_) source->close("shunt is stopping");
    }
    if (std::all_of(sources_.begin(), sources_.end(), [](const auto& entry) { return entry.second->is_down(); })) {
      return false;
    }
  }
  loop_->run_once(latest);
  publish_counters();
  return true;
}

void Shard::read_inbox() {
  Inbox inbox;
  {
    const std::lock_guard lock(mutex_);
    std::swap(inbox, inbox_);
  }
  const bool stop_asked = inbox.stop > stopping_;
  stopping_ = std::max(stopping_, inbox.stop);
  for (Assignment& assignment : inbox.assignments) {
    if (stopping_ != Inbox::Stop::no) {
      parked_(
          {.flow_id = assignment.spec.id, .cause = ParkCause::stopped, .reason = {}, .standing = assignment.standing});
      continue;
    }
    const FlowId id = assignment.spec.id;
    const protocol::BrokerId broker = assignment.route.source.broker;
    std::unique_ptr<Source>& source = sources_[{id.replication, broker}];
    if (!source) {
      source = std::make_unique<Source>(*loop_, Pools{.small = small_chunks_, .large = large_chunks_},
                                        settings_.data.at(id.replication), broker, [this](Flow& flow) { park(flow); });
    }
    auto flow =
        std::make_unique<Flow>(std::move(assignment.spec), assignment.route, assignment.standing, assignment.compared);
    Flow& added = *flow;
    flows_[id] = std::move(flow);
    source->add(added);
  }
  for (Settle& settle : inbox.settles) {
    const auto flow = flows_.find(settle.flow_id);
    if (flow != flows_.end()) flow->second->source->settle(*flow->second, settle.cause, std::move(settle.reason));
  }
  for (const Departure& departure : inbox.departures) {
    const auto found = flows_.find(departure.flow_id);
    if (found == flows_.end()) continue;
    Flow& flow = *found->second;
    if (flow.route().of(departure.side).broker != departure.broker) continue;
    flow.source->leave_broker(flow, departure.side, departure.reason);
  }
  if (stop_asked && stopping_ == Inbox::Stop::graceful) {
    std::vector<FlowId> ids;  // settling may park a flow, which leaves flows_
    ids.reserve(flows_.size());
    for (const auto& [id, flow] : flows_) ids.push_back(id);
    for (const FlowId id : ids) {
      const auto flow = flows_.find(id);
      if (flow != flows_.end()) flow->second->source->settle(*flow->second, ParkCause::stopped, {});
    }
  }
}

void Shard::park(Flow& flow) {
  const FlowId id = flow.spec().id;
  Parked parked = flow.park();
  if (parked.cause == ParkCause::source_connection || parked.cause == ParkCause::target_connection) {
    counters_.connections_lost.fetch_add(1, std::memory_order_relaxed);
  }
  flows_.erase(id);
  parked_(std::move(parked));
}

void Shard::publish_counters() {
  const net::Loop::Counters& counters = loop_->counters();
  counters_.loop_waits.store(counters.waits, std::memory_order_relaxed);
  counters_.receive_calls.store(counters.receive_calls, std::memory_order_relaxed);
  counters_.send_calls.store(counters.send_calls, std::memory_order_relaxed);
}

}  // namespace shunt::replicate
