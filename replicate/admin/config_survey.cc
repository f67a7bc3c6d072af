#include "replicate/admin/config_survey.h"

#include <set>
#include <utility>

#include <fmt/format.h>

#include "protocol/error.h"
#include "protocol/messages/incremental_alter_configs.h"

namespace shunt::replicate {

using net::Awaitable;
using protocol::IncrementalAlterConfigsRequest;

namespace errors = protocol::errors;

namespace {

constexpr std::int8_t topic_resource = 2;
constexpr std::int8_t set_operation = 0;
constexpr std::int8_t delete_operation = 1;

}  // namespace

Awaitable<ConfigSurvey> survey_configs(Cluster& source, Cluster& target, std::vector<TopicPair> topics,
                                       const ConfigFilter& filter, ConfigChangeSettings settings) {
  std::set<std::string> source_names;
  std::set<std::string> target_names;
  for (const TopicPair& topic : topics) {
    source_names.insert(topic.source);
    target_names.insert(topic.target);
  }
  const std::map<std::string, DescribedTopic> of_source = co_await describe_topics(source, std::move(source_names));
  const std::map<std::string, DescribedTopic> of_target = co_await describe_topics(target, std::move(target_names));
  ConfigSurvey survey;
  for (const TopicPair& topic : topics) {
    const DescribedTopic& here = of_source.at(topic.source);
    const DescribedTopic& there = of_target.at(topic.target);
    const DescribedTopic& silent = here.configs ? there : here;
    if (!silent.configs) {
      // One that is gone is the data path's affair.
      if (silent.error_code == errors::unknown_topic_or_partition) continue;
      const bool is_forbidden = silent.error_code == errors::topic_authorization_failed;
      survey.troubles.push_back(
          {.topic = &silent == &here ? topic.source : topic.target,
           .reason = silent.reason + (is_forbidden ? " (grant DescribeConfigs on the topic)" : "")});
      continue;
    }
    ConfigChanges changes = config_changes(*here.configs, *there.configs, filter, settings, target.alias());
    if (!changes.impossible.empty()) survey.impossible[topic.target] = std::move(changes.impossible);
    if (!changes.changes.empty()) survey.changes[topic.target] = std::move(changes.changes);
  }
  co_return survey;
}

bool ConfigAnswer::is_of_a_setting() const {
  return error_code == errors::invalid_config || error_code == errors::policy_violation ||
         error_code == errors::invalid_request;
}

Awaitable<std::map<std::string, ConfigAnswer>> alter_configs(Cluster& target, const TopicChanges& changes,
                                                             bool only_asks) {
  std::map<std::string, ConfigAnswer> answers;
  if (changes.empty()) co_return answers;
  IncrementalAlterConfigsRequest request;
  request.validate_only = only_asks;
  for (const auto& [topic, of_topic] : changes) {
    auto& resource = request.resources.emplace_back();
    resource.resource_type = topic_resource;
    resource.resource_name = topic;
    for (const ConfigChange& change : of_topic) {
      resource.configs.push_back({.name = change.name,
                                  .config_operation = change.value ? set_operation : delete_operation,
                                  .value = change.value});
    }
    answers[topic] = {
        .error_code = errors::unknown_server_error,
        .reason = fmt::format("{} left the topic out of its answer to IncrementalAlterConfigs", target.alias())};
  }
  const auto response = co_await target.call_controller(std::move(request));
  for (const auto& answered : response.responses) {
    const auto entry = answers.find(answered.resource_name);
    if (entry == answers.end()) continue;
    if (answered.error_code == errors::not_controller) target.forget_controller();
    entry->second = {.error_code = answered.error_code,
                     .reason = fmt::format("{} answered {} to IncrementalAlterConfigs{}{}", target.alias(),
                                           protocol::error_name(answered.error_code),
                                           answered.error_message ? ": " : "", answered.error_message.value_or(""))};
  }
  co_return answers;
}

std::string describe(const ConfigChange& change) {
  return change.value ? fmt::format("{}={}", change.name, *change.value) : change.name + " back to the default";
}

}  // namespace shunt::replicate
