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
    case Fit::shared:
      return fmt::format("at {} on {}, and {}: put there, for records of both flows are on {} from there on", at,
                         source, partition.reason, target);
    case Fit::exact:
    case Fit::unknown:
      break;
  }
  return {};
}

}  // namespace

GroupSync::GroupSync(Cluster& source, Cluster& target, GroupSyncSettings settings, AskPlaces ask)
    : settings_(std::move(settings)), target_(target), planner_(source, target, settings_, std::move(ask)) {
  status_.flow = settings_.flow;
}

Awaitable<> GroupSync::perform() {
  GroupRound round = co_await planner_.work_out();
  if (settings_.writes_groups) co_await commit(round);
  set_checkpoints(round);
  tell(round);
  const std::size_t stored = co_await planner_.checkpoints().store();
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

Awaitable<> GroupSync::commit(GroupRound& round) {
  auto answers = co_await commit_offsets(planner_.coordinators(), round.to_commit);
  if (!round.to_commit_shared.empty())
    answers.merge(co_await set_share_group_offsets(planner_.coordinators(), round.to_commit_shared));
  for (const SurveyedGroup& group : round.survey.groups) {
    const auto answer = answers.find(group.id);
    if (answer == answers.end()) continue;
    if (answer->second.value) {
      note_commit(round, group, *answer->second.value);
    } else if (answer->second.may_retry) {
      round.postpone(group.id, answer->second.reason);
    } else {
      round.refuse(group.id, answer->second.reason + grant_for(answer->second.error_code, settings_.user));
    }
  }
}

void GroupSync::note_commit(GroupRound& round, const SurveyedGroup& group, const CommitErrors& said) {
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
      round.refuse(group.id, fmt::format("{} answers {} to its offset for {}{}", target_.alias(),
                                         protocol::error_name(answered->second), partition.target.to_string(),
                                         grant_for(answered->second, settings_.user)));
    }
  }
}

// ---- Telling --------------------------------------------------------------------------------------------------------

void GroupSync::set_checkpoints(const GroupRound& round) {
  for (const SurveyedGroup& group : round.survey.groups) {
    for (const GroupPartition& partition : group.partitions) {
      if (partition.target_offset < Offset(0)) continue;
      const auto settled = round.settled.find({group.id, partition.target});
      planner_.checkpoints().set({.group = group.id,
                                  .topic = partition.target.topic,
                                  .partition = partition.target.partition,
                                  .source = partition.source_offset,
                                  .target = partition.target_offset,
                                  .metadata = partition.metadata,
                                  .committed = settled == round.settled.end()
                                                   ? planner_.question_of(round, group.id, partition).committed
                                                   : std::optional(settled->second)});
    }
  }
}

void GroupSync::tell(GroupRound& round) {
  if (planner_.checkpoints().unreadable() > 0 && !std::exchange(is_complaint_told_, true)) {
    spdlog::warn("{}: {} records of the checkpoints topic make no sense, the last one: {}", settings_.flow,
                 planner_.checkpoints().unreadable(), planner_.checkpoints().last_complaint());
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
void GroupSync::tell_fits(const GroupRound& round) {
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
