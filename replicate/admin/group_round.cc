#include "replicate/admin/group_round.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "net/machine.h"
#include "protocol/error.h"

namespace shunt::replicate {

using net::Awaitable;
using protocol::Offset;

void GroupRound::settle(const std::string& group, const GroupPartition& partition) {
  settled[{group, partition.target}] = {
      .source = partition.source_offset, .target = partition.target_offset, .time_ms = now_ms};
}

void GroupRound::refuse(const std::string& group, std::string reason) {
  states[group] = GroupState::refused;
  refusals[group] = std::move(reason);
}

void GroupRound::postpone(const std::string& group, const std::string& reason) {
  states[group] = GroupState::waiting;
  failures.push_back(fmt::format("group {}: {}", group, reason));
}

std::string grant_for(std::int16_t error_code, const std::string& user) {
  const bool is_of_group = error_code == protocol::errors::group_authorization_failed;
  if (!is_of_group && error_code != protocol::errors::topic_authorization_failed) return {};
  return fmt::format("; grant Read on the {} there to {}", is_of_group ? "group" : "topic", user);
}

GroupPlanner::GroupPlanner(Cluster& source, Cluster& target, const GroupSyncSettings& settings, AskPlaces ask)
    : settings_(settings),
      target_(target),
      survey_(source, target, settings_.survey, std::move(ask)),
      coordinators_(target),
      checkpoints_(target, settings_.checkpoints) {}

Awaitable<GroupRound> GroupPlanner::work_out() {
  co_await checkpoints_.load(settings_.survey.selects);
  GroupRound round;
  round.survey = co_await survey_.make();
  round.now_ms = net::unix_ms();
  round.failures = round.survey.failures;
  if (!settings_.writes_groups) co_return round;
  co_await target_.refresh();
  const GroupList list = co_await list_groups(target_);
  coordinators_.learn(list);
  round.failures.insert(round.failures.end(), list.failures.begin(), list.failures.end());
  co_await find_there(round, list);
  co_return round;
}

GroupQuestion GroupPlanner::question_of(const GroupRound& round, const std::string& group,
                                        const GroupPartition& partition) const {
  const Checkpoint* known = checkpoints_.find(group, partition.target);
  return {.source = partition.source_offset,
          .target = partition.target_offset,
          .committed = known == nullptr ? std::nullopt : known->committed,
          .now_ms = round.now_ms,
          .is_shared = partition.is_shared};
}

/// Of groups that may be written, and that there is news of.
Awaitable<> GroupPlanner::find_there(GroupRound& round, const GroupList& list) {
  std::vector<std::string> to_ask;
  std::vector<std::string> share_to_ask;
  std::map<std::string, const SurveyedGroup*> groups;
  for (const SurveyedGroup& group : round.survey.groups) {
    const auto is_known = [](const GroupPartition& one) { return one.target_offset >= Offset(0); };
    const auto is_news = [&](const GroupPartition& one) {
      return is_known(one) && is_due(question_of(round, group.id, one));
    };
    const auto listed = list.groups.find(group.id);
    const bool is_absent = listed == list.groups.end();
    const bool may_be_there = is_absent && !list.failures.empty();  // with the broker that could not be asked
    GroupState& state = round.states[group.id];
    if (may_be_there || std::ranges::none_of(group.partitions, is_known)) {
      state = GroupState::waiting;
    } else if (!is_absent && listed->second.is_active()) {
      state = GroupState::active;
    } else if (std::ranges::none_of(group.partitions, is_news)) {
      state = is_absent ? GroupState::deleted : GroupState::current;
    } else {
      state = GroupState::current;
      groups[group.id] = &group;
      (group.is_share ? share_to_ask : to_ask).push_back(group.id);
    }
  }
  auto there = co_await committed_offsets(coordinators_, std::move(to_ask));
  if (!share_to_ask.empty()) there.merge(co_await share_group_offsets(coordinators_, std::move(share_to_ask)));
  for (const auto& [id, answered] : there) {
    if (answered.value) {
      decide_group(round, *groups.at(id), *answered.value);
    } else if (answered.may_retry) {
      round.postpone(id, answered.reason);
    } else {
      round.refuse(id, answered.reason + grant_for(answered.error_code, settings_.user));
    }
  }
}

void GroupPlanner::decide_group(GroupRound& round, const SurveyedGroup& group, const CommittedOffsets& there) const {
  for (const GroupPartition& partition : group.partitions) {
    if (partition.target_offset < Offset(0)) continue;
    const GroupQuestion question = question_of(round, group.id, partition);
    if (!is_due(question)) continue;
    const auto found = there.find(partition.target);
    const auto offset = found == there.end() ? std::nullopt : std::optional(found->second.offset);
    const GroupDecision decision = decide(question, offset, settings_.may_rewind);
    round.decisions[{group.id, partition.target}] = decision;
    switch (decision) {
      case GroupDecision::write:
        (group.is_share ? round.to_commit_shared : round.to_commit)[group.id][partition.target] = {
            .offset = partition.target_offset, .metadata = partition.metadata};
        break;
      case GroupDecision::deleted:
        if (there.empty()) round.states[group.id] = GroupState::deleted;
        round.settle(group.id, partition);
        break;
      case GroupDecision::nothing:
      case GroupDecision::ahead:
      case GroupDecision::moved:
        round.settle(group.id, partition);
        break;
    }
  }
}

}  // namespace shunt::replicate
