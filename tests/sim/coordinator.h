// The transaction coordinator of a simulated cluster (KIP-98): which producer id and epoch a transactional id has, which
// transaction is open, and how it ends. Ends are decided at once and their markers written later, as brokers do.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "net/machine.h"
#include "protocol/messages/add_partitions_to_txn.h"
#include "protocol/messages/end_txn.h"
#include "protocol/messages/find_coordinator.h"
#include "protocol/messages/init_producer_id.h"
#include "protocol/uuid.h"
#include "tests/sim/partition_log.h"

namespace shunt::sim {

class FakeCluster;

class Coordinator {
 public:
  explicit Coordinator(FakeCluster& cluster) : cluster_(cluster) {}

  /// The broker coordinates nothing (any more): another one takes over, and begins by loading.
  void leave(std::int32_t broker);

  protocol::FindCoordinatorResponse find(const protocol::FindCoordinatorRequest& request);
  protocol::InitProducerIdResponse init(std::int32_t broker, const protocol::InitProducerIdRequest& request);
  protocol::AddPartitionsToTxnResponse add(std::int32_t broker, const protocol::AddPartitionsToTxnRequest& request);
  protocol::EndTxnResponse end(std::int32_t broker, const protocol::EndTxnRequest& request);

 private:
  enum class State { empty, ongoing, committing, aborting, committed, aborted };
  struct Transaction {
    std::int64_t producer_id = -1;
    std::int16_t epoch = 0;
    State state = State::empty;
    std::map<PartitionKey, protocol::Uuid> partitions;  // with their topics' ids
    std::uint64_t number = 0;  // which of all transactions this is: a time-out is for one of them
  };

  /// Kafka's error code: does this broker coordinate now?
  std::int16_t check(std::int32_t broker);
  std::int16_t check(std::int32_t broker, const std::string& id, std::int64_t producer_id, std::int16_t epoch);
  void decide(const std::string& id, bool is_commit);
  void write_markers(const std::string& id, bool is_commit, bool is_last_try);
  void expire(const std::string& id, std::uint64_t number);
  void abort_abandoned(const std::string& id);

  FakeCluster& cluster_;
  std::map<std::string, Transaction> transactions_;
  std::int64_t next_producer_id_ = 0;
  std::uint64_t next_number_ = 1;
  std::int32_t broker_ = 0;
  std::int32_t epoch_ = 0;  // leader epoch of the one partition of __transaction_state
  net::Time loaded_from_{};
};

}  // namespace shunt::sim
