// One direction between two clusters (`A->B` of the configuration), seen from the control plane: which partitions there
// are, which of them run in which shard, and what becomes of those that were parked.
//
//   found --> admitting --> assignable --> running --> parked --> (recovery) --> assignable, admitting, doubtful, or
//                               ^                                                waiting_for_detour --> detouring --+
//                               +-----------------------------------------------------------------------------------+
//
// A partition that can no longer be mirrored as it was is doubtful until both its topics were looked at again, and then
// failed. When a topic is gone, or another one has taken its place, all its partitions are held until that is settled
// (control/mirrored_topic.h).
//
// Whatever has to ask brokers about partitions is a task of its own, for the partitions between two brokers at a time: one
// that hangs holds up nobody else's. A partition that a task has is left alone by all others until that has ended.
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
#include "replicate/condition.h"
#include "replicate/control/admission.h"
#include "replicate/control/beginning.h"
#include "replicate/control/cluster.h"
#include "replicate/control/detour.h"
#include "replicate/control/episodes.h"
#include "replicate/control/failover_marks.h"
#include "replicate/control/known_topics.h"
#include "replicate/control/mapped_partitions.h"
#include "replicate/control/mirrored_partition.h"
#include "replicate/control/mirrored_topic.h"
#include "replicate/control/open_transactions.h"
#include "replicate/control/recovery.h"
#include "replicate/control/topics.h"
#include "replicate/data/shard.h"
#include "replicate/identity.h"
#include "replicate/loop_guard.h"
#include "replicate/offsets_mode.h"
#include "replicate/start_position.h"
#include "replicate/status.h"

namespace shunt::replicate {

/// Where flows are run.
class Shards {
 public:
  virtual ~Shards() = default;
  virtual void assign(Assignment assignment) = 0;
  virtual void settle(FlowId flow_id, ParkCause cause, std::string reason) = 0;
  virtual void leave_broker(FlowId flow_id, MirrorSide side, protocol::BrokerId broker, std::string reason) = 0;
};

struct ReplicationSettings {
  std::string name;  // "A->B"
  ClusterSettings source;
  ClusterSettings target;
  TopicSettings topics;
  std::function<bool(std::string_view source_topic)> includes;
  std::function<std::string(std::string_view source_topic)> target_topic;
  std::optional<net::Duration> refresh_interval =
      std::chrono::minutes(5);  // for new topics and partitions; unset: never
  StartPosition start;          // of a partition that the target has nothing of
  bool copies_records = true;   // false: topics are created and grow, and that is all
  /// The flows by which a topic would come back to the source; empty: it does not. Unset: nobody knows.
  std::function<std::string(std::string_view source_topic)> loop_of;
  std::map<std::string, std::string> topic_mapping;           // for messages
  net::Duration contact_patience = std::chrono::seconds(10);  // for the first answer of each cluster
  RecoverySettings recovery;
  DetourSettings detours;
  std::int64_t most_padding = 100'000'000;  // offsets of a missing head that are filled without asking
  Policies policies;
  net::Duration topic_patience = std::chrono::seconds(10);            // with a cluster that says a topic is gone
  net::Duration open_transaction_patience = std::chrono::minutes(1);  // then what holds the mirror back is named
  OffsetsMode offsets = OffsetsMode::identical;
  LoopPrevention loop_prevention = LoopPrevention::stop;  // where offsets are mapped
  bool adds_source_header = false;                        // source_header.h
  bool offset_syncs_on_target = false;
  OffsetSyncsSettings offset_syncs;  // without the tag
  ConnectOffsetsSettings connect_offsets;
  FailoverMarksSettings failover_marks;
  net::Duration failover_look_interval = std::chrono::seconds(1);  // where it cannot be waited for the mark
  /// It was looked whether the flow has failed over, and it has not; it has. Unset: nobody wants to know.
  std::function<void()> handle_cleared;
  std::function<void()> handle_failed_over;
  bool until_caught_up = false;
  std::uint32_t index = 0;                    // FlowId::replication of its flows
  std::shared_ptr<KnownTopics> known_topics;  // null: nobody asks

  /// Of partitions with mapped offsets.
  [[nodiscard]] LoopGuard loop_guard() const {
    return {.prevention = loop_prevention,
            .tag = flow_tag(target.alias, source.alias),
            .target = adds_source_header ? std::string_view(target.alias) : std::string_view()};
  }
  /// Some partitions may have mapped offsets.
  [[nodiscard]] bool may_map() const {
    if (!copies_records) return false;
    return offsets != OffsetsMode::identical || policies.of(Condition::foreign_writer) == Policy::go_on;
  }
};

class Replication {
 public:
  Replication(const net::asio::any_io_executor& executor, ReplicationSettings settings, Shards& shards);

  /// Discovers, admits, assigns, and follows what changes, until stop() or until finished(). Throws ClusterError when a
  /// cluster cannot be reached in the beginning, or when there is nothing to mirror and nothing to wait for.
  net::Awaitable<> run();
  /// Not `graceful`: what is under way is cut off.
  void stop(bool graceful);

  void handle_parked(const Parked& parked);

  // ---- from any thread ----
  void append_status(MirrorStatus& status) const;

 private:
  using Partition = MirroredPartition;

  /// What is to be asked of a cluster again, topic by topic.
  struct Doubt {
    bool is_stale = false;         // what is known of leaders; of the partitions that wait for one
    std::set<std::string> topics;  // whether they are still there
    bool is_silent = false;        // no broker answers, and that was said
  };

  static constexpr net::Duration retry_after_failure = std::chrono::seconds(1);
  // Of a broker that owes the control plane an answer: longer than a fetch may wait for data.
  static constexpr net::Duration silence_noticed = std::chrono::seconds(1);
  static constexpr net::Duration silence_interval = std::chrono::milliseconds(300);  // between questions then
  static net::Time now() { return net::now(); }

  net::Awaitable<> follow();
  net::Awaitable<> first_contact(Cluster& cluster);
  void say_what_is_due();
  net::Awaitable<> name_open_transactions();
  void set_goal(Partition& partition, protocol::Offset end);
  void finish_caught_up();
  [[nodiscard]] bool all_ended() const;
  [[nodiscard]] net::Time next_due() const;

  // ---- failing over (replication_failover.cc) ----
  static ClusterSettings marks_cluster_settings(ClusterSettings settings);
  [[nodiscard]] bool may_mirror() const { return is_cleared_ && failed_over_.empty(); }
  void begin_look_for_failover();
  net::Awaitable<> look_for_failover();
  void close_failed_over();

  // ---- topics (replication_topics.cc) ----
  net::Awaitable<> discover();
  std::vector<TopicPair> topics_to_prepare() const;
  void refuse_names(std::vector<TopicPair>& pairs);
  void handle_prepared(const TopicResult& result);
  void note_topic_error(const TopicResult& result);
  void add_partitions(const TopicResult& result, std::int32_t already);
  void begin_anew(MirroredTopic& topic, const TopicResult& result);
  net::Awaitable<> ask_again();
  [[nodiscard]] bool waits_for_silent_broker(const Partition& partition, MirrorSide side) const;
  bool add_topics_of_silent_brokers(std::set<std::string>& source_topics, std::set<std::string>& target_topics) const;
  void leave_silent_brokers();
  net::Awaitable<bool> ask_again(Cluster& cluster, Doubt& doubt, std::set<std::string> topics);
  void look_at(MirroredTopic& topic, MirrorSide side);
  void handle_gone(MirroredTopic& topic, MirrorSide side);
  void handle_replaced(MirroredTopic& topic, MirrorSide side, const protocol::Uuid& id);
  [[nodiscard]] bool are_topics_same(MirroredTopic& topic);
  void close(MirroredTopic& topic, Condition condition, std::string reason);
  void hold(Partition& partition, const MirroredTopic& topic);
  void settle_closed();
  void fail(MirroredTopic& topic, const std::string& reason);
  void give_up(MirroredTopic& topic, const std::string& reason);
  void mirror_anew(MirroredTopic& topic);
  void reopen(MirroredTopic& topic);
  void begin_removals();
  net::Awaitable<> remove_target(MirroredTopic& topic);
  std::vector<Partition*> partitions_of(const MirroredTopic& topic);
  [[nodiscard]] protocol::ProducerId identity_of(const MirroredTopic& topic, protocol::PartitionIndex index) const;
  FlowSpec spec_of(const MirroredTopic& topic, protocol::PartitionIndex index);
  Recovery new_recovery() const;

  // ---- admission (replication_admission.cc) ----
  void begin_admissions();
  net::Awaitable<> admit_identical(std::vector<Partition*> due);
  [[nodiscard]] AdmissionQuestion question_of(const Partition& partition,
                                              const Answers<protocol::Offset>& beginnings) const;
  void handle_admission(Partition& partition, const Admission& admission, std::optional<protocol::Offset> readable_end,
                        std::optional<protocol::Offset> begin);
  void start_flow(Partition& partition, const Admission& admission, std::optional<protocol::Offset> begin);
  void fill_head(Partition& partition, const Beginning& beginning, protocol::Offset target_end);
  void refuse(Partition& partition, const std::string& reason, std::optional<Condition> condition = {});
  void note_begun(const Partition& partition);
  void postpone(Partition& partition, const std::string& reason, Condition condition);
  void put_off(Partition& partition, Phase phase, net::Duration pause, const std::string& reason, Condition condition);
  bool is_worth_waiting(Partition& partition, const std::string& reason, Condition condition);
  [[nodiscard]] net::Duration pause_of(Condition condition, net::Duration otherwise) const;

  // ---- mapped offsets (replication_mapped.cc) ----
  void adopt_if_mapped(Partition& partition);
  [[nodiscard]] bool may_map(const Partition& partition) const;
  [[nodiscard]] bool map_behind_others(Partition& partition, const std::string& reason);
  bool goes_over_with_another(Partition& partition);
  void map_offsets(Partition& partition, std::string_view setting, const std::string& reason);
  net::Awaitable<bool> is_too_much_filling(Partition& partition, protocol::Offset start);
  net::Awaitable<> admit_mapped(std::vector<Partition*> due);
  void handle_admission(Partition& partition, const MappedAdmission& admission);
  net::Awaitable<> load_maps();
  net::Awaitable<std::string> why_maps_are_not_current();
  void begin_storing_maps();
  net::Awaitable<> store_maps();
  net::Awaitable<> reload_maps();
  void readmit(Partition& partition, const std::string& reason);
  net::Awaitable<> end_mapped_flows();

  // ---- running ----
  void begin_assignments();
  net::Awaitable<> assign(std::vector<Partition*> due);
  net::Awaitable<> check_source_epochs(std::vector<std::pair<Partition*, Route>> moved);
  net::Awaitable<> assign_mapped(std::vector<std::pair<Partition*, Route>> moved);
  [[nodiscard]] bool is_still_assignable(Partition& partition);
  void assign(Partition& partition, const Route& route);
  void wait_for_leader(Partition& partition, const std::string& reason, Condition condition);
  void handle_left(Partition& partition, const Parked& parked);
  void doubt(Partition& partition, const std::string& reason, std::optional<Condition> condition);
  void handle_failed(Partition& partition);
  void begin_detours();
  net::Awaitable<> take_detour(Partition& partition);

  // ---- tasks ----
  using Work = net::Awaitable<> (Replication::*)(std::vector<Partition*>);
  [[nodiscard]] bool can_begin(const Partition& partition) const;
  std::vector<std::vector<Partition*>> by_leaders(const std::vector<Partition*>& partitions) const;
  void begin_work(std::vector<Partition*> partitions, Work work);
  net::Awaitable<> work_on(std::vector<Partition*> partitions, Work work);
  void release(Partition& partition);
  void begin_task(net::Awaitable<> task);
  net::Awaitable<> end_tasks();

  // ---- conditions ----
  void hold_up(Partition& partition, Condition condition, const std::string& reason);
  void count(const std::string& source_topic, Condition condition);
  void watch_flows();
  void watch_throttling(Partition& partition, Throttling& throttling, std::uint64_t heard_ms, Condition condition);

  void set_phase(Partition& partition, Phase phase, std::string reason = {});
  void set_failed(Partition& partition, std::optional<Condition> condition, const std::string& reason);
  std::vector<Partition*> due_in(Phase phase);

  const ReplicationSettings settings_;
  const net::asio::any_io_executor executor_;
  Shards& shards_;
  const std::uint16_t tag_;
  Cluster source_;
  Cluster target_;
  net::Signal changed_;
  Episodes episodes_;
  bool stopping_ = false;
  bool is_cut_off_ = false;               // stopping, and nothing more is awaited
  std::size_t detours_ = 0;               // under way
  std::size_t admissions_ = 0;            // the same; each is of several partitions
  std::size_t tasks_ = 0;                 // all that is under way
  std::exception_ptr failure_;            // of a task: what it has no name for
  std::optional<Cluster> marks_cluster_;  // the target once more: what waits for a mark holds up nothing else
  std::optional<FailoverMarks> failover_marks_;
  bool is_broker_silent_ = false;  // to a running flow
  net::Time next_silence_question_{};
  net::Time next_look_{};        // for the flow's mark
  bool is_looking_ = false;      // a task is at it
  bool is_cleared_ = true;       // the flow had not failed over when it was looked last
  bool is_look_late_ = false;    // it cannot be told, and that was said
  bool is_mark_hidden_ = false;  // this user may not see it, and that was said
  Doubt source_doubt_;
  Doubt target_doubt_;
  net::Time next_question_{};  // for topics in doubt
  net::Time next_discovery_{};
  bool is_discovery_silent_ = false;  // topics cannot be looked up, and that was said
  net::Time next_watch_{};
  OpenTransactions open_transactions_;
  std::optional<MappedPartitions> mapped_;  // unless all offsets are identical
  bool are_maps_busy_ = false;              // a task has it: its calls are not to overlap
  net::Time next_store_{};
  bool is_store_late_ = false;                   // and that was said
  bool is_unfenced_said_ = false;                // MappedAdmission::is_unfenced
  std::set<std::string> own_topics_;             // of the target, created by this process
  std::set<std::string> named_warnings_;         // of topics
  std::set<std::string> wider_topics_;           // of the target, with more partitions than the source's; said
  std::map<std::string, MirroredTopic> topics_;  // by source topic; none is ever removed
  std::uint32_t next_flow_number_ = 0;
  std::map<FlowId, Partition*> by_id_;

  mutable std::mutex mutex_;  // guards the following against append_status()
  bool discovered_ = false;
  std::string failed_over_;                                          // where to, and when; empty: the flow has not
  std::map<TopicPartition, std::unique_ptr<Partition>> partitions_;  // by source topic and partition
  std::map<std::string, std::string> topic_errors_;                  // by source topic
  std::map<std::pair<std::string, Condition>, std::uint64_t> conditions_;  // how often met, by source topic
};

}  // namespace shunt::replicate
