// InitProducerId (22): a producer id and epoch (KIP-98). With a transactional id it also ends what a predecessor left
// open: CONCURRENT_TRANSACTIONS until that is done.
//
// Version 6 (two-phase commit, KIP-939) is left out: no broker up to 4.3 offers it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "protocol/codec.h"
#include "protocol/ids.h"

namespace shunt::protocol {

struct InitProducerIdResponse;

struct InitProducerIdRequest {
  using Response = InitProducerIdResponse;
  static constexpr Api api{.key = 22, .name = "InitProducerId", .versions = {0, 5}, .flexible = 2};

  std::optional<std::string> transactional_id;  // null: an idempotent producer only
  std::int32_t transaction_timeout_ms = 0;      // at most transaction.max.timeout.ms of the broker
  ProducerId producer_id{-1};                   // what the producer had, to get the next epoch (KIP-360)
  ProducerEpoch producer_epoch{-1};

  static void fields(auto&& f, auto& m) {
    f("TransactionalId", m.transactional_id);
    f("TransactionTimeoutMs", m.transaction_timeout_ms);
    f("ProducerId", m.producer_id, since(3));
    f("ProducerEpoch", m.producer_epoch, since(3));
  }
  bool operator==(const InitProducerIdRequest&) const = default;
};

struct InitProducerIdResponse {
  static constexpr Api api = InitProducerIdRequest::api;

  std::int32_t throttle_time_ms = 0;
  std::int16_t error_code = 0;
  ProducerId producer_id{-1};
  ProducerEpoch producer_epoch;

  static void fields(auto&& f, auto& m) {
    f("ThrottleTimeMs", m.throttle_time_ms);
    f("ErrorCode", m.error_code);
    f("ProducerId", m.producer_id);
    f("ProducerEpoch", m.producer_epoch);
  }
  bool operator==(const InitProducerIdResponse&) const = default;
};

}  // namespace shunt::protocol
