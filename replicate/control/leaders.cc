#include "replicate/control/leaders.h"

#include "protocol/messages/describe_producers.h"
#include "protocol/messages/list_offsets.h"
#include "protocol/messages/offset_for_leader_epoch.h"
#include "replicate/control/ask_leaders.h"

namespace shunt::replicate {

using net::Awaitable;
using protocol::BrokerId;
using protocol::Offset;

namespace {

constexpr std::size_t partitions_per_request = 2000;
// One partition may remember thousands of producers (each for a day), at some 40 bytes.
constexpr std::size_t described_partitions_per_request = 200;

constexpr BrokerId ordinary_consumer{-1};
constexpr std::int64_t earliest = -2;
constexpr std::int64_t latest = -1;
constexpr std::int64_t earliest_local = -4;  // brokers before 3.4 take it for a time, of which every record is later

Awaitable<Answers<Offset>> list_offsets(Cluster& cluster, std::vector<TopicPartition> partitions, std::int64_t which,
                                        Isolation isolation, LeaderSettings settings) {
  const net::CallOptions options{.at_most_version = {}, .timeout = settings.call_timeout};
  const auto ask = [&cluster, options, which, isolation](BrokerId broker, const std::vector<Routed>& routed,
                                                         AnswerSheet<Offset>& sheet) -> Awaitable<> {
    protocol::ListOffsetsRequest request;
    request.replica_id = ordinary_consumer;
    request.isolation_level = static_cast<std::int8_t>(isolation);
    for (const Routed& one : routed) {
      auto& topic = topic_entry(request.topics, one.partition.topic, [](auto& entry) -> auto& { return entry.name; });
      auto& partition = topic.partitions.emplace_back();
      partition.partition_index = one.partition.partition;
      partition.current_leader_epoch = one.leader_epoch;
      partition.timestamp = which;
    }
    const auto response = co_await cluster.call_broker(broker, std::move(request), options);
    for (const auto& topic : response.topics) {
      for (const auto& partition : topic.partitions) {
        if (partition.error_code != 0) {
          sheet.refuse(topic.name, partition.partition_index, partition.error_code);
        } else if (partition.offset < Offset(0) && which < 0) {
          sheet.postpone(topic.name, partition.partition_index, "the leader does not know the offset yet");
        } else {
          sheet.answer(topic.name, partition.partition_index, partition.offset);
        }
      }
    }
  };
  co_return co_await ask_leaders<Offset>(cluster, std::move(partitions), partitions_per_request, settings, ask);
}

/// `epoch_of(routed)`: the epoch whose end is asked for.
template <class EpochOf>
protocol::OffsetForLeaderEpochRequest epoch_question(const std::vector<Routed>& routed, EpochOf epoch_of) {
  protocol::OffsetForLeaderEpochRequest request;
  request.replica_id = ordinary_consumer;
  for (const Routed& one : routed) {
    auto& topic = topic_entry(request.topics, one.partition.topic, [](auto& entry) -> auto& { return entry.topic; });
    auto& partition = topic.partitions.emplace_back();
    partition.partition = one.partition.partition;
    partition.current_leader_epoch = one.leader_epoch;
    partition.leader_epoch = epoch_of(one);
  }
  return request;
}

}  // namespace

Awaitable<Answers<Offset>> log_starts(Cluster& cluster, std::vector<TopicPartition> partitions,
                                      LeaderSettings settings) {
  return list_offsets(cluster, std::move(partitions), earliest, Isolation::read_uncommitted, settings);
}

Awaitable<Answers<Offset>> local_log_starts(Cluster& cluster, std::vector<TopicPartition> partitions,
                                            LeaderSettings settings) {
  return list_offsets(cluster, std::move(partitions), earliest_local, Isolation::read_uncommitted, settings);
}

Awaitable<Answers<Offset>> readable_ends(Cluster& cluster, std::vector<TopicPartition> partitions, Isolation isolation,
                                         LeaderSettings settings) {
  return list_offsets(cluster, std::move(partitions), latest, isolation, settings);
}

Awaitable<Answers<Offset>> offsets_at_time(Cluster& cluster, std::vector<TopicPartition> partitions,
                                           std::int64_t timestamp_ms, LeaderSettings settings) {
  return list_offsets(cluster, std::move(partitions), timestamp_ms, Isolation::read_uncommitted, settings);
}

Awaitable<Answers<Offset>> start_positions(Cluster& cluster, std::vector<TopicPartition> partitions,
                                           StartPosition start, Isolation isolation, LeaderSettings settings) {
  if (start.kind == StartPosition::Kind::earliest) {
    co_return co_await log_starts(cluster, std::move(partitions), settings);
  }
  if (start.kind == StartPosition::Kind::latest) {
    co_return co_await readable_ends(cluster, std::move(partitions), isolation, settings);
  }
  // The ends first: a record of that time may come between the two questions, and must lie behind the end then.
  Answers<Offset> ends = co_await readable_ends(cluster, partitions, isolation, settings);
  Answers<Offset> answers = co_await offsets_at_time(cluster, std::move(partitions), start.time_ms, settings);
  for (auto& [partition, answered] : answers) {
    if (answered.value && *answered.value < Offset(0)) answered = ends.at(partition);
  }
  co_return answers;
}

Awaitable<Answers<Offset>> log_ends(Cluster& cluster, std::vector<TopicPartition> partitions, LeaderSettings settings) {
  const net::CallOptions options{.at_most_version = {}, .timeout = settings.call_timeout};
  const auto ask = [&cluster, options](BrokerId broker, const std::vector<Routed>& routed,
                                       AnswerSheet<Offset>& sheet) -> Awaitable<> {
    const auto current = [](const Routed& one) { return one.leader_epoch; };
    const auto response = co_await cluster.call_broker(broker, epoch_question(routed, current), options);
    for (const auto& topic : response.topics) {
      for (const auto& partition : topic.partitions) {
        if (partition.error_code != 0) {
          sheet.refuse(topic.topic, partition.partition, partition.error_code);
        } else if (partition.end_offset < Offset(0)) {
          // The leader has the epoch from the controller, but has not begun it in its log yet.
          sheet.postpone(topic.topic, partition.partition, "the leader does not know its current epoch's end yet");
        } else {
          sheet.answer(topic.topic, partition.partition, partition.end_offset);
        }
      }
    }
  };
  co_return co_await ask_leaders<Offset>(cluster, std::move(partitions), partitions_per_request, settings, ask);
}

Awaitable<Answers<EpochEnd>> epoch_ends(Cluster& cluster, std::map<TopicPartition, protocol::LeaderEpoch> epochs,
                                        LeaderSettings settings) {
  const net::CallOptions options{.at_most_version = {}, .timeout = settings.call_timeout};
  const auto ask = [&cluster, &epochs, options](BrokerId broker, const std::vector<Routed>& routed,
                                                AnswerSheet<EpochEnd>& sheet) -> Awaitable<> {
    const auto asked_for = [&epochs](const Routed& one) { return epochs.at(one.partition); };
    const auto response = co_await cluster.call_broker(broker, epoch_question(routed, asked_for), options);
    for (const auto& topic : response.topics) {
      for (const auto& partition : topic.partitions) {
        if (partition.error_code != 0) {
          sheet.refuse(topic.topic, partition.partition, partition.error_code);
        } else {
          sheet.answer(topic.topic, partition.partition,
                       EpochEnd{.epoch = partition.leader_epoch, .end = partition.end_offset});
        }
      }
    }
  };
  std::vector<TopicPartition> partitions;
  partitions.reserve(epochs.size());
  for (const auto& [partition, epoch] : epochs) partitions.push_back(partition);
  co_return co_await ask_leaders<EpochEnd>(cluster, std::move(partitions), partitions_per_request, settings, ask);
}

const ActiveProducer* find_producer(const std::vector<ActiveProducer>& producers, protocol::ProducerId id) {
  for (const ActiveProducer& producer : producers) {
    if (producer.id == id) return &producer;
  }
  return nullptr;
}

Awaitable<Answers<std::vector<ActiveProducer>>> active_producers(Cluster& cluster,
                                                                 std::vector<TopicPartition> partitions,
                                                                 LeaderSettings settings) {
  using Producers = std::vector<ActiveProducer>;
  const net::CallOptions options{.at_most_version = {}, .timeout = settings.call_timeout};
  const auto ask = [&cluster, options](BrokerId broker, const std::vector<Routed>& routed,
                                       AnswerSheet<Producers>& sheet) -> Awaitable<> {
    protocol::DescribeProducersRequest request;
    for (const Routed& one : routed) {
      auto& topic = topic_entry(request.topics, one.partition.topic, [](auto& entry) -> auto& { return entry.name; });
      topic.partition_indexes.push_back(one.partition.partition);
    }
    const auto response = co_await cluster.call_broker(broker, std::move(request), options);
    for (const auto& topic : response.topics) {
      for (const auto& partition : topic.partitions) {
        if (partition.error_code != 0) {
          sheet.refuse(topic.name, partition.partition_index, partition.error_code,
                       partition.error_message.value_or(""));
          continue;
        }
        Producers producers;
        producers.reserve(partition.active_producers.size());
        for (const auto& producer : partition.active_producers) {
          producers.push_back({.id = producer.producer_id,
                               .epoch = producer.producer_epoch,
                               .last_sequence = producer.last_sequence,
                               .coordinator_epoch = producer.coordinator_epoch,
                               .open_since = producer.current_txn_start_offset.value()});
        }
        sheet.answer(topic.name, partition.partition_index, std::move(producers));
      }
    }
  };
  co_return co_await ask_leaders<Producers>(cluster, std::move(partitions), described_partitions_per_request, settings,
                                            ask);
}

}  // namespace shunt::replicate
