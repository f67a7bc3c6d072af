#include "replicate/admin/group_survey.h"

#include <algorithm>
#include <map>
#include <set>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "replicate/control/target_identity.h"

namespace shunt::replicate {

using net::Awaitable;
using protocol::Offset;

namespace {

template <class Visit>
void for_each_partition(GroupsSurvey& survey, Visit visit) {
  for (SurveyedGroup& group : survey.groups) {
    for (GroupPartition& partition : group.partitions) visit(partition);
  }
}

}  // namespace

GroupSurvey::GroupSurvey(Cluster& source, Cluster& target, GroupSurveySettings settings, AskPlaces ask)
    : source_(source), target_(target), settings_(std::move(settings)), ask_(std::move(ask)), coordinators_(source) {
  if (settings_.may_map)
    maps_.emplace(settings_.offset_syncs_on_target ? target : source, settings_.offset_syncs_topic);
  for (const NeighbourSettings& neighbour : settings_.neighbours)
    neighbours_.push_back(std::make_unique<Neighbour>(target, source.executor(), neighbour));
}

GroupSurvey::Neighbour::Neighbour(Cluster& survey_target, const net::asio::any_io_executor& executor,
                                  const NeighbourSettings& wanted)
    : settings(wanted),
      source(executor, settings.source),
      survey(std::make_unique<GroupSurvey>(source, survey_target, *settings.survey)) {}

void GroupSurvey::close() {
  for (const auto& neighbour : neighbours_) neighbour->source.close();
}

Awaitable<GroupsSurvey> GroupSurvey::make() {
  GroupsSurvey survey;
  co_await collect(survey);
  if (survey.groups.empty()) co_return survey;
  co_await translate_all(survey);
  co_await judge_ends(survey);
  for (const auto& neighbour : neighbours_) co_await share_with(*neighbour, survey);
  co_return survey;
}

/// Groups with their offsets on mirrored topics.
Awaitable<> GroupSurvey::collect(GroupsSurvey& survey) {
  co_await source_.refresh();
  GroupList listed = co_await list_groups(source_);
  coordinators_.learn(listed);
  survey.failures = std::move(listed.failures);
  std::vector<std::string> ids;
  std::vector<std::string> share_ids;
  for (const auto& [id, group] : listed.groups) {
    if (settings_.selects(id)) (group.is_share() ? share_ids : ids).push_back(id);
  }
  accept(co_await committed_offsets(coordinators_, std::move(ids)), false, survey);
  if (share_ids.empty()) co_return;
  accept(co_await share_group_offsets(coordinators_, std::move(share_ids)), true, survey);
  std::ranges::sort(survey.groups, {}, &SurveyedGroup::id);
}

void GroupSurvey::accept(const GroupAnswers<CommittedOffsets>& answers, bool is_share, GroupsSurvey& survey) const {
  std::map<std::string, std::optional<std::string>, std::less<>>
      target_topics;  // of source topics; empty: not mirrored
  for (const auto& [id, answered] : answers) {
    if (!answered.value) {
      survey.failures.push_back(fmt::format("offsets of group {}: {}", id, answered.reason));
      continue;
    }
    SurveyedGroup group{.id = id, .is_share = is_share, .partitions = {}};
    for (const auto& [source, committed] : *answered.value) {
      auto known = target_topics.find(source.topic);
      if (known == target_topics.end()) {
        const auto name =
            settings_.mirrors(source.topic) ? std::optional(settings_.target_topic(source.topic)) : std::nullopt;
        known = target_topics.emplace(source.topic, name).first;
      }
      if (!known->second) continue;
      GroupPartition& partition = group.partitions.emplace_back();
      partition.source = source;
      partition.target = {*known->second, source.partition};
      partition.source_offset = committed.offset;
      partition.metadata = committed.metadata;
    }
    if (!group.partitions.empty()) survey.groups.push_back(std::move(group));
  }
}

Awaitable<> GroupSurvey::translate_all(GroupsSurvey& survey) {
  std::set<std::string> topics;
  for_each_partition(survey, [&topics](const GroupPartition& one) { topics.insert(one.target.topic); });
  std::vector<std::string> names(topics.begin(), topics.end());
  co_await target_.refresh_topics(std::move(names));
  std::set<TopicPartition> concerned;
  const MirroredPlaces places = ask_ ? ask_() : MirroredPlaces();
  for_each_partition(survey, [&](GroupPartition& one) {
    if (ask_ && !places.contains(one.source)) {
      one.reason = "the mirror has no place in it";
    } else if (target_.find_partition(one.target) != nullptr) {
      concerned.insert(one.target);
    } else {
      one.reason = fmt::format("{} has no partition {}", target_.alias(), one.target.to_string());
    }
  });
  const std::vector<TopicPartition> asked(concerned.begin(), concerned.end());
  const auto starts = co_await log_starts(target_, asked, many_leaders);
  const auto ends = co_await readable_ends(target_, asked, Isolation::read_uncommitted, many_leaders);
  if (maps_) co_await maps_->read();
  for_each_partition(survey, [&](GroupPartition& one) {
    if (!one.reason.empty()) return;
    const auto start = starts.find(one.target);
    const auto end = ends.find(one.target);
    if (start == starts.end() || end == ends.end()) return;
    const Extent extent{.start = start->second.value,
                        .end = end->second.value,
                        .reason = start->second.value ? end->second.reason : start->second.reason};
    translate(one, extent);
  });
}

void GroupSurvey::translate(GroupPartition& partition, const Extent& extent) const {
  if (!extent.start || !extent.end) {
    partition.reason = extent.reason;
    return;
  }
  partition.target_end = *extent.end;
  const Offset source = partition.source_offset;
  Offset target = source;
  partition.fit = Fit::exact;
  if (maps_) {
    const std::string& name = partition.target.topic;
    const OffsetMap* map =
        maps_->find(partition.source, target_identity(settings_.tag, target_.find_topic(name), name, partition.source));
    partition.is_mapped = map != nullptr;
    if (map == nullptr && settings_.offsets == OffsetsMode::mapped) {
      partition.fit = Fit::unknown;
      partition.reason = "there is no map of its offsets yet";
      return;
    }
    if (map != nullptr) {
      const MapTip& begin = map->blocks().front().begin();
      const bool was_identical = source < begin.source && begin.source == begin.target;
      // What lies before on the target may hold copies of what the group has not read: MirrorMaker 2's, where this mirror
      // has taken over from it.
      if (source < begin.source && !was_identical && begin.target > *extent.start) {
        partition.fit = Fit::unknown;
        partition.reason = fmt::format("its map of offsets begins at {}", begin.source.value());
        return;
      }
      if (!was_identical) target = map->translate(source);
    }
  }
  if (target < *extent.start) partition.fit = Fit::before_start;
  if (target > *extent.end) partition.fit = Fit::not_copied;
  partition.target_offset = std::max(*extent.start, std::min(target, *extent.end));
}

/// Of what lies behind what was copied: whether the source itself has it.
Awaitable<> GroupSurvey::judge_ends(GroupsSurvey& survey) {
  std::set<TopicPartition> beyond;
  for_each_partition(survey, [&beyond](const GroupPartition& one) {
    if (one.fit == Fit::not_copied) beyond.insert(one.source);
  });
  if (beyond.empty()) co_return;
  std::set<std::string> topics;
  for (const TopicPartition& partition : beyond) topics.insert(partition.topic);
  std::vector<std::string> names(topics.begin(), topics.end());
  co_await source_.refresh_topics(std::move(names));
  const std::vector<TopicPartition> asked(beyond.begin(), beyond.end());
  const auto ends = co_await readable_ends(source_, asked, Isolation::read_uncommitted, many_leaders);
  for_each_partition(survey, [&ends](GroupPartition& one) {
    if (one.fit != Fit::not_copied) return;
    const auto end = ends.find(one.source);
    if (end != ends.end() && end->second.value && one.source_offset > *end->second.value) one.fit = Fit::past_end;
  });
}

// ---- Neighbours -----------------------------------------------------------------------------------------------------

Awaitable<> GroupSurvey::share_with(Neighbour& neighbour, GroupsSurvey& survey) {
  std::map<std::string, bool, std::less<>> topics;  // of the target: whether it may write them
  const auto may_write = [&](const std::string& topic) {
    const auto known = topics.find(topic);
    return known != topics.end() ? known->second
                                 : topics.emplace(topic, neighbour.settings.may_write(topic)).first->second;
  };
  bool is_concerned = false;
  for_each_partition(survey,
                     [&](const GroupPartition& one) { is_concerned = may_write(one.target.topic) || is_concerned; });
  if (!is_concerned) co_return;
  std::string failure;
  try {
    neighbour.last = co_await neighbour.survey->make();
    if (!neighbour.last->failures.empty()) failure = neighbour.last->failures.front();
  } catch (const std::runtime_error& error) {  // ClusterError, LogError, net::BrokerError
    failure = error.what();
    survey.failures.push_back(fmt::format("groups of {} on the same topics: {}", neighbour.settings.flow, failure));
    // What was heard of it is behind where its groups are by now.
    if (neighbour.last) failure.clear();
  }
  std::map<std::pair<std::string, TopicPartition>, const GroupPartition*> theirs;
  if (neighbour.last) {
    for (const SurveyedGroup& group : neighbour.last->groups) {
      for (const GroupPartition& one : group.partitions) theirs[{group.id, one.target}] = &one;
    }
  }
  for (SurveyedGroup& group : survey.groups) {
    for (GroupPartition& one : group.partitions) {
      if (one.target_offset < Offset(0) || !may_write(one.target.topic)) continue;
      const auto found = theirs.find({group.id, one.target});
      const GroupPartition* their = found == theirs.end() ? nullptr : found->second;
      if (their == nullptr && failure.empty()) continue;
      const bool must_map = !one.is_mapped || neighbour.settings.survey->offsets == OffsetsMode::mapped;
      if (their != nullptr && must_map && !their->is_mapped) continue;
      one.is_shared = true;
      if (their == nullptr || their->target_offset < Offset(0)) {
        one.fit = Fit::unknown;
        one.target_offset = Offset(-1);
        one.reason = fmt::format("whether it is before that by {} is not known: {}", neighbour.settings.flow,
                                 their == nullptr ? failure : their->reason);
      } else if (their->target_offset < one.target_offset) {
        one.fit = Fit::shared;
        one.target_offset = their->target_offset;
        one.reason = fmt::format("by {} it is at {} of {}, which is {} on {}", neighbour.settings.flow,
                                 their->source_offset.value(), their->source.to_string(), their->target_offset.value(),
                                 target_.alias());
      }
    }
  }
}

}  // namespace shunt::replicate
