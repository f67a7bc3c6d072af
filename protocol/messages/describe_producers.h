// DescribeProducers (61): the state a leader keeps of the idempotent and transactional producers of a partition
// (KIP-664).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "protocol/codec.h"
#include "protocol/ids.h"

namespace shunt::protocol {

struct DescribeProducersResponse;

struct DescribeProducersRequest {
  using Response = DescribeProducersResponse;
  static constexpr Api api{.key = 61, .name = "DescribeProducers", .versions = {0, 0}, .flexible = 0};

  struct Topic {
    std::string name;
    std::vector<PartitionIndex> partition_indexes;

    static void fields(auto&& f, auto& m) {
      f("Name", m.name);
      f("PartitionIndexes", m.partition_indexes);
    }
    bool operator==(const Topic&) const = default;
  };

  std::vector<Topic> topics;

  static void fields(auto&& f, auto& m) { f("Topics", m.topics); }
  bool operator==(const DescribeProducersRequest&) const = default;
};

struct DescribeProducersResponse {
  static constexpr Api api = DescribeProducersRequest::api;

  struct ProducerState {
    ProducerId producer_id;
    std::int32_t producer_epoch = 0;      // 32 bits here, 16 everywhere else
    std::int32_t last_sequence = -1;      // at the log end, not the high watermark; -1: only markers were written
    std::int64_t last_timestamp = -1;     // ms
    std::int32_t coordinator_epoch = 0;   // of the last marker; -1: none
    Offset current_txn_start_offset{-1};  // -1: no transaction is open

    static void fields(auto&& f, auto& m) {
      f("ProducerId", m.producer_id);
      f("ProducerEpoch", m.producer_epoch);
      f("LastSequence", m.last_sequence);
      f("LastTimestamp", m.last_timestamp);
      f("CoordinatorEpoch", m.coordinator_epoch);
      f("CurrentTxnStartOffset", m.current_txn_start_offset);
    }
    bool operator==(const ProducerState&) const = default;
  };

  struct Partition {
    PartitionIndex partition_index;
    std::int16_t error_code = 0;
    std::optional<std::string> error_message;
    std::vector<ProducerState> active_producers;

    static void fields(auto&& f, auto& m) {
      f("PartitionIndex", m.partition_index);
      f("ErrorCode", m.error_code);
      f("ErrorMessage", m.error_message);
      f("ActiveProducers", m.active_producers);
    }
    bool operator==(const Partition&) const = default;
  };

  struct Topic {
    std::string name;
    std::vector<Partition> partitions;

    static void fields(auto&& f, auto& m) {
      f("Name", m.name);
      f("Partitions", m.partitions);
    }
    bool operator==(const Topic&) const = default;
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<Topic> topics;

  static void fields(auto&& f, auto& m) {
    f("ThrottleTimeMs", m.throttle_time_ms);
    f("Topics", m.topics);
  }
  bool operator==(const DescribeProducersResponse&) const = default;
};

}  // namespace shunt::protocol
