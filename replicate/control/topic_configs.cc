#include "replicate/control/topic_configs.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <stdexcept>
#include <string_view>

#include <fmt/format.h>

#include "protocol/error.h"

namespace shunt::replicate {

using protocol::DescribeConfigsRequest;

namespace {

constexpr std::int8_t topic_resource = 2;
constexpr std::int8_t set_on_the_topic = 1;  // ConfigSource DYNAMIC_TOPIC_CONFIG (KIP-226)
constexpr std::int8_t kafkas_default = 5;    // DEFAULT_CONFIG
constexpr std::size_t topics_per_request = 100;

// Against times far from now, since Kafka 3.6; with Kafka 4.0 an hour ahead by default (KIP-937, KIP-1030).
constexpr std::string_view time_limits[] = {"message.timestamp.after.max.ms", "message.timestamp.before.max.ms"};

/// A size that the source's brokers allow to all their topics must be allowed to the copy too.
bool is_raised_limit(const protocol::DescribeConfigsResponse::Config& config) {
  return config.name == "max.message.bytes" && config.config_source != kafkas_default;
}

}  // namespace

ConfigFilter::ConfigFilter(const std::vector<std::string>& excluded) {
  for (const std::string& expression : excluded) {
    auto compiled = std::make_unique<re2::RE2>(expression, re2::RE2::Quiet);
    if (!compiled->ok()) {
      throw std::invalid_argument(
          fmt::format("config.properties.exclude: bad expression \"{}\": {}", expression, compiled->error()));
    }
    excluded_.push_back(std::move(compiled));
  }
}

TopicConfigs ConfigFilter::select(const std::vector<protocol::DescribeConfigsResponse::Config>& configs) const {
  TopicConfigs selected;
  for (const auto& config : configs) {
    if (config.config_source != set_on_the_topic && !is_raised_limit(config)) continue;
    if (config.read_only || config.is_sensitive || !config.value) continue;
    const bool is_excluded = std::any_of(excluded_.begin(), excluded_.end(), [&](const auto& expression) {
      return re2::RE2::FullMatch(config.name, *expression);
    });
    if (!is_excluded) selected[config.name] = *config.value;
  }
  return selected;
}

net::Awaitable<std::map<std::string, ReadConfigs>> read_topic_configs(Cluster& cluster, std::set<std::string> topics,
                                                                      const ConfigFilter& filter) {
  std::map<std::string, ReadConfigs> read;
  auto next = topics.begin();
  while (next != topics.end()) {
    DescribeConfigsRequest request;
    for (; next != topics.end() && request.resources.size() < topics_per_request; ++next) {
      auto& resource = request.resources.emplace_back();
      resource.resource_type = topic_resource;
      resource.resource_name = *next;
      read[*next] = {std::nullopt,
                     fmt::format("{} left the topic out of its answer to DescribeConfigs", cluster.alias())};
    }
    const auto response = co_await cluster.call_any(std::move(request));
    for (const auto& result : response.results) {
      const auto entry = read.find(result.resource_name);
      if (entry == read.end()) continue;
      if (result.error_code == 0) {
        entry->second = {filter.select(result.configs), {}};
      } else {
        entry->second.second = fmt::format("{} answered {} to DescribeConfigs{}{}", cluster.alias(),
                                           protocol::error_name(result.error_code), result.error_message ? ": " : "",
                                           result.error_message.value_or(""));
      }
    }
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

}  // namespace shunt::replicate
