// Metadata and topics.
#include <algorithm>
#include <set>

#include "protocol/error.h"
#include "protocol/messages/api_versions.h"
#include "protocol/messages/create_partitions.h"
#include "protocol/messages/create_topics.h"
#include "protocol/messages/delete_topics.h"
#include "protocol/messages/describe_configs.h"
#include "protocol/messages/metadata.h"
#include "tests/sim/fake_cluster.h"

namespace shunt::sim {

using namespace protocol;  // NOLINT(google-build-using-namespace): a broker speaks of nothing else

namespace {

constexpr std::int16_t invalid_replication_factor = 38;
constexpr std::int8_t set_on_the_topic = 1;

}  // namespace

void FakeCluster::serve_admin() {
  serve<MetadataRequest>(&FakeCluster::handle_metadata);
  serve<CreateTopicsRequest>(&FakeCluster::handle_create_topics);
  serve<CreatePartitionsRequest>(&FakeCluster::handle_create_partitions);
  serve<DeleteTopicsRequest>(&FakeCluster::handle_delete_topics);
  serve<DescribeConfigsRequest>(&FakeCluster::handle_describe_configs);
  const auto coordinate = [this]<class Request>(auto handle, const Request*) {
    apis_[Request::api.key] = {.api = Request::api, .execute = [this, handle](const Call& call, auto body) {
                                 const auto response = handle(call, decoded<Request>(body, call.version));
                                 answer(call, encode(response, call.version));
                               }};
  };
  coordinate([this](const Call&, const auto& request) { return coordinator_.find(request); },
             static_cast<const FindCoordinatorRequest*>(nullptr));
  coordinate([this](const Call& call, const auto& request) { return coordinator_.init(call.broker(), request); },
             static_cast<const InitProducerIdRequest*>(nullptr));
  coordinate([this](const Call& call, const auto& request) { return coordinator_.add(call.broker(), request); },
             static_cast<const AddPartitionsToTxnRequest*>(nullptr));
  coordinate([this](const Call& call, const auto& request) { return coordinator_.end(call.broker(), request); },
             static_cast<const EndTxnRequest*>(nullptr));
  coordinate(
      [this](const Call&, const ApiVersionsRequest&) {
        ApiVersionsResponse response;
        for (const auto& [key, served] : apis_) {
          auto& entry = response.api_keys.emplace_back();
          entry.api_key = key;
          entry.min_version = served.api.versions.min;
          entry.max_version = served.api.versions.max;
        }
        return response;
      },
      static_cast<const ApiVersionsRequest*>(nullptr));
}

void FakeCluster::create_topic(const std::string& topic, std::int32_t partitions) {
  Topic& created = topics_[topic];
  for (std::byte& byte : created.id.bytes) byte = static_cast<std::byte>(world_.between(0, 255));
  created.known_from = world_.now();
  add_partitions(topic, partitions);
}

void FakeCluster::add_partitions(const std::string& topic, std::int32_t count) {
  Topic& known = topics_.at(topic);
  for (; known.partitions < count; ++known.partitions) add_partition({topic, known.partitions});
}

void FakeCluster::delete_topic(const std::string& topic) {
  world_.trace("{}: topic {} is deleted", name_, topic);
  if (on_delete) on_delete(topic);
  const Topic& known = topics_.at(topic);
  Gone gone{.id = known.id, .partitions = {}, .since = world_.now()};
  for (std::int32_t index = 0; index < known.partitions; ++index) {
    const PartitionKey key{topic, index};
    const PartitionLog& log = logs_.at(key);
    gone.partitions.push_back({.leader = log.leader, .epoch = log.leader_epoch, .since = {}});
    logs_.erase(key);
    before_.erase(key);
    for (const std::shared_ptr<Poll>& waiting : polls_) {
      if (!hides_deletions) waiting->gone.insert(key);
    }
  }
  gone_[topic] = std::move(gone);
  topics_.erase(topic);
  wake_fetches();
}

MetadataResponse FakeCluster::handle_metadata(const Call& call, const MetadataRequest& request) {
  MetadataResponse response;
  for (std::int32_t broker = 0; broker < brokers(); ++broker) {
    if (!is_up(broker)) continue;
    auto& entry = response.brokers.emplace_back();
    entry.node_id = BrokerId(broker);
    entry.host = "127.0.0.1";
    entry.port = port(broker);
  }
  response.cluster_id = name_;
  response.controller_id = BrokerId(any_up());
  std::set<std::string> names;
  if (request.topics) {
    for (const auto& topic : *request.topics) names.insert(topic.name.value());
  } else {
    for (const auto& [name, topic] : topics_) names.insert(name);
    for (const auto& [name, topic] : gone_) names.insert(name);
  }
  const net::Duration lag = metadata_lag_[static_cast<std::size_t>(call.broker())];
  for (const std::string& name : names) {
    auto& entry = response.topics.emplace_back();
    entry.name = name;
    const auto known = topics_.find(name);
    const auto gone = gone_.find(name);
    if (gone != gone_.end() && world_.now() < gone->second.since + lag) {
      entry.topic_id = gone->second.id;
      for (const Leadership& last : gone->second.partitions) {
        auto& partition = entry.partitions.emplace_back();
        partition.partition_index = PartitionIndex(static_cast<std::int32_t>(entry.partitions.size()) - 1);
        partition.leader_id = BrokerId(last.leader);
        partition.leader_epoch = LeaderEpoch(last.epoch);
      }
      continue;
    }
    const net::Duration news = gone == gone_.end() ? net::Duration(0) : lag;
    if (known == topics_.end() || world_.now() < known->second.known_from + news) {
      entry.error_code = errors::unknown_topic_or_partition;
      if (!request.topics) response.topics.pop_back();
      continue;
    }
    entry.topic_id = known->second.id;
    for (std::int32_t index = 0; index < known->second.partitions; ++index) {
      const PartitionKey key{name, index};
      const PartitionLog& log = logs_.at(key);
      const Leadership& before = before_.at(key);
      const bool is_behind = world_.now() < before.since + lag;
      auto& partition = entry.partitions.emplace_back();
      partition.partition_index = PartitionIndex(index);
      partition.leader_id = BrokerId(is_behind ? before.leader : log.leader);
      partition.leader_epoch = LeaderEpoch(is_behind ? before.epoch : log.leader_epoch);
      for (std::int32_t broker = 0; broker < brokers(); ++broker) partition.replica_nodes.emplace_back(broker);
    }
  }
  return response;
}

CreateTopicsResponse FakeCluster::handle_create_topics(const Call&, const CreateTopicsRequest& request) {
  CreateTopicsResponse response;
  for (const auto& topic : request.topics) {
    auto& answered = response.topics.emplace_back();
    answered.name = topic.name;
    if (topics_.contains(topic.name)) {
      answered.error_code = errors::topic_already_exists;
    } else if (topic.replication_factor > brokers()) {
      answered.error_code = invalid_replication_factor;
    } else if (!request.validate_only) {
      create_topic(topic.name, topic.num_partitions);
      topics_.at(topic.name).known_from = world_.now() + world_.micros(0, 100'000);
    }
  }
  return response;
}

CreatePartitionsResponse FakeCluster::handle_create_partitions(const Call&, const CreatePartitionsRequest& request) {
  CreatePartitionsResponse response;
  for (const auto& topic : request.topics) {
    auto& answered = response.results.emplace_back();
    answered.name = topic.name;
    const auto known = topics_.find(topic.name);
    if (known == topics_.end()) {
      answered.error_code = errors::unknown_topic_or_partition;
    } else if (topic.count <= known->second.partitions) {
      answered.error_code = errors::invalid_partitions;
    } else {
      add_partitions(topic.name, topic.count);
    }
  }
  return response;
}

DeleteTopicsResponse FakeCluster::handle_delete_topics(const Call&, const DeleteTopicsRequest& request) {
  DeleteTopicsResponse response;
  for (const auto& asked : request.topics) {
    auto& answered = response.responses.emplace_back();
    answered.topic_id = asked.topic_id;
    const auto known = std::ranges::find_if(topics_, [&](const auto& one) { return one.second.id == asked.topic_id; });
    if (known == topics_.end()) {
      answered.error_code = errors::unknown_topic_id;
      continue;
    }
    answered.name = known->first;
    delete_topic(std::string(known->first));
    ++counters.deletions;
  }
  return response;
}

DescribeConfigsResponse FakeCluster::handle_describe_configs(const Call&, const DescribeConfigsRequest& request) {
  DescribeConfigsResponse response;
  for (const auto& resource : request.resources) {
    auto& answered = response.results.emplace_back();
    answered.resource_type = resource.resource_type;
    answered.resource_name = resource.resource_name;
    if (!topics_.contains(resource.resource_name)) {
      answered.error_code = errors::unknown_topic_or_partition;
      continue;
    }
    auto& config = answered.configs.emplace_back();
    config.name = "retention.ms";
    config.value = "86400000";
    config.config_source = set_on_the_topic;
  }
  return response;
}

}  // namespace shunt::sim
