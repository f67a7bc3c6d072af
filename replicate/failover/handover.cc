#include "replicate/failover/handover.h"

#include <algorithm>

#include <fmt/format.h>

#include "replicate/offsets_mode.h"
#include "replicate/sync_scope.h"

namespace shunt::replicate {

using protocol::Offset;

namespace {

std::string offsets_text(std::int64_t begin, std::int64_t end) {
  return end - begin == 1 ? fmt::format("offset {}", begin)
                          : fmt::format("offsets {} to {} ({} of them)", begin, end - 1, end - begin);
}

}  // namespace

std::int64_t HandoverPartition::left() const {
  if (source_end < 0) return 0;
  return std::max<std::int64_t>(0, source_end - std::max<std::int64_t>(0, copied_to));
}

std::string HandoverPartition::problem() const {
  const std::int64_t there = std::max<std::int64_t>(0, copied_to);
  std::string text = failure;
  const auto add = [&text](const std::string& more) { text += (text.empty() ? "" : "; ") + more; };
  const std::int64_t visible = std::min(source_end, stable_end);
  // Beside mapped offsets others may write.
  if (source_end >= 0 && copied_to > source_end && is_mapped == false)
    add(fmt::format("the target has {} that the source has not", offsets_text(source_end, copied_to)));
  if (visible > there) add(offsets_text(there, visible) + " would be lost");
  if (source_end > std::max(visible, there) && visible >= 0) {
    add(fmt::format("a transaction is open: {} would be lost", offsets_text(std::max(visible, there), source_end)));
  }
  if (moved_to > source_end && source_end >= 0)
    add(fmt::format("producers still write to it: {} came while it was looked at", offsets_text(source_end, moved_to)));
  return text;
}

std::int64_t HandoverGrowth::missing_from() const {
  return std::clamp(copied_to, source_begin, std::max(source_begin, source_end));
}

std::string HandoverGrowth::text(const std::string& source, const std::string& target) const {
  std::string text;
  if (source_end > source_begin) {
    text = fmt::format("{} was given {}, ", source, offsets_text(source_begin, source_end));
    text += missing() == 0
                ? fmt::format("which {} has", target)
                : fmt::format("of which {} has not got {}", target, offsets_text(missing_from(), source_end));
  }
  if (target_end > target_begin) {
    if (!text.empty()) text += "; ";
    text += fmt::format("{} was given {}", target, offsets_text(target_begin, target_end));
  }
  return text;
}

bool Handover::is_clean() const {
  return is_source_there && problems.empty() &&
         std::ranges::all_of(partitions, [](const HandoverPartition& one) { return one.problem().empty(); }) &&
         std::ranges::all_of(groups, [](const HandoverGroup& one) { return one.problem.empty(); });
}

std::map<std::string, std::vector<Offset>> Handover::ends() const {
  std::map<std::string, std::vector<Offset>> ends;
  for (const HandoverPartition& one : partitions) {
    std::vector<Offset>& of_topic = ends[one.target_topic];
    const auto index = static_cast<std::size_t>(one.partition);
    if (of_topic.size() <= index) of_topic.resize(index + 1, Offset(-1));
    of_topic[index] = Offset(one.target_end);
  }
  return ends;
}

std::string objection_to_handover(const FlowConfig& flow) {
  if (flow.scope != SyncScope::metadata) return {};
  return fmt::format("shunt.sync: {} carries over no messages (metadata)", flow.name());
}

std::string objection_to_failback(const FlowConfig& flow) {
  if (flow.policy.kind() != ReplicationPolicy::Kind::identity)
    return fmt::format("replication.policy.class: {} gives topics other names on {}", flow.name(), flow.target);
  if (!flow.topic_mapping.empty())
    return fmt::format("shunt.topic.mapping: {} gives topics other names on {}", flow.name(), flow.target);
  if (flow.offsets == OffsetsMode::mapped) return fmt::format("shunt.offsets: {} maps offsets", flow.name());
  return {};
}

std::string objection_to_failback(const std::vector<HandoverPartition>& partitions, const std::string& target) {
  for (const HandoverPartition& one : partitions) {
    if (one.target_topic != one.topic) return fmt::format("{} is called {} on {}", one.topic, one.target_topic, target);
    if (one.is_mapped == true) return fmt::format("{}-{} has mapped offsets on {}", one.topic, one.partition, target);
  }
  return {};
}

void name_origins(const FlowConfig& flow, const std::set<std::string>& clusters,
                  std::vector<HandoverPartition>& partitions) {
  if (flow.policy.kind() != ReplicationPolicy::Kind::default_policy) return;
  for (HandoverPartition& one : partitions) {
    const std::optional<std::string> from = flow.policy.topic_source(one.topic);
    if (!from || *from == flow.source || !clusters.contains(*from)) continue;
    one.origin = *from;
    one.producer_topic.clear();
  }
}

void fit_for_failback(FlowConfig& back) {
  back.offsets = OffsetsMode::identical;
  back.start = {};
  back.policies.set(Condition::foreign_writer, Policy::stop);
  back.follows_topic_configs = false;
  back.acls.is_enabled = false;
  back.heartbeats.reset();
  back.heartbeats_replication = false;
}

}  // namespace shunt::replicate
