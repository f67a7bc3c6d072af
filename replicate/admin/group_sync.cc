#include "replicate/admin/group_sync.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include "net/machine.h"
#include "protocol/error.h"
#include "protocol/messages/offset_commit.h"

namespace shunt::replicate {

using net::Awaitable;
using protocol::Offset;

namespace errors = protocol::errors;

namespace {

constexpr std::size_t most_names = 5;
constexpr std::size_t most_lines = 20;
constexpr std::size_t most_refused = 100;

/// "a, b, c and 12 more".
std::string some_of(const std::vector<std::string>& names) {
  const std::size_t shown = std::min(names.size(), most_names);
  const std::vector<std::string> first(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(shown));
  return fmt::format("{}{}", fmt::join(first, ", "),
                     names.size() > shown ? fmt::format(" and {} more", names.size() - shown) : "");
}

/// The group has members: nobody else may commit for it.
bool is_of_members(std::int16_t error_code) {
  return error_code == errors::unknown_member_id || error_code == errors::illegal_generation ||
         error_code == errors::stale_member_epoch || error_code == errors::non_empty_group;
}

std::string fit_text(const GroupPartition& partition, const std::string& source, const std::string& target) {
  const auto at = partition.source_offset.value();
  switch (partition.fit) {
    case Fit::before_start:
      return fmt::format("at {} on {}, and {} begins at {}: put there", at, source, target,
                         partition.target_offset.value());
    case Fit::not_copied:
      return fmt::format("at {} on {}, and the mirror has come to {} on {}: put there until it has come further", at,
                         source, partition.target_offset.value(), target);
    case Fit::past_end:
      return fmt::format("at {} on {}, behind the end of its log: put at {}, the end of {}", at, source,
                         partition.target_offset.value(), target);
    case Fit::exact:
    case Fit::unknown:
      break;
  }
  return {};
}

}  // namespace

struct GroupSync::Round {
  GroupsSurvey survey;
  std::int64_t now_ms = 0;
  std::map<std::string, GroupState> states;
  std::map<std::string, std::string> refusals;  // why
  std::vector<std::string> failures;            // what is tried again
  std::map<std::string, CommittedOffsets> to_commit;
  std::map<std::string, CommittedOffsets> to_commit_shared;  // of share groups
  /// What was done about them, or found to be done.
  std::map<std::pair<std::string, TopicPartition>, Checkpoint::Committed> settled;
  std::uint64_t committed = 0;

  void settle(const std::string& group, const GroupPartition& partition) {
    settled[{group, partition.target}] = {
        .source = partition.source_offset, .target = partition.target_offset, .time_ms = now_ms};
  }
  void refuse(const std::string& group, std::string reason) {
    states[group] = GroupState::refused;
    refusals[group] = std::move(reason);
  }
  void postpone(const std::string& group, const std::string& reason) {
    states[group] = GroupState::waiting;
    failures.push_back(fmt::format("group {}: {}", group, reason));
  }
};

GroupSync::GroupSync(Cluster& source, Cluster& target, GroupSyncSettings settings, AskPlaces ask)
    : settings_(std::move(settings)),
      target_(target),
      survey_(source, target, settings_.survey, std::move(ask)),
      coordinators_(target),
      checkpoints_(target, settings_.checkpoints) {
  status_.flow = settings_.flow;
}

Awaitable<> GroupSync::perform() {
  co_await checkpoints_.load(settings_.survey.selects);
  Round round;
  round.survey = co_await survey_.make();
  round.now_ms = net::unix_ms();
  round.failures = round.survey.failures;
  if (settings_.writes_groups) co_await write_groups(round);
  set_checkpoints(round);
  tell(round);
  const std::size_t stored = co_await checkpoints_.store();
  {
    const std::lock_guard lock(mutex_);
    status_.checkpoints += stored;
  }
  if (round.failures.empty()) co_return;
  throw ClusterError(some_of(round.failures));
}

void GroupSync::append_status(MirrorStatus& status) const {
  const std::lock_guard lock(mutex_);
  status.groups.push_back(status_);
}

// ---- Groups on the target -------------------------------------------------------------------------------------------

Awaitable<> GroupSync::write_groups(Round& round) {
  co_await target_.refresh();
  const GroupList list = co_await list_groups(target_);
  coordinators_.learn(list);
  round.failures.insert(round.failures.end(), list.failures.begin(), list.failures.end());
  co_await find_there(round, list);
  co_await commit(round);
}

GroupQuestion GroupSync::question_of(const Round& round, const std::string& group,
                                     const GroupPartition& partition) const {
  const Checkpoint* known = checkpoints_.find(group, partition.target);
  return {.source = partition.source_offset,
          .target = partition.target_offset,
          .committed = known == nullptr ? std::nullopt : known->committed,
          .now_ms = round.now_ms};
}

/// Of groups that may be written, and that there is news of.
Awaitable<> GroupSync::find_there(Round& round, const GroupList& list) {
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
    GroupState& state = round.states[group.id];
    if (std::ranges::none_of(group.partitions, is_known)) {
      state = GroupState::waiting;
    } else if (!is_absent && listed->second.is_active()) {
      state = GroupState::active;
    } else if (is_absent && !list.failures.empty()) {
      state = GroupState::waiting;  // it may be with the broker that could not be asked
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
      round.refuse(id, answered.reason);
    }
  }
}

void GroupSync::decide_group(Round& round, const SurveyedGroup& group, const CommittedOffsets& there) {
  for (const GroupPartition& partition : group.partitions) {
    if (partition.target_offset < Offset(0)) continue;
    const GroupQuestion question = question_of(round, group.id, partition);
    if (!is_due(question)) continue;
    const auto found = there.find(partition.target);
    const auto offset = found == there.end() ? std::nullopt : std::optional(found->second.offset);
    switch (decide(question, offset, settings_.may_rewind)) {
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

Awaitable<> GroupSync::commit(Round& round) {
  auto answers = co_await commit_offsets(coordinators_, round.to_commit);
  if (!round.to_commit_shared.empty())
    answers.merge(co_await set_share_group_offsets(coordinators_, round.to_commit_shared));
  for (const SurveyedGroup& group : round.survey.groups) {
    const auto answer = answers.find(group.id);
    if (answer == answers.end()) continue;
    if (answer->second.value) {
      note_commit(round, group, *answer->second.value);
    } else if (answer->second.may_retry) {
      round.postpone(group.id, answer->second.reason);
    } else {
      round.refuse(group.id, answer->second.reason);
    }
  }
}

void GroupSync::note_commit(Round& round, const SurveyedGroup& group, const CommitErrors& said) {
  round.states[group.id] = GroupState::current;
  for (const GroupPartition& partition : group.partitions) {
    const auto answered = said.find(partition.target);
    if (answered == said.end()) continue;
    if (answered->second == 0) {
      round.settle(group.id, partition);
      ++round.committed;
    } else if (is_of_members(answered->second)) {
      round.states[group.id] = GroupState::active;
    } else {
      round.refuse(group.id, fmt::format("{} answers {} to its offset for {}", target_.alias(),
                                         protocol::error_name(answered->second), partition.target.to_string()));
    }
  }
}

// ---- Telling --------------------------------------------------------------------------------------------------------

void GroupSync::set_checkpoints(const Round& round) {
  for (const SurveyedGroup& group : round.survey.groups) {
    for (const GroupPartition& partition : group.partitions) {
      if (partition.target_offset < Offset(0)) continue;
      const auto settled = round.settled.find({group.id, partition.target});
      checkpoints_.set({.group = group.id,
                        .topic = partition.target.topic,
                        .partition = partition.target.partition,
                        .source = partition.source_offset,
                        .target = partition.target_offset,
                        .metadata = partition.metadata,
                        .committed = settled == round.settled.end() ? question_of(round, group.id, partition).committed
                                                                    : std::optional(settled->second)});
    }
  }
}

void GroupSync::tell(Round& round) {
  if (checkpoints_.unreadable() > 0 && !std::exchange(is_complaint_told_, true)) {
    spdlog::warn("{}: {} records of the checkpoints topic make no sense, the last one: {}", settings_.flow,
                 checkpoints_.unreadable(), checkpoints_.last_complaint());
  }
  std::vector<std::string> active;
  std::vector<std::string> deleted;
  std::vector<std::string> taken;
  std::map<std::string, std::vector<std::string>> refused;  // by reason
  for (const auto& [group, state] : round.states) {
    const auto before = states_.find(group);
    const bool is_news = before == states_.end() || before->second != state;
    if (state == GroupState::active && is_news) active.push_back(group);
    if (state == GroupState::deleted && is_news) deleted.push_back(group);
    if (state == GroupState::current && before != states_.end() && before->second == GroupState::refused)
      taken.push_back(group);
    if (state == GroupState::refused && (is_news || refusals_[group] != round.refusals[group]))
      refused[round.refusals[group]].push_back(group);
  }
  const std::string& target = target_.alias();
  if (!active.empty())
    spdlog::info("{}: active on {}, and left to their members: group {}", settings_.flow, target, some_of(active));
  if (!deleted.empty()) {
    spdlog::info("{}: deleted on {}, and not written again until they move on the source: group {}", settings_.flow,
                 target, some_of(deleted));
  }
  for (const auto& [reason, groups] : refused) {
    spdlog::warn("{}: offsets of group {} are not taken: {}", settings_.flow, some_of(groups), reason);
  }
  if (!taken.empty()) spdlog::info("{}: offsets are taken again of group {}", settings_.flow, some_of(taken));
  tell_fits(round);

  GroupsStatus status;
  for (const auto& [group, state] : round.states) ++status.groups.at(static_cast<std::size_t>(state));
  for (const SurveyedGroup& group : round.survey.groups) {
    for (const GroupPartition& partition : group.partitions) {
      ++status.partitions;
      if (partition.fit == Fit::before_start) ++status.before_start;
      if (partition.fit == Fit::not_copied) ++status.not_copied;
      if (partition.fit == Fit::past_end) ++status.past_end;
    }
  }
  for (const auto& [group, reason] : round.refusals) {
    if (status.refused.size() < most_refused) status.refused.push_back({.group = group, .reason = reason});
  }
  states_ = std::move(round.states);
  refusals_ = std::move(round.refusals);
  const std::lock_guard lock(mutex_);
  status.flow = settings_.flow;
  status.committed = status_.committed + round.committed;
  status.checkpoints = status_.checkpoints;
  status_ = std::move(status);
}

/// What the mirror has not copied yet is mostly there a moment later: told when a group that stands still meets it again.
void GroupSync::tell_fits(const Round& round) {
  std::map<std::pair<std::string, TopicPartition>, Misfit> misfits;
  std::size_t lines = 0;
  std::size_t more = 0;
  for (const SurveyedGroup& group : round.survey.groups) {
    for (const GroupPartition& partition : group.partitions) {
      if (partition.fit == Fit::exact || partition.fit == Fit::unknown) continue;
      Misfit misfit{.fit = partition.fit, .source = partition.source_offset};
      const auto before = misfits_.find({group.id, partition.target});
      if (before != misfits_.end() && before->second.fit == partition.fit) {
        misfit.is_told = before->second.is_told;
        misfit.rounds = before->second.source == partition.source_offset ? before->second.rounds + 1 : 0;
      }
      if (!misfit.is_told && (partition.fit != Fit::not_copied || misfit.rounds > 0)) {
        misfit.is_told = true;
        if (++lines <= most_lines) {
          spdlog::info("{}: group {}, {}: {}", settings_.flow, group.id, partition.source.to_string(),
                       fit_text(partition, settings_.source, target_.alias()));
        } else {
          ++more;
        }
      }
      misfits[{group.id, partition.target}] = misfit;
    }
  }
  if (more > 0)
    spdlog::info("{}: {} more offsets of groups are not where the target can have them", settings_.flow, more);
  misfits_ = std::move(misfits);
}

}  // namespace shunt::replicate
