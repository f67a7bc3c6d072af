// How a topic is called on the other side: DefaultReplicationPolicy (`A.orders`) and IdentityReplicationPolicy
// (`orders`) of MirrorMaker 2, and which topics are never mirrored because they are bookkeeping (the rules of
// Kafka 4.x, KIP-1074).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace shunt::replicate {

class ReplicationPolicy {
 public:
  enum class Kind { default_policy, identity };

  ReplicationPolicy() = default;
  /// `source_alias` is the cluster an identity policy takes every topic to come from.
  ReplicationPolicy(Kind kind, std::string source_alias, std::string separator = ".",
                    bool separator_in_internal_topics = true)
      : kind_(kind),
        source_alias_(std::move(source_alias)),
        separator_(std::move(separator)),
        internal_separator_(separator_in_internal_topics ? separator_ : ".") {}

  [[nodiscard]] Kind kind() const { return kind_; }
  [[nodiscard]] const std::string& separator() const { return separator_; }

  /// The name on the target of `topic` of `source_alias`. Identity prefixes heartbeats topics all the same.
  [[nodiscard]] std::string format_remote_topic(std::string_view source_alias, std::string_view topic) const;
  /// The cluster a topic says it came from; nothing: it is not a remote topic.
  [[nodiscard]] std::optional<std::string> topic_source(std::string_view topic) const;
  /// Its name on that cluster.
  [[nodiscard]] std::optional<std::string> upstream_topic(std::string_view topic) const;
  /// Its name where it was first written.
  [[nodiscard]] std::string original_topic(std::string_view topic) const;

  /// Mirroring `topic` to `target_alias` would bring it back to a cluster it came from. An identity policy cannot tell.
  [[nodiscard]] bool is_cycle(std::string_view topic, std::string_view target_alias) const;

  [[nodiscard]] bool is_heartbeats_topic(std::string_view topic) const { return original_topic(topic) == "heartbeats"; }
  [[nodiscard]] bool is_checkpoints_topic(std::string_view topic) const;
  /// Where a flow from `source_alias` keeps its checkpoints, on its target.
  [[nodiscard]] std::string checkpoints_topic(std::string_view source_alias) const;
  /// Where a flow keeps its offset syncs; `alias`: of the cluster on the other side of the flow (KIP-716).
  [[nodiscard]] std::string offset_syncs_topic(std::string_view alias) const;
  /// Where it is marked that a flow from `source_alias` has failed over, on its target.
  [[nodiscard]] std::string failovers_topic(std::string_view source_alias) const;
  /// Kafka's own, Connect's or MirrorMaker's: never mirrored.
  [[nodiscard]] bool is_internal_topic(std::string_view topic) const;

 private:
  [[nodiscard]] bool is_renamed(std::string_view topic) const;

  Kind kind_ = Kind::default_policy;
  std::string source_alias_;
  std::string separator_ = ".";
  std::string internal_separator_ = ".";  // of checkpoints and offset syncs topics (KIP-949)
};

}  // namespace shunt::replicate
