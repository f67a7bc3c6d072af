// AddOffsetsToTxn (25): takes the offsets of a group into a transaction, before TxnOffsetCommit.
#pragma once

#include <cstdint>
#include <string>

#include "protocol/codec.h"
#include "protocol/ids.h"

namespace shunt::protocol {

struct AddOffsetsToTxnResponse;

struct AddOffsetsToTxnRequest {
  using Response = AddOffsetsToTxnResponse;
  static constexpr Api api{.key = 25, .name = "AddOffsetsToTxn", .versions = {0, 4}, .flexible = 3};

  std::string transactional_id;
  ProducerId producer_id;
  ProducerEpoch producer_epoch;
  std::string group_id;

  static void fields(auto&& f, auto& m) {
    f("TransactionalId", m.transactional_id);
    f("ProducerId", m.producer_id);
    f("ProducerEpoch", m.producer_epoch);
    f("GroupId", m.group_id);
  }
  bool operator==(const AddOffsetsToTxnRequest&) const = default;
};

struct AddOffsetsToTxnResponse {
  static constexpr Api api = AddOffsetsToTxnRequest::api;

  std::int32_t throttle_time_ms = 0;
  std::int16_t error_code = 0;

  static void fields(auto&& f, auto& m) {
    f("ThrottleTimeMs", m.throttle_time_ms);
    f("ErrorCode", m.error_code);
  }
  bool operator==(const AddOffsetsToTxnResponse&) const = default;
};

}  // namespace shunt::protocol
