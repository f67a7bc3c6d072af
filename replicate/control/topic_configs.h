// What is set on topics, and which settings of a source topic go to the topic that is created for it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <re2/re2.h>

#include "protocol/messages/describe_configs.h"
#include "replicate/control/cluster.h"
#include "replicate/metadata_policy.h"

namespace shunt::replicate {

/// ConfigSource of a DescribeConfigs answer (KIP-226): where a value comes from.
namespace config_sources {
constexpr std::int8_t topic = 1;
constexpr std::int8_t brokers_file = 4;
constexpr std::int8_t kafkas_default = 5;
}  // namespace config_sources

using DescribedConfigs = std::vector<protocol::DescribeConfigsResponse::Config>;

/// By name. Values are never secret: a topic has no such settings, and what a broker marks as sensitive is left out.
using TopicConfigs = std::map<std::string, std::string>;

class ConfigFilter {
 public:
  /// Throws std::invalid_argument for a bad expression.
  explicit ConfigFilter(const std::vector<std::string>& excluded, MetadataPolicy policy = MetadataPolicy::mm2);

  /// What was set on the topic itself, or is a size limit of its cluster, may be written, and is not excluded. With the
  /// conservative policy also what holds for it of the settings that every topic is given.
  [[nodiscard]] TopicConfigs select(const DescribedConfigs& configs) const;
  [[nodiscard]] bool excludes(const std::string& name) const;

 private:
  const MetadataPolicy policy_;
  std::vector<std::unique_ptr<re2::RE2>> excluded_;
};

/// What a cluster says of a topic's settings, or why it does not.
struct DescribedTopic {
  std::optional<DescribedConfigs> configs;
  std::int16_t error_code = 0;  // Kafka's; 0 with no configs: the topic was left out
  std::string reason;           // no configs
};
/// Of every topic in `topics`. Throws ClusterError.
net::Awaitable<std::map<std::string, DescribedTopic>> describe_topics(Cluster& cluster, std::set<std::string> topics);

/// Held: the topic's selected settings. Empty: they could not be read; the second says why.
using ReadConfigs = std::pair<std::optional<TopicConfigs>, std::string>;

/// Of every topic in `topics`. Throws ClusterError.
net::Awaitable<std::map<std::string, ReadConfigs>> read_topic_configs(Cluster& cluster, std::set<std::string> topics,
                                                                      const ConfigFilter& filter);

/// What holds for each topic of these settings, wherever they were set. What cannot be told (no right to ask, no such
/// setting, no broker) is missing.
net::Awaitable<std::map<std::string, TopicConfigs>> effective_settings(Cluster& cluster, std::set<std::string> topics,
                                                                       std::vector<std::string> names);

/// Makes settings that were copied from a source topic those of a mirror, which takes whatever the source has taken,
/// however old it is by now, and keeps its times.
void fit_for_mirroring(TopicConfigs& configs);
/// One that fit_for_mirroring() has set: a target that does not know it has no such limit.
bool is_of_mirroring(const std::string& name);

/// The conservative policy: what a topic is created with where the source's value is missing, or is none that the setting
/// can have. (What is not listed is left to the target.) Empty: there is no such value.
std::optional<std::string> standard_setting(const std::string& name);
/// Puts them in place; `replicas` of the topic, -1: not known. What was replaced, for people.
std::vector<std::string> complete_settings(TopicConfigs& configs, const ConfigFilter& filter, std::int16_t replicas);

}  // namespace shunt::replicate
