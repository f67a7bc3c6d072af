// Carries the positions of a flow's consumer groups over: into checkpoints, as MirrorMaker 2 does, and, where that is asked
// for, into the groups on the target themselves, so that their consumers go on there at exactly the next record.
//
// A group that is active on the target belongs to its members and is left alone; brokers see to that, whatever was known
// when it was looked up (OffsetCommit without a member: UNKNOWN_MEMBER_ID). What one group is refused holds up no other.
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "replicate/admin/checkpoints.h"
#include "replicate/admin/duty.h"
#include "replicate/admin/group_decision.h"
#include "replicate/admin/group_survey.h"
#include "replicate/status.h"

namespace shunt::replicate {

struct GroupSyncSettings {
  std::string flow;               // "A->B"
  std::string source;             // its alias
  std::chrono::seconds interval;  // the smaller one of both below, as far as they are on
  bool writes_groups = false;     // sync.group.offsets.enabled
  bool may_rewind = false;        // shunt.group.offsets.rewind
  CheckpointsSettings checkpoints;
  GroupSurveySettings survey;
};

class GroupSync final : public Duty {
 public:
  /// Clusters must outlive it.
  GroupSync(Cluster& source, Cluster& target, GroupSyncSettings settings, AskPlaces ask);

  [[nodiscard]] const char* name() const override { return "group offsets"; }
  [[nodiscard]] net::Duration interval() const override { return settings_.interval; }
  [[nodiscard]] bool is_due_at_the_end() const override { return true; }
  net::Awaitable<> perform() override;
  void append_status(MirrorStatus& status) const override;

 private:
  struct Round;

  net::Awaitable<> write_groups(Round& round);
  net::Awaitable<> find_there(Round& round, const GroupList& list);
  net::Awaitable<> commit(Round& round);
  void decide_group(Round& round, const SurveyedGroup& group, const CommittedOffsets& there);
  void note_commit(Round& round, const SurveyedGroup& group, const CommitErrors& errors);
  [[nodiscard]] GroupQuestion question_of(const Round& round, const std::string& group,
                                          const GroupPartition& partition) const;
  void set_checkpoints(const Round& round);
  void tell(Round& round);
  void tell_fits(const Round& round);

  const GroupSyncSettings settings_;
  Cluster& target_;
  GroupSurvey survey_;
  Coordinators coordinators_;  // of the target
  Checkpoints checkpoints_;

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
