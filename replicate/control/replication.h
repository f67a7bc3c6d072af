// One direction between two clusters (`A->B` of the configuration), seen from the control plane: which partitions there
// are, which of them run in which shard, and what becomes of those that were parked.
//
//   found --> admitting --> assignable --> running --> parked --> (recovery) --> assignable, admitting, failed, or
//                               ^                                                waiting_for_detour --> detouring --+
//                               +-----------------------------------------------------------------------------------+
//
// Everything runs on the control thread, except append_status().
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "net/asio.h"
#include "replicate/control/admission.h"
#include "replicate/control/cluster.h"
#include "replicate/control/detour.h"
#include "replicate/control/interruptions.h"
#include "replicate/control/recovery.h"
#include "replicate/control/topics.h"
#include "replicate/data/shard.h"
#include "replicate/status.h"

namespace shunt::replicate {

/// Where flows are run.
class Shards {
 public:
  virtual ~Shards() = default;
  virtual void assign(Assignment assignment) = 0;
  virtual void settle(FlowId flow_id, ParkCause cause, std::string reason) = 0;
};

/// What becomes of a partition when records are lost to the mirror.
enum class OnLoss {
  stop,   // until somebody has looked
  go_on,  // behind them: named in the log and counted
};

struct ReplicationSettings {
  std::string name;  // "A->B"
  ClusterSettings source;
  ClusterSettings target;
  TopicSettings topics;
  std::function<bool(std::string_view source_topic)> includes;
  std::function<std::string(std::string_view source_topic)> target_topic;
  std::optional<net::Duration> refresh_interval =
      std::chrono::minutes(5);   // for new topics and partitions; unset: never
  bool start_at_latest = false;  // an empty target partition begins at the source's end, not at its beginning
  net::Duration contact_patience = std::chrono::seconds(10);  // for the first answer of each cluster
  RecoverySettings recovery;
  DetourSettings detours;
  std::int64_t most_padding = 100'000'000;  // offsets of a missing head that are filled without asking
  OnLoss on_overtaken = OnLoss::stop;       // by the source's retention
  net::Duration open_transaction_patience = std::chrono::minutes(1);  // then what holds the mirror back is named
  bool until_caught_up = false;
  std::uint32_t index = 0;  // FlowId::replication of its flows
};

class Replication {
 public:
  Replication(net::asio::any_io_executor executor, ReplicationSettings settings, Shards& shards);

  /// Discovers, admits, assigns, and follows what changes, until stop() or until finished(). Throws ClusterError when a
  /// cluster cannot be reached in the beginning, or when there is nothing to mirror and nothing to wait for.
  net::Awaitable<> run();
  /// Not `graceful`: what is under way is cut off.
  void stop(bool graceful);

  void handle_parked(Parked parked);

  // ---- from any thread ----
  void append_status(MirrorStatus& status) const;

 private:
  enum class Phase { admitting, assignable, running, waiting_for_detour, detouring, done, stopped, failed };
  struct Partition {
    Partition(FlowSpec flow, const Recovery& how) : spec(std::move(flow)), recovery(how) {}
    FlowSpec spec;
    Recovery recovery;
    Phase phase = Phase::admitting;
    net::Time due{};  // admitting, assignable: not before
    std::string reason;
    std::optional<Standing> standing;
    std::optional<HeadFill> head;              // to be filled by the next detour
    std::optional<protocol::Offset> admitted;  // the target's log end when it was compared, until a flow has run
    std::int64_t start = -1;
    std::int64_t goal = -1;
    std::uint64_t interruptions = 0;
    std::unique_ptr<Detour> detour;  // made when the first one is needed
    std::int64_t held_at = -1;       // an open transaction of the source holds the mirror back there; -1: none does
    net::Time held_since{};
    bool is_holder_named = false;
  };

  net::Awaitable<> follow();
  net::Awaitable<> first_contact(Cluster& cluster);
  net::Awaitable<> discover();
  void add_partitions(const TopicResult& topic);
  net::Awaitable<> refresh_stale();
  net::Awaitable<> admit_due();
  net::Awaitable<> assign_due();
  net::Awaitable<std::optional<Route::Side>> locate(Cluster& cluster, const TopicPartition& partition,
                                                    std::map<protocol::BrokerId, net::Endpoint>& known,
                                                    std::string& why);
  void handle_overtaken(Partition& partition, const Admission& admission);
  void plan_head(Partition& partition, protocol::Offset end, const Admission& admission);
  net::Awaitable<> name_open_transactions();
  void begin_detours();
  net::Awaitable<> take_detour(Partition& partition);
  net::Awaitable<> end_detours();
  void finish_caught_up();
  [[nodiscard]] bool all_ended() const;
  [[nodiscard]] net::Time next_due() const;
  void set_phase(Partition& partition, Phase phase, std::string reason = {});
  std::vector<Partition*> due_in(Phase phase);

  const ReplicationSettings settings_;
  const net::asio::any_io_executor executor_;
  Shards& shards_;
  const std::uint16_t tag_;
  Cluster source_;
  Cluster target_;
  net::Signal changed_;
  Interruptions interruptions_;
  bool stopping_ = false;
  std::size_t detours_ = 0;     // under way
  std::exception_ptr failure_;  // of a detour: what it has no name for
  bool stale_source_ = false;
  bool stale_target_ = false;
  net::Time next_discovery_{};
  net::Time next_look_at_transactions_{};
  std::set<std::string> own_topics_;  // of the target, created by this process
  std::set<std::string> named_warnings_;
  std::map<FlowId, Partition*> by_id_;

  mutable std::mutex mutex_;  // guards the following against append_status()
  bool discovered_ = false;
  std::map<TopicPartition, std::unique_ptr<Partition>> partitions_;  // by source topic and partition
  std::map<std::string, std::string> topic_errors_;                  // by source topic
};

}  // namespace shunt::replicate
