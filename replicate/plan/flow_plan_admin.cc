// The part of FlowPlanning that is about what a mirror does beside copying, and about what would break it.
#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "net/machine.h"
#include "protocol/error.h"
#include "replicate/admin/acl_sync.h"
#include "replicate/admin/config_survey.h"
#include "replicate/admin/group_round.h"
#include "replicate/control/flow_rights.h"
#include "replicate/control/mapped_partitions.h"
#include "replicate/control/read_log.h"
#include "replicate/heartbeat.h"
#include "replicate/plan/flow_plan.h"
#include "replicate/plan/limits.h"
#include "replicate/settings.h"

namespace shunt::replicate {

using net::Awaitable;
using protocol::Offset;
using protocol::PartitionIndex;
using Weight = Finding::Weight;
using Action = PlannedTopic::Action;

namespace {

constexpr std::int32_t first_batch_bytes = 1024;
constexpr std::size_t sampled_partitions = 4;  // of a topic

/// A finding of a right, as `shunt check` weighs it.
Finding finding_of(const CheckStep& step, const char* role, const std::string& alias) {
  const Weight weight = step.outcome == CheckOutcome::failed    ? Weight::refused
                        : step.outcome == CheckOutcome::warning ? Weight::warning
                                                                : Weight::note;
  return {.weight = weight, .about = fmt::format("{} {}, {}", role, alias, step.what), .text = step.detail};
}

std::string why_not(GroupDecision decision) {
  switch (decision) {
    case GroupDecision::write:
      return {};
    case GroupDecision::nothing:
      return "it is there already";
    case GroupDecision::ahead:
      return "the group is further on there (shunt.group.offsets.rewind)";
    case GroupDecision::deleted:
      return "it was deleted there, and comes back when it moves on the source";
    case GroupDecision::moved:
      return "it was moved backwards there";
  }
  return {};
}

std::string why_not(GroupState state) {
  switch (state) {
    case GroupState::active:
      return "it has members on the target, and is left to them";
    case GroupState::deleted:
      return why_not(GroupDecision::deleted);
    case GroupState::waiting:
      return "it waits for the mirror, or for a coordinator";
    case GroupState::current:
    case GroupState::refused:
      break;
  }
  return why_not(GroupDecision::nothing);
}

std::int32_t replicas_of(const Cluster& cluster, const std::string& name) {
  const Topic* topic = cluster.find_topic(name);
  return topic == nullptr || topic->partitions.empty() ? -1 : topic->partitions.front().replicas;
}

}  // namespace

// ---- Settings -------------------------------------------------------------------------------------------------------

Awaitable<> FlowPlanning::plan_settings() {
  const auto wanted = administration_settings(flow_).topic_configs;
  std::vector<TopicPair> topics = mirrored(true);
  if (!wanted || topics.empty()) co_return;
  const ConfigFilter filter(wanted->exclude);
  ConfigSurvey survey = co_await survey_configs(source_, target_, topics, filter, wanted->changes);
  for (const ConfigSurvey::Trouble& trouble : survey.troubles) find(Weight::warning, trouble.topic, trouble.reason);
  for (PlannedTopic& topic : plan_.topics) {
    const auto impossible = survey.impossible.find(topic.target);
    if (impossible != survey.impossible.end()) topic.settings_not_taken = impossible->second;
  }
  if (!survey.changes.empty()) co_await ask_for_settings(std::move(survey.changes));
}

/// What the target would take, and what it would refuse: all of a topic's together, or each alone.
Awaitable<> FlowPlanning::ask_for_settings(TopicChanges changes) {
  const auto together = co_await alter_configs(target_, changes, true);
  for (PlannedTopic& topic : plan_.topics) {
    const auto wanted = changes.find(topic.target);
    if (wanted == changes.end() || topic.action == Action::refuse) continue;
    const ConfigAnswer& answer = together.at(topic.target);
    if (answer.error_code != 0 && !answer.is_of_a_setting()) {
      topic.findings.push_back({.weight = Weight::warning, .about = topic.target, .text = answer.reason});
      continue;
    }
    for (const ConfigChange& change : wanted->second) {
      if (answer.error_code != 0) {
        const TopicChanges one{{topic.target, {change}}};
        const auto alone = co_await alter_configs(target_, one, true);
        if (alone.at(topic.target).error_code != 0) {
          topic.settings_not_taken[describe(change)] = alone.at(topic.target).reason;
          continue;
        }
      }
      topic.settings.push_back({.name = change.name, .value = change.value});
    }
  }
}

/// Of the first batch that would be copied of some partitions of each topic: its base timestamp, by source topic.
Awaitable<std::map<std::string, std::int64_t>> FlowPlanning::oldest_records() {
  std::map<std::string, std::int64_t> oldest;
  for (const PlannedTopic& topic : plan_.topics) {
    std::size_t sampled = 0;
    for (const PlannedPartition& partition : topic.partitions) {
      if (partition.is_refused || partition.to_copy() == 0 || sampled >= sampled_partitions) continue;
      const TopicPartition source{topic.source, PartitionIndex(partition.partition)};
      ++sampled;
      try {
        const LogStretch stretch =
            co_await read_log(source_, source, Offset(partition.begin), first_batch_bytes, settings_.detours.isolation);
        if (stretch.error_code != 0 || stretch.batches.empty()) continue;
        const LogBatch& first = stretch.batches.front();
        if (first.kind == BatchKind::old_format || first.header().base_timestamp_ms() < 0) continue;
        const std::int64_t time_ms = first.header().base_timestamp_ms();
        const auto [entry, is_first] = oldest.emplace(topic.source, time_ms);
        if (!is_first) entry->second = std::min(entry->second, time_ms);
      } catch (const std::runtime_error&) {
        continue;  // a limit that cannot be looked at is none that is named
      }
    }
  }
  co_return oldest;
}

Awaitable<> FlowPlanning::look_at_limits() {
  std::set<std::string> source_names;
  std::set<std::string> target_names;
  for (const PlannedTopic& topic : plan_.topics) {
    if (topic.action == Action::refuse) continue;
    source_names.insert(topic.source);
    if (topic.action != Action::create) target_names.insert(topic.target);
  }
  auto of_source = co_await effective_settings(source_, std::move(source_names), limit_settings());
  auto of_target = co_await effective_settings(target_, std::move(target_names), limit_settings());
  const auto oldest = co_await oldest_records();
  for (PlannedTopic& topic : plan_.topics) {
    if (topic.action == Action::refuse) continue;
    LimitQuestion question{.source_topic = topic.source,
                           .target_topic = topic.target,
                           .target = target_.alias(),
                           .of_source = of_source[topic.source],
                           .of_target = of_target[topic.target],
                           .source_replicas = replicas_of(source_, topic.source),
                           .target_replicas = replicas_of(target_, topic.target),
                           .oldest_ms = {},
                           .now_ms = net::unix_ms()};
    if (topic.action == Action::create) {
      question.of_target = results_.at(topic.source).effective_configs;
      question.target_replicas = topic.replication_factor;
    }
    for (const PlannedSetting& setting : topic.settings) {
      if (setting.value) question.of_target[setting.name] = *setting.value;
    }
    if (const auto found = oldest.find(topic.source); found != oldest.end()) question.oldest_ms = found->second;
    const std::vector<Finding> found = find_limits(question);
    topic.findings.insert(topic.findings.end(), found.begin(), found.end());
  }
}

// ---- Access rights --------------------------------------------------------------------------------------------------

Awaitable<> FlowPlanning::plan_acls() {
  const auto wanted = administration_settings(flow_).acls;
  TopicNames names;
  for (TopicPair& topic : mirrored(false)) names.emplace(std::move(topic.source), std::move(topic.target));
  if (!wanted || names.empty()) co_return;
  std::string failure;
  try {
    const auto of_source = co_await read_acls(source_, wanted->rules.groups);
    std::optional<AclBindings> of_target;
    if (of_source) of_target = co_await read_acls(target_, wanted->rules.groups);
    if (!of_source || !of_target) {
      find(Weight::note, "access rights",
           fmt::format("{} has no authorizer: none are carried over", (of_source ? target_ : source_).alias()));
      co_return;
    }
    const AclChanges changes = acl_changes(*of_source, *of_target, {}, names, wanted->rules);
    for (const AclBinding& binding : changes.missing) plan_.granted.push_back(binding.to_string());
    for (const AclBinding& binding : changes.surplus) plan_.removed.push_back(binding.to_string());
    if (changes.wanted.patterns_left_out > 0) {
      find(Weight::note, "access rights",
           fmt::format("{} that stand for several topics or groups at once are left out (shunt.acls.prefixed)",
                       changes.wanted.patterns_left_out));
    }
    for (const std::string& one : changes.wanted.out_of_reach)
      find(Weight::warning, "access rights", "a pattern does not reach the topic under its name there: " + one);
  } catch (const std::runtime_error& error) {
    failure = error.what();
  }
  if (!failure.empty()) find(Weight::warning, "access rights", failure);
}

// ---- Groups ---------------------------------------------------------------------------------------------------------

Awaitable<> FlowPlanning::plan_groups() {
  const auto wanted = administration_settings(flow_).groups;
  if (!wanted) co_return;
  GroupPlanner planner(source_, target_, *wanted, {});
  std::string failure;
  GroupRound round;
  try {
    round = co_await planner.work_out();
  } catch (const std::runtime_error& error) {
    failure = error.what();
  }
  if (!failure.empty()) find(Weight::warning, "groups", failure);
  for (const std::string& reason : round.failures) find(Weight::warning, "groups", reason);
  for (const SurveyedGroup& group : round.survey.groups) {
    for (const GroupPartition& place : group.partitions) {
      PlannedGroup& planned = plan_.groups.emplace_back();
      planned.group = group.id;
      planned.topic = place.source.topic;
      planned.target_topic = place.target.topic;
      planned.partition = place.source.partition.value();
      planned.source_offset = place.source_offset.value();
      planned.target_offset = place.target_offset.value();
      const PlannedTopic* topic = find_topic(place.source.topic);
      const auto index = static_cast<std::size_t>(planned.partition);
      const PlannedPartition* partition =
          topic == nullptr || index >= topic->partitions.size() ? nullptr : &topic->partitions[index];
      const bool is_mirrored = partition != nullptr && !partition->is_refused;
      // Where it will be when all is copied; as long as it is not, the group is put where the mirror has come to.
      const bool is_ahead_of_copy = place.fit == Fit::not_copied || place.fit == Fit::unknown;
      if (is_mirrored && is_ahead_of_copy && partition->offsets == PlannedOffsets::identical &&
          partition->source_end >= 0) {
        planned.target_offset = std::min(std::max(planned.source_offset, partition->begin), partition->source_end);
      }
      const auto decision = round.decisions.find({group.id, place.target});
      const auto state = round.states.find(group.id);
      const auto refusal = round.refusals.find(group.id);
      const bool is_left_alone = state != round.states.end() && state->second == GroupState::active;
      if (!wanted->writes_groups) {
        planned.reason = "group offsets are not written (sync.group.offsets.enabled); checkpoints are";
      } else if (!is_mirrored) {
        planned.reason = "the partition would not be mirrored";
      } else if (refusal != round.refusals.end()) {
        planned.reason = refusal->second;
      } else if (is_left_alone) {
        planned.reason = why_not(GroupState::active);
      } else if (decision != round.decisions.end()) {
        planned.moves = decision->second == GroupDecision::write;
        planned.reason = why_not(decision->second);
      } else if (place.fit == Fit::unknown) {
        planned.moves = true;
      } else {
        planned.reason = why_not(state == round.states.end() ? GroupState::waiting : state->second);
      }
      if (planned.reason.empty() && place.fit == Fit::shared) planned.reason = place.reason;
    }
  }
}

// ---- Rights, and the mirror's own topics ----------------------------------------------------------------------------

Awaitable<> FlowPlanning::check_rights() {
  std::vector<TopicPair> topics;
  for (const PlannedTopic& topic : plan_.topics) {
    if (results_.contains(topic.source)) topics.push_back({.source = topic.source, .target = topic.target});
  }
  const FlowRights rights = co_await check_flow_rights(source_, target_, std::move(topics), flow_, settings_);
  for (const CheckStep& step : rights.of_source) {
    if (step.outcome != CheckOutcome::ok) plan_.findings.push_back(finding_of(step, "source", source_.alias()));
  }
  for (const CheckStep& step : rights.of_target) {
    if (step.outcome != CheckOutcome::ok) plan_.findings.push_back(finding_of(step, "target", target_.alias()));
  }
}

void FlowPlanning::name_own_topics() {
  const AdministrationSettings duties = administration_settings(flow_);
  const auto name = [this](const Cluster& cluster, const std::string& topic) {
    const Topic* known = cluster.find_topic(topic);
    if (known == nullptr || known->error_code == protocol::errors::unknown_topic_or_partition)
      plan_.own_topics.push_back(fmt::format("{}: {}", cluster.alias(), topic));
  };
  if (duties.heartbeats) name(target_, heartbeats_topic);
  if (duties.groups && !duties.groups->checkpoints.topic.empty()) name(target_, duties.groups->checkpoints.topic);
  const bool is_any_mapped = std::ranges::any_of(plan_.topics, [](const PlannedTopic& topic) {
    return std::ranges::any_of(topic.partitions, [](const PlannedPartition& partition) {
      return partition.offsets == PlannedOffsets::mapped && !partition.is_refused;
    });
  });
  if (duties.plain_syncs || is_any_mapped)
    name(settings_.offset_syncs_on_target ? target_ : source_, settings_.offset_syncs.topic);
}

}  // namespace shunt::replicate
