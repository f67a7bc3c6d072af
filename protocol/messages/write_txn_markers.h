// WriteTxnMarkers (27): writes commit or abort markers into partitions. Meant for the coordinator; needs the cluster
// right Alter or ClusterAction.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "protocol/codec.h"
#include "protocol/ids.h"

namespace shunt::protocol {

struct WriteTxnMarkersResponse;

struct WriteTxnMarkersRequest {
  using Response = WriteTxnMarkersResponse;
  static constexpr Api api{.key = 27, .name = "WriteTxnMarkers", .versions = {1, 2}, .flexible = 1};

  struct Topic {
    std::string name;
    std::vector<PartitionIndex> partition_indexes;

    static void fields(auto&& f, auto& m) {
      f("Name", m.name);
      f("PartitionIndexes", m.partition_indexes);
    }
    bool operator==(const Topic&) const = default;
  };

  struct Marker {
    ProducerId producer_id;
    ProducerEpoch producer_epoch;
    bool transaction_result = false;  // true: commit
    std::vector<Topic> topics;
    std::int32_t coordinator_epoch = 0;   // never above the recorded one, or the coordinator shuts itself out
    std::int8_t transaction_version = 0;  // 2: transactions of KIP-890

    static void fields(auto&& f, auto& m) {
      f("ProducerId", m.producer_id);
      f("ProducerEpoch", m.producer_epoch);
      f("TransactionResult", m.transaction_result);
      f("Topics", m.topics);
      f("CoordinatorEpoch", m.coordinator_epoch);
      f("TransactionVersion", m.transaction_version, since(2).ignorable());
    }
    bool operator==(const Marker&) const = default;
  };

  std::vector<Marker> markers;

  static void fields(auto&& f, auto& m) { f("Markers", m.markers); }
  bool operator==(const WriteTxnMarkersRequest&) const = default;
};

struct WriteTxnMarkersResponse {
  static constexpr Api api = WriteTxnMarkersRequest::api;

  struct Partition {
    PartitionIndex partition_index;
    std::int16_t error_code = 0;

    static void fields(auto&& f, auto& m) {
      f("PartitionIndex", m.partition_index);
      f("ErrorCode", m.error_code);
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

  struct Marker {
    ProducerId producer_id;
    std::vector<Topic> topics;

    static void fields(auto&& f, auto& m) {
      f("ProducerId", m.producer_id);
      f("Topics", m.topics);
    }
    bool operator==(const Marker&) const = default;
  };

  std::vector<Marker> markers;  // merged by producer id

  static void fields(auto&& f, auto& m) { f("Markers", m.markers); }
  bool operator==(const WriteTxnMarkersResponse&) const = default;
};

}  // namespace shunt::protocol
