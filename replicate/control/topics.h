// Makes the target's topics fit for mirroring: missing ones are created with the source's partition count and the
// source's own settings, short ones are given more partitions, and all partitions have leaders before any is written
// to. Nothing is ever deleted, shrunk, or changed otherwise. May be repeated at any time; what is there already is left
// alone.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "replicate/control/cluster.h"
#include "replicate/metadata_policy.h"

namespace shunt::replicate {

struct TopicPair {
  std::string source;
  std::string target;
  bool must_exist = false;  // on the target: it has been mirrored, and is not created when it is gone

  auto operator<=>(const TopicPair&) const = default;
};

struct TopicSettings {
  /// `replication.factor`; -1 leaves it to the target. More than the target has brokers is lowered, with a warning.
  std::int16_t replication_factor = 2;
  /// Copy the settings made on the source topic itself to a topic that is created (not those of its brokers).
  bool copy_configs = true;
  /// With the conservative one each gets some settings in any case (topic_configs.h).
  MetadataPolicy policy = MetadataPolicy::mm2;
  /// `config.properties.exclude`: regular expressions (RE2), each to match a whole name.
  std::vector<std::string> config_exclude = {
      "follower\\.replication\\.throttled\\.replicas", "leader\\.replication\\.throttled\\.replicas",
      "message\\.timestamp\\.difference\\.max\\.ms",   "message\\.timestamp\\.type",
      "unclean\\.leader\\.election\\.enable",          "min\\.insync\\.replicas"};
  /// For requests that must be repeated, and for leaders.
  net::Duration patience = std::chrono::seconds(30);
};

enum class TopicOutcome {
  ready,  // was there, with the source's partition count
  created,
  grown,                 // was there with fewer partitions
  has_more_partitions,   // usable: the source's partitions are mirrored, the others stay as they are
  has_fewer_partitions,  // and the target did not let it grow: partitions that exist can be mirrored
  no_source,             // the source topic is gone, or may not be seen
  no_target,             // the target topic is gone, and must_exist
  not_created,           // refused by the target, or it may not be seen there
  no_leader,             // of some partition, within the patience: the others can be mirrored
};
const char* to_string(TopicOutcome outcome);

struct TopicResult {
  TopicPair topic;
  TopicOutcome outcome = TopicOutcome::ready;
  std::string reason;                 // for people; empty when there is nothing to say
  bool may_retry = false;             // the same attempt may go better later
  std::vector<std::string> warnings;  // what differs from the source although it was meant not to
  std::int32_t source_partitions = 0;
  std::int32_t target_partitions = 0;
  // created, and planned to be: what it is given, and what would hold for it in all (by name; empty: the target does not say)
  std::int16_t replication_factor = -1;
  std::map<std::string, std::string> configs;
  std::map<std::string, std::string> effective_configs;

  /// Partitions 0 to this can be mirrored.
  [[nodiscard]] std::int32_t mirrored_partitions() const { return std::min(source_partitions, target_partitions); }
};

/// One result for every pair, in their order. Refreshes the topics concerned in both clusters. Throws ClusterError when
/// a cluster cannot be asked at all, std::invalid_argument for a bad expression in `config_exclude`.
net::Awaitable<std::vector<TopicResult>> prepare_topics(Cluster& source, Cluster& target, std::vector<TopicPair> topics,
                                                        TopicSettings settings);

/// What that would do, changing nothing: the same requests, with which the target is only asked whether it would
/// (validateOnly). `created` and `grown` are what a topic would become; it has the partitions it has.
net::Awaitable<std::vector<TopicResult>> plan_topics(Cluster& source, Cluster& target, std::vector<TopicPair> topics,
                                                     TopicSettings settings);

}  // namespace shunt::replicate
