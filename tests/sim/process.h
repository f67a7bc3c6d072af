// One shunt process on the simulated network: the control plane (replicate/control/replication.h, on an Asio context that
// is only ever polled) and one shard, as they are; what replicate/mirror.cc does with threads is done in turns here.
//
// Destroying it is a crash: coroutines and connections go where they stand, and nothing leaves any more that had not left.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "replicate/control/replication.h"
#include "replicate/data/shard.h"
#include "replicate/status.h"
#include "tests/sim/channel.h"
#include "tests/sim/network.h"

namespace shunt::sim {

class Process final : private replicate::Shards {
 public:
  /// `settings.source.client.network` and the target's are filled in. `may_go_on` is asked before every event (a
  /// connection stands, bytes have come, bytes have left, of either plane): when it says no, the process stops dead, and
  /// is to be destroyed.
  Process(
      Network& network, replicate::ReplicationSettings settings, replicate::DataSettings data, std::size_t shards = 1,
      std::function<bool()> may_go_on = [] { return true; });
  ~Process() override;
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  /// Does what there is to do now. False: `may_go_on` has said no.
  bool turn();
  [[nodiscard]] bool is_stirred() const { return is_stirred_; }

  /// As SIGTERM does.
  void stop();
  /// Both planes have come to their end; failure() says why, if it was not stop().
  [[nodiscard]] bool has_ended() const {
    return replication_ended_ && std::ranges::all_of(threads_, [](const Thread& thread) { return thread.has_ended; });
  }
  [[nodiscard]] const std::string& failure() const { return failure_; }
  /// The failure is one that a process may end with: no cluster answers.
  [[nodiscard]] bool is_contact_lost() const { return is_contact_lost_; }

  [[nodiscard]] replicate::MirrorStatus status() const;

 private:
  void assign(replicate::Assignment assignment) override;
  void settle(replicate::FlowId flow_id, replicate::ParkCause cause, std::string reason) override;
  void leave_broker(replicate::FlowId flow_id, replicate::MirrorSide side, protocol::BrokerId broker,
                    std::string reason) override;
  /// Of a shard.
  struct Thread {
    SimLoop* loop = nullptr;  // the shard's
    std::unique_ptr<replicate::Shard> shard;
    bool has_ended = false;
    net::Time planned = net::Time::max();  // the next wake-up for its timers
    net::Time sleeps_until{};              // the machine runs others
  };

  void add_shard(Network& network, const replicate::DataSettings& data);
  replicate::Shard& shard_of(replicate::FlowId flow_id) { return *threads_[flow_id.number % threads_.size()].shard; }
  bool turn(Thread& thread);
  void wake_at(net::Time time);
  void stir() { is_stirred_ = true; }
  void handle_end(const std::exception_ptr& failure);
  void plan_wake_up(Thread& thread);

  World& world_;
  const std::function<bool()> may_go_on_;
  bool is_stirred_ = true;
  bool replication_ended_ = false;
  std::string failure_;
  bool is_contact_lost_ = false;
  std::shared_ptr<int> alive_ = std::make_shared<int>();

  Context context_;
  SimLoop control_loop_;
  std::deque<Thread> threads_;
  std::unique_ptr<replicate::Replication> replication_;
};

}  // namespace shunt::sim
