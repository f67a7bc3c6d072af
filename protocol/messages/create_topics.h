// CreateTopics (19). Any broker takes it with KRaft, only the controller before.
//
// Versions: 5 flexible, the configs in the answer; 7 topic ids.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "protocol/codec.h"
#include "protocol/ids.h"

namespace shunt::protocol {

struct CreateTopicsResponse;

struct CreateTopicsRequest {
  using Response = CreateTopicsResponse;
  static constexpr Api api{.key = 19, .name = "CreateTopics", .versions = {2, 7}, .flexible = 5};

  struct Assignment {
    PartitionIndex partition_index;
    std::vector<BrokerId> broker_ids;

    static void fields(auto&& f, auto& m) {
      f("PartitionIndex", m.partition_index);
      f("BrokerIds", m.broker_ids);
    }
    bool operator==(const Assignment&) const = default;
  };

  struct Config {
    std::string name;
    std::optional<std::string> value;

    static void fields(auto&& f, auto& m) {
      f("Name", m.name);
      f("Value", m.value);
    }
    bool operator==(const Config&) const = default;
  };

  struct Topic {
    std::string name;
    std::int32_t num_partitions = 0;      // -1: the broker's default, or assignments are given
    std::int16_t replication_factor = 0;  // -1: the broker's default, or assignments are given
    std::vector<Assignment> assignments;
    std::vector<Config> configs;

    static void fields(auto&& f, auto& m) {
      f("Name", m.name);
      f("NumPartitions", m.num_partitions);
      f("ReplicationFactor", m.replication_factor);
      f("Assignments", m.assignments);
      f("Configs", m.configs);
    }
    bool operator==(const Topic&) const = default;
  };

  std::vector<Topic> topics;
  std::int32_t timeout_ms = 60000;
  bool validate_only = false;

  static void fields(auto&& f, auto& m) {
    f("Topics", m.topics);
    f("timeoutMs", m.timeout_ms);
    f("validateOnly", m.validate_only);
  }
  bool operator==(const CreateTopicsRequest&) const = default;
};

struct CreateTopicsResponse {
  static constexpr Api api = CreateTopicsRequest::api;

  struct Config {
    std::string name;
    std::optional<std::string> value;
    bool read_only = false;
    std::int8_t config_source = -1;  // as in DescribeConfigs
    bool is_sensitive = false;

    static void fields(auto&& f, auto& m) {
      f("Name", m.name);
      f("Value", m.value);
      f("ReadOnly", m.read_only);
      f("ConfigSource", m.config_source);
      f("IsSensitive", m.is_sensitive);
    }
    bool operator==(const Config&) const = default;
  };

  struct Topic {
    std::string name;
    Uuid topic_id;
    std::int16_t error_code = 0;
    std::optional<std::string> error_message;
    std::optional<std::int16_t> topic_config_error_code;  // why there are no configs
    std::int32_t num_partitions = -1;
    std::int16_t replication_factor = -1;
    std::optional<std::vector<Config>> configs;  // null: not allowed to see them

    static void fields(auto&& f, auto& m) {
      f("Name", m.name);
      f("TopicId", m.topic_id, since(7).ignorable());
      f("ErrorCode", m.error_code);
      f("ErrorMessage", m.error_message);
      f("TopicConfigErrorCode", m.topic_config_error_code, since(5).ignorable().tag(0));
      f("NumPartitions", m.num_partitions, since(5).ignorable());
      f("ReplicationFactor", m.replication_factor, since(5).ignorable());
      f("Configs", m.configs, since(5).ignorable());
    }
    bool operator==(const Topic&) const = default;
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<Topic> topics;

  static void fields(auto&& f, auto& m) {
    f("ThrottleTimeMs", m.throttle_time_ms);
    f("Topics", m.topics);
  }
  bool operator==(const CreateTopicsResponse&) const = default;
};

}  // namespace shunt::protocol
