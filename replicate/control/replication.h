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
#include "replicate/control/mapped_partitions.h"
#include "replicate/control/mirrored_partition.h"
#include "replicate/control/open_transactions.h"
#include "replicate/control/recovery.h"
#include "replicate/control/topics.h"
#include "replicate/data/shard.h"
#include "replicate/offsets_mode.h"
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
  OffsetsMode offsets = OffsetsMode::identical;
  bool offset_syncs_on_target = false;
  OffsetSyncsSettings offset_syncs;  // without the tag
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
  using Partition = MirroredPartition;

  net::Awaitable<> follow();
  net::Awaitable<> first_contact(Cluster& cluster);
  net::Awaitable<> discover();
  void add_partitions(const TopicResult& topic);
  net::Awaitable<> refresh_stale();
  net::Awaitable<> admit_due();
  net::Awaitable<> admit_identical(std::vector<Partition*> partitions);
  net::Awaitable<> admit_mapped(std::vector<Partition*> partitions);
  void handle_admission(Partition& partition, const MappedAdmission& admission);
  void map_offsets(Partition& partition, const std::string& reason);
  [[nodiscard]] bool may_map(const Partition& partition) const;
  net::Awaitable<> load_maps();
  net::Awaitable<> store_maps();
  void readmit(Partition& partition, const std::string& reason);
  net::Awaitable<> end_mapped_flows();
  void handle_admission(Partition& partition, const Admission& admission, std::optional<protocol::Offset> readable_end);
  void start_flow(Partition& partition, const Admission& admission);
  void handle_overtaken(Partition& partition, const Admission& admission);
  void plan_head(Partition& partition, protocol::Offset end, const Admission& admission);
  void fill_head(Partition& partition, const HeadFill& head, protocol::Offset target_end);
  void refuse(Partition& partition, const std::string& reason);
  void postpone(Partition& partition, const std::string& reason);
  net::Awaitable<> assign_due();
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
  bool is_cut_off_ = false;     // stopping, and nothing more is awaited
  std::size_t detours_ = 0;     // under way
  std::exception_ptr failure_;  // of a detour: what it has no name for
  bool stale_source_ = false;
  bool stale_target_ = false;
  net::Time next_discovery_{};
  OpenTransactions open_transactions_;
  std::optional<MappedPartitions> mapped_;  // unless all offsets are identical
  net::Time next_store_{};
  bool is_store_late_ = false;        // and that was said
  std::set<std::string> own_topics_;  // of the target, created by this process
  std::set<std::string> named_warnings_;
  std::map<FlowId, Partition*> by_id_;

  mutable std::mutex mutex_;  // guards the following against append_status()
  bool discovered_ = false;
  std::map<TopicPartition, std::unique_ptr<Partition>> partitions_;  // by source topic and partition
  std::map<std::string, std::string> topic_errors_;                  // by source topic
};

}  // namespace shunt::replicate
