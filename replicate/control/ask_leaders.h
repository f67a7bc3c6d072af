// The engine behind replicate/control/leaders.h: routes partitions to their leaders, asks in rounds, and tells an
// answer from a reason to try again.
#pragma once

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "net/concurrently.h"
#include "protocol/error.h"
#include "replicate/control/leaders.h"

namespace shunt::replicate {

/// A partition on its way to the broker that leads it.
struct Routed {
  TopicPartition partition;
  protocol::LeaderEpoch leader_epoch{-1};
};

/// Collects what one broker answered; partitions it does not mention stay open.
template <class T>
class AnswerSheet {
 public:
  AnswerSheet(Answers<T>& answers, std::string broker) : answers_(answers), broker_(std::move(broker)) {}

  void answer(const std::string& topic, protocol::PartitionIndex partition, T value) {
    if (auto* open = find(topic, partition))
      *open = {.value = std::move(value), .error_code = 0, .may_retry = false, .reason = {}};
  }
  void refuse(const std::string& topic, protocol::PartitionIndex partition, std::int16_t error_code,
              std::string_view detail = {}) {
    auto* open = find(topic, partition);
    if (open == nullptr) return;
    *open = {.value = {},
             .error_code = error_code,
             .may_retry = protocol::is_retriable(error_code),
             .reason = fmt::format("{} answered {}{}{}", broker_, protocol::error_name(error_code),
                                   detail.empty() ? "" : ": ", detail)};
  }
  /// The broker's answer is one that no repetition mends.
  void reject(const std::string& topic, protocol::PartitionIndex partition, const std::string& reason) {
    if (auto* open = find(topic, partition)) {
      *open = {.value = {}, .error_code = 0, .may_retry = false, .reason = broker_ + ": " + reason};
    }
  }
  /// No verdict on the partition, but something to tell if none follows.
  void postpone(const std::string& topic, protocol::PartitionIndex partition, const std::string& reason) {
    if (auto* open = find(topic, partition))
      *open = {.value = {}, .error_code = 0, .may_retry = true, .reason = reason};
  }

 private:
  Answered<T>* find(const std::string& topic, protocol::PartitionIndex partition) {
    const auto entry = answers_.find(TopicPartition{topic, partition});
    return entry == answers_.end() ? nullptr : &entry->second;
  }

  Answers<T>& answers_;
  std::string broker_;
};

/// A question without its answer yet.
template <class T>
bool is_open(const Answered<T>& answered) {
  return !answered.value && answered.may_retry;
}

struct LeaderQuestion {
  protocol::BrokerId broker;
  std::vector<Routed> partitions;
};

/// Requests for what is open, at most `chunk` partitions in each. A partition without a leader gets that as its reason,
/// and is given up when `is_fresh` metadata says that it may not be seen.
template <class T>
std::vector<LeaderQuestion> route(const Cluster& cluster, Answers<T>& answers, std::size_t chunk, bool is_fresh) {
  std::map<protocol::BrokerId, std::vector<LeaderQuestion>> by_leader;
  for (auto& [partition, answered] : answers) {
    if (!is_open(answered)) continue;
    if (const Topic::Partition* known = cluster.find_led(partition)) {
      answered = {.value = {}, .error_code = 0, .may_retry = true, .reason = {}};  // of an earlier round
      std::vector<LeaderQuestion>& questions = by_leader[known->leader];
      if (questions.empty() || questions.back().partitions.size() == chunk) {
        questions.push_back({.broker = known->leader, .partitions = {}});
      }
      questions.back().partitions.push_back({.partition = partition, .leader_epoch = known->leader_epoch});
      continue;
    }
    // That there is no leader is nobody's answer: the code stays 0, and why nobody could be asked may say more.
    const Topic* topic = cluster.find_topic(partition.topic);
    answered.error_code = topic == nullptr ? protocol::no_error : topic->error_code;
    answered.reason = cluster.why_not_led(partition).reason;
    if (answered.error_code != 0) answered.may_retry = !is_fresh || protocol::is_retriable(answered.error_code);
  }
  std::vector<LeaderQuestion> all;
  for (auto& [broker, questions] : by_leader) std::move(questions.begin(), questions.end(), std::back_inserter(all));
  return all;
}

/// What is open has this as its reason, unless a broker's error says more.
template <class T>
void explain_open(Answered<T>& answered, const std::string& reason) {
  if (is_open(answered) && answered.error_code == 0) answered.reason = reason;
}

/// `ask(broker, partitions, sheet)` puts a question to `broker` and fills in the sheet. Partitions that are open after
/// a round are asked again after fresh metadata.
template <class T, class Ask>
net::Awaitable<Answers<T>> ask_leaders(Cluster& cluster, std::vector<TopicPartition> partitions, std::size_t chunk,
                                       LeaderSettings settings, Ask ask) {
  const net::Time deadline = net::now() + settings.patience;
  net::GrowingPause pause(std::chrono::milliseconds(20), std::chrono::milliseconds(500));
  Answers<T> answers;
  for (TopicPartition& partition : partitions) {
    answers[std::move(partition)] = {.value = {}, .error_code = 0, .may_retry = true, .reason = "not asked"};
  }
  const auto put = [&](LeaderQuestion& question) -> net::Awaitable<> {
    const std::string broker = fmt::format("{} broker {}", cluster.alias(), question.broker.value());
    AnswerSheet<T> sheet(answers, broker);
    std::string failure = broker + " left the partition out of its answer";
    try {
      co_await ask(question.broker, question.partitions, sheet);
    } catch (const net::BrokerError& error) {
      failure = error.what();
    } catch (const ClusterError& error) {
      failure = error.what();
    }
    for (const Routed& routed : question.partitions) {
      // A reason given by the sheet stays.
      Answered<T>& answered = answers[routed.partition];
      if (answered.reason.empty()) explain_open(answered, failure);
    }
  };

  for (bool is_fresh = false;; is_fresh = true) {
    std::vector<LeaderQuestion> questions = route(cluster, answers, chunk, is_fresh);
    co_await net::for_each_concurrently(questions, settings.concurrency, put);

    std::set<std::string> open_topics;
    for (const auto& [partition, answered] : answers) {
      if (is_open(answered)) open_topics.insert(partition.topic);
    }
    if (open_topics.empty() || net::now() + pause.length() >= deadline) co_return answers;
    co_await pause.wait();
    std::string failure;
    try {
      co_await cluster.refresh_topics(std::vector<std::string>(open_topics.begin(), open_topics.end()));
    } catch (const ClusterError& error) {
      failure = error.what();
    }
    if (failure.empty()) continue;
    for (auto& [partition, answered] : answers) explain_open(answered, failure);
  }
}

/// The entry of topic `name` in a request's topics, which are grouped by name: the last one, or a new one.
/// `name_of(entry)` is the field that holds the name.
template <class Topics, class NameOf>
auto& topic_entry(Topics& topics, const std::string& name, NameOf name_of) {
  if (topics.empty() || name_of(topics.back()) != name) name_of(topics.emplace_back()) = name;
  return topics.back();
}

}  // namespace shunt::replicate
