// Produce (0): appends record batches, one to each partition named. The data path writes this request with
// produce_frame.h and reads the answer with produce_response.h; a test holds them to this list.
//
// Versions: 3 RecordBatch v2; 7 zstd; 8 record errors; 9 flexible; 10 the new leader in the answer; 12 adds partitions
// to a transaction by itself; 13 topic ids instead of names.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "protocol/codec.h"
#include "protocol/ids.h"

namespace shunt::protocol {

struct ProduceResponse;

struct ProduceRequest {
  using Response = ProduceResponse;
  static constexpr Api api{.key = 0, .name = "Produce", .versions = {3, 13}, .flexible = 9};

  struct Partition {
    PartitionIndex index;
    std::optional<Records> records;  // one RecordBatch v2; never null, a broker may then not answer at all

    static void fields(auto&& f, auto& m) {
      f("Index", m.index);
      f("Records", m.records);
    }
    bool operator==(const Partition&) const = default;
  };

  struct Topic {
    std::string name;
    Uuid topic_id;
    std::vector<Partition> partition_data;  // a partition at most once: the broker drops the second silently

    static void fields(auto&& f, auto& m) {
      f("Name", m.name, until(12).ignorable());
      f("TopicId", m.topic_id, since(13).ignorable());
      f("PartitionData", m.partition_data);
    }
    bool operator==(const Topic&) const = default;
  };

  // Null: outside a transaction; such a request must hold no transactional batch.
  std::optional<std::string> transactional_id;
  std::int16_t acks = 0;  // -1: all in-sync replicas, 1: the leader, 0: nobody, and no answer comes
  std::int32_t timeout_ms = 0;
  std::vector<Topic> topic_data;

  static void fields(auto&& f, auto& m) {
    f("TransactionalId", m.transactional_id);
    f("Acks", m.acks);
    f("TimeoutMs", m.timeout_ms);
    f("TopicData", m.topic_data);
  }
  bool operator==(const ProduceRequest&) const = default;
};

struct ProduceResponse {
  static constexpr Api api = ProduceRequest::api;

  struct RecordError {
    std::int32_t batch_index = 0;
    std::optional<std::string> batch_index_error_message;

    static void fields(auto&& f, auto& m) {
      f("BatchIndex", m.batch_index);
      f("BatchIndexErrorMessage", m.batch_index_error_message);
    }
    bool operator==(const RecordError&) const = default;
  };

  struct LeaderIdAndEpoch {
    BrokerId leader_id{-1};  // -1: unknown
    LeaderEpoch leader_epoch{-1};

    static void fields(auto&& f, auto& m) {
      f("LeaderId", m.leader_id);
      f("LeaderEpoch", m.leader_epoch);
    }
    bool operator==(const LeaderIdAndEpoch&) const = default;
  };

  struct Partition {
    PartitionIndex index;
    std::int16_t error_code = 0;
    Offset base_offset;  // of the appended batch, or of the original when it is a duplicate; -1 on most errors
    std::int64_t log_append_time_ms = -1;  // -1 with CreateTime, but set on a duplicate: that is how to tell one
    Offset log_start_offset{-1};
    std::vector<RecordError> record_errors;  // the records that made the broker refuse the batch (KIP-467)
    std::optional<std::string> error_message;
    std::optional<LeaderIdAndEpoch> current_leader;  // with NOT_LEADER_OR_FOLLOWER: where to go (KIP-951)

    static void fields(auto&& f, auto& m) {
      f("Index", m.index);
      f("ErrorCode", m.error_code);
      f("BaseOffset", m.base_offset);
      f("LogAppendTimeMs", m.log_append_time_ms);
      f("LogStartOffset", m.log_start_offset, since(5).ignorable());
      f("RecordErrors", m.record_errors, since(8).ignorable());
      f("ErrorMessage", m.error_message, since(8).ignorable());
      f("CurrentLeader", m.current_leader, since(10).tag(0));
    }
    bool operator==(const Partition&) const = default;
  };

  struct Topic {
    std::string name;
    Uuid topic_id;
    std::vector<Partition> partition_responses;

    static void fields(auto&& f, auto& m) {
      f("Name", m.name, until(12).ignorable());
      f("TopicId", m.topic_id, since(13).ignorable());
      f("PartitionResponses", m.partition_responses);
    }
    bool operator==(const Topic&) const = default;
  };

  struct NodeEndpoint {
    BrokerId node_id;
    std::string host;
    std::int32_t port = 0;
    std::optional<std::string> rack;

    static void fields(auto&& f, auto& m) {
      f("NodeId", m.node_id);
      f("Host", m.host);
      f("Port", m.port);
      f("Rack", m.rack);
    }
    bool operator==(const NodeEndpoint&) const = default;
  };

  std::vector<Topic> responses;  // in any order: match by topic and partition
  std::int32_t throttle_time_ms = 0;
  std::vector<NodeEndpoint> node_endpoints;  // addresses of the brokers that current_leader names

  static void fields(auto&& f, auto& m) {
    f("Responses", m.responses);
    f("ThrottleTimeMs", m.throttle_time_ms);
    f("NodeEndpoints", m.node_endpoints, since(10).tag(0));
  }
  bool operator==(const ProduceResponse&) const = default;
};

}  // namespace shunt::protocol
