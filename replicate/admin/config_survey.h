// Which settings of mirrored topics would have to change on the target (control/config_changes.h decides), and what the
// target says to that. The one asks, the other does, or only asks whether it would be done.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "replicate/control/cluster.h"
#include "replicate/control/config_changes.h"
#include "replicate/control/topics.h"

namespace shunt::replicate {

/// By target topic.
using TopicChanges = std::map<std::string, std::vector<ConfigChange>>;

struct ConfigSurvey {
  TopicChanges changes;                                                  // topics with any
  std::map<std::string, std::map<std::string, std::string>> impossible;  // by target topic; setting: why
  struct Trouble {
    std::string topic;
    std::string reason;
  };
  std::vector<Trouble> troubles;  // topics whose settings could not be read
};
/// Throws ClusterError. Topics that are gone are left out.
net::Awaitable<ConfigSurvey> survey_configs(Cluster& source, Cluster& target, std::vector<TopicPair> topics,
                                            const ConfigFilter& filter, ConfigChangeSettings settings);

struct ConfigAnswer {
  std::int16_t error_code = 0;
  std::string reason;  // what the target said; worth nothing where there is no error

  /// The refusal is about one of the settings.
  [[nodiscard]] bool is_of_a_setting() const;
};
/// By topic. `only_asks`: nothing is changed (validateOnly). Throws ClusterError, net::BrokerError.
net::Awaitable<std::map<std::string, ConfigAnswer>> alter_configs(Cluster& target, const TopicChanges& changes,
                                                                  bool only_asks);

/// "retention.ms=5", "segment.ms back to the default".
std::string describe(const ConfigChange& change);

}  // namespace shunt::replicate
