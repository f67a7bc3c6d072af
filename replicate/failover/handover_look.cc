// What a handover (failover/handover.h) asks of the clusters.
#include <algorithm>
#include <functional>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "net/concurrently.h"
#include "replicate/admin/groups_report.h"
#include "replicate/admin/offset_map_tail.h"
#include "replicate/checkpoint.h"
#include "replicate/control/cluster.h"
#include "replicate/control/failover_marks.h"
#include "replicate/control/leaders.h"
#include "replicate/control/log_cursor.h"
#include "replicate/control/own_topic.h"
#include "replicate/control/target_identity.h"
#include "replicate/failover/handover.h"
#include "replicate/heartbeat.h"
#include "replicate/identity.h"
#include "replicate/settings.h"

namespace shunt::replicate {

using net::Awaitable;
using protocol::Offset;
using protocol::PartitionIndex;

namespace {

constexpr int tries_to_reach = 3;
constexpr std::int64_t heartbeats_looked_at = 1000;
constexpr std::size_t logs_at_once = 8;

// Mirrors have noticed the mark by then (Replication::look_for_failover), and what they had under way is answered.
constexpr auto mirrors_notice_within = std::chrono::milliseconds(1500);
constexpr auto between_looks = std::chrono::seconds(1);
constexpr int most_looks = 10;

/// Both ends of a flow, for as long as it is looked at.
struct Ends {
  Ends(const net::asio::any_io_executor& executor, const FlowConfig& flow)
      : settings(replication_settings(flow)), source(executor, settings.source), target(executor, settings.target) {}
  ~Ends() {
    source.close();
    target.close();
  }
  Ends(const Ends&) = delete;
  Ends& operator=(const Ends&) = delete;

  const ReplicationSettings settings;
  Cluster source;
  Cluster target;
};

/// Clients' topics: what mirrors keep for themselves goes its own ways.
bool is_of_clients(const FlowConfig& flow, const std::string& topic) {
  return flow.mirrors(topic) && !flow.policy.is_heartbeats_topic(topic);
}

TopicPartition source_of(const HandoverPartition& one) {
  return {one.topic, PartitionIndex(one.partition)};
}

TopicPartition target_of(const HandoverPartition& one) {
  return {one.target_topic, PartitionIndex(one.partition)};
}

void append_partitions(const FlowConfig& flow, const std::string& source_topic, std::size_t count,
                       std::vector<HandoverPartition>& partitions) {
  for (std::size_t index = 0; index < count; ++index) {
    HandoverPartition& one = partitions.emplace_back();
    one.topic = source_topic;
    one.partition = static_cast<std::int32_t>(index);
    one.target_topic = flow.target_topic(source_topic);
    // Under MirrorMaker 2's names a cluster's own records are in topics of their own, and the mirror's stay as they are.
    const bool is_apart = flow.policy.kind() == ReplicationPolicy::Kind::default_policy;
    one.producer_topic = is_apart ? one.topic : one.target_topic;
  }
}

std::vector<HandoverPartition> partitions_of_source(const Cluster& source, const FlowConfig& flow) {
  std::vector<HandoverPartition> all;
  for (const auto& [name, topic] : source.topics()) {
    if (!topic.is_internal && topic.error_code == 0 && is_of_clients(flow, name))
      append_partitions(flow, name, topic.partitions.size(), all);
  }
  return all;
}

/// Of which mirrors the topic is bookkeeping on the cluster that has it; empty: of none.
std::string upstream_of(const ReplicationPolicy& policy, const std::string& topic) {
  if (policy.kind() != ReplicationPolicy::Kind::default_policy) return {};
  if (policy.is_checkpoints_topic(topic)) return topic.substr(0, topic.size() - policy.checkpoints_topic("").size());
  return policy.is_heartbeats_topic(topic) ? policy.topic_source(topic).value_or("") : "";
}

std::optional<std::string> source_topic_of(const FlowConfig& flow, const std::string& target_topic) {
  std::optional<std::string> topic = flow.source_topic(target_topic);
  return topic && is_of_clients(flow, *topic) ? topic : std::nullopt;
}

std::vector<HandoverPartition> partitions_of_target(const Cluster& target, const FlowConfig& flow) {
  std::vector<HandoverPartition> all;
  for (const auto& [name, topic] : target.topics()) {
    if (topic.is_internal || topic.error_code != 0) continue;
    const std::optional<std::string> source_topic = source_topic_of(flow, name);
    if (source_topic) append_partitions(flow, *source_topic, topic.partitions.size(), all);
  }
  return all;
}

/// Which partitions have mapped offsets, and how far their maps go.
Awaitable<> look_at_maps(Ends& ends, std::vector<HandoverPartition>& partitions) {
  const ReplicationSettings& settings = ends.settings;
  OffsetMapTail maps(settings.offset_syncs_on_target ? ends.target : ends.source, settings.offset_syncs.topic);
  if (settings.may_map()) co_await maps.read();
  const std::uint16_t tag = flow_tag(ends.source.alias(), ends.target.alias());
  for (HandoverPartition& one : partitions) {
    const TopicPartition source = source_of(one);
    const Topic* there = ends.target.find_topic(one.target_topic);
    const OffsetMap* map = maps.find(source, target_identity(tag, there, one.target_topic, source));
    one.is_mapped = map != nullptr || (settings.may_map() && settings.offsets == OffsetsMode::mapped);
    if (map != nullptr) one.copied_to = map->tip().source.value();
  }
}

std::int64_t offset_of(const Answers<Offset>& answers, const TopicPartition& partition, HandoverPartition& entry,
                       const char* fact) {
  const auto found = answers.find(partition);
  if (found == answers.end()) return -1;
  if (found->second.value) return found->second.value->value();
  if (entry.failure.empty()) entry.failure = fmt::format("{} is not known: {}", fact, found->second.reason);
  return -1;
}

std::string problem_of(const GroupRow& row, const std::string& target) {
  const auto& place = row.place;
  std::string text;
  const auto add = [&text](const std::string& more) { text += (text.empty() ? "" : "; ") + more; };
  if (row.is_active_on_source)
    add(fmt::format("it has members on the source ({}), which go on reading there: end them", row.source_state));
  if (place.fit == Fit::unknown) {
    add("where it belongs on the target is not known: " + place.reason);
  } else if (place.fit == Fit::past_end) {
    add("it is behind the end of the source's log");
  } else if (place.fit == Fit::shared) {
    if (row.committed == place.target_offset) {
      add(fmt::format("it goes on at {} on {}, and reads again what it has read: {}", row.committed->value(), target,
                      place.reason));
    }
  } else if (place.fit != Fit::exact) {
    add(fmt::format("{} has not what it reads next ({})", target,
                    place.fit == Fit::before_start ? "its log begins later" : "not copied yet"));
  }
  const bool has_place = place.fit == Fit::exact || place.fit == Fit::shared;
  if (!has_place) return text;
  if (!row.committed) {
    add(fmt::format("it has no offset on {}{}", target,
                    row.target_state.empty() || row.target_state == "Empty" ? "" : ", where it has members"));
  } else if (*row.committed != place.target_offset) {
    add(fmt::format("it is at {} on {}{}", row.committed->value(), target,
                    row.is_active_on_target ? ", where it has members" : ""));
  }
  return text;
}

Awaitable<> look_at_groups(net::asio::any_io_executor executor, const FlowConfig& flow, Handover& handover) {
  const GroupsReport report = co_await report_flow_groups(executor, flow);
  for (const std::string& failure : report.failures) handover.problems.push_back("groups: " + failure);
  for (const GroupRow& row : report.rows) {
    if (!is_of_clients(flow, row.place.source.topic)) continue;
    handover.groups.push_back({.group = row.group,
                               .topic = row.place.source.topic,
                               .target_topic = row.place.target.topic,
                               .partition = row.place.source.partition.value(),
                               .source_offset = row.place.source_offset.value(),
                               .target_offset = row.committed ? row.committed->value() : -1,
                               .source_state = row.source_state,
                               .problem = problem_of(row, flow.target)});
  }
}

Awaitable<std::int64_t> last_heartbeat(Cluster& target, const FlowConfig& flow) {
  OwnTopicSettings settings;
  settings.name = heartbeats_topic;
  settings.holds = "heartbeats";
  OwnTopic topic(target, std::move(settings));
  const bool is_there = co_await topic.find();
  if (!is_there) co_return -1;
  const TopicPartition partition{heartbeats_topic, PartitionIndex(0)};
  const std::vector<TopicPartition> asked{partition};
  const auto ends = co_await readable_ends(target, asked, Isolation::read_committed);
  const Offset end = value_of(target, ends, partition, "the log end");
  const std::vector<std::byte> key = Heartbeat{.source = flow.source, .target = flow.target}.key();
  std::int64_t last_ms = -1;
  const std::function<void(const protocol::Record&)> visit = [&](const protocol::Record& record) {
    if (record.key && std::ranges::equal(*record.key, key)) last_ms = record.timestamp_ms;
  };
  co_await topic.read(PartitionIndex(0), visit, std::max(Offset(0), end - heartbeats_looked_at));
  co_return last_ms;
}

/// What was written of groups, as checkpoints tell.
Awaitable<> look_at_checkpoints(Cluster& target, const FlowConfig& flow, Handover& handover) {
  OwnTopicSettings settings;
  settings.name = flow.policy.checkpoints_topic(flow.source);
  settings.holds = "checkpoints";
  OwnTopic topic(target, std::move(settings));
  const bool is_there = co_await topic.find();
  if (!is_there) co_return;
  std::map<std::pair<std::string, TopicPartition>, HandoverGroup> groups;
  const std::function<void(const protocol::Record&)> visit = [&](const protocol::Record& record) {
    std::string why;
    const auto checkpoint = Checkpoint::parse(record, why);
    if (!checkpoint || !flow.groups.selects(checkpoint->group)) return;
    handover.last_checkpoint_ms = std::max(handover.last_checkpoint_ms, record.timestamp_ms);
    groups[{checkpoint->group, {checkpoint->topic, checkpoint->partition}}] = {
        .group = checkpoint->group,
        .topic = source_topic_of(flow, checkpoint->topic).value_or(checkpoint->topic),
        .target_topic = checkpoint->topic,
        .partition = checkpoint->partition.value(),
        .source_offset = checkpoint->source.value(),
        .target_offset = checkpoint->committed ? checkpoint->committed->target.value() : -1,
        .as_of_ms = record.timestamp_ms,
        .source_state = {},
        .problem = {}};
  };
  co_await topic.read(PartitionIndex(0), visit);
  for (auto& [where, group] : groups) handover.groups.push_back(std::move(group));
}

/// Everything that the source lets a mirror see behind the map is to be copied, and nothing else.
Awaitable<> look_behind_map(Ends& ends, const Answers<Offset>& source_starts, HandoverPartition& one) {
  const TopicPartition source = source_of(one);
  const std::int64_t start = offset_of(source_starts, source, one, "the source's log start");
  if (start < 0 || one.stable_end < 0) co_return;
  const Offset from(std::max(start, one.copied_to));
  const LoopGuard loop_guard = ends.settings.loop_guard();
  try {
    const Offset copied = co_await copied_up_to(ends.source, source, from, Offset(one.stable_end),
                                                ends.settings.detours.isolation, loop_guard);
    one.copied_to = copied.value();
  } catch (const std::runtime_error& error) {  // ClusterError, LogError
    if (one.failure.empty()) one.failure = fmt::format("what is to be copied is not known: {}", error.what());
  }
}

Awaitable<Answers<Offset>> ends_on_target(Cluster& target, const std::vector<HandoverPartition>& partitions) {
  std::vector<TopicPartition> there;
  for (const HandoverPartition& one : partitions) {
    if (target.find_partition(target_of(one)) != nullptr) there.push_back(target_of(one));
  }
  co_return co_await log_ends(target, std::move(there), many_leaders);
}

void take_target_end(const Answers<Offset>& target_ends, HandoverPartition& one) {
  one.target_end = offset_of(target_ends, target_of(one), one, "the target's log end");
  if (one.is_mapped == false) one.copied_to = one.target_end;
}

std::vector<TopicPartition> sources_of(const std::vector<HandoverPartition>& all) {
  std::vector<TopicPartition> partitions;
  partitions.reserve(all.size());
  for (const HandoverPartition& one : all) partitions.push_back(source_of(one));
  return partitions;
}

/// All that is known of both sides' partitions at about this time.
Awaitable<std::vector<HandoverPartition>> look_at_partitions(Ends& ends, const FlowConfig& flow,
                                                             SaidOfPartitions said) {
  co_await ends.source.refresh_topics();
  co_await ends.target.refresh_topics();
  std::vector<HandoverPartition> all = partitions_of_source(ends.source, flow);
  const std::vector<TopicPartition> partitions = sources_of(all);
  // The source first: what is added to it meanwhile is seen as that, and never as something that was lost.
  const Isolation isolation = ends.settings.detours.isolation;
  const auto high_watermarks =
      co_await readable_ends(ends.source, partitions, Isolation::read_uncommitted, many_leaders);
  const auto stable_ends = co_await readable_ends(ends.source, partitions, isolation, many_leaders);
  const auto source_starts = co_await log_starts(ends.source, partitions, many_leaders);
  const auto target_ends = co_await ends_on_target(ends.target, all);
  co_await look_at_maps(ends, all);
  std::vector<HandoverPartition*> mapped;
  for (HandoverPartition& one : all) {
    const PartitionSaid& what = said[{one.topic, one.partition}];
    one.failure = what.failure;
    if (what.mapped_begin >= 0) {
      one.is_mapped = true;
      one.copied_to = std::max(one.copied_to, what.mapped_begin);
    }
    one.source_end = offset_of(high_watermarks, source_of(one), one, "the source's log end");
    one.stable_end = offset_of(stable_ends, source_of(one), one, "the source's log end");
    take_target_end(target_ends, one);
    if (one.is_mapped == true) mapped.push_back(&one);
  }
  const auto look = [&](HandoverPartition* one) -> Awaitable<> { co_await look_behind_map(ends, source_starts, *one); };
  co_await net::for_each_concurrently(mapped, logs_at_once, look);
  co_return all;
}

/// The same from the target alone.
Awaitable<std::vector<HandoverPartition>> look_at_target_partitions(Ends& ends, const FlowConfig& flow) {
  co_await ends.target.refresh_topics();
  std::vector<HandoverPartition> all = partitions_of_target(ends.target, flow);
  const auto target_ends = co_await ends_on_target(ends.target, all);
  if (!ends.settings.may_map() || ends.settings.offset_syncs_on_target) co_await look_at_maps(ends, all);
  for (HandoverPartition& one : all) take_target_end(target_ends, one);
  co_return all;
}

/// `before`: null: it was not there.
HandoverGrowth growth_of(const HandoverPartition& now, const HandoverPartition* before) {
  HandoverGrowth grown;
  grown.topic = now.topic;
  grown.target_topic = now.target_topic;
  grown.partition = now.partition;
  grown.copied_to = now.copied_to;
  // What was not known, then or now, says nothing.
  const std::int64_t source_before = before == nullptr ? 0 : std::max(before->source_end, before->moved_to);
  if (now.source_end >= 0 && source_before >= 0) {
    grown.source_begin = source_before;
    grown.source_end = std::max(source_before, now.source_end);
  }
  // Where there was no log none ends; beside mapped offsets others may write.
  const bool was_known = before == nullptr || before->target_end >= 0 || before->failure.empty();
  const std::int64_t target_before = before == nullptr ? 0 : std::max<std::int64_t>(0, before->target_end);
  if (now.target_end >= 0 && was_known && now.is_mapped != true) {
    grown.target_begin = target_before;
    grown.target_end = std::max(target_before, now.target_end);
  }
  return grown;
}

struct Added {
  TopicPartition partition;
  Offset begin;
  Offset end;
};

/// What partitions have on `cluster` beyond where the target's logs ended when the mark was written.
Awaitable<std::vector<Added>> added_since(Cluster& cluster, const FailoverMark& mark,
                                          std::vector<TopicPartition> partitions) {
  std::vector<Added> added;
  if (partitions.empty()) co_return added;
  co_await cluster.refresh_topics();
  std::erase_if(partitions, [&cluster](const TopicPartition& one) { return cluster.find_partition(one) == nullptr; });
  const auto ends = co_await log_ends(cluster, partitions, many_leaders);
  for (const TopicPartition& partition : partitions) {
    const auto index = static_cast<std::size_t>(partition.partition.value());
    const auto copied = mark.ends.find(partition.topic);
    if (copied == mark.ends.end() || index >= copied->second.size() || copied->second[index] < Offset(0)) continue;
    const auto& end = ends.at(partition).value;
    if (end && *end > copied->second[index])
      added.push_back({.partition = partition, .begin = copied->second[index], .end = *end});
  }
  co_return added;
}

FailoverMarksSettings marks_settings(const FlowConfig& flow) {
  return replication_settings(flow).failover_marks;
}

}  // namespace

Awaitable<std::string> source_trouble(net::asio::any_io_executor executor, const FlowConfig& flow) {
  const ReplicationSettings settings = replication_settings(flow);
  Cluster source(executor, settings.source);
  std::string trouble;
  for (int i = 0; i < tries_to_reach; ++i) {
    trouble.clear();
    try {
      co_await source.refresh_topics();
      break;
    } catch (const ClusterError& error) {
      trouble = error.what();
    }
  }
  source.close();
  co_return trouble;
}

Awaitable<std::vector<HandoverPartition>> name_partitions(net::asio::any_io_executor executor, const FlowConfig& flow) {
  Ends ends(executor, flow);
  co_await ends.source.refresh_topics();
  co_await ends.target.refresh_topics();
  std::vector<HandoverPartition> partitions = partitions_of_source(ends.source, flow);
  co_await look_at_maps(ends, partitions);
  co_return partitions;
}

Awaitable<Handover> look_at_handover(net::asio::any_io_executor executor, const FlowConfig& flow,
                                     SaidOfPartitions said) {
  Handover handover;
  handover.flow = flow.name();
  Ends ends(executor, flow);
  handover.partitions = co_await look_at_partitions(ends, flow, std::move(said));
  for (const auto& [name, topic] : ends.source.topics()) handover.upstream.insert(upstream_of(flow.policy, name));
  co_await look_at_groups(executor, flow, handover);
  const std::vector<TopicPartition> partitions = sources_of(handover.partitions);
  const auto moved_to = co_await readable_ends(ends.source, partitions, Isolation::read_uncommitted, many_leaders);
  for (HandoverPartition& one : handover.partitions)
    one.moved_to = offset_of(moved_to, source_of(one), one, "the source's log end");
  co_return handover;
}

Awaitable<Handover> look_at_target_alone(net::asio::any_io_executor executor, const FlowConfig& flow, std::string why) {
  Handover handover;
  handover.flow = flow.name();
  handover.is_source_there = false;
  handover.problems.push_back("the source cannot be asked: " + why);
  Ends ends(executor, flow);
  handover.partitions = co_await look_at_target_partitions(ends, flow);
  for (const auto& [name, topic] : ends.target.topics()) {
    if (flow.policy.topic_source(name) == flow.source)
      handover.upstream.insert(upstream_of(flow.policy, flow.policy.upstream_topic(name).value_or("")));
  }
  handover.last_heartbeat_ms = co_await last_heartbeat(ends.target, flow);
  co_await look_at_checkpoints(ends.target, flow, handover);
  co_return handover;
}

Awaitable<std::vector<HandoverGrowth>> look_at_growth(net::asio::any_io_executor executor, const FlowConfig& flow,
                                                      Handover seen) {
  std::map<TopicPartition, const HandoverPartition*> before;
  for (const HandoverPartition& one : seen.partitions) before[source_of(one)] = &one;
  Ends ends(executor, flow);
  std::vector<HandoverGrowth> growth;
  std::vector<std::int64_t> copied_to;
  for (int looks = 1;; ++looks) {
    co_await net::sleep_for(looks == 1 ? net::Duration(mirrors_notice_within) : net::Duration(between_looks));
    std::vector<HandoverPartition> now;
    if (seen.is_source_there) {
      SaidOfPartitions nothing;
      now = co_await look_at_partitions(ends, flow, std::move(nothing));
    } else {
      now = co_await look_at_target_partitions(ends, flow);
    }
    const std::vector<std::int64_t> last_copied_to = std::exchange(copied_to, {});
    growth.clear();
    for (const HandoverPartition& one : now) {
      const auto known = before.find(source_of(one));
      HandoverGrowth grown = growth_of(one, known == before.end() ? nullptr : known->second);
      copied_to.push_back(one.copied_to);
      if (grown.is_any()) growth.push_back(std::move(grown));
    }
    if (growth.empty() || copied_to == last_copied_to || looks == most_looks) co_return growth;
  }
}

Awaitable<std::optional<FailoverMark>> read_failover_mark(net::asio::any_io_executor executor, const FlowConfig& flow) {
  Ends ends(executor, flow);
  FailoverMarks marks(ends.target, marks_settings(flow));
  co_return co_await marks.read();
}

Awaitable<> write_failover_mark(net::asio::any_io_executor executor, const FlowConfig& flow, FailoverMark mark) {
  Ends ends(executor, flow);
  FailoverMarks marks(ends.target, marks_settings(flow));
  co_await ends.target.refresh();
  co_await marks.write(std::move(mark));
}

Awaitable<> remove_failover_mark(net::asio::any_io_executor executor, const FlowConfig& flow, FailoverMark mark) {
  Ends ends(executor, flow);
  FailoverMarks marks(ends.target, marks_settings(flow));
  co_await marks.remove(std::move(mark));
}

Awaitable<std::vector<std::string>> never_copied(net::asio::any_io_executor executor, const FlowConfig& back,
                                                 FailoverMark mark, const Handover& seen) {
  std::vector<std::string> lines;
  std::vector<TopicPartition> failed;
  for (const HandoverPartition& one : seen.partitions) {
    if (!one.failure.empty()) failed.push_back(source_of(one));
  }
  Ends ends(executor, back);
  const std::vector<Added> added = co_await added_since(ends.target, mark, std::move(failed));
  lines.reserve(added.size());
  for (const auto& [partition, begin, end] : added) {
    lines.push_back(
        fmt::format("{}: {} has offsets {} to {} ({} of them), which {} never got; save them (kcat -C -b {} -t {} -p "
                    "{} -o {} -c {}), "
                    "write what is needed to {}, delete the topic on {}, and it is mirrored back whole",
                    partition.to_string(), back.target, begin.value(), end.value() - 1, end - begin, back.source,
                    back.target_admin.bootstrap_servers.front().to_string(), partition.topic,
                    partition.partition.value(), begin.value(), end - begin, back.source, back.target));
  }
  co_return lines;
}

Awaitable<std::vector<std::string>> written_since(net::asio::any_io_executor executor, const FlowConfig& flow,
                                                  FailoverMark mark) {
  std::vector<std::string> lines;
  std::vector<TopicPartition> partitions;
  for (const auto& [topic, copied] : mark.ends) {
    for (std::size_t index = 0; index < copied.size(); ++index)
      partitions.push_back({topic, PartitionIndex(static_cast<std::int32_t>(index))});
  }
  Ends ends(executor, flow);
  const std::vector<Added> added = co_await added_since(ends.target, mark, std::move(partitions));
  lines.reserve(added.size());
  for (const auto& [partition, begin, end] : added) {
    lines.push_back(fmt::format("{}: {} was given offsets {} to {} ({} of them) since", partition.to_string(),
                                flow.target, begin.value(), end.value() - 1, end - begin));
  }
  co_return lines;
}

}  // namespace shunt::replicate
