// Lets the settings of mirrored topics follow the source's (admin/config_survey.h says which), with single changes
// (KIP-339), and none where nothing differs. What the target refuses is said once for every topic and setting; the rest
// goes on.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "replicate/admin/config_survey.h"
#include "replicate/admin/duty.h"
#include "replicate/admin/topic_news.h"
#include "replicate/control/cluster.h"
#include "replicate/control/config_changes.h"

namespace shunt::replicate {

struct ConfigSyncSettings {
  std::string flow;                    // "A->B"
  std::chrono::seconds interval{600};  // sync.topic.configs.interval.seconds
  std::vector<std::string> exclude;    // config.properties.exclude, as TopicSettings::config_exclude
  ConfigChangeSettings changes;
};

class ConfigSync final : public Duty {
 public:
  /// The clusters must outlive it. Throws std::invalid_argument for a bad expression.
  ConfigSync(Cluster& source, Cluster& target, std::shared_ptr<const KnownTopics> topics, ConfigSyncSettings settings);

  [[nodiscard]] const char* name() const override { return "topic-configs"; }
  [[nodiscard]] net::Duration interval() const override { return settings_.interval; }
  [[nodiscard]] bool is_due_early() const override { return news_.has_news(); }
  [[nodiscard]] bool is_due_at_the_end() const override { return news_.has_news(); }
  net::Awaitable<> perform() override;

 private:
  using Changes = std::vector<ConfigChange>;

  net::Awaitable<> sync(std::vector<TopicPair> topics);
  net::Awaitable<> alter(TopicChanges wanted);
  net::Awaitable<> alter_one_by_one(const std::string& topic, const Changes& changes);
  void tell_refused(const std::string& topic, const std::string& setting, const std::string& reason);
  void note_trouble(const std::string& topic, const std::string& reason);

  Cluster& source_;
  Cluster& target_;
  TopicNews news_;
  const ConfigSyncSettings settings_;
  const ConfigFilter filter_;
  std::map<std::pair<std::string, std::string>, std::string> refused_;  // topic and setting: why; said
  std::size_t troubled_topics_ = 0;                                     // of this time
  std::string first_trouble_;
};

}  // namespace shunt::replicate
