// AddPartitionsToTxn (24): takes partitions into a transaction. Version 4 and above carry many transactions and a
// different layout (KIP-890); they are meant for brokers, clients use up to 3.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "protocol/codec.h"
#include "protocol/ids.h"

namespace shunt::protocol {

struct AddPartitionsToTxnResponse;

struct AddPartitionsToTxnRequest {
  using Response = AddPartitionsToTxnResponse;
  static constexpr Api api{.key = 24, .name = "AddPartitionsToTxn", .versions = {0, 5}, .flexible = 3};

  struct Topic {
    std::string name;
    std::vector<PartitionIndex> partitions;

    static void fields(auto&& f, auto& m) {
      f("Name", m.name);
      f("Partitions", m.partitions);
    }
    bool operator==(const Topic&) const = default;
  };

  struct Transaction {
    std::string transactional_id;
    ProducerId producer_id;
    ProducerEpoch producer_epoch;
    bool verify_only = false;  // from broker to coordinator (KIP-890)
    std::vector<Topic> topics;

    static void fields(auto&& f, auto& m) {
      f("TransactionalId", m.transactional_id);
      f("ProducerId", m.producer_id);
      f("ProducerEpoch", m.producer_epoch);
      f("VerifyOnly", m.verify_only);
      f("Topics", m.topics);
    }
    bool operator==(const Transaction&) const = default;
  };

  std::vector<Transaction> transactions;
  std::string v3_and_below_transactional_id;
  ProducerId v3_and_below_producer_id;
  ProducerEpoch v3_and_below_producer_epoch;
  std::vector<Topic> v3_and_below_topics;

  static void fields(auto&& f, auto& m) {
    f("Transactions", m.transactions, since(4));
    f("V3AndBelowTransactionalId", m.v3_and_below_transactional_id, until(3));
    f("V3AndBelowProducerId", m.v3_and_below_producer_id, until(3));
    f("V3AndBelowProducerEpoch", m.v3_and_below_producer_epoch, until(3));
    f("V3AndBelowTopics", m.v3_and_below_topics, until(3));
  }
  bool operator==(const AddPartitionsToTxnRequest&) const = default;
};

struct AddPartitionsToTxnResponse {
  static constexpr Api api = AddPartitionsToTxnRequest::api;

  struct Partition {
    PartitionIndex partition_index;
    std::int16_t partition_error_code = 0;

    static void fields(auto&& f, auto& m) {
      f("PartitionIndex", m.partition_index);
      f("PartitionErrorCode", m.partition_error_code);
    }
    bool operator==(const Partition&) const = default;
  };

  struct Topic {
    std::string name;
    std::vector<Partition> results_by_partition;

    static void fields(auto&& f, auto& m) {
      f("Name", m.name);
      f("ResultsByPartition", m.results_by_partition);
    }
    bool operator==(const Topic&) const = default;
  };

  struct Transaction {
    std::string transactional_id;
    std::vector<Topic> topic_results;

    static void fields(auto&& f, auto& m) {
      f("TransactionalId", m.transactional_id);
      f("TopicResults", m.topic_results);
    }
    bool operator==(const Transaction&) const = default;
  };

  std::int32_t throttle_time_ms = 0;
  std::int16_t error_code = 0;
  std::vector<Transaction> results_by_transaction;
  std::vector<Topic> results_by_topic_v3_and_below;

  static void fields(auto&& f, auto& m) {
    f("ThrottleTimeMs", m.throttle_time_ms);
    f("ErrorCode", m.error_code, since(4).ignorable());
    f("ResultsByTransaction", m.results_by_transaction, since(4));
    f("ResultsByTopicV3AndBelow", m.results_by_topic_v3_and_below, until(3));
  }
  bool operator==(const AddPartitionsToTxnResponse&) const = default;
};

}  // namespace shunt::protocol
