#include "replicate/plan/flow_plan.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "replicate/control/mapped_partitions.h"
#include "replicate/control/topic_names.h"
#include "replicate/identity.h"
#include "replicate/settings.h"

namespace shunt::replicate {

using net::Awaitable;
using Weight = Finding::Weight;
using Action = PlannedTopic::Action;

namespace {

ReplicationSettings planning_settings(const Config& config, const FlowConfig& flow) {
  ReplicationSettings settings = replication_settings(flow);
  settings.loop_of = loop_finder(config, flow);
  return settings;
}

}  // namespace

TopicPartition FlowPlanning::Candidate::source() const {
  return {topic->source, protocol::PartitionIndex(partition->partition)};
}

TopicPartition FlowPlanning::Candidate::target() const {
  return {topic->target, protocol::PartitionIndex(partition->partition)};
}

FlowPlanning::FlowPlanning(const net::asio::any_io_executor& executor, const Config& config, const FlowConfig& flow)
    : flow_(flow),
      settings_(planning_settings(config, flow)),
      source_(executor, settings_.source),
      target_(executor, settings_.target) {
  plan_.flow = flow.name();
  if (!settings_.may_map()) return;
  OffsetSyncsSettings syncs = settings_.offset_syncs;
  syncs.tag = flow_tag(flow.source, flow.target);
  mapped_ = std::make_unique<MappedPartitions>(source_, target_, settings_.offset_syncs_on_target, std::move(syncs),
                                               settings_.connect_offsets, settings_.detours.isolation,
                                               settings_.loop_guard());
}

FlowPlanning::~FlowPlanning() {
  source_.close();
  target_.close();
}

Awaitable<FlowPlan> FlowPlanning::make() {
  const bool is_source_there = co_await reach(source_, "source");
  const bool is_target_there = co_await reach(target_, "target");
  std::string failure;
  try {
    if (is_source_there && is_target_there) co_await gather();
  } catch (const std::runtime_error& error) {  // ClusterError, net::BrokerError, LogError
    failure = error.what();
  }
  if (!failure.empty()) find(Weight::refused, "clusters", failure);
  co_return std::move(plan_);
}

Awaitable<bool> FlowPlanning::reach(Cluster& cluster, const char* role) {
  std::string failure;
  try {
    co_await cluster.refresh_topics();
  } catch (const ClusterError& error) {
    failure = error.what();
  }
  const bool is_reached = failure.empty();
  if (!is_reached) find(Weight::refused, fmt::format("{} {}", role, cluster.alias()), failure);
  co_return is_reached;
}

Awaitable<> FlowPlanning::look_for_failover() {
  FailoverMarks marks(target_, settings_.failover_marks);
  std::optional<FailoverMark> mark;
  std::string failure;
  try {
    mark = co_await marks.read();
  } catch (const UnauthorizedError&) {
    co_return;  // the missing right is named with the others
  } catch (const std::runtime_error& error) {
    failure = error.what();
  }
  if (!failure.empty()) find(Weight::warning, "failover", failure);
  if (mark) find(Weight::refused, "failover", "the flow has " + failed_over_text(*mark, target_.alias()));
}

Awaitable<> FlowPlanning::gather() {
  co_await look_for_failover();
  std::vector<TopicPair> pairs = choose_topics();
  co_await plan_topics(std::move(pairs));
  if (settings_.copies_records) co_await plan_partitions();
  co_await plan_settings();
  co_await look_at_limits();
  co_await plan_acls();
  co_await plan_groups();
  co_await check_rights();
  name_own_topics();
}

/// Selected, and under names that they can have; those that cannot are in the plan as refused.
std::vector<TopicPair> FlowPlanning::choose_topics() {
  std::vector<TopicPair> pairs = selected_topics(source_, settings_.includes, settings_.target_topic);
  if (pairs.empty()) {
    find(Weight::warning, "topics",
         fmt::format("none of {} topics that can be seen on {} is selected by `topics` and `topics.exclude`; a mirror "
                     "would wait for one",
                     source_.topics().size(), source_.alias()));
  }
  std::map<std::string, std::string> refused = refused_names(pairs, settings_.loop_of, target_.alias());
  const bool is_one_cluster = !source_.id().empty() && source_.id() == target_.id();
  for (const TopicPair& pair : pairs) {
    if (is_one_cluster && pair.source == pair.target)
      refused[pair.source] =
          fmt::format("{} is the source cluster itself, and the topic would be copied onto itself", target_.alias());
    if (!refused.contains(pair.source)) continue;
    PlannedTopic& topic = plan_.topics.emplace_back();
    topic.source = pair.source;
    topic.target = pair.target;
    topic.action = Action::refuse;
    topic.reason = refused[pair.source];
  }
  std::erase_if(pairs, [&refused](const TopicPair& pair) { return refused.contains(pair.source); });
  return pairs;
}

Awaitable<> FlowPlanning::plan_topics(std::vector<TopicPair> pairs) {
  const std::vector<TopicResult> results =
      co_await replicate::plan_topics(source_, target_, std::move(pairs), settings_.topics);
  for (const TopicResult& result : results) {
    add_topic(result);
    results_[result.topic.source] = result;
  }
  std::ranges::sort(plan_.topics, {}, &PlannedTopic::source);
}

PlannedTopic& FlowPlanning::add_topic(const TopicResult& result) {
  PlannedTopic& topic = plan_.topics.emplace_back();
  topic.source = result.topic.source;
  topic.target = result.topic.target;
  topic.source_partitions = result.source_partitions;
  topic.target_partitions = result.target_partitions;
  const auto say = [&topic](Weight weight, const std::string& text) {
    topic.findings.push_back({.weight = weight, .about = topic.target, .text = text});
  };
  for (const std::string& warning : result.warnings) say(Weight::warning, warning);
  switch (result.outcome) {
    case TopicOutcome::ready:
      break;
    case TopicOutcome::created:
      topic.action = Action::create;
      topic.replication_factor = result.replication_factor;
      for (const auto& [name, value] : result.configs) topic.settings.push_back({.name = name, .value = value});
      break;
    case TopicOutcome::grown:
      topic.action = Action::add_partitions;
      break;
    case TopicOutcome::has_more_partitions:
      say(Weight::note, result.reason);
      break;
    case TopicOutcome::no_leader:
      say(Weight::warning, result.reason + ": its partitions wait for it");
      break;
    case TopicOutcome::has_fewer_partitions:
      say(Weight::refused, result.reason);
      break;
    case TopicOutcome::no_source:
    case TopicOutcome::no_target:
    case TopicOutcome::not_created:
      topic.action = Action::refuse;
      topic.reason = result.reason;
      break;
  }
  return topic;
}

/// Topics of which a partition would be mirrored.
std::vector<TopicPair> FlowPlanning::mirrored(bool only_existing) const {
  std::vector<TopicPair> pairs;
  for (const PlannedTopic& topic : plan_.topics) {
    if (topic.action == Action::refuse || (only_existing && topic.action == Action::create)) continue;
    const bool is_any_mirrored =
        std::ranges::any_of(topic.partitions, [](const PlannedPartition& partition) { return !partition.is_refused; });
    if (settings_.copies_records && !is_any_mirrored) continue;
    pairs.push_back({.source = topic.source, .target = topic.target});
  }
  return pairs;
}

PlannedTopic* FlowPlanning::find_topic(const std::string& source) {
  const auto found = std::ranges::find(plan_.topics, source, &PlannedTopic::source);
  return found == plan_.topics.end() ? nullptr : &*found;
}

void FlowPlanning::find(Weight weight, std::string about, std::string text) {
  plan_.findings.push_back({.weight = weight, .about = std::move(about), .text = std::move(text)});
}

}  // namespace shunt::replicate
