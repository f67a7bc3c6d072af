// Fills holes of a target partition, offsets at which the source has no record, with transaction markers: they take up
// an offset each, and no consumer ever sees one, whatever its isolation level.
//
// A marker is neither idempotent nor a compare-and-swap: a request of a dead life that executes late would displace
// everything after it. Therefore markers are written inside a fence, under a producer id of their own that never writes
// data:
//
//   InitProducerId       ends a dead life's open transaction: its last marker carries a higher epoch, which shuts out
//                        every request that life may still have under way. Only then is the log end read.
//   AddPartitionsToTxn   from here on this transaction owes the partition exactly one marker
//   WriteTxnMarkers      n - 1 markers, each answer awaited. Needs Alter on the cluster; without it every offset of the
//                        hole is an empty transaction of its own.
//   EndTxn               the n-th marker; repeated until the coordinator says that it is through
//   OffsetForLeaderEpoch the log must end exactly where the hole does
//
// So whoever dies in between leaves at most n markers behind, and the next life fills up what is missing. An answer
// that is lost or unexpected ends the life: never a retry.
//
// Left over: when the broker that coordinates the transaction dies, it may write its marker twice (KAFKA-19999). That is
// seen before data is written behind it, and cannot be undone: HoleError::Kind::overfilled.
#pragma once

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>

#include "protocol/error.h"
#include "protocol/ids.h"
#include "replicate/control/cluster.h"

namespace shunt::replicate {

class HoleError : public std::runtime_error {
 public:
  enum class Kind {
    again,       // the life is over; a new one may go on where it stopped
    superseded,  // another instance of this mirror has fenced us out
    overfilled,  // the log ends beyond the hole: what belongs behind it would be displaced
    refused,     // a right is missing, or the broker does not speak the protocol: the text says what to do
  };
  HoleError(Kind kind, const std::string& reason) : std::runtime_error(reason), kind_(kind) {}
  [[nodiscard]] Kind kind() const { return kind_; }

 private:
  Kind kind_;
};

struct HoleSettings {
  /// How long the coordinator is given to end a dead life's transaction, or to find one.
  net::Duration patience = std::chrono::seconds(30);
  /// Of the transaction: longer than filling most_per_transaction offsets takes. Less where the target allows less
  /// (transaction.max.timeout.ms).
  std::chrono::milliseconds transaction_timeout = std::chrono::minutes(1);
  /// A longer hole is filled by several transactions, each of which checks the log end.
  std::int64_t most_per_transaction = 50'000;
};

class HoleFiller {
 public:
  /// `transactional_id`: the same in every life of the flow, and nobody else's.
  HoleFiller(Cluster& target, TopicPartition partition, std::string transactional_id, HoleSettings settings = {});

  /// Begins a life, if none is under way: afterwards nothing that was written by an earlier one can change the log end.
  /// Throws HoleError.
  net::Awaitable<> fence();

  /// Fills [first, end); the log ends at `first`, and fence() has returned. Throws HoleError, which ends the life.
  net::Awaitable<> fill(protocol::Offset first, protocol::Offset end);

  /// The partition's log end, with every replica's knowledge: the next record's offset. Throws HoleError.
  net::Awaitable<protocol::Offset> log_end();

  [[nodiscard]] const std::string& transactional_id() const { return transactional_id_; }

 private:
  template <class Request>
  net::Awaitable<typename Request::Response> ask_coordinator(Request request, std::int16_t at_most_version);
  net::Awaitable<> find_coordinator(net::Time deadline);
  net::Awaitable<> open_transaction();
  net::Awaitable<bool> write_markers(std::int64_t count);
  net::Awaitable<> end_transaction();
  net::Awaitable<std::int32_t> coordinator_epoch();
  net::Awaitable<> expect_log_end(protocol::Offset end);
  [[nodiscard]] HoleError refusal(std::int16_t error_code, const char* request, const std::string& needs);

  Cluster& cluster_;
  const TopicPartition partition_;
  const std::string transactional_id_;
  const HoleSettings settings_;
  protocol::BrokerId coordinator_{-1};  // -1: to be asked for
  std::chrono::milliseconds transaction_timeout_;
  bool is_fenced_ = false;
  bool may_write_markers_ = true;  // until the cluster says otherwise
  protocol::ProducerId producer_id_{-1};
  protocol::ProducerEpoch producer_epoch_{-1};
};

}  // namespace shunt::replicate
