#include "replicate/control/own_topic.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "protocol/error.h"
#include "protocol/messages/create_topics.h"
#include "replicate/control/leaders.h"
#include "replicate/control/log_cursor.h"
#include "replicate/control/write_log.h"

namespace shunt::replicate {

using net::Awaitable;
using protocol::Offset;
using protocol::PartitionIndex;

namespace errors = protocol::errors;

namespace {

constexpr std::int32_t broker_timeout_ms = 30'000;

}  // namespace

Awaitable<bool> OwnTopic::find() {
  std::vector<std::string> names{settings_.name};
  co_await cluster_.refresh_topics(std::move(names));
  const Topic* topic = cluster_.find_topic(settings_.name);
  if (topic == nullptr || topic->error_code == errors::unknown_topic_or_partition) co_return false;
  if (topic->error_code != 0) {
    throw ClusterError(
        fmt::format("{} answers {} for topic {}, which holds {}: this user needs Describe, Read and Write on it",
                    cluster_.alias(), protocol::error_name(topic->error_code), settings_.name, settings_.holds),
        !protocol::is_retriable(topic->error_code));
  }
  co_return true;
}

Awaitable<> OwnTopic::create() {
  const auto is_led = [this] {
    const Topic* topic = cluster_.find_topic(settings_.name);
    if (topic == nullptr || topic->partitions.empty()) return false;
    for (std::size_t index = 0; index < topic->partitions.size(); ++index) {
      if (cluster_.find_led({settings_.name, PartitionIndex(static_cast<std::int32_t>(index))}) == nullptr)
        return false;
    }
    return true;
  };
  bool is_there = co_await find();
  if (!is_there) {
    protocol::CreateTopicsRequest request;
    request.timeout_ms = broker_timeout_ms;
    auto& topic = request.topics.emplace_back();
    topic.name = settings_.name;
    topic.num_partitions = settings_.partitions;
    topic.replication_factor =
        std::min<std::int16_t>(settings_.replication_factor, static_cast<std::int16_t>(cluster_.brokers().size()));
    topic.configs.push_back({.name = "cleanup.policy", .value = "compact"});
    const auto response = co_await cluster_.call_controller(std::move(request));
    for (const auto& answered : response.topics) {
      if (answered.error_code == 0 || answered.error_code == errors::topic_already_exists) continue;
      const bool is_elsewhere = answered.error_code == errors::not_controller;
      if (is_elsewhere) cluster_.forget_controller();
      throw ClusterError(fmt::format("{} does not create topic {}, which holds {}: {}{}{}", cluster_.alias(),
                                     settings_.name, settings_.holds, protocol::error_name(answered.error_code),
                                     answered.error_message ? ": " : "", answered.error_message.value_or("")),
                         !is_elsewhere && !protocol::is_retriable(answered.error_code));
    }
  }
  const net::Time deadline = net::now() + settings_.patience;
  for (net::GrowingPause pause(std::chrono::milliseconds(20), std::chrono::milliseconds(500));;) {
    if (is_there && is_led()) co_return;
    if (net::now() >= deadline) {
      throw ClusterError(fmt::format("{} has no leader for topic {} yet", cluster_.alias(), settings_.name));
    }
    co_await pause.wait();
    is_there = co_await find();
  }
}

Awaitable<> OwnTopic::ensure() {
  if (is_ready_) co_return;
  co_await create();
  is_ready_ = true;
}

Awaitable<Offset> OwnTopic::read(PartitionIndex partition, std::function<void(const protocol::Record&)> visit,
                                 Offset begin) {
  const TopicPartition where{settings_.name, partition};
  const std::vector<TopicPartition> asked{where};
  const auto starts = co_await log_starts(cluster_, asked);
  const auto ends = co_await readable_ends(cluster_, asked, Isolation::read_committed);
  const Offset end = value_of(cluster_, ends, where, "the log end");
  LogCursor cursor(cluster_, where, std::max(begin, value_of(cluster_, starts, where, "the log start")), end,
                   Isolation::read_committed);
  while (co_await cursor.settle()) {
    visit(cursor.record());
    cursor.next_record();
  }
  co_return end;
}

Awaitable<> OwnTopic::append(PartitionIndex partition, const protocol::RecordBatchBuilder& records) {
  const TopicPartition where{settings_.name, partition};
  std::vector<std::byte> batch = records.finish(protocol::no_producer);
  is_ready_ = false;  // until it is known that this one went well
  const ProduceAnswer written = co_await write_log(cluster_, where, std::move(batch), settings_.produce_timeout_ms);
  if (written.error_code == 0) {
    is_ready_ = true;
    co_return;
  }
  throw ClusterError(fmt::format("{} answered {} to records for {}{}{}", cluster_.alias(),
                                 protocol::error_name(written.error_code), where.to_string(),
                                 written.error_message.empty() ? "" : ": ", written.error_message));
}

}  // namespace shunt::replicate
