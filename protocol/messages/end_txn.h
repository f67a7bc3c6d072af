// EndTxn (26): commits or aborts a transaction. The markers land after the answer.
#pragma once

#include <cstdint>
#include <string>

#include "protocol/codec.h"
#include "protocol/ids.h"

namespace shunt::protocol {

struct EndTxnResponse;

struct EndTxnRequest {
  using Response = EndTxnResponse;
  static constexpr Api api{.key = 26, .name = "EndTxn", .versions = {0, 5}, .flexible = 3};

  std::string transactional_id;
  ProducerId producer_id;
  ProducerEpoch producer_epoch;
  bool committed = false;

  static void fields(auto&& f, auto& m) {
    f("TransactionalId", m.transactional_id);
    f("ProducerId", m.producer_id);
    f("ProducerEpoch", m.producer_epoch);
    f("Committed", m.committed);
  }
  bool operator==(const EndTxnRequest&) const = default;
};

struct EndTxnResponse {
  static constexpr Api api = EndTxnRequest::api;

  std::int32_t throttle_time_ms = 0;
  std::int16_t error_code = 0;
  ProducerId producer_id{-1};  // for the next transaction: version 5 moves on to a new epoch (KIP-890)
  ProducerEpoch producer_epoch{-1};

  static void fields(auto&& f, auto& m) {
    f("ThrottleTimeMs", m.throttle_time_ms);
    f("ErrorCode", m.error_code);
    f("ProducerId", m.producer_id, since(5).ignorable());
    f("ProducerEpoch", m.producer_epoch, since(5).ignorable());
  }
  bool operator==(const EndTxnResponse&) const = default;
};

}  // namespace shunt::protocol
