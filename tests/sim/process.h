// One shunt process on the simulated network: the control plane (replicate/control/replication.h, on an Asio context that
// is only ever polled) and one shard, as they are; what replicate/mirror.cc does with threads is done in turns here.
//
// Destroying it is a crash: coroutines and connections go where they stand, and nothing leaves any more that had not left.
#pragma once

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
      Network& network, replicate::ReplicationSettings settings, replicate::DataSettings data,
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
  [[nodiscard]] bool has_ended() const { return replication_ended_ && shard_ended_; }
  [[nodiscard]] const std::string& failure() const { return failure_; }
  /// The failure is one that a process may end with: no cluster answers.
  [[nodiscard]] bool is_contact_lost() const { return is_contact_lost_; }

  [[nodiscard]] replicate::MirrorStatus status() const;

 private:
  void assign(replicate::Assignment assignment) override;
  void settle(replicate::FlowId flow_id, replicate::ParkCause cause, std::string reason) override;
  void stir() { is_stirred_ = true; }
  void handle_end(const std::exception_ptr& failure);
  void plan_wake_up();

  World& world_;
  const std::function<bool()> may_go_on_;
  bool is_stirred_ = true;
  bool replication_ended_ = false;
  bool shard_ended_ = false;
  std::string failure_;
  bool is_contact_lost_ = false;
  net::Time planned_ = net::Time::max();  // the next wake-up for the shard's timers
  std::shared_ptr<int> alive_ = std::make_shared<int>();

  Context context_;
  SimLoop control_loop_;
  SimLoop* shard_loop_ = nullptr;  // the shard's
  std::unique_ptr<replicate::Shard> shard_;
  std::unique_ptr<replicate::Replication> replication_;
};

}  // namespace shunt::sim
