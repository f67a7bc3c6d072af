#include "replicate/admin/config_sync.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include "protocol/error.h"

namespace shunt::replicate {

using net::Awaitable;

namespace errors = protocol::errors;

namespace {

constexpr std::size_t topics_per_round = 100;
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
  ConfigSurvey survey = co_await survey_configs(source_, target_, std::move(topics), filter_, settings_.changes);
  for (const ConfigSurvey::Trouble& trouble : survey.troubles) note_trouble(trouble.topic, trouble.reason);
  for (const auto& [topic, impossible] : survey.impossible) {
    for (const auto& [setting, why] : impossible) tell_refused(topic, setting, why);
  }
  if (!survey.changes.empty()) co_await alter(std::move(survey.changes));
}

Awaitable<> ConfigSync::alter(TopicChanges wanted) {
  // What was refused before would have the rest refused with it.
  TopicChanges doubtful;
  for (auto& [topic, changes] : wanted) {
    const auto was_refused = [this, &topic = topic](const ConfigChange& change) {
      return refused_.contains({topic, describe(change)});
    };
    const auto rest = std::stable_partition(changes.begin(), changes.end(), std::not_fn(was_refused));
    if (rest != changes.end()) doubtful[topic].assign(rest, changes.end());
    changes.erase(rest, changes.end());
  }
  std::erase_if(wanted, [](const auto& entry) { return entry.second.empty(); });
  const auto answers = co_await alter_configs(target_, wanted, false);
  for (const auto& [topic, answer] : answers) {
    const Changes& changes = wanted.at(topic);
    if (answer.error_code == 0) {
      std::vector<std::string> said;
      for (const ConfigChange& change : changes) said.push_back(describe(change));
      spdlog::info("{}: {}: settings follow the source: {}", settings_.flow, topic, fmt::join(said, ", "));
    } else if (!answer.is_of_a_setting()) {
      const bool is_forbidden = answer.error_code == errors::topic_authorization_failed;
      note_trouble(topic, answer.reason + (is_forbidden ? " (grant AlterConfigs on the topic)" : ""));
    } else {
      Changes& alone = doubtful[topic];
      alone.insert(alone.end(), changes.begin(), changes.end());
    }
  }
  for (const auto& [topic, changes] : doubtful) co_await alter_one_by_one(topic, changes);
}

Awaitable<> ConfigSync::alter_one_by_one(const std::string& topic, const Changes& changes) {
  for (const ConfigChange& change : changes) {
    const TopicChanges alone{{topic, {change}}};
    const auto answers = co_await alter_configs(target_, alone, false);
    const ConfigAnswer& answer = answers.at(topic);
    if (answer.error_code == 0) {
      refused_.erase({topic, describe(change)});
      spdlog::info("{}: {}: settings follow the source: {}", settings_.flow, topic, describe(change));
    } else if (answer.is_of_a_setting()) {
      tell_refused(topic, describe(change), answer.reason);
    } else {
      note_trouble(topic, answer.reason);
    }
  }
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
