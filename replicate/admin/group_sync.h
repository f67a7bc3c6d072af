// Carries the positions of a flow's consumer groups over: into checkpoints, as MirrorMaker 2 does, and, where that is asked
// for, into the groups on the target themselves, so that their consumers go on there at exactly the next record.
//
// A group that is active on the target belongs to its members and is left alone; brokers see to that, whatever was known
// when it was looked up (OffsetCommit without a member: UNKNOWN_MEMBER_ID). What one group is refused holds up no other.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "replicate/admin/duty.h"
#include "replicate/admin/group_round.h"
#include "replicate/status.h"

namespace shunt::replicate {

class GroupSync final : public Duty {
 public:
  /// Clusters must outlive it.
  GroupSync(Cluster& source, Cluster& target, GroupSyncSettings settings, AskPlaces ask);

  [[nodiscard]] const char* name() const override { return "group offsets"; }
  [[nodiscard]] net::Duration interval() const override { return settings_.interval; }
  [[nodiscard]] bool is_due_at_the_end() const override { return true; }
  net::Awaitable<> perform() override;
  void close() override { planner_.close(); }
  void append_status(MirrorStatus& status) const override;

 private:
  net::Awaitable<> commit(GroupRound& round);
  void note_commit(GroupRound& round, const SurveyedGroup& group, const CommitErrors& errors);
  void set_checkpoints(const GroupRound& round);
  void tell(GroupRound& round);
  void tell_fits(const GroupRound& round);

  const GroupSyncSettings settings_;
  Cluster& target_;
  GroupPlanner planner_;

  std::map<std::string, GroupState> states_;  // as they were told
  std::map<std::string, std::string> refusals_;
  /// Partitions that are not exact, with the offset and how often they were met so.
  struct Misfit {
    Fit fit{};
    protocol::Offset source;
    int rounds = 0;
    bool is_told = false;
  };
  std::map<std::pair<std::string, TopicPartition>, Misfit> misfits_;

  bool is_complaint_told_ = false;

  mutable std::mutex mutex_;
  GroupsStatus status_;  // guarded by mutex_
};

}  // namespace shunt::replicate
