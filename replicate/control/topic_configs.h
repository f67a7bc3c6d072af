// Which settings of a source topic go to the topic that is created for it.
#pragma once

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

namespace shunt::replicate {

/// By name. Values are never secret: a topic has no such settings, and what a broker marks as sensitive is left out.
using TopicConfigs = std::map<std::string, std::string>;

class ConfigFilter {
 public:
  /// Throws std::invalid_argument for a bad expression.
  explicit ConfigFilter(const std::vector<std::string>& excluded);

  /// What was set on the topic itself, or is a size limit of its cluster, may be written, and is not excluded.
  [[nodiscard]] TopicConfigs select(const std::vector<protocol::DescribeConfigsResponse::Config>& configs) const;

 private:
  std::vector<std::unique_ptr<re2::RE2>> excluded_;
};

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

}  // namespace shunt::replicate
