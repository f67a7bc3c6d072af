#include "tests/sim/process.h"

#include <utility>

#include <boost/asio/post.hpp>

namespace shunt::sim {

namespace asio = boost::asio;
using replicate::Parked;

Process::Process(Network& network, replicate::ReplicationSettings settings, replicate::DataSettings data,
                 std::function<bool()> may_go_on)
    : world_(network.world()), may_go_on_(std::move(may_go_on)), control_loop_(network, [this] { stir(); }) {
  const auto sim_network = std::make_shared<SimNetwork>(control_loop_);
  settings.source.client.network = settings.target.client.network = sim_network;
  auto loop = std::make_unique<SimLoop>(network, [this] { stir(); });
  shard_loop_ = loop.get();
  replicate::ShardSettings shard_settings;
  shard_settings.data.push_back(std::move(data));
  shard_settings.buffer_memory = 4 << 20;
  shard_ = std::make_unique<replicate::Shard>(std::move(loop), std::move(shard_settings), [this](Parked parked) {
    asio::post(context_,
               [this, parked = std::move(parked)]() mutable { replication_->handle_parked(std::move(parked)); });
    stir();
  });
  replication_ = std::make_unique<replicate::Replication>(context_.get_executor(), std::move(settings),
                                                          static_cast<replicate::Shards&>(*this));
  asio::co_spawn(context_, replication_->run(), [this](const std::exception_ptr& failure) { handle_end(failure); });
}

Process::~Process() {
  context_.abandon();
}

void Process::handle_end(const std::exception_ptr& failure) {
  replication_ended_ = true;
  shard_->stop(true);
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
  shard_->stop(true);
  stir();
}

void Process::assign(replicate::Assignment assignment) {
  shard_->assign(std::move(assignment));
}
void Process::settle(replicate::FlowId flow_id, replicate::ParkCause cause, std::string reason) {
  shard_->settle(flow_id, cause, std::move(reason));
}

bool Process::turn() {
  world_.set_stir([this] { stir(); });
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
    goes_on = shard_loop_->run(may_go_on_, [this] {
      shard_ended_ = !shard_->run_once(net::Time::max());
      return !shard_ended_;
    });
  }
  world_.set_stir({});
  if (goes_on) plan_wake_up();
  return goes_on;
}

void Process::plan_wake_up() {
  const net::Time due = shard_loop_->wake_at();
  if (shard_ended_ || due == net::Time::max() || (planned_ <= due && planned_ > world_.now())) return;
  planned_ = due;
  world_.at(due, [this, alive = std::weak_ptr<int>(alive_)] {
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
