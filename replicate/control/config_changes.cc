#include "replicate/control/config_changes.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace shunt::replicate {
namespace {

using Config = protocol::DescribeConfigsResponse::Config;

constexpr std::string_view size_limit = "max.message.bytes";
constexpr std::string_view time_type = "message.timestamp.type";
constexpr std::string_view not_followed[] = {"message.timestamp.after.max.ms", "message.timestamp.before.max.ms",
                                             "message.timestamp.difference.max.ms", "message.format.version"};
constexpr std::string_view retention[] = {"retention.bytes", "retention.ms"};
constexpr std::string_view without_limit = "-1";

bool is_followed(const Config& config, const ConfigFilter& filter) {
  return !config.read_only && !config.is_sensitive && config.value && !filter.excludes(config.name) &&
         std::ranges::find(not_followed, config.name) == std::end(not_followed);
}

std::int64_t number(const std::optional<std::string>& text) {
  std::int64_t value = -1;
  if (text) std::from_chars(text->data(), text->data() + text->size(), value);
  return value;
}

class Comparison {
 public:
  Comparison(const DescribedConfigs& of_target, const ConfigChangeSettings& settings, const std::string& target)
      : settings_(settings), target_(target) {
    for (const Config& config : of_target) by_name_[config.name] = &config;
  }

  void follow(const Config& config) {
    const auto there = by_name_.find(config.name);
    const Config* known = there == by_name_.end() ? nullptr : there->second;
    const bool is_default = config.config_source == config_sources::kafkas_default;
    if (config.name == size_limit) {
      if (known != nullptr && number(known->value) < number(config.value)) set(config, *known);
    } else if (config.config_source == config_sources::brokers_file) {
      // Of the source's brokers, and no wish for the topic.
    } else if (known == nullptr) {
      miss(config, is_default);
    } else if (config.name == time_type && is_default) {
      if (known->value != config.value) set(config, *known);
    } else if (is_default && !settings_.defaults_from_source) {
      const bool is_set = known->config_source == config_sources::topic;
      if (is_set && can_write(config, *known)) changes_[config.name] = std::nullopt;
    } else {
      const bool is_set = known->config_source == config_sources::topic;
      const bool must_be_set = config.config_source == config_sources::topic;
      if (known->value != config.value || (must_be_set && !is_set)) set(config, *known);
    }
  }

  void lift(const Config& config) {
    const auto there = by_name_.find(config.name);
    if (config.value != without_limit || there == by_name_.end() || there->second->value == without_limit) return;
    set(config, *there->second);
  }

  ConfigChanges take() {
    ConfigChanges all;
    for (auto& [name, value] : changes_) all.changes.push_back({.name = name, .value = std::move(value)});
    all.impossible = std::move(impossible_);
    if (!unknown_defaults_.empty()) {
      std::ranges::sort(unknown_defaults_);
      all.impossible[fmt::format("{}", fmt::join(unknown_defaults_, ", "))] =
          target_ + " does not know it, and use.defaults.from=source asks for it";
    }
    return all;
  }

 private:
  void set(const Config& config, const Config& known) {
    if (can_write(config, known)) changes_[config.name] = config.value;
  }

  bool can_write(const Config& config, const Config& known) {
    if (!known.read_only && !known.is_sensitive) return true;
    impossible_[config.name] = target_ + " does not let it be written";
    return false;
  }

  void miss(const Config& config, bool is_default) {
    if (!is_default) {
      impossible_[fmt::format("{}={}", config.name, *config.value)] = target_ + " does not know it";
    } else if (settings_.defaults_from_source) {
      unknown_defaults_.push_back(config.name);
    }
  }

  const ConfigChangeSettings& settings_;
  const std::string& target_;
  std::map<std::string_view, const Config*> by_name_;
  std::map<std::string, std::optional<std::string>> changes_;
  std::map<std::string, std::string> impossible_;
  std::vector<std::string> unknown_defaults_;
};

}  // namespace

ConfigChanges config_changes(const DescribedConfigs& of_source, const DescribedConfigs& of_target,
                             const ConfigFilter& filter, const ConfigChangeSettings& settings,
                             const std::string& target) {
  Comparison comparison(of_target, settings, target);
  for (const Config& config : of_source) {
    if (!is_followed(config, filter)) continue;
    if (settings.policy == MetadataPolicy::mm2) {
      comparison.follow(config);
    } else if (std::ranges::find(retention, config.name) != std::end(retention)) {
      comparison.lift(config);
    }
  }
  return comparison.take();
}

}  // namespace shunt::replicate
