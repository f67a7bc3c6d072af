#include "replicate/control/topic_removal.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "protocol/error.h"
#include "protocol/messages/delete_topics.h"
#include "replicate/control/leaders.h"
#include "replicate/control/log_cursor.h"
#include "replicate/identity.h"

namespace shunt::replicate {

using net::Awaitable;
using protocol::Offset;
using protocol::PartitionIndex;

namespace errors = protocol::errors;

namespace {

constexpr std::int32_t broker_timeout_ms = 20000;
constexpr net::Duration first_pause = std::chrono::milliseconds(20);
constexpr net::Duration longest_pause = std::chrono::milliseconds(500);

TopicRemoval removal(TopicRemoval::Outcome outcome, std::string reason = {}) {
  return {.outcome = outcome, .reason = std::move(reason)};
}

template <class T>
TopicRemoval no_answer(const Answered<T>& answered) {
  return removal(answered.may_retry ? TopicRemoval::Outcome::retry : TopicRemoval::Outcome::refused, answered.reason);
}

/// Whether the cluster still has the topic of that id.
bool is_there(const Cluster& target, const std::string& topic, const protocol::Uuid& id) {
  const Topic* known = target.find_topic(topic);
  return known != nullptr && known->error_code == 0 && known->id == id;
}

/// Empty: this mirror has written it, alone, or there is no record. Throws ClusterError, LogError.
Awaitable<std::string> who_else_wrote(Cluster& target, TopicPartition partition, protocol::ProducerId identity,
                                      Offset end, const std::vector<ActiveProducer>& producers) {
  bool is_known = false;
  for (const ActiveProducer& producer : producers) {
    if (producer.id == identity) {
      is_known = true;
    } else if (producer.last_sequence >= 0) {  // markers alone leave no sequence
      co_return fmt::format("producer id {} has written to {} as well", producer.id.value(), partition.to_string());
    }
  }
  if (is_known) co_return std::string();
  const std::vector<TopicPartition> asked{partition};
  const auto starts = co_await log_starts(target, asked);
  const Offset start = value_of(target, starts, partition, "the log start");
  const std::optional<Offset> first = co_await first_record(target, partition, start, end);
  if (!first) co_return std::string();
  co_return fmt::format("{} does not remember this mirror as its writer (producer.id.expiration.ms)",
                        partition.to_string());
}

/// Outcome::gone: it may go.
Awaitable<TopicRemoval> check_writers(Cluster& target, const OwnTargetTopic& topic) {
  const Topic* known = target.find_topic(topic.name);
  std::vector<TopicPartition> partitions;
  for (std::size_t index = 0; index < known->partitions.size(); ++index) {
    partitions.push_back({topic.name, PartitionIndex(static_cast<std::int32_t>(index))});
  }
  const Answers<Offset> ends = co_await log_ends(target, partitions);
  const Answers<std::vector<ActiveProducer>> producers = co_await active_producers(target, partitions);
  for (const TopicPartition& partition : partitions) {
    const Answered<Offset>& end = ends.at(partition);
    if (!end.value) co_return no_answer(end);
    if (*end.value == Offset(0)) continue;
    const auto& answered = producers.at(partition);
    if (!answered.value) co_return no_answer(answered);
    const protocol::ProducerId identity =
        flow_identity(topic.tag, topic.id, topic.name, partition.partition, topic.source_topic);
    const std::string who = co_await who_else_wrote(target, partition, identity, *end.value, *answered.value);
    if (!who.empty()) {
      co_return removal(
          TopicRemoval::Outcome::refused,
          fmt::format("{} is not deleted, because {}; delete it yourself, and start shunt again", topic.name, who));
    }
  }
  co_return removal(TopicRemoval::Outcome::gone);
}

Awaitable<TopicRemoval> ask_for_deletion(Cluster& target, const std::string& topic, const protocol::Uuid& id) {
  protocol::DeleteTopicsRequest request;
  request.timeout_ms = broker_timeout_ms;
  request.topics.push_back({.name = std::nullopt, .topic_id = id});
  const auto response = co_await target.call_controller(std::move(request));
  if (response.responses.size() != 1) {
    co_return removal(TopicRemoval::Outcome::retry, target.alias() + " answered DeleteTopics for other topics");
  }
  const auto& answered = response.responses.front();
  const std::int16_t error_code = answered.error_code;
  // Gone already, or about to be: the look behind this tells.
  if (error_code == 0 || error_code == errors::unknown_topic_id) co_return removal(TopicRemoval::Outcome::gone);
  if (error_code == errors::not_controller) target.forget_controller();
  std::string reason =
      fmt::format("{} answered {} to DeleteTopics for {}{}{}", target.alias(), protocol::error_name(error_code), topic,
                  answered.error_message ? ": " : "", answered.error_message.value_or(""));
  if (error_code == errors::topic_authorization_failed) reason += " (grant this user Delete on the topic)";
  const bool may_retry = protocol::is_retriable(error_code) || error_code == errors::not_controller;
  co_return removal(may_retry ? TopicRemoval::Outcome::retry : TopicRemoval::Outcome::refused, std::move(reason));
}

/// Throws what the cluster throws.
Awaitable<TopicRemoval> try_to_remove(Cluster& target, const OwnTargetTopic& topic, net::Duration patience) {
  const std::vector<std::string> names{topic.name};
  co_await target.refresh_topics(names);
  if (!is_there(target, topic.name, topic.id)) co_return removal(TopicRemoval::Outcome::gone);
  const TopicRemoval checked = co_await check_writers(target, topic);
  if (checked.outcome != TopicRemoval::Outcome::gone) co_return checked;
  const TopicRemoval asked = co_await ask_for_deletion(target, topic.name, topic.id);
  if (asked.outcome != TopicRemoval::Outcome::gone) co_return asked;
  const net::Time deadline = net::now() + patience;
  net::GrowingPause pause(first_pause, longest_pause);
  while (net::now() < deadline) {
    co_await target.refresh_topics(names);
    if (!is_there(target, topic.name, topic.id)) co_return removal(TopicRemoval::Outcome::gone);
    co_await pause.wait();
  }
  co_return removal(TopicRemoval::Outcome::retry,
                    fmt::format("{} was deleted, but {} still names it", topic.name, target.alias()));
}

}  // namespace

Awaitable<TopicRemoval> remove_own_topic(Cluster& target, OwnTargetTopic topic, net::Duration patience) {
  std::string failure;
  try {
    co_return co_await try_to_remove(target, topic, patience);
  } catch (const net::BrokerError& error) {
    failure = error.what();
  } catch (const ClusterError& error) {
    failure = error.what();
  } catch (const LogError& error) {
    failure = error.what();
  }
  co_return removal(TopicRemoval::Outcome::retry, std::move(failure));
}

}  // namespace shunt::replicate
