#include "replicate/control/topic_configs.h"

#include <algorithm>
#include <charconv>
#include <functional>
#include <iterator>
#include <limits>
#include <stdexcept>
#include <string_view>
#include <system_error>

#include <fmt/format.h>

#include "protocol/error.h"

namespace shunt::replicate {

using protocol::DescribeConfigsRequest;

namespace {

constexpr std::int8_t topic_resource = 2;
constexpr std::size_t topics_per_request = 100;

// Against times far from now, since Kafka 3.6; with Kafka 4.0 an hour ahead by default (KIP-937, KIP-1030).
constexpr std::string_view time_limits[] = {"message.timestamp.after.max.ms", "message.timestamp.before.max.ms"};

/// A size that the source's brokers allow to all their topics must be allowed to the copy too.
bool is_raised_limit(const protocol::DescribeConfigsResponse::Config& config) {
  return config.name == "max.message.bytes" && config.config_source != config_sources::kafkas_default;
}

// ---- The conservative policy ----------------------------------------------------------------------------------------

bool is_at_least(const std::string& text, std::int64_t least) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && value >= least;
}

bool is_cleanup_policy(const std::string& text) {
  static const std::set<std::string, std::less<>> known{"delete", "compact", "compact,delete", "delete,compact", ""};
  return known.contains(text);
}

/// A setting that every topic is given.
struct StandardSetting {
  std::string_view name;
  std::string_view value;  // empty: the target's own default
  bool (*is_valid)(const std::string& value);
};
constexpr StandardSetting standard_settings[] = {
    {"cleanup.policy", "delete", is_cleanup_policy},
    {"max.message.bytes", "1048588", [](const std::string& value) { return is_at_least(value, 0); }},
    {"min.insync.replicas", "1", [](const std::string& value) { return is_at_least(value, 1); }},
    {"retention.bytes", "", [](const std::string& value) { return is_at_least(value, -1); }},
    {"retention.ms", "604800000", [](const std::string& value) { return is_at_least(value, -1); }},
    {"segment.ms", "604800000", [](const std::string& value) { return is_at_least(value, 1); }},
    {"unclean.leader.election.enable", "false",
     [](const std::string& value) { return value == "true" || value == "false"; }},
};

const StandardSetting* find_standard(std::string_view name) {
  const auto* found = std::ranges::find(standard_settings, name, &StandardSetting::name);
  return found == std::end(standard_settings) ? nullptr : found;
}

}  // namespace

ConfigFilter::ConfigFilter(const std::vector<std::string>& excluded, MetadataPolicy policy) : policy_(policy) {
  for (const std::string& expression : excluded) {
    auto compiled = std::make_unique<re2::RE2>(expression, re2::RE2::Quiet);
    if (!compiled->ok()) {
      throw std::invalid_argument(
          fmt::format("config.properties.exclude: bad expression \"{}\": {}", expression, compiled->error()));
    }
    excluded_.push_back(std::move(compiled));
  }
}

bool ConfigFilter::excludes(const std::string& name) const {
  return std::any_of(excluded_.begin(), excluded_.end(),
                     [&](const auto& expression) { return re2::RE2::FullMatch(name, *expression); });
}

TopicConfigs ConfigFilter::select(const DescribedConfigs& configs) const {
  TopicConfigs selected;
  for (const auto& config : configs) {
    const bool is_standard = policy_ == MetadataPolicy::conservative && find_standard(config.name) != nullptr;
    if (config.config_source != config_sources::topic && !is_raised_limit(config) && !is_standard) continue;
    if (config.read_only || config.is_sensitive || !config.value || excludes(config.name)) continue;
    selected[config.name] = *config.value;
  }
  return selected;
}

net::Awaitable<std::map<std::string, DescribedTopic>> describe_topics(Cluster& cluster, std::set<std::string> topics) {
  std::map<std::string, DescribedTopic> described;
  auto next = topics.begin();
  while (next != topics.end()) {
    DescribeConfigsRequest request;
    for (; next != topics.end() && request.resources.size() < topics_per_request; ++next) {
      auto& resource = request.resources.emplace_back();
      resource.resource_type = topic_resource;
      resource.resource_name = *next;
      described[*next].reason = fmt::format("{} left the topic out of its answer to DescribeConfigs", cluster.alias());
    }
    auto response = co_await cluster.call_any(std::move(request));
    for (auto& result : response.results) {
      const auto entry = described.find(result.resource_name);
      if (entry == described.end()) continue;
      DescribedTopic& topic = entry->second;
      topic.error_code = result.error_code;
      if (result.error_code == 0) {
        topic.configs = std::move(result.configs);
      } else {
        topic.reason = fmt::format("{} answered {} to DescribeConfigs{}{}", cluster.alias(),
                                   protocol::error_name(result.error_code), result.error_message ? ": " : "",
                                   result.error_message.value_or(""));
      }
    }
  }
  co_return described;
}

net::Awaitable<std::map<std::string, ReadConfigs>> read_topic_configs(Cluster& cluster, std::set<std::string> topics,
                                                                      const ConfigFilter& filter) {
  const std::map<std::string, DescribedTopic> described = co_await describe_topics(cluster, std::move(topics));
  std::map<std::string, ReadConfigs> read;
  for (const auto& [name, topic] : described) {
    read[name] =
        topic.configs ? ReadConfigs(filter.select(*topic.configs), {}) : ReadConfigs(std::nullopt, topic.reason);
  }
  co_return read;
}

net::Awaitable<std::map<std::string, TopicConfigs>> effective_settings(Cluster& cluster, std::set<std::string> topics,
                                                                       std::vector<std::string> names) {
  std::map<std::string, TopicConfigs> settings;
  auto next = topics.begin();
  while (next != topics.end()) {
    DescribeConfigsRequest request;
    for (; next != topics.end() && request.resources.size() < topics_per_request; ++next) {
      auto& resource = request.resources.emplace_back();
      resource.resource_type = topic_resource;
      resource.resource_name = *next;
      resource.configuration_keys = names;
    }
    try {
      const auto response = co_await cluster.call_any(std::move(request));
      for (const auto& result : response.results) {
        for (const auto& config : result.configs) {
          if (result.error_code == 0 && config.value) settings[result.resource_name][config.name] = *config.value;
        }
      }
    } catch (const ClusterError&) {
      // Whoever asks can do without.
    }
  }
  co_return settings;
}

void fit_for_mirroring(TopicConfigs& configs) {
  const std::string no_limit = std::to_string(std::numeric_limits<std::int64_t>::max());
  for (const std::string_view name : time_limits) configs[std::string(name)] = no_limit;
  configs.try_emplace("message.timestamp.type", "CreateTime");
  configs.erase("message.format.version");  // what is written is format 2
}

bool is_of_mirroring(const std::string& name) {
  return std::ranges::find(time_limits, name) != std::end(time_limits);
}

std::optional<std::string> standard_setting(const std::string& name) {
  const StandardSetting* found = find_standard(name);
  return found == nullptr || found->value.empty() ? std::nullopt : std::optional(std::string(found->value));
}

std::vector<std::string> complete_settings(TopicConfigs& configs, const ConfigFilter& filter, std::int16_t replicas) {
  std::vector<std::string> replaced;
  for (const StandardSetting& setting : standard_settings) {
    const std::string name(setting.name);
    if (filter.excludes(name)) continue;
    const auto given = configs.find(name);
    // More replicas in sync than there are: nothing could ever be written.
    const bool is_too_much = given != configs.end() && name == "min.insync.replicas" && replicas > 0 &&
                             is_at_least(given->second, replicas + 1);
    if (given != configs.end() && setting.is_valid(given->second) && !is_too_much) continue;
    const std::string what = setting.value.empty() ? "the target's default" : std::string(setting.value);
    if (given != configs.end()) {
      replaced.push_back(
          fmt::format("setting {}={} {}: {} instead", name, given->second,
                      is_too_much ? fmt::format("is more than the {} replica{}", replicas, replicas == 1 ? "" : "s")
                                  : "is no value that it can have",
                      what));
      configs.erase(given);
    }
    if (!setting.value.empty()) configs[name] = setting.value;
  }
  return replaced;
}

}  // namespace shunt::replicate
