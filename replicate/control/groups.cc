#include "replicate/control/groups.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "net/concurrently.h"
#include "protocol/error.h"
#include "protocol/messages/alter_share_group_offsets.h"
#include "protocol/messages/describe_share_group_offsets.h"
#include "protocol/messages/find_coordinator.h"
#include "protocol/messages/list_groups.h"
#include "protocol/messages/offset_commit.h"
#include "protocol/messages/offset_fetch.h"
#include "replicate/control/ask_leaders.h"

namespace shunt::replicate {

using net::Awaitable;
using protocol::BrokerId;
using protocol::Offset;

namespace errors = protocol::errors;

namespace {

constexpr std::size_t groups_per_fetch = 50;  // their answer may hold thousands of partitions each
constexpr std::size_t keys_per_request = 500;
constexpr std::int16_t many_coordinators_version = 4;  // KIP-699
constexpr std::int16_t many_groups_version = 8;        // KIP-709
constexpr std::int16_t last_version_by_name = 9;       // topic ids from the next one on
constexpr net::CallOptions by_name{.at_most_version = last_version_by_name, .timeout = {}};

std::string broker_name(const Cluster& cluster, BrokerId broker) {
  return fmt::format("{} broker {}", cluster.alias(), broker.value());
}

/// A topic that is gone does not come back soon.
bool may_pass(std::int16_t error_code) {
  return protocol::is_retriable(error_code) && error_code != errors::unknown_topic_or_partition;
}

template <class T>
void refuse(Answered<T>& answered, const std::string& broker, std::int16_t error_code) {
  answered = {.value = {},
              .error_code = error_code,
              .may_retry = may_pass(error_code),
              .reason = fmt::format("{} answered {}", broker, protocol::error_name(error_code))};
}

template <class T>
void note_coordinator(Coordinators& coordinators, GroupAnswers<T>& answers, const std::string& group, BrokerId broker,
                      std::int16_t error_code) {
  if (error_code == 0) {
    coordinators.set(group, broker);
  } else {
    refuse(answers.at(group), coordinators.cluster().alias(), error_code);
  }
}

/// Asks one broker after the other until one says who coordinates these.
template <class T>
Awaitable<> find_coordinators(Coordinators& coordinators, GroupAnswers<T>& answers, std::vector<std::string> groups) {
  Cluster& cluster = coordinators.cluster();
  if (cluster.brokers().empty()) co_await cluster.refresh();
  std::vector<BrokerId> brokers;
  for (const auto& [broker, address] : cluster.brokers()) brokers.push_back(broker);
  std::string failure;
  for (const BrokerId broker : brokers) {
    try {
      const bool takes_many =
          co_await cluster.speaks(broker, protocol::FindCoordinatorRequest::api.key, many_coordinators_version);
      const std::size_t chunk = takes_many ? keys_per_request : 1;
      while (!groups.empty()) {
        const std::size_t count = std::min(chunk, groups.size());
        protocol::FindCoordinatorRequest request;
        if (takes_many) {
          request.coordinator_keys.assign(groups.end() - static_cast<std::ptrdiff_t>(count), groups.end());
        } else {
          request.key = groups.back();
        }
        const net::CallOptions options{
            .at_most_version = takes_many ? std::nullopt : std::optional<std::int16_t>(many_coordinators_version - 1),
            .timeout = {}};
        const auto response = co_await cluster.call_broker(broker, std::move(request), options);
        if (!takes_many) {
          note_coordinator(coordinators, answers, groups.back(), response.node_id, response.error_code);
        }
        for (const auto& found : response.coordinators) {
          if (answers.contains(found.key))
            note_coordinator(coordinators, answers, found.key, found.node_id, found.error_code);
        }
        groups.resize(groups.size() - count);
      }
      co_return;
    } catch (const net::BrokerError& error) {
      failure = error.what();
    } catch (const ClusterError& error) {
      failure = error.what();
    }
  }
  for (const std::string& group : groups) answers.at(group).reason = failure;
}

struct Question {
  BrokerId broker;
  std::vector<std::string> groups;
};

template <class T>
std::vector<Question> route(const Coordinators& coordinators, const GroupAnswers<T>& answers, std::size_t chunk) {
  std::map<BrokerId, std::vector<Question>> by_broker;
  for (const auto& [group, answered] : answers) {
    const BrokerId broker = coordinators.find(group);
    if (!is_open(answered) || broker.value() < 0) continue;
    std::vector<Question>& questions = by_broker[broker];
    if (questions.empty() || questions.back().groups.size() == chunk)
      questions.push_back({.broker = broker, .groups = {}});
    questions.back().groups.push_back(group);
  }
  // Taken in turn, so that all brokers are at work.
  std::vector<Question> all;
  for (bool is_done = false; !is_done;) {
    is_done = true;
    for (auto& [broker, questions] : by_broker) {
      if (questions.empty()) continue;
      all.push_back(std::move(questions.back()));
      questions.pop_back();
      is_done = false;
    }
  }
  return all;
}

/// `ask(broker, groups, answers)` puts a question to `broker`, and fills in the answers.
template <class T, class Ask>
Awaitable<GroupAnswers<T>> ask_coordinators(Coordinators& coordinators, std::vector<std::string> groups,
                                            std::size_t chunk, GroupSettings settings, Ask ask) {
  Cluster& cluster = coordinators.cluster();
  const net::Time deadline = net::now() + settings.patience;
  net::GrowingPause pause(std::chrono::milliseconds(20), std::chrono::milliseconds(500));
  GroupAnswers<T> answers;
  for (std::string& group : groups) {
    answers[std::move(group)] = {.value = {}, .error_code = 0, .may_retry = true, .reason = "not asked"};
  }
  const auto put = [&](Question& question) -> Awaitable<> {
    std::string failure = broker_name(cluster, question.broker) + " left the group out of its answer";
    for (const std::string& group : question.groups) answers.at(group).reason.clear();
    try {
      co_await ask(question.broker, question.groups, answers);
    } catch (const net::BrokerError& error) {
      failure = error.what();
    } catch (const ClusterError& error) {
      failure = error.what();
    }
    for (const std::string& group : question.groups) {
      Answered<T>& answered = answers.at(group);
      if (!is_open(answered)) continue;
      if (answered.reason.empty()) answered.reason = failure;
      if (answered.error_code != errors::unstable_offset_commit) coordinators.forget(group);
    }
  };
  for (;;) {
    std::vector<std::string> unknown;
    for (const auto& [group, answered] : answers) {
      if (is_open(answered) && coordinators.find(group).value() < 0) unknown.push_back(group);
    }
    if (!unknown.empty()) co_await find_coordinators(coordinators, answers, std::move(unknown));
    std::vector<Question> questions = route(coordinators, answers, chunk);
    co_await net::for_each_concurrently(questions, settings.concurrency, put);
    const bool has_open = std::ranges::any_of(answers, [](const auto& one) { return is_open(one.second); });
    if (!has_open || net::now() + pause.length() >= deadline) co_return answers;
    co_await pause.wait();
    try {
      co_await cluster.refresh();
    } catch (const ClusterError&) {
      // Who is asked next says why.
    }
  }
}

template <class T>
void refuse_share_group(Answered<T>& answered, const std::string& broker) {
  answered = {.value = {}, .error_code = 0, .may_retry = false, .reason = broker + " knows no share groups (KIP-932)"};
}

std::vector<std::string> names_of(const std::map<std::string, CommittedOffsets>& offsets) {
  std::vector<std::string> groups;
  groups.reserve(offsets.size());
  for (const auto& [group, committed] : offsets) groups.push_back(group);
  return groups;
}

template <class GroupAnswer>
void accept_offsets(const GroupAnswer& answer, const std::string& broker, Answered<CommittedOffsets>& answered) {
  if (answer.error_code != 0) return refuse(answered, broker, answer.error_code);
  CommittedOffsets offsets;
  for (const auto& topic : answer.topics) {
    for (const auto& partition : topic.partitions) {
      if (partition.error_code != 0) return refuse(answered, broker, partition.error_code);
      if (partition.committed_offset < Offset(0)) continue;
      offsets.insert_or_assign(
          TopicPartition{topic.name, partition.partition_index},
          CommittedOffset{.offset = partition.committed_offset, .metadata = partition.metadata.value_or("")});
    }
  }
  answered = {.value = std::move(offsets), .error_code = 0, .may_retry = false, .reason = {}};
}

}  // namespace

Awaitable<GroupList> list_groups(Cluster& cluster) {
  GroupList list;
  if (cluster.brokers().empty()) co_await cluster.refresh();
  std::vector<BrokerId> brokers;
  for (const auto& [broker, address] : cluster.brokers()) brokers.push_back(broker);
  const auto ask = [&cluster, &list](BrokerId broker) -> Awaitable<> {
    try {
      protocol::ListGroupsRequest request;
      const auto response = co_await cluster.call_broker(broker, request);
      if (response.error_code != 0) {
        list.failures.push_back(fmt::format("{} answered {} to ListGroups", broker_name(cluster, broker),
                                            protocol::error_name(response.error_code)));
      }
      for (const auto& group : response.groups) {
        list.groups[group.group_id] = {.coordinator = broker, .state = group.group_state, .type = group.group_type};
      }
    } catch (const net::BrokerError& error) {
      list.failures.emplace_back(error.what());
    } catch (const ClusterError& error) {
      list.failures.emplace_back(error.what());
    }
  };
  co_await net::for_each_concurrently(brokers, GroupSettings{}.concurrency, ask);
  co_return list;
}

void Coordinators::learn(const GroupList& list) {
  for (const auto& [group, listed] : list.groups) known_[group] = listed.coordinator;
}

BrokerId Coordinators::find(const std::string& group) const {
  const auto known = known_.find(group);
  return known == known_.end() ? BrokerId(-1) : known->second;
}

Awaitable<GroupAnswers<CommittedOffsets>> committed_offsets(Coordinators& coordinators, std::vector<std::string> groups,
                                                            GroupSettings settings) {
  Cluster& cluster = coordinators.cluster();
  const net::Time stable_until = net::now() + settings.stable_patience;
  const auto ask = [&cluster, stable_until](BrokerId broker, const std::vector<std::string>& asked,
                                            GroupAnswers<CommittedOffsets>& answers) -> Awaitable<> {
    const std::string name = broker_name(cluster, broker);
    const bool takes_many = co_await cluster.speaks(broker, protocol::OffsetFetchRequest::api.key, many_groups_version);
    protocol::OffsetFetchRequest request;
    request.require_stable = net::now() < stable_until;
    if (takes_many) {
      for (const std::string& group : asked) request.groups.emplace_back().group_id = group;
      const auto response = co_await cluster.call_broker(broker, std::move(request), by_name);
      for (const auto& group : response.groups) {
        if (const auto answered = answers.find(group.group_id); answered != answers.end())
          accept_offsets(group, name, answered->second);
      }
      co_return;
    }
    const net::CallOptions one_group{.at_most_version = many_groups_version - 1, .timeout = {}};
    for (const std::string& group : asked) {
      protocol::OffsetFetchRequest single = request;
      single.group_id = group;
      const auto response = co_await cluster.call_broker(broker, std::move(single), one_group);
      accept_offsets(response, name, answers.at(group));
    }
  };
  return ask_coordinators<CommittedOffsets>(coordinators, std::move(groups), groups_per_fetch, settings, ask);
}

Awaitable<GroupAnswers<CommittedOffsets>> share_group_offsets(Coordinators& coordinators,
                                                              std::vector<std::string> groups, GroupSettings settings) {
  Cluster& cluster = coordinators.cluster();
  const auto ask = [&cluster](BrokerId broker, const std::vector<std::string>& asked,
                              GroupAnswers<CommittedOffsets>& answers) -> Awaitable<> {
    const std::string name = broker_name(cluster, broker);
    const bool knows = co_await cluster.speaks(broker, protocol::DescribeShareGroupOffsetsRequest::api.key, 0);
    if (!knows) {
      for (const std::string& group : asked) refuse_share_group(answers.at(group), name);
      co_return;
    }
    protocol::DescribeShareGroupOffsetsRequest request;
    for (const std::string& group : asked) request.groups.emplace_back().group_id = group;
    const auto response = co_await cluster.call_broker(broker, std::move(request));
    for (const auto& group : response.groups) {
      const auto answered = answers.find(group.group_id);
      if (answered == answers.end()) continue;
      if (group.error_code != 0 && group.error_code != errors::group_id_not_found) {
        refuse(answered->second, name, group.error_code);
        continue;
      }
      CommittedOffsets offsets;
      for (const auto& topic : group.topics) {
        for (const auto& partition : topic.partitions) {
          if (partition.error_code != 0 || partition.start_offset < Offset(0)) continue;
          offsets.insert_or_assign(TopicPartition{topic.topic_name, partition.partition_index},
                                   CommittedOffset{.offset = partition.start_offset, .metadata = {}});
        }
      }
      answered->second = {.value = std::move(offsets), .error_code = 0, .may_retry = false, .reason = {}};
    }
  };
  return ask_coordinators<CommittedOffsets>(coordinators, std::move(groups), groups_per_fetch, settings, ask);
}

Awaitable<GroupAnswers<CommitErrors>> commit_offsets(Coordinators& coordinators,
                                                     const std::map<std::string, CommittedOffsets>& offsets,
                                                     GroupSettings settings) {
  Cluster& cluster = coordinators.cluster();
  const auto ask = [&cluster, &offsets](BrokerId broker, const std::vector<std::string>& asked,
                                        GroupAnswers<CommitErrors>& answers) -> Awaitable<> {
    for (const std::string& group : asked) {
      protocol::OffsetCommitRequest request;
      request.group_id = group;
      for (const auto& [partition, committed] : offsets.at(group)) {
        auto& topic = topic_entry(request.topics, partition.topic, [](auto& entry) -> auto& { return entry.name; });
        auto& one = topic.partitions.emplace_back();
        one.partition_index = partition.partition;
        one.committed_offset = committed.offset;
        one.committed_metadata = committed.metadata;
      }
      const auto response = co_await cluster.call_broker(broker, std::move(request), by_name);
      CommitErrors said;
      std::int16_t to_repeat = 0;
      for (const auto& topic : response.topics) {
        for (const auto& partition : topic.partitions) {
          said[{topic.name, partition.partition_index}] = partition.error_code;
          if (may_pass(partition.error_code)) to_repeat = partition.error_code;
        }
      }
      if (to_repeat != 0) {
        refuse(answers.at(group), broker_name(cluster, broker), to_repeat);
      } else {
        answers.at(group) = {.value = std::move(said), .error_code = 0, .may_retry = false, .reason = {}};
      }
    }
  };
  co_return co_await ask_coordinators<CommitErrors>(coordinators, names_of(offsets), 1, settings, ask);
}

Awaitable<GroupAnswers<CommitErrors>> set_share_group_offsets(Coordinators& coordinators,
                                                              const std::map<std::string, CommittedOffsets>& offsets,
                                                              GroupSettings settings) {
  Cluster& cluster = coordinators.cluster();
  const auto ask = [&cluster, &offsets](BrokerId broker, const std::vector<std::string>& asked,
                                        GroupAnswers<CommitErrors>& answers) -> Awaitable<> {
    const std::string& group = asked.front();  // there is no other
    const std::string name = broker_name(cluster, broker);
    const bool knows = co_await cluster.speaks(broker, protocol::AlterShareGroupOffsetsRequest::api.key, 0);
    if (!knows) co_return refuse_share_group(answers.at(group), name);
    protocol::AlterShareGroupOffsetsRequest request;
    request.group_id = group;
    for (const auto& [partition, committed] : offsets.at(group)) {
      auto& topic = topic_entry(request.topics, partition.topic, [](auto& entry) -> auto& { return entry.topic_name; });
      topic.partitions.push_back({.partition_index = partition.partition, .start_offset = committed.offset});
    }
    const auto response = co_await cluster.call_broker(broker, std::move(request));
    CommitErrors said;
    if (may_pass(response.error_code)) co_return refuse(answers.at(group), name, response.error_code);
    if (response.error_code != 0) {
      for (const auto& [partition, committed] : offsets.at(group)) said[partition] = response.error_code;
    }
    for (const auto& topic : response.responses) {
      for (const auto& partition : topic.partitions)
        said[{topic.topic_name, partition.partition_index}] = partition.error_code;
    }
    answers.at(group) = {.value = std::move(said), .error_code = 0, .may_retry = false, .reason = {}};
  };
  co_return co_await ask_coordinators<CommitErrors>(coordinators, names_of(offsets), 1, settings, ask);
}

}  // namespace shunt::replicate
