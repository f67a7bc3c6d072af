#include "replicate/control/topics.h"

#include <algorithm>
#include <chrono>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "protocol/error.h"
#include "protocol/messages/create_partitions.h"
#include "protocol/messages/create_topics.h"
#include "replicate/control/topic_configs.h"
#include "replicate/data/flow.h"

namespace shunt::replicate {

using net::Awaitable;
using protocol::CreatePartitionsRequest;
using protocol::CreateTopicsRequest;
using protocol::error_name;

namespace errors = protocol::errors;

namespace {

constexpr std::size_t topics_per_request = 100;
// A KRaft controller writes at most 10,000 metadata records for one request: one for a topic, and one for each of its
// partitions and settings.
constexpr std::size_t records_per_request = 5000;
constexpr std::int32_t broker_timeout_ms = 20000;
constexpr net::Duration first_pause = std::chrono::milliseconds(20);
constexpr net::Duration longest_pause = std::chrono::milliseconds(500);

std::string describe(const std::string& who, std::int16_t error_code, const std::optional<std::string>& message,
                     const char* request) {
  std::string text = fmt::format("{} answered {} to {}{}{}", who, error_name(error_code), request,
                                 message && !message->empty() ? ": " : "", message.value_or(""));
  if (error_code == errors::topic_authorization_failed || error_code == errors::cluster_authorization_failed) {
    text += fmt::format(" (grant this user {})", std::string_view(request) == "CreatePartitions"
                                                     ? "Alter on the topic"
                                                     : "Create on the topic or the cluster");
  }
  return text;
}

/// One topic on its way to be ready.
struct Task {
  TopicResult result;
  TopicConfigs configs;
  bool configs_read = false;
  bool open = true;
  bool changed = false;  // created or grown here: its leaders are waited for
  enum class Step { none, create, grow, wait } step = Step::none;
  bool exists = false;

  void close(TopicOutcome outcome, std::string reason = {}, bool may_retry = false) {
    open = false;
    result.outcome = outcome;
    result.reason = std::move(reason);
    result.may_retry = may_retry;
  }
};

/// Cut into what one request may ask for. A topic that is more than that alone is asked for alone.
std::vector<std::vector<Task*>> cut_into_requests(const std::vector<Task*>& tasks) {
  std::vector<std::vector<Task*>> requests;
  std::size_t records = 0;
  for (Task* task : tasks) {
    const std::size_t needed = 1 + static_cast<std::size_t>(task->result.source_partitions) + task->configs.size();
    if (requests.empty() || requests.back().size() == topics_per_request || records + needed > records_per_request) {
      requests.emplace_back();
      records = 0;
    }
    requests.back().push_back(task);
    records += needed;
  }
  return requests;
}

/// Brings the tasks forward round by round: look, decide for each what is missing, ask for it, look again.
class Preparation {
 public:
  /// `only_asks`: nothing is done; the target says what it would do.
  Preparation(Cluster& source, Cluster& target, TopicSettings settings, bool only_asks)
      : source_(source),
        target_(target),
        settings_(std::move(settings)),
        only_asks_(only_asks),
        filter_(settings_.config_exclude, settings_.policy),
        deadline_(net::now() + settings_.patience) {}

  Awaitable<std::vector<TopicResult>> run(std::vector<TopicPair> topics) {
    co_await begin(std::move(topics));
    net::GrowingPause pause(first_pause, longest_pause);
    for (bool first = true;; first = false) {
      co_await look();
      decide();
      if (std::none_of(tasks_.begin(), tasks_.end(), [](const Task& task) { return task.open; })) break;
      if (net::now() >= deadline_) {
        give_up();
        break;
      }
      if (!first) {
        co_await pause.wait();
      }
      co_await create();
      co_await grow();
    }
    co_await look_at_settings();
    std::vector<TopicResult> results;
    results.reserve(tasks_.size());
    for (Task& task : tasks_) results.push_back(std::move(task.result));
    co_return results;
  }

 private:
  std::vector<Task*> with_step(Task::Step step) {
    std::vector<Task*> found;
    for (Task& task : tasks_) {
      if (task.open && task.step == step) found.push_back(&task);
    }
    return found;
  }

  Awaitable<> begin(std::vector<TopicPair> topics) {
    std::set<std::string> names;
    for (const TopicPair& topic : topics) names.insert(topic.source);
    co_await source_.refresh_topics(std::vector<std::string>(names.begin(), names.end()));
    std::map<std::string, std::string> taken;  // target topic -> the source topic it is for
    for (TopicPair& topic : topics) {
      Task& task = tasks_.emplace_back();
      task.result.topic = topic;
      const auto [owner, is_free] = taken.emplace(topic.target, topic.source);
      const Topic* known = source_.find_topic(topic.source);
      if (!is_free) {
        task.close(TopicOutcome::not_created, fmt::format("source topics {} and {} would both be written to {}",
                                                          owner->second, topic.source, topic.target));
      } else if (known == nullptr || known->error_code != 0) {
        const std::int16_t error = known == nullptr ? errors::unknown_topic_or_partition : known->error_code;
        task.close(TopicOutcome::no_source,
                   fmt::format("{} answers {} for topic {}", source_.alias(), error_name(error), topic.source),
                   protocol::is_retriable(error));
      } else {
        task.result.source_partitions = static_cast<std::int32_t>(known->partitions.size());
      }
    }
  }

  Awaitable<> look() {
    std::vector<std::string> names;
    for (const Task& task : tasks_) {
      if (task.open) names.push_back(task.result.topic.target);
    }
    if (!names.empty()) co_await target_.refresh_topics(std::move(names));
  }

  void decide() {
    for (Task& task : tasks_) {
      if (!task.open) continue;
      const std::string& name = task.result.topic.target;
      const Topic* known = target_.find_topic(name);
      const std::int16_t error = known == nullptr ? errors::unknown_topic_or_partition : known->error_code;
      task.exists = error == 0 && !known->partitions.empty();
      if (error == errors::unknown_topic_or_partition) {
        // A topic just created reaches the brokers' metadata a moment later.
        task.step = task.changed ? Task::Step::wait : Task::Step::create;
        if (task.result.topic.must_exist) {
          task.close(TopicOutcome::no_target, fmt::format("{} no longer has topic {}", target_.alias(), name), true);
        }
      } else if (error != 0 && !protocol::is_retriable(error)) {
        task.close(TopicOutcome::not_created,
                   fmt::format("{} answers {} for topic {}", target_.alias(), error_name(error), name));
      } else if (!task.exists) {
        task.step = Task::Step::wait;
      } else {
        decide_existing(task, *known);
      }
    }
  }

  void decide_existing(Task& task, const Topic& known) {
    TopicResult& result = task.result;
    result.target_partitions = static_cast<std::int32_t>(known.partitions.size());
    if (result.target_partitions < result.source_partitions) {
      // Grown partitions reach the brokers' metadata a moment later, too.
      task.step = task.changed ? Task::Step::wait : Task::Step::grow;
      return;
    }
    const auto leaderless =
        std::find_if(known.partitions.begin(), known.partitions.end(),
                     [](const Topic::Partition& partition) { return partition.leader.value() < 0; });
    if (leaderless != known.partitions.end()) {
      task.step = Task::Step::wait;
      result.reason =
          fmt::format("{} has no leader for {}-{}", target_.alias(), known.name, leaderless - known.partitions.begin());
      // A topic that has been there for long may be without a leader for long: that is its partitions' affair.
      if (!task.changed) task.close(TopicOutcome::no_leader, result.reason, true);
    } else if (result.target_partitions > result.source_partitions) {
      task.close(TopicOutcome::has_more_partitions,
                 fmt::format("{} has {} partitions on {}, but {} has {} on {}: partitions from {} on stay as they are",
                             known.name, result.target_partitions, target_.alias(), result.topic.source,
                             result.source_partitions, source_.alias(), result.source_partitions));
    } else {
      task.close(!task.changed                             ? TopicOutcome::ready
                 : result.outcome == TopicOutcome::created ? TopicOutcome::created
                                                           : TopicOutcome::grown);
    }
  }

  void give_up() {
    for (Task& task : tasks_) {
      if (!task.open) continue;
      const bool is_short = task.exists && task.result.target_partitions < task.result.source_partitions;
      std::string reason = task.result.reason.empty() ? "not ready in time" : task.result.reason;
      task.close(!task.exists && !task.changed ? TopicOutcome::not_created
                 : is_short                    ? TopicOutcome::has_fewer_partitions
                                               : TopicOutcome::no_leader,
                 std::move(reason), true);
    }
  }

  // ---- Creating
  // ------------------------------------------------------------------------------------------------------

  std::int16_t replication_factor(Task& task) const {
    const auto brokers = static_cast<std::int16_t>(std::min<std::size_t>(target_.brokers().size(), INT16_MAX));
    if (settings_.replication_factor <= brokers) return settings_.replication_factor;
    const std::string warning =
        fmt::format("replication factor {} lowered to {}: {} has {} broker{}", settings_.replication_factor, brokers,
                    target_.alias(), brokers, brokers == 1 ? "" : "s");
    if (std::find(task.result.warnings.begin(), task.result.warnings.end(), warning) == task.result.warnings.end()) {
      task.result.warnings.push_back(warning);
    }
    return brokers;
  }

  CreateTopicsRequest::Topic creation(Task& task) const {
    CreateTopicsRequest::Topic topic;
    topic.name = task.result.topic.target;
    topic.num_partitions = task.result.source_partitions;
    topic.replication_factor = replication_factor(task);
    for (const auto& [name, value] : task.configs) topic.configs.push_back({.name = name, .value = value});
    return topic;
  }

  void drop_config(Task& task, const std::string& name, const std::string& reason) {
    if (is_of_mirroring(name)) {
      task.configs.erase(name);
      return;
    }
    const std::string value = std::exchange(task.configs[name], {});
    task.configs.erase(name);
    const auto standard = settings_.policy == MetadataPolicy::conservative ? standard_setting(name) : std::nullopt;
    const bool is_replaced = standard && *standard != value;
    if (is_replaced) task.configs[name] = *standard;
    task.result.warnings.push_back(
        fmt::format("setting {}={} of {} {}: {}", name, value, task.result.topic.source,
                    is_replaced ? fmt::format("was replaced by {}", *standard) : "was left out", reason));
  }

  Awaitable<> read_configs(const std::vector<Task*>& tasks) {
    std::set<std::string> names;
    for (const Task* task : tasks) {
      if (settings_.copy_configs && !task->configs_read) names.insert(task->result.topic.source);
    }
    if (names.empty()) co_return;
    std::map<std::string, ReadConfigs> read = co_await read_topic_configs(source_, std::move(names), filter_);
    for (Task* task : tasks) {
      if (task->configs_read) continue;
      task->configs_read = true;
      auto& [configs, reason] = read[task->result.topic.source];
      if (configs) {
        task->configs = std::move(*configs);
        if (settings_.policy == MetadataPolicy::conservative) {
          for (std::string& said : complete_settings(task->configs, filter_, replication_factor(*task))) {
            task->result.warnings.push_back(std::move(said));
          }
        }
      } else {
        task->close(TopicOutcome::not_created,
                    fmt::format("the settings of {} cannot be read: {} (grant DescribeConfigs on the topic, or say "
                                "sync.topic.configs.enabled=false)",
                                task->result.topic.source, reason),
                    true);
      }
    }
  }

  Awaitable<> create() {
    co_await read_configs(with_step(Task::Step::create));
    const std::vector<Task*> tasks = with_step(Task::Step::create);
    for (Task* task : tasks) fit_for_mirroring(task->configs);
    for (std::vector<Task*>& some : cut_into_requests(tasks)) co_await create(std::move(some));
  }

  Awaitable<> create(std::vector<Task*> tasks) {
    CreateTopicsRequest request;
    request.timeout_ms = broker_timeout_ms;
    request.validate_only = only_asks_;
    std::map<std::string, Task*> by_name;
    for (Task* task : tasks) {
      for (const auto& [setting, reason] : refused_configs_) {
        const auto has = task->configs.find(setting.first);
        if (has != task->configs.end() && has->second == setting.second) drop_config(*task, setting.first, reason);
      }
      request.topics.push_back(creation(*task));
      by_name[task->result.topic.target] = task;
    }
    std::string failure;
    protocol::CreateTopicsResponse response;
    try {
      response = co_await target_.call_controller(std::move(request));
    } catch (const std::runtime_error& error) {
      failure = error.what();
      target_.forget_controller();
    }
    for (Task* task : tasks) {
      if (!failure.empty()) task->result.reason = failure;
    }
    for (const auto& topic : response.topics) {
      const auto entry = by_name.find(topic.name);
      if (entry == by_name.end()) continue;
      Task& task = *entry->second;
      if (topic.error_code == 0) {
        note_created(task, topic);
      } else if (topic.error_code == errors::topic_already_exists) {
        // Created by somebody else, or by a request of ours whose answer was lost: the next look tells.
      } else if ((topic.error_code == errors::invalid_config || topic.error_code == errors::policy_violation) &&
                 !task.configs.empty()) {
        co_await drop_refused_configs(task,
                                      describe(target_.alias(), topic.error_code, topic.error_message, "CreateTopics"));
      } else {
        fail(task, TopicOutcome::not_created, topic.error_code, topic.error_message, "CreateTopics");
      }
    }
  }

  void note_created(Task& task, const protocol::CreateTopicsResponse::Topic& topic) {
    task.result.replication_factor = topic.replication_factor > 0 ? topic.replication_factor : replication_factor(task);
    task.result.configs = task.configs;
    for (const auto& config : topic.configs.value_or(std::vector<protocol::CreateTopicsResponse::Config>())) {
      if (config.value && !config.is_sensitive) task.result.effective_configs[config.name] = *config.value;
    }
    if (only_asks_) {
      task.close(TopicOutcome::created);
      return;
    }
    task.changed = true;
    task.result.outcome = TopicOutcome::created;
  }

  /// Tries each setting alone, changing nothing, and drops those the target does not take (it does not know the name,
  /// has another range, or forbids it by policy).
  Awaitable<> drop_refused_configs(Task& task, std::string reason) {
    const auto attempt = [&](TopicConfigs configs) -> Awaitable<std::pair<std::int16_t, std::string>> {
      CreateTopicsRequest request;
      request.timeout_ms = broker_timeout_ms;
      request.validate_only = true;
      auto& topic = request.topics.emplace_back(creation(task));
      topic.configs.clear();
      for (const auto& [name, value] : configs) topic.configs.push_back({.name = name, .value = value});
      const auto response = co_await target_.call_controller(std::move(request));
      const auto& result = response.topics.at(0);
      co_return std::pair(result.error_code,
                          describe(target_.alias(), result.error_code, result.error_message, "CreateTopics"));
    };
    bool dropped = false;
    try {
      const auto [bare_error, bare_reason] = co_await attempt({});
      if (bare_error == 0) {
        const TopicConfigs configs = task.configs;
        for (const auto& [name, value] : configs) {
          const TopicConfigs alone = {{name, value}};
          const auto [error, why] = co_await attempt(alone);
          if (error != errors::invalid_config && error != errors::policy_violation) continue;
          refused_configs_[{name, value}] = why;
          drop_config(task, name, why);
          dropped = true;
        }
      }
    } catch (const std::runtime_error& error) {
      task.result.reason = error.what();
      target_.forget_controller();
      co_return;  // the next round meets the same refusal, and comes here again
    } catch (const std::out_of_range&) {
      reason += "; and nothing at all to the same question for one setting";
    }
    if (!dropped) task.close(TopicOutcome::not_created, std::move(reason));
  }

  void fail(Task& task, TopicOutcome outcome, std::int16_t error_code, const std::optional<std::string>& message,
            const char* request) {
    std::string reason = describe(target_.alias(), error_code, message, request);
    if (protocol::is_retriable(error_code) || error_code == errors::not_controller) {
      if (error_code == errors::not_controller) target_.forget_controller();
      task.result.reason = std::move(reason);
    } else {
      task.close(outcome, std::move(reason),
                 error_code != errors::topic_authorization_failed && error_code != errors::unsupported_version);
    }
  }

  // ---- What the target makes of records
  // ---------------------------------------------------------------------------------

  /// Settings that change what is stored. The mirror goes on; whoever reads the target should know.
  Awaitable<> look_at_settings() {
    const std::string time = "message.timestamp.type";
    const std::string compression = "compression.type";
    std::set<std::string> topics;
    for (const Task& task : tasks_) {
      if (task.result.target_partitions > 0) topics.insert(task.result.topic.target);
    }
    std::vector<std::string> names{time, compression};
    auto settings = co_await effective_settings(target_, std::move(topics), std::move(names));
    for (Task& task : tasks_) {
      TopicConfigs& configs = settings[task.result.topic.target];
      if (configs[time] == "LogAppendTime") {
        task.result.warnings.push_back(fmt::format(
            "{}={} on {}: records get the time at which they are mirrored instead of the source's; {}", time,
            configs[time], target_.alias(), alter_topic_command(task.result.topic.target, time + "=CreateTime")));
      }
      const std::string& codec = configs[compression];
      if (!codec.empty() && codec != "producer") {
        task.result.warnings.push_back(fmt::format(
            "{}={} on {}: its brokers compress again what comes in another codec, which costs them CPU time; {}",
            compression, codec, target_.alias(),
            alter_topic_command(task.result.topic.target, compression + "=producer")));
      }
    }
  }

  // ---- Growing
  // -------------------------------------------------------------------------------------------------------

  Awaitable<> grow() {
    for (std::vector<Task*>& some : cut_into_requests(with_step(Task::Step::grow))) co_await grow(std::move(some));
  }

  Awaitable<> grow(std::vector<Task*> tasks) {
    CreatePartitionsRequest request;
    request.timeout_ms = broker_timeout_ms;
    request.validate_only = only_asks_;
    std::map<std::string, Task*> by_name;
    for (Task* task : tasks) {
      auto& topic = request.topics.emplace_back();
      topic.name = task->result.topic.target;
      topic.count = task->result.source_partitions;
      by_name[topic.name] = task;
    }
    std::string failure;
    protocol::CreatePartitionsResponse response;
    try {
      response = co_await target_.call_controller(std::move(request));
    } catch (const std::runtime_error& error) {
      failure = error.what();
      target_.forget_controller();
    }
    for (Task* task : tasks) {
      if (!failure.empty()) task->result.reason = failure;
    }
    for (const auto& result : response.results) {
      const auto entry = by_name.find(result.name);
      if (entry == by_name.end()) continue;
      Task& task = *entry->second;
      if (result.error_code == 0 && only_asks_) {
        task.close(TopicOutcome::grown);
      } else if (result.error_code == 0 || result.error_code == errors::invalid_partitions) {
        // Refused: it has as many already. Somebody else was faster, or an answer to us was lost; the next look tells.
        task.changed = true;
        task.result.outcome = TopicOutcome::grown;
      } else {
        fail(task, TopicOutcome::has_fewer_partitions, result.error_code, result.error_message, "CreatePartitions");
      }
    }
  }

  Cluster& source_;
  Cluster& target_;
  const TopicSettings settings_;
  const bool only_asks_;
  const ConfigFilter filter_;
  const net::Time deadline_;
  std::vector<Task> tasks_;
  std::map<std::pair<std::string, std::string>, std::string> refused_configs_;
};

}  // namespace

const char* to_string(TopicOutcome outcome) {
  switch (outcome) {
    case TopicOutcome::ready:
      return "ready";
    case TopicOutcome::created:
      return "created";
    case TopicOutcome::grown:
      return "grown";
    case TopicOutcome::has_more_partitions:
      return "has more partitions than the source";
    case TopicOutcome::has_fewer_partitions:
      return "has fewer partitions than the source";
    case TopicOutcome::no_source:
      return "source topic missing";
    case TopicOutcome::no_target:
      return "target topic missing";
    case TopicOutcome::not_created:
      return "not created";
    case TopicOutcome::no_leader:
      return "without leader";
  }
  return "?";
}

Awaitable<std::vector<TopicResult>> prepare_topics(Cluster& source, Cluster& target, std::vector<TopicPair> topics,
                                                   TopicSettings settings) {
  Preparation preparation(source, target, std::move(settings), false);
  co_return co_await preparation.run(std::move(topics));
}

Awaitable<std::vector<TopicResult>> plan_topics(Cluster& source, Cluster& target, std::vector<TopicPair> topics,
                                                TopicSettings settings) {
  Preparation planning(source, target, std::move(settings), true);
  co_return co_await planning.run(std::move(topics));
}

}  // namespace shunt::replicate
