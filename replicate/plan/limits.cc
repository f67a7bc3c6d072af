#include "replicate/plan/limits.h"

#include <charconv>
#include <string_view>

#include <fmt/format.h>

#include "replicate/data/flow.h"

namespace shunt::replicate {

namespace {

constexpr const char* size_limit = "max.message.bytes";
constexpr const char* time_type = "message.timestamp.type";
constexpr const char* before_limit = "message.timestamp.before.max.ms";
constexpr const char* difference_limit = "message.timestamp.difference.max.ms";  // its name before Kafka 3.6
constexpr const char* retention_time = "retention.ms";
constexpr const char* cleanup = "cleanup.policy";
constexpr const char* in_sync = "min.insync.replicas";

std::optional<std::int64_t> number(const TopicSettingValues& settings, const char* name) {
  const auto found = settings.find(name);
  if (found == settings.end()) return std::nullopt;
  const std::string& text = found->second;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool is(const TopicSettingValues& settings, const char* name, std::string_view value) {
  const auto found = settings.find(name);
  return found != settings.end() && found->second == value;
}

class Limits {
 public:
  explicit Limits(const LimitQuestion& question) : question_(question) {}

  std::vector<Finding> find() {
    look_at_replicas();
    look_at_sizes();
    look_at_times();
    look_at_retention();
    return std::move(findings_);
  }

 private:
  void look_at_replicas() {
    const std::int32_t replicas = question_.target_replicas;
    const auto least = number(question_.of_target, in_sync);
    if (least && replicas > 0 && *least > replicas) {
      add(Finding::Weight::refused,
          fmt::format("{}={} on {}, and the topic has {} replica{}: no record would ever be acknowledged; {}", in_sync,
                      *least, question_.target, replicas, replicas == 1 ? "" : "s",
                      alter_topic_command(question_.target_topic, fmt::format("{}={}", in_sync, replicas))));
    }
    if (replicas > 0 && question_.source_replicas > replicas) {
      add(Finding::Weight::warning,
          fmt::format("{} replica{} on {}, and {} on the source (replication.factor)", replicas,
                      replicas == 1 ? "" : "s", question_.target, question_.source_replicas));
    }
  }

  void look_at_sizes() {
    const auto here = number(question_.of_source, size_limit);
    const auto there = number(question_.of_target, size_limit);
    if (!here || !there || *there >= *here) return;
    add(Finding::Weight::warning,
        fmt::format("{}={} on {}, and {} on the source: a record between the two stops its partition (larger batches "
                    "are split); {}",
                    size_limit, *there, question_.target, *here,
                    alter_topic_command(question_.target_topic, fmt::format("{}={}", size_limit, *here))));
  }

  /// Only where the target keeps the source's times.
  void look_at_times() {
    if (!question_.oldest_ms || is(question_.of_target, time_type, "LogAppendTime")) return;
    for (const char* name : {before_limit, difference_limit}) {
      const auto limit = number(question_.of_target, name);
      if (!limit || *limit < 0 || question_.now_ms - *question_.oldest_ms <= *limit) continue;
      add(Finding::Weight::refused,
          fmt::format("{}={} on {}, and the first record to be copied is {} old: it would be refused; {}", name, *limit,
                      question_.target, age(),
                      alter_topic_command(question_.target_topic, std::string(name) + "=9223372036854775807")));
      return;
    }
  }

  void look_at_retention() {
    if (!question_.oldest_ms) return;
    const auto found = question_.of_target.find(cleanup);
    if (found != question_.of_target.end() && found->second.find("delete") == std::string::npos) return;
    const auto retention = number(question_.of_target, retention_time);
    if (!retention || *retention < 0 || question_.now_ms - *question_.oldest_ms <= *retention) return;
    add(Finding::Weight::warning,
        fmt::format(
            "{}={} on {}, and the first record to be copied is {} old: what is copied would be deleted at once; "
            "{}",
            retention_time, *retention, question_.target, age(),
            alter_topic_command(question_.target_topic, std::string(retention_time) + "=-1")));
  }

  [[nodiscard]] std::string age() const {
    constexpr std::int64_t hour_ms = 3'600'000;
    const std::int64_t hours = (question_.now_ms - *question_.oldest_ms) / hour_ms;
    if (hours < 1) return "less than an hour";
    return hours < 48 ? fmt::format("{} hour{}", hours, hours == 1 ? "" : "s") : fmt::format("{} days", hours / 24);
  }

  void add(Finding::Weight weight, std::string text) {
    findings_.push_back({.weight = weight, .about = question_.target_topic, .text = std::move(text)});
  }

  const LimitQuestion& question_;
  std::vector<Finding> findings_;
};

}  // namespace

std::vector<std::string> limit_settings() {
  return {size_limit, time_type, before_limit, difference_limit, retention_time, cleanup, in_sync};
}

std::vector<Finding> find_limits(const LimitQuestion& question) {
  return Limits(question).find();
}

}  // namespace shunt::replicate
