// What is to be done about the consumer groups of a flow, worked out anew each time and changing nothing: where they are,
// what is there on the target, and what has to be written to which (admin/group_decision.h decides).
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "replicate/admin/checkpoints.h"
#include "replicate/admin/group_decision.h"
#include "replicate/admin/group_survey.h"
#include "replicate/status.h"

namespace shunt::replicate {

struct GroupSyncSettings {
  std::string flow;               // "A->B"
  std::string source;             // its alias
  std::string user;               // as the target's brokers call this process: "User:mirror", or "this user"
  std::chrono::seconds interval;  // the smaller one of both below, as far as they are on
  bool writes_groups = false;     // sync.group.offsets.enabled
  bool may_rewind = false;        // shunt.group.offsets.rewind
  CheckpointsSettings checkpoints;
  GroupSurveySettings survey;
};

struct GroupRound {
  GroupsSurvey survey;
  std::int64_t now_ms = 0;
  std::map<std::string, GroupState> states;
  std::map<std::string, std::string> refusals;  // why
  std::vector<std::string> failures;            // what is tried again
  std::map<std::string, CommittedOffsets> to_commit;
  std::map<std::string, CommittedOffsets> to_commit_shared;  // of share groups
  /// By group and target partition: what was decided, where the target was asked.
  std::map<std::pair<std::string, TopicPartition>, GroupDecision> decisions;
  /// What was done about them, or found to be done.
  std::map<std::pair<std::string, TopicPartition>, Checkpoint::Committed> settled;
  std::uint64_t committed = 0;

  void settle(const std::string& group, const GroupPartition& partition);
  void refuse(const std::string& group, std::string reason);
  void postpone(const std::string& group, const std::string& reason);
};

/// The right on the target that it takes to be answered otherwise, to go behind the reason: "; grant ..."; empty: none.
std::string grant_for(std::int16_t error_code, const std::string& user);

class GroupPlanner {
 public:
  /// Clusters must outlive it; `ask` as GroupSurvey takes it.
  GroupPlanner(Cluster& source, Cluster& target, const GroupSyncSettings& settings, AskPlaces ask);

  /// Where groups are not to be written, the survey alone. Throws ClusterError, LogError, net::BrokerError.
  net::Awaitable<GroupRound> work_out();

  [[nodiscard]] GroupQuestion question_of(const GroupRound& round, const std::string& group,
                                          const GroupPartition& partition) const;
  /// As GroupSurvey.
  void close() { survey_.close(); }
  [[nodiscard]] Checkpoints& checkpoints() { return checkpoints_; }
  [[nodiscard]] Coordinators& coordinators() { return coordinators_; }  // of the target

 private:
  net::Awaitable<> find_there(GroupRound& round, const GroupList& list);
  void decide_group(GroupRound& round, const SurveyedGroup& group, const CommittedOffsets& there) const;

  const GroupSyncSettings settings_;
  Cluster& target_;
  GroupSurvey survey_;
  Coordinators coordinators_;
  Checkpoints checkpoints_;
};

}  // namespace shunt::replicate
