// What a handover (failover/handover.h) asks of the clusters.
#include <algorithm>
#include <functional>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "replicate/admin/groups_report.h"
#include "replicate/checkpoint.h"
#include "replicate/control/cluster.h"
#include "replicate/control/failover_marks.h"
#include "replicate/control/leaders.h"
#include "replicate/control/offset_syncs.h"
#include "replicate/control/own_topic.h"
#include "replicate/control/topic_names.h"
#include "replicate/failover/handover.h"
#include "replicate/heartbeat.h"
#include "replicate/identity.h"
#include "replicate/settings.h"

namespace shunt::replicate {

using net::Awaitable;
using protocol::Offset;
using protocol::PartitionIndex;

namespace {

constexpr LeaderSettings many_leaders{.patience = std::chrono::seconds(5)};
constexpr int tries_to_reach = 3;
constexpr std::int64_t heartbeats_looked_at = 1000;

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

std::vector<TopicPartition> partitions_of(const Cluster& cluster, const FlowConfig& flow) {
  std::vector<TopicPartition> all;
  for (const auto& [name, topic] : cluster.topics()) {
    if (topic.is_internal || topic.error_code != 0 || !is_of_clients(flow, name)) continue;
    for (std::size_t index = 0; index < topic.partitions.size(); ++index)
      all.push_back({name, PartitionIndex(static_cast<std::int32_t>(index))});
  }
  return all;
}

/// The conservative policy cuts long names.
void look_at_names(const Cluster& source, const FlowConfig& flow, Handover& handover) {
  for (const auto& [name, topic] : source.topics()) {
    if (topic.is_internal || !is_of_clients(flow, name) || flow.target_topic(name) == name) continue;
    handover.problems.push_back(
        fmt::format("topic {} has another name on {}: {}", name, flow.target, flow.target_topic(name)));
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
  } else if (place.fit != Fit::exact) {
    add(fmt::format("{} has not what it reads next ({})", target,
                    place.fit == Fit::before_start ? "its log begins later" : "not copied yet"));
  } else if (!row.committed) {
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
                               .partition = row.place.source.partition.value(),
                               .source_offset = row.place.source_offset.value(),
                               .target_offset = row.committed ? row.committed->value() : -1,
                               .source_state = row.source_state,
                               .problem = problem_of(row, flow.target)});
  }
}

/// Of a flow with shunt.offsets=auto, or that has gone on behind another writer.
Awaitable<> look_for_maps(Ends& ends, const FlowConfig& flow, const std::vector<TopicPartition>& partitions,
                          Handover& handover) {
  if (!ends.settings.may_map()) co_return;
  OffsetSyncsSettings syncs = ends.settings.offset_syncs;
  syncs.tag = flow_tag(flow.source, flow.target);
  const std::uint16_t tag = syncs.tag;
  OffsetSyncs maps(ends.settings.offset_syncs_on_target ? ends.target : ends.source, std::move(syncs));
  co_await maps.load();
  for (const TopicPartition& partition : partitions) {
    const Topic* topic = ends.target.find_topic(partition.topic);
    if (topic == nullptr) continue;
    const protocol::ProducerId identity =
        flow_identity(tag, topic->id, partition.topic, partition.partition, partition.topic);
    if (maps.find(partition, identity) == nullptr) continue;
    handover.problems.push_back(
        fmt::format("{} has mapped offsets: it cannot be mirrored back with identical ones", partition.to_string()));
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
        .topic = checkpoint->topic,
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

Awaitable<Handover> look_at_handover(net::asio::any_io_executor executor, const FlowConfig& flow,
                                     PartitionFailures failures) {
  Handover handover;
  handover.flow = flow.name();
  Ends ends(executor, flow);
  co_await ends.source.refresh_topics();
  co_await ends.target.refresh_topics();
  look_at_names(ends.source, flow, handover);
  const std::vector<TopicPartition> partitions = partitions_of(ends.source, flow);
  std::vector<TopicPartition> there;
  for (const TopicPartition& partition : partitions) {
    if (ends.target.find_partition(partition) != nullptr) there.push_back(partition);
  }
  // The source first: what is added to it meanwhile is seen as that, and never as something that was lost.
  const auto high_watermarks =
      co_await readable_ends(ends.source, partitions, Isolation::read_uncommitted, many_leaders);
  const auto stable_ends =
      co_await readable_ends(ends.source, partitions, ends.settings.detours.isolation, many_leaders);
  const auto target_ends = co_await log_ends(ends.target, there, many_leaders);
  co_await look_for_maps(ends, flow, partitions, handover);
  co_await look_at_groups(executor, flow, handover);
  const auto moved_to = co_await readable_ends(ends.source, partitions, Isolation::read_uncommitted, many_leaders);
  for (const TopicPartition& partition : partitions) {
    HandoverPartition& one = handover.partitions.emplace_back();
    one.topic = partition.topic;
    one.partition = partition.partition.value();
    if (const auto failed = failures.find({one.topic, one.partition}); failed != failures.end())
      one.failure = failed->second;
    one.source_end = offset_of(high_watermarks, partition, one, "the source's log end");
    one.stable_end = offset_of(stable_ends, partition, one, "the source's log end");
    one.target_end = offset_of(target_ends, partition, one, "the target's log end");
    one.moved_to = offset_of(moved_to, partition, one, "the source's log end");
  }
  co_return handover;
}

Awaitable<Handover> look_at_target_alone(net::asio::any_io_executor executor, const FlowConfig& flow, std::string why) {
  Handover handover;
  handover.flow = flow.name();
  handover.is_source_there = false;
  handover.problems.push_back("the source cannot be asked: " + why);
  Ends ends(executor, flow);
  co_await ends.target.refresh_topics();
  const std::vector<TopicPartition> partitions = partitions_of(ends.target, flow);
  const auto target_ends = co_await log_ends(ends.target, partitions, many_leaders);
  for (const TopicPartition& partition : partitions) {
    HandoverPartition& one = handover.partitions.emplace_back();
    one.topic = partition.topic;
    one.partition = partition.partition.value();
    one.target_end = offset_of(target_ends, partition, one, "the target's log end");
  }
  handover.last_heartbeat_ms = co_await last_heartbeat(ends.target, flow);
  co_await look_at_checkpoints(ends.target, flow, handover);
  co_return handover;
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
  std::vector<TopicPartition> partitions;
  for (const HandoverPartition& one : seen.partitions) {
    const auto ends = mark.ends.find(one.topic);
    if (one.failure.empty() || ends == mark.ends.end()) continue;
    if (static_cast<std::size_t>(one.partition) < ends->second.size())
      partitions.push_back({one.topic, PartitionIndex(one.partition)});
  }
  if (partitions.empty()) co_return lines;
  Ends ends(executor, back);
  co_await ends.target.refresh_topics();
  const auto answers = co_await log_ends(ends.target, partitions, many_leaders);
  for (const TopicPartition& partition : partitions) {
    const auto& end = answers.at(partition).value;
    const Offset copied = mark.ends.at(partition.topic)[static_cast<std::size_t>(partition.partition.value())];
    if (!end || *end <= copied || copied < Offset(0)) continue;
    lines.push_back(
        fmt::format("{}: {} has offsets {} to {} ({} of them), which {} never got; save them (kcat -C -b {} -t {} -p "
                    "{} -o {} -c {}), "
                    "write what is needed to {}, delete the topic on {}, and it is mirrored back whole",
                    partition.to_string(), back.target, copied.value(), end->value() - 1, *end - copied, back.source,
                    back.target_admin.bootstrap_servers.front().to_string(), partition.topic,
                    partition.partition.value(), copied.value(), *end - copied, back.source, back.target));
  }
  co_return lines;
}

}  // namespace shunt::replicate
