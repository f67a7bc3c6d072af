// What the settings of a target topic would do to the records that come: refuse them, delete them, or never acknowledge
// them. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "replicate/plan/plan.h"

namespace shunt::replicate {

/// By name; what is not known is missing.
using TopicSettingValues = std::map<std::string, std::string>;

struct LimitQuestion {
  std::string source_topic;
  std::string target_topic;
  std::string target;  // alias
  TopicSettingValues of_source;
  TopicSettingValues of_target;       // as they would be when the mirror runs
  std::int32_t source_replicas = -1;  // -1: not known
  std::int32_t target_replicas = -1;
  /// Of the first record that would be copied, in milliseconds since 1970; unset: there is none, or it was not seen.
  std::optional<std::int64_t> oldest_ms;
  std::int64_t now_ms = 0;
};

/// The settings that it looks at.
std::vector<std::string> limit_settings();

std::vector<Finding> find_limits(const LimitQuestion& question);

}  // namespace shunt::replicate
