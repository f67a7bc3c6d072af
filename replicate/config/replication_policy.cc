#include "replicate/config/replication_policy.h"

namespace shunt::replicate {
namespace {

constexpr std::string_view kHeartbeatsTopic = "heartbeats";

}  // namespace

bool ReplicationPolicy::is_renamed(std::string_view topic) const {
  return kind_ == Kind::default_policy || topic.ends_with(kHeartbeatsTopic);
}

std::string ReplicationPolicy::format_remote_topic(std::string_view source_alias, std::string_view topic) const {
  std::string result;
  if (is_renamed(topic)) result.append(source_alias).append(separator_);
  return result.append(topic);
}

// What Java's split() makes of the name decides: a name with nothing but separators after the first piece has no
// source, and an empty separator makes the first character the source.
std::optional<std::string> ReplicationPolicy::topic_source(std::string_view topic) const {
  if (!is_renamed(topic)) return source_alias_;
  if (separator_.empty()) return topic.size() < 2 ? std::nullopt : std::optional(std::string(topic.substr(0, 1)));
  const std::size_t end = topic.find(separator_);
  if (end == std::string_view::npos) return std::nullopt;
  std::string_view rest = topic.substr(end);
  while (rest.starts_with(separator_)) rest.remove_prefix(separator_.size());
  if (rest.empty()) return std::nullopt;
  return std::string(topic.substr(0, end));
}

std::optional<std::string> ReplicationPolicy::upstream_topic(std::string_view topic) const {
  if (!is_renamed(topic)) return std::string(topic);
  const std::optional<std::string> source = topic_source(topic);
  if (!source) return std::nullopt;
  return std::string(topic.substr(source->size() + separator_.size()));
}

std::string ReplicationPolicy::original_topic(std::string_view topic) const {
  std::string name(topic);
  for (;;) {
    std::optional<std::string> upstream = upstream_topic(name);
    if (!upstream || *upstream == name) return name;
    name = std::move(*upstream);
  }
}

bool ReplicationPolicy::is_cycle(std::string_view topic, std::string_view target_alias) const {
  std::string name(topic);
  for (;;) {
    const std::optional<std::string> source = topic_source(name);
    if (!source) return false;
    if (*source == target_alias) return true;
    std::optional<std::string> upstream = upstream_topic(name);
    if (!upstream || *upstream == name) return false;
    name = std::move(*upstream);
  }
}

bool ReplicationPolicy::is_checkpoints_topic(std::string_view topic) const {
  return topic.ends_with(checkpoints_topic(""));
}

std::string ReplicationPolicy::checkpoints_topic(std::string_view source_alias) const {
  return std::string(source_alias) + internal_separator_ + "checkpoints" + internal_separator_ + "internal";
}

std::string ReplicationPolicy::offset_syncs_topic(std::string_view alias) const {
  return "mm2-offset-syncs" + internal_separator_ + std::string(alias) + internal_separator_ + "internal";
}

std::string ReplicationPolicy::failovers_topic(std::string_view source_alias) const {
  return "mm2-failovers" + internal_separator_ + std::string(source_alias) + internal_separator_ + "internal";
}

bool ReplicationPolicy::is_internal_topic(std::string_view topic) const {
  // A custom separator renames only some of MirrorMaker's topics; those of its workers keep their dots.
  const bool is_mm2 =
      topic.starts_with("mm2") && (topic.ends_with(".internal") || topic.ends_with(internal_separator_ + "internal"));
  return topic.starts_with("__") || topic.starts_with(".") || is_mm2 || is_checkpoints_topic(topic);
}

}  // namespace shunt::replicate
