// What has to change in a target topic's settings, from what both clusters say of them (DescribeConfigs). Pure.
//
// Left alone whatever the source says: settings that a mirror needs itself. It takes whatever the source has taken, so
// limits of times and the message format are no business of the source's, max.message.bytes is raised and never lowered,
// and times stay the source's (message.timestamp.type) unless another type is set there. And what cannot be written, is
// secret, or comes from the source brokers' own files.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "replicate/control/topic_configs.h"
#include "replicate/metadata_policy.h"

namespace shunt::replicate {

struct ConfigChange {
  std::string name;
  std::optional<std::string> value;  // unset: back to the target's default

  bool operator==(const ConfigChange&) const = default;
};

struct ConfigChanges {
  std::vector<ConfigChange> changes;              // in the order of their names
  std::map<std::string, std::string> impossible;  // setting: why the target cannot follow
};

struct ConfigChangeSettings {
  MetadataPolicy policy = MetadataPolicy::mm2;
  bool defaults_from_source = false;  // use.defaults.from
};

/// `target`: names the cluster, for messages.
ConfigChanges config_changes(const DescribedConfigs& of_source, const DescribedConfigs& of_target,
                             const ConfigFilter& filter, const ConfigChangeSettings& settings,
                             const std::string& target);

}  // namespace shunt::replicate
