#include "replicate/admin/config_sync.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include "protocol/error.h"
#include "protocol/messages/incremental_alter_configs.h"

namespace shunt::replicate {

using net::Awaitable;
using protocol::IncrementalAlterConfigsRequest;

namespace errors = protocol::errors;

namespace {

constexpr std::size_t topics_per_round = 100;
constexpr std::int8_t topic_resource = 2;
constexpr std::int8_t set_operation = 0;
constexpr std::int8_t delete_operation = 1;

std::string describe(const ConfigChange& change) {
  return change.value ? fmt::format("{}={}", change.name, *change.value) : change.name + " back to the default";
}

/// The refusal is about one of the settings.
bool is_of_a_setting(std::int16_t error_code) {
  return error_code == errors::invalid_config || error_code == errors::policy_violation ||
         error_code == errors::invalid_request;
}

}  // namespace

ConfigSync::ConfigSync(Cluster& source, Cluster& target, std::shared_ptr<const KnownTopics> topics,
                       ConfigSyncSettings settings)
    : source_(source),
      target_(target),
      news_(std::move(topics)),
      settings_(std::move(settings)),
      filter_(settings_.exclude) {}

Awaitable<> ConfigSync::perform() {
  troubled_topics_ = 0;
  first_trouble_.clear();
  const std::vector<TopicPair> topics = news_.take();
  for (std::size_t begin = 0; begin < topics.size(); begin += topics_per_round) {
    const std::size_t end = std::min(begin + topics_per_round, topics.size());
    std::vector<TopicPair> some(topics.begin() + static_cast<std::ptrdiff_t>(begin),
                                topics.begin() + static_cast<std::ptrdiff_t>(end));
    co_await sync(std::move(some));
  }
  news_.done();
  if (troubled_topics_ == 1) throw ClusterError(first_trouble_);
  if (troubled_topics_ > 1) {
    throw ClusterError(fmt::format("{} (and {} more topics)", first_trouble_, troubled_topics_ - 1));
  }
}

Awaitable<> ConfigSync::sync(std::vector<TopicPair> topics) {
  std::set<std::string> source_names;
  std::set<std::string> target_names;
  for (const TopicPair& topic : topics) {
    source_names.insert(topic.source);
    target_names.insert(topic.target);
  }
  const std::map<std::string, DescribedTopic> of_source = co_await describe_topics(source_, std::move(source_names));
  const std::map<std::string, DescribedTopic> of_target = co_await describe_topics(target_, std::move(target_names));
  std::map<std::string, Changes> wanted;
  for (const TopicPair& topic : topics) {
    const DescribedTopic& here = of_source.at(topic.source);
    const DescribedTopic& there = of_target.at(topic.target);
    const DescribedTopic& silent = here.configs ? there : here;
    if (!silent.configs) {
      // One that is gone is the data path's affair.
      if (silent.error_code == errors::unknown_topic_or_partition) continue;
      const bool is_forbidden = silent.error_code == errors::topic_authorization_failed;
      note_trouble(&silent == &here ? topic.source : topic.target,
                   silent.reason + (is_forbidden ? " (grant DescribeConfigs on the topic)" : ""));
      continue;
    }
    ConfigChanges changes = config_changes(*here.configs, *there.configs, filter_, settings_.changes, target_.alias());
    for (const auto& [setting, why] : changes.impossible) tell_refused(topic.target, setting, why);
    if (!changes.changes.empty()) wanted[topic.target] = std::move(changes.changes);
  }
  if (!wanted.empty()) co_await alter(std::move(wanted));
}

Awaitable<> ConfigSync::alter(std::map<std::string, Changes> wanted) {
  // What was refused before would have the rest refused with it.
  std::map<std::string, Changes> doubtful;
  for (auto& [topic, changes] : wanted) {
    const auto was_refused = [this, &topic = topic](const ConfigChange& change) {
      return refused_.contains({topic, describe(change)});
    };
    const auto rest = std::stable_partition(changes.begin(), changes.end(), std::not_fn(was_refused));
    if (rest != changes.end()) doubtful[topic].assign(rest, changes.end());
    changes.erase(rest, changes.end());
  }
  std::erase_if(wanted, [](const auto& entry) { return entry.second.empty(); });
  const auto answers = co_await call(wanted);
  for (const auto& [topic, answer] : answers) {
    const auto& [error_code, reason] = answer;
    const Changes& changes = wanted.at(topic);
    if (error_code == 0) {
      std::vector<std::string> said;
      std::ranges::transform(changes, std::back_inserter(said), describe);
      spdlog::info("{}: {}: settings follow the source: {}", settings_.flow, topic, fmt::join(said, ", "));
    } else if (!is_of_a_setting(error_code)) {
      const bool is_forbidden = error_code == errors::topic_authorization_failed;
      note_trouble(topic, reason + (is_forbidden ? " (grant AlterConfigs on the topic)" : ""));
    } else {
      Changes& alone = doubtful[topic];
      alone.insert(alone.end(), changes.begin(), changes.end());
    }
  }
  for (const auto& [topic, changes] : doubtful) co_await alter_one_by_one(topic, changes);
}

Awaitable<> ConfigSync::alter_one_by_one(const std::string& topic, const Changes& changes) {
  for (const ConfigChange& change : changes) {
    const std::map<std::string, Changes> alone{{topic, {change}}};
    const auto answers = co_await call(alone);
    const auto& [error_code, reason] = answers.at(topic);
    if (error_code == 0) {
      refused_.erase({topic, describe(change)});
      spdlog::info("{}: {}: settings follow the source: {}", settings_.flow, topic, describe(change));
    } else if (is_of_a_setting(error_code)) {
      tell_refused(topic, describe(change), reason);
    } else {
      note_trouble(topic, reason);
    }
  }
}

Awaitable<std::map<std::string, std::pair<std::int16_t, std::string>>> ConfigSync::call(
    const std::map<std::string, Changes>& wanted) {
  std::map<std::string, std::pair<std::int16_t, std::string>> answers;
  if (wanted.empty()) co_return answers;
  IncrementalAlterConfigsRequest request;
  for (const auto& [topic, changes] : wanted) {
    auto& resource = request.resources.emplace_back();
    resource.resource_type = topic_resource;
    resource.resource_name = topic;
    for (const ConfigChange& change : changes) {
      resource.configs.push_back({.name = change.name,
                                  .config_operation = change.value ? set_operation : delete_operation,
                                  .value = change.value});
    }
    answers[topic] = {errors::unknown_server_error,
                      fmt::format("{} left the topic out of its answer to IncrementalAlterConfigs", target_.alias())};
  }
  auto response = co_await target_.call_controller(std::move(request));
  for (const auto& answered : response.responses) {
    const auto entry = answers.find(answered.resource_name);
    if (entry == answers.end()) continue;
    if (answered.error_code == errors::not_controller) target_.forget_controller();
    entry->second = {answered.error_code,
                     fmt::format("{} answered {} to IncrementalAlterConfigs{}{}", target_.alias(),
                                 protocol::error_name(answered.error_code), answered.error_message ? ": " : "",
                                 answered.error_message.value_or(""))};
  }
  co_return answers;
}

void ConfigSync::tell_refused(const std::string& topic, const std::string& setting, const std::string& reason) {
  std::string& said = refused_[{topic, setting}];
  if (said.empty()) {
    spdlog::warn("{}: {}: a setting of the source was not possible: {}: {}", settings_.flow, topic, setting, reason);
  }
  said = reason;
}

void ConfigSync::note_trouble(const std::string& topic, const std::string& reason) {
  if (troubled_topics_++ == 0) first_trouble_ = fmt::format("settings of {}: {}", topic, reason);
}

}  // namespace shunt::replicate
