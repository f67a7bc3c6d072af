#include "replicate/control/topic_configs.h"

#include <algorithm>
#include <stdexcept>

#include <fmt/format.h>

#include "protocol/error.h"

namespace shunt::replicate {

using protocol::DescribeConfigsRequest;

namespace {

constexpr std::int8_t topic_resource = 2;
constexpr std::int8_t set_on_the_topic = 1;  // ConfigSource DYNAMIC_TOPIC_CONFIG (KIP-226)
constexpr std::size_t topics_per_request = 100;

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
    if (config.config_source != set_on_the_topic || config.read_only || config.is_sensitive || !config.value) continue;
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

}  // namespace shunt::replicate
