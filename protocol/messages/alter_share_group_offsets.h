// AlterShareGroupOffsets (91): sets where a share group without members begins; creates the group (KIP-932).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "protocol/codec.h"
#include "protocol/ids.h"
#include "protocol/uuid.h"

namespace shunt::protocol {

struct AlterShareGroupOffsetsResponse;

struct AlterShareGroupOffsetsRequest {
  using Response = AlterShareGroupOffsetsResponse;
  static constexpr Api api{.key = 91, .name = "AlterShareGroupOffsets", .versions = {0, 0}, .flexible = 0};

  struct Partition {
    PartitionIndex partition_index;
    Offset start_offset;

    static void fields(auto&& f, auto& m) {
      f("PartitionIndex", m.partition_index);
      f("StartOffset", m.start_offset);
    }
    bool operator==(const Partition&) const = default;
  };

  struct Topic {
    std::string topic_name;
    std::vector<Partition> partitions;

    static void fields(auto&& f, auto& m) {
      f("TopicName", m.topic_name);
      f("Partitions", m.partitions);
    }
    bool operator==(const Topic&) const = default;
  };

  std::string group_id;
  std::vector<Topic> topics;

  static void fields(auto&& f, auto& m) {
    f("GroupId", m.group_id);
    f("Topics", m.topics);
  }
  bool operator==(const AlterShareGroupOffsetsRequest&) const = default;
};

struct AlterShareGroupOffsetsResponse {
  static constexpr Api api = AlterShareGroupOffsetsRequest::api;

  struct Partition {
    PartitionIndex partition_index;
    std::int16_t error_code = 0;
    std::optional<std::string> error_message;

    static void fields(auto&& f, auto& m) {
      f("PartitionIndex", m.partition_index);
      f("ErrorCode", m.error_code);
      f("ErrorMessage", m.error_message);
    }
    bool operator==(const Partition&) const = default;
  };

  struct Topic {
    std::string topic_name;
    Uuid topic_id;
    std::vector<Partition> partitions;

    static void fields(auto&& f, auto& m) {
      f("TopicName", m.topic_name);
      f("TopicId", m.topic_id);
      f("Partitions", m.partitions);
    }
    bool operator==(const Topic&) const = default;
  };

  std::int32_t throttle_time_ms = 0;
  std::int16_t error_code = 0;
  std::optional<std::string> error_message;
  std::vector<Topic> responses;

  static void fields(auto&& f, auto& m) {
    f("ThrottleTimeMs", m.throttle_time_ms);
    f("ErrorCode", m.error_code);
    f("ErrorMessage", m.error_message);
    f("Responses", m.responses);
  }
  bool operator==(const AlterShareGroupOffsetsResponse&) const = default;
};

}  // namespace shunt::protocol
