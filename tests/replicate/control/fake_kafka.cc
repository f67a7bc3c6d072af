#include "tests/replicate/control/fake_kafka.h"

#include <algorithm>

#include "protocol/crc32c.h"
#include "protocol/error.h"
#include "protocol/messages/create_partitions.h"
#include "protocol/messages/create_topics.h"
#include "protocol/messages/delete_topics.h"
#include "protocol/messages/describe_acls.h"
#include "protocol/messages/describe_configs.h"
#include "protocol/messages/describe_producers.h"
#include "protocol/messages/fetch.h"
#include "protocol/messages/incremental_alter_configs.h"
#include "protocol/messages/list_offsets.h"
#include "protocol/messages/metadata.h"
#include "protocol/messages/offset_for_leader_epoch.h"
#include "protocol/record.h"
#include "protocol/record_batch.h"
#include "protocol/wire.h"

namespace shunt::tests {

using namespace protocol;

namespace {

template <class Integer>
void put(std::vector<std::byte>& bytes, Integer value) {
  const auto bits = static_cast<std::uint64_t>(value);
  for (std::size_t left = sizeof value; left > 0; --left)
    bytes.push_back(static_cast<std::byte>(bits >> (8 * (left - 1))));
}

}  // namespace

std::vector<std::byte> FakeBatch::bytes() const {
  if (!raw.empty()) return raw;
  std::vector<std::byte> bytes;
  put(bytes, base);
  put(bytes, static_cast<std::int32_t>(record_batch_header_size - record_batch_overhead + payload.size()));
  put(bytes, std::int32_t{0});
  put(bytes, magic);
  put(bytes, std::uint32_t{0});
  put(bytes, attributes);
  put(bytes, records - 1);
  put(bytes, base_timestamp_ms);
  put(bytes, base_timestamp_ms);
  put(bytes, producer_id);
  put(bytes, producer_epoch);
  put(bytes, std::int32_t{0});
  put(bytes, records);
  for (const char character : payload) bytes.push_back(static_cast<std::byte>(character));
  if (is_sealed) wire::store(bytes.data() + 17, crc32c(std::span(bytes).subspan(21)));
  return bytes;
}

void FakePartition::append(std::string payload, std::int32_t records) {
  FakeBatch batch;
  batch.base = log_end;
  batch.records = records;
  batch.payload = std::move(payload);
  batches.push_back(std::move(batch));
  log_end += records;
}

void FakePartition::append_records(const std::string& value, std::int32_t records, Codec codec,
                                   std::int64_t producer_id, std::int32_t first) {
  RecordBatchBuilder builder(codec);
  constexpr std::byte no_headers[] = {std::byte{0}};
  for (std::int32_t i = 0; i < records; ++i) {
    const std::string numbered = value + std::to_string(first + i);
    Record record;
    record.timestamp_ms = 1000;
    record.value = std::as_bytes(std::span(numbered));
    record.headers = no_headers;
    builder.append(record);
  }
  Stamp stamp;
  stamp.producer_id = ProducerId(producer_id);
  std::vector<std::byte> bytes = builder.finish(stamp);
  wire::store(bytes.data(), log_end);
  append_raw(std::move(bytes), records);
}

void FakePartition::append_record(std::span<const std::byte> key, std::optional<std::span<const std::byte>> value) {
  constexpr std::byte no_headers[] = {std::byte{0}};
  RecordBatchBuilder builder(Codec::none);
  builder.append({.offset = Offset(0), .timestamp_ms = 1000, .key = key, .value = value, .headers = no_headers});
  std::vector<std::byte> bytes = builder.finish(protocol::no_producer);
  wire::store(bytes.data(), log_end);
  append_raw(std::move(bytes), 1);
}

void FakePartition::append_raw(std::vector<std::byte> bytes, std::int32_t records) {
  append({}, records);
  batches.back().raw = std::move(bytes);
}

void FakePartition::append_markers(int count) {
  for (int i = 0; i < count; ++i) {
    append("key and value of a marker");
    batches.back().attributes = batch_attributes::transactional | batch_attributes::control;
  }
}

FakeKafka::FakeKafka(net::asio::io_context& context, int brokers) {
  for (int id = 0; id < brokers; ++id) {
    brokers_.push_back(std::make_unique<ScriptedBroker>(context));
    up_.push_back(true);
    serve(id);
  }
}

FakeTopic& FakeKafka::create(const std::string& topic, int partitions) {
  FakeTopic& created = topics[topic];
  created.partitions.resize(static_cast<std::size_t>(partitions));
  for (int index = 0; index < partitions; ++index) {
    created.partitions[static_cast<std::size_t>(index)].leader = index % static_cast<int>(brokers_.size());
  }
  return created;
}

void FakeKafka::stop(int id) {
  up_[static_cast<std::size_t>(id)] = false;
  broker(id).stop();
}

replicate::ClusterSettings FakeKafka::settings(const std::string& alias) const {
  replicate::ClusterSettings settings;
  settings.alias = alias;
  settings.bootstrap.push_back(brokers_.front()->address());
  settings.client.backoff_min = std::chrono::milliseconds(1);
  settings.client.backoff_max = std::chrono::milliseconds(5);
  return settings;
}

int FakeKafka::requests(std::int16_t key) const {
  int sum = 0;
  for (const auto& broker : brokers_) sum += broker->requests(key);
  return sum;
}

FakePartition* FakeKafka::find(const std::string& topic, PartitionIndex index) {
  const auto entry = topics.find(topic);
  const auto position = static_cast<std::size_t>(index.value());
  if (entry == topics.end() || position >= entry->second.partitions.size()) return nullptr;
  return &entry->second.partitions[position];
}

std::int16_t FakeKafka::check(int broker, const std::string& topic, PartitionIndex index, LeaderEpoch epoch) {
  FakePartition* partition = find(topic, index);
  if (partition == nullptr) return 3;
  if (partition->questions_allowed == 0) return 29;
  --partition->questions_allowed;
  if (partition->error != 0) return partition->error;
  if (partition->leader != broker) return 6;
  if (epoch.value() >= 0 && epoch.value() < partition->leader_epoch) return 74;
  if (epoch.value() > partition->leader_epoch) return 75;
  return 0;
}

void FakeKafka::serve(int id) {
  ScriptedBroker& broker = *brokers_[static_cast<std::size_t>(id)];

  broker.on<MetadataRequest>([this](const MetadataRequest& request) {
    MetadataResponse response;
    response.cluster_id = cluster_id;
    response.controller_id = BrokerId(-1);
    for (std::size_t other = 0; other < brokers_.size(); ++other) {
      if (!up_[other]) continue;
      auto& one = response.brokers.emplace_back();
      one.node_id = BrokerId(static_cast<std::int32_t>(other));
      one.host = brokers_[other]->address().host;
      one.port = brokers_[other]->address().port;
      if (response.controller_id.value() < 0) response.controller_id = one.node_id;
    }
    const bool leaderless = leaderless_answers > 0;
    std::vector<std::string> names;
    if (request.topics) {
      for (const auto& topic : *request.topics) names.push_back(topic.name.value_or(""));
    } else {
      for (const auto& [name, topic] : topics) names.push_back(name);
    }
    for (const std::string& name : names) {
      auto& topic = response.topics.emplace_back();
      topic.name = name;
      const auto known = topics.find(name);
      topic.error_code = known == topics.end() ? std::int16_t{3} : known->second.error;
      if (topic.error_code != 0) continue;
      topic.topic_id.bytes[15] = std::byte{known->second.id};
      if (request.include_topic_authorized_operations) topic.topic_authorized_operations = known->second.operations;
      if (leaderless) leaderless_answers = std::max(0, leaderless_answers - 1);
      const bool is_behind = known->second.answers_behind > 0 && known->second.answers_behind-- > 0;
      const std::size_t count = is_behind ? known->second.partitions_before : known->second.partitions.size();
      for (std::size_t index = 0; index < count; ++index) {
        auto& partition = topic.partitions.emplace_back();
        partition.partition_index = PartitionIndex(static_cast<std::int32_t>(index));
        partition.leader_id = BrokerId(leaderless ? -1 : known->second.partitions[index].leader);
        partition.leader_epoch = LeaderEpoch(known->second.partitions[index].leader_epoch);
        partition.replica_nodes = {partition.leader_id};
      }
    }
    return response;
  });

  broker.on<ListOffsetsRequest>([this, id](const ListOffsetsRequest& request) {
    ListOffsetsResponse response;
    for (const auto& asked : request.topics) {
      auto& topic = response.topics.emplace_back();
      topic.name = asked.name;
      for (const auto& wanted : asked.partitions) {
        auto& partition = topic.partitions.emplace_back();
        partition.partition_index = wanted.partition_index;
        partition.error_code = check(id, asked.name, wanted.partition_index, wanted.current_leader_epoch);
        if (partition.error_code != 0) continue;
        const FakePartition& log = *find(asked.name, wanted.partition_index);
        const std::int64_t high_watermark = log.high_watermark.value_or(log.log_end);
        const bool committed = request.isolation_level == 1;
        partition.offset = Offset(wanted.timestamp == -2 ? log.log_start
                                  : committed            ? log.last_stable_offset.value_or(high_watermark)
                                                         : high_watermark);
      }
    }
    return response;
  });

  broker.on<OffsetForLeaderEpochRequest>([this, id](const OffsetForLeaderEpochRequest& request) {
    OffsetForLeaderEpochResponse response;
    for (const auto& asked : request.topics) {
      auto& topic = response.topics.emplace_back();
      topic.topic = asked.topic;
      for (const auto& wanted : asked.partitions) {
        auto& partition = topic.partitions.emplace_back();
        partition.partition = wanted.partition;
        partition.error_code = check(id, asked.topic, wanted.partition, wanted.current_leader_epoch);
        if (partition.error_code != 0) continue;
        const FakePartition& log = *find(asked.topic, wanted.partition);
        partition.leader_epoch = wanted.leader_epoch;
        partition.end_offset = Offset(log.log_end);
        if (wanted.leader_epoch.value() >= log.leader_epoch) continue;
        // The largest one not above.
        const auto above = log.epoch_ends.upper_bound(wanted.leader_epoch.value());
        const bool is_known = above != log.epoch_ends.begin();
        partition.leader_epoch = LeaderEpoch(is_known ? std::prev(above)->first : -1);
        partition.end_offset = Offset(is_known ? std::prev(above)->second : -1);
      }
    }
    return response;
  });

  broker.on<DescribeProducersRequest>([this, id](const DescribeProducersRequest& request) {
    DescribeProducersResponse response;
    for (const auto& asked : request.topics) {
      auto& topic = response.topics.emplace_back();
      topic.name = asked.name;
      for (const PartitionIndex index : asked.partition_indexes) {
        auto& partition = topic.partitions.emplace_back();
        partition.partition_index = index;
        partition.error_code = check(id, asked.name, index, LeaderEpoch(-1));
        if (partition.error_code != 0) continue;
        for (const std::int64_t producer : find(asked.name, index)->producers) {
          auto& active = partition.active_producers.emplace_back();
          active.producer_id = ProducerId(producer);
          const auto& sequences = find(asked.name, index)->last_sequences;
          const auto& epochs = find(asked.name, index)->epochs;
          active.last_sequence = sequences.contains(producer) ? sequences.at(producer) : 0;
          active.producer_epoch = epochs.contains(producer) ? epochs.at(producer) : 0;
        }
      }
    }
    return response;
  });

  broker.lists(FetchRequest::api.key, 4, 12);  // by name; by id the simulation's brokers are asked
  broker.on<FetchRequest>([this, id](const FetchRequest& request) {
    FetchResponse response;
    bool first = true;
    for (const auto& asked : request.topics) {
      auto& topic = response.responses.emplace_back();
      topic.topic = asked.topic;
      for (const auto& wanted : asked.partitions) {
        auto& partition = topic.partitions.emplace_back();
        partition.partition_index = wanted.partition;
        partition.records.emplace();
        partition.error_code = check(id, asked.topic, wanted.partition, wanted.current_leader_epoch);
        if (partition.error_code != 0) continue;
        const FakePartition& log = *find(asked.topic, wanted.partition);
        const std::int64_t offset = wanted.fetch_offset.value();
        if (offset < log.log_start || offset > log.log_end) partition.error_code = 1;
        partition.high_watermark = Offset(log.high_watermark.value_or(log.log_end));
        partition.last_stable_offset = Offset(log.last_stable_offset.value_or(partition.high_watermark.value()));
        if (offset >= log.high_watermark.value_or(log.log_end)) continue;
        for (const FakeBatch& batch : log.batches) {
          if (batch.base + batch.records <= offset) continue;
          const std::vector<std::byte> bytes = batch.bytes();
          // Whole, whatever the limits, for the first partition that has data; nothing for others it does not fit.
          if (!first && bytes.size() > static_cast<std::size_t>(wanted.partition_max_bytes)) break;
          first = false;
          partition.records = Records(bytes);
          break;
        }
      }
    }
    return response;
  });

  broker.on<DescribeConfigsRequest>([this](const DescribeConfigsRequest& request) {
    DescribeConfigsResponse response;
    for (const auto& resource : request.resources) {
      auto& result = response.results.emplace_back();
      result.resource_type = resource.resource_type;
      result.resource_name = resource.resource_name;
      result.error_code = describe_configs_error;
      if (result.error_code != 0) continue;
      auto& inherited = result.configs.emplace_back();
      inherited.name = "segment.bytes";
      inherited.value = "1073741824";
      inherited.config_source = 5;
      for (const auto& [name, value] : topics.at(resource.resource_name).configs) {
        auto& config = result.configs.emplace_back();
        config.name = name;
        config.value = value;
        config.config_source = 1;
      }
    }
    return response;
  });

  broker.on<DescribeAclsRequest>([](const DescribeAclsRequest&) {
    DescribeAclsResponse response;
    response.error_code = 54;  // SECURITY_DISABLED
    return response;
  });

  broker.on<IncrementalAlterConfigsRequest>([this](const IncrementalAlterConfigsRequest& request) {
    IncrementalAlterConfigsResponse response;
    for (const auto& resource : request.resources) {
      auto& result = response.responses.emplace_back();
      result.resource_type = resource.resource_type;
      result.resource_name = resource.resource_name;
      result.error_code = alter_configs_error;
      for (const auto& config : resource.configs) {
        if (std::find(unknown_configs.begin(), unknown_configs.end(), config.name) == unknown_configs.end()) continue;
        result.error_code = 40;
        result.error_message = "Unknown topic config name: " + config.name;
      }
      if (result.error_code != 0) continue;
      std::map<std::string, std::string>& configs = topics.at(resource.resource_name).configs;
      for (const auto& config : resource.configs) {
        if (config.config_operation == 1) {
          configs.erase(config.name);
        } else {
          configs[config.name] = config.value.value_or("");
        }
      }
    }
    return response;
  });

  broker.on<CreateTopicsRequest>([this](const CreateTopicsRequest& request) {
    CreateTopicsResponse response;
    std::size_t records = 0;  // that a KRaft controller would write for it
    for (const auto& asked : request.topics)
      records += 1 + static_cast<std::size_t>(asked.num_partitions) + asked.configs.size();
    for (const auto& asked : request.topics) {
      auto& result = response.topics.emplace_back();
      result.name = asked.name;
      result.error_code = topics.contains(asked.name) ? std::int16_t{36} : create_error;
      if (records > 10'000) {
        result.error_code = 44;  // POLICY_VIOLATION
        result.error_message = "Unable to perform excessively large batch operation.";
      }
      for (const auto& config : asked.configs) {
        if (std::find(unknown_configs.begin(), unknown_configs.end(), config.name) == unknown_configs.end()) continue;
        result.error_code = 40;
        result.error_message = "Unknown topic config name: " + config.name;
      }
      if (result.error_code != 0 || request.validate_only) continue;
      FakeTopic& topic = create(asked.name, asked.num_partitions);
      for (const auto& config : asked.configs) topic.configs[config.name] = config.value.value_or("");
      topic.configs["replication"] = std::to_string(asked.replication_factor);
    }
    return response;
  });

  broker.on<DeleteTopicsRequest>([this](const DeleteTopicsRequest& request) {
    DeleteTopicsResponse response;
    for (const auto& asked : request.topics) {
      auto& result = response.responses.emplace_back();
      result.topic_id = asked.topic_id;
      const auto found = std::find_if(topics.begin(), topics.end(), [&](const auto& topic) {
        return std::byte{topic.second.id} == asked.topic_id.bytes[15];
      });
      result.error_code = found == topics.end() ? std::int16_t{100} : delete_error;
      if (result.error_code == 0) topics.erase(found);
    }
    return response;
  });

  broker.on<CreatePartitionsRequest>([this](const CreatePartitionsRequest& request) {
    CreatePartitionsResponse response;
    for (const auto& asked : request.topics) {
      auto& result = response.results.emplace_back();
      result.name = asked.name;
      FakeTopic& topic = topics.at(asked.name);
      const auto count = static_cast<std::size_t>(asked.count);
      const std::int16_t error =
          count > topic.partitions.size() ? std::int16_t{0} : protocol::errors::invalid_partitions;
      result.error_code = grow_error != 0 ? grow_error : error;
      if (result.error_code != 0 || request.validate_only) continue;
      topic.answers_behind = answers_behind_growth;
      topic.partitions_before = topic.partitions.size();
      topic.partitions.resize(count);
    }
    return response;
  });
}

}  // namespace shunt::tests
