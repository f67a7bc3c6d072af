// Fills holes of a target partition, offsets at which the source has no record, with transaction markers: they take up
// an offset each, and no consumer ever sees one, whatever its isolation level.
//
// A marker is neither idempotent nor a compare-and-swap: a request of a dead life that executes late would displace
// everything after it. Therefore markers have a producer id of their own, which never writes data, and every life has an
// epoch of its own:
//
//   InitProducerId       a new epoch, higher than any before; ends a transaction that a dead life has left open
//   (a while)            until the log has not moved for some time: what an earlier life has sent is executed by then
//   EndTxn               ends nothing, but is refused when a later life has begun elsewhere: that one goes on, this one
//                        stands by
//   WriteTxnMarkers      one marker first: from then on the partition refuses every earlier epoch; then the rest, each
//                        answer awaited, so that at most one request of a life is ever under way
//   OffsetForLeaderEpoch the log must end exactly where the hole does
//
// The first two once in a life, the others for every hole. A request of an earlier life that is still under way was
// meant for the very hole the next life stands before: to pass it, that life must fill it, and so shut the request out.
// What is left is a request that executes after all that waiting, between the new life's last look and its first marker.
// Whatever goes wrong all the same is seen by the log's end, before data is written behind it.
//
// WriteTxnMarkers needs Alter on the cluster. Without it every offset of the hole is an empty transaction of its own
// (AddPartitionsToTxn, EndTxn): slower, and when the broker that coordinates the transaction dies, it may write its
// marker twice (KAFKA-19999), which stops the partition. So does the marker of a transaction that a life has left open when
// it died, if there is no hole any more that the next one would end it for: the source topic is another one by then.
//
// An answer that is lost or unexpected ends the life: never a retry.
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
    again,         // the life is over; a new one may go on where it stopped
    superseded,    // another instance of this mirror has fenced us out
    overfilled,    // the log ends beyond the hole: what belongs behind it would be displaced
    unauthorized,  // a right is missing, and the life is over: the text says which
    refused,       // the broker does not speak the protocol: the text says what to do
  };
  HoleError(Kind kind, const std::string& reason) : std::runtime_error(reason), kind_(kind) {}
  [[nodiscard]] Kind kind() const { return kind_; }

 private:
  Kind kind_;
};

struct HoleSettings {
  /// How long the coordinator is given to end a dead life's transaction, or to find one.
  net::Duration patience = std::chrono::seconds(30);
  /// Of an empty transaction. Less where the target allows less
  /// (transaction.max.timeout.ms).
  std::chrono::milliseconds transaction_timeout = std::chrono::minutes(1);
  /// A request of an earlier life is executed within that time, or the log is seen to move.
  net::Duration doubt = std::chrono::milliseconds(500);
};

class HoleFiller {
 public:
  /// `transactional_id`: the same in every life of the flow, and nobody else's.
  HoleFiller(Cluster& target, TopicPartition partition, std::string transactional_id, HoleSettings settings = {});

  /// Begins a life, if none is under way. Throws HoleError.
  net::Awaitable<> fence();
  /// The next fence() begins a new one: requests of this one may be executed yet, records' as well as markers'.
  void end_life() { is_fenced_ = false; }
  /// Waits until what an earlier life may have under way was executed. False: there was no need to, a marker of this life
  /// is in the log. To be called before fill(); when it has waited the log may have moved. Throws HoleError.
  net::Awaitable<bool> await_late_requests();

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
  net::Awaitable<> check_life();
  net::Awaitable<> fill_by_transactions(protocol::Offset first, protocol::Offset end);
  net::Awaitable<bool> write_markers(std::int64_t count);
  net::Awaitable<> end_transaction();
  net::Awaitable<std::int32_t> coordinator_epoch();
  net::Awaitable<> expect_log_end(protocol::Offset end);
  [[nodiscard]] HoleError refusal(std::int16_t error_code, const char* request, const std::string& needs);
  [[nodiscard]] HoleError not_known(const char* fact, std::int16_t error_code, const std::string& why,
                                    HoleError::Kind kind) const;

  Cluster& cluster_;
  const TopicPartition partition_;
  const std::string transactional_id_;
  const HoleSettings settings_;
  protocol::BrokerId coordinator_{-1};  // -1: to be asked for
  std::chrono::milliseconds transaction_timeout_;
  bool is_fenced_ = false;
  bool is_first_ = true;           // no marker of this life was written yet
  bool may_write_markers_ = true;  // until the cluster says otherwise
  protocol::ProducerId producer_id_{-1};
  protocol::ProducerEpoch producer_epoch_{-1};
  std::int32_t coordinator_epoch_ = 0;  // as the partition has it
};

}  // namespace shunt::replicate
