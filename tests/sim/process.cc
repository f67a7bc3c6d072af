#include "tests/sim/process.h"

#include <utility>

#include <boost/asio/post.hpp>

namespace shunt::sim {

namespace asio = boost::asio;
using replicate::Parked;

namespace {

// Of a process with several of them; where there is one, the control plane runs beside it.
constexpr double sleep_probability = 0.02;
constexpr std::int64_t longest_sleep_us = 5000;

}  // namespace

Process::Process(Network& network, replicate::ReplicationSettings settings, replicate::DataSettings data,
                 std::size_t shards, std::function<bool()> may_go_on)
    : world_(network.world()), may_go_on_(std::move(may_go_on)), control_loop_(network, [this] { stir(); }) {
  const auto sim_network = std::make_shared<SimNetwork>(control_loop_);
  settings.source.client.network = settings.target.client.network = sim_network;
  while (threads_.size() < shards) add_shard(network, data);
  replication_ = std::make_unique<replicate::Replication>(context_.get_executor(), std::move(settings),
                                                          static_cast<replicate::Shards&>(*this));
  asio::co_spawn(context_, replication_->run(), [this](const std::exception_ptr& failure) { handle_end(failure); });
}

Process::~Process() {
  context_.abandon();
}

void Process::add_shard(Network& network, const replicate::DataSettings& data) {
  auto loop = std::make_unique<SimLoop>(network, [this] { stir(); });
  Thread& thread = threads_.emplace_back();
  thread.loop = loop.get();
  replicate::ShardSettings settings;
  settings.data.push_back(data);
  settings.buffer_memory = 4 << 20;
  thread.shard = std::make_unique<replicate::Shard>(std::move(loop), std::move(settings), [this](Parked parked) {
    asio::post(context_,
               [this, parked = std::move(parked)]() mutable { replication_->handle_parked(std::move(parked)); });
    stir();
  });
}

void Process::handle_end(const std::exception_ptr& failure) {
  replication_ended_ = true;
  for (Thread& thread : threads_) thread.shard->stop(true);
  if (!failure) return;
  try {
    std::rethrow_exception(failure);
  } catch (const replicate::ClusterError& error) {
    failure_ = error.what();
    is_contact_lost_ = true;
  } catch (const std::exception& error) {
    failure_ = error.what();
  }
}

void Process::stop() {
  replication_->stop(true);
  for (Thread& thread : threads_) thread.shard->stop(true);
  stir();
}

void Process::assign(replicate::Assignment assignment) {
  replicate::Shard& shard = shard_of(assignment.spec.id);
  shard.assign(std::move(assignment));
}
void Process::settle(replicate::FlowId flow_id, replicate::ParkCause cause, std::string reason) {
  shard_of(flow_id).settle(flow_id, cause, std::move(reason));
}
void Process::leave_broker(replicate::FlowId flow_id, replicate::MirrorSide side, protocol::BrokerId broker,
                           std::string reason) {
  shard_of(flow_id).leave_broker(flow_id, side, broker, std::move(reason));
}

bool Process::turn() {
  world_.set_stir([this] { stir(); });
  if (threads_.size() > 1 && world_.chance(sleep_probability)) {
    Thread& thread =
        threads_[static_cast<std::size_t>(world_.between(0, static_cast<std::int64_t>(threads_.size()) - 1))];
    thread.sleeps_until = world_.now() + world_.micros(1, longest_sleep_us);
    wake_at(thread.sleeps_until);
  }
  bool goes_on = true;
  while (goes_on && is_stirred_) {
    is_stirred_ = false;
    goes_on = control_loop_.run(may_go_on_, [this] {
      control_loop_.run_once(net::Time::max());
      return true;
    });
    if (!goes_on) break;
    context_.restart();
    context_.poll();
    for (Thread& thread : threads_) goes_on = goes_on && turn(thread);
  }
  world_.set_stir({});
  for (Thread& thread : threads_) {
    if (goes_on) plan_wake_up(thread);
  }
  return goes_on;
}

bool Process::turn(Thread& thread) {
  if (world_.now() < thread.sleeps_until) return true;
  return thread.loop->run(may_go_on_, [&thread] {
    thread.has_ended = !thread.shard->run_once(net::Time::max());
    return !thread.has_ended;
  });
}

void Process::plan_wake_up(Thread& thread) {
  const net::Time due = std::max(thread.loop->wake_at(), thread.sleeps_until);
  if (thread.has_ended || due == net::Time::max() || (thread.planned <= due && thread.planned > world_.now())) return;
  thread.planned = due;
  wake_at(due);
}

void Process::wake_at(net::Time time) {
  world_.at(time, [this, alive = std::weak_ptr<int>(alive_)] {
    if (!alive.expired()) stir();
  });
}

replicate::MirrorStatus Process::status() const {
  replicate::MirrorStatus status;
  status.discovering = false;
  replication_->append_status(status);
  status.fatal = failure_;
  return status;
}

}  // namespace shunt::sim
